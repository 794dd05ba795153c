package pcapflow

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// tsharkFields runs tshark over a capture and calls row with the fields of each
// frame that the display filter lets pass ("": all). Values of repeated fields
// are joined by commas, unless the options say otherwise.
func tsharkFields(t testing.TB, path, filter string, fields []string, row func(v []string), options ...string) {
	t.Helper()
	args := append([]string{"-n", "-r", path, "-T", "fields", "-E", "separator=|", "-o", "tcp.check_checksum:FALSE"}, options...)
	if filter != "" {
		args = append(args, "-Y", filter)
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(need.Program(t, "tshark"), args...).Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark %s: %v", path, err)
	}
	s := bufio.NewScanner(strings.NewReader(string(out)))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if v := strings.Split(s.Text(), "|"); len(v) == len(fields) {
			row(v)
		}
	}
}

// wiresharkCaptures are compared frame by frame: those of the incidents that
// hold losses, and all third-party captures but the one whose link type tshark
// does not know.
func wiresharkCaptures(t *testing.T) []string {
	list := []string{
		"incidents/s04_loss/input/cliente.pcap",
		"incidents/s04_loss/input/servidor.pcap",
		"incidents/s09_nat_crowd/input/web.pcap1",
		"incidents/s14_two_points/input/punto_b_servidor.pcap",
	}
	b, err := os.ReadFile(need.Shared(t, "captures", "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v := strings.Split(line, "\t"); len(v) > 2 && v[0] != "group" && !strings.HasSuffix(v[1], "/dsa.pcap") {
			list = append(list, "captures/"+v[1])
		}
	}
	return list
}

// seenByTshark is what tshark says of one capture.
type seenByTshark struct {
	first, packets                map[string]int // by "tcp0", "udp0", …
	complete                      map[int]uint8
	rtt                           map[int]int64 // initial round trip, ns
	again, reordered              []int         // frames
	keepAlive, zeroWindow, filled int
	offers                        map[string]string // by "0 client", "0 server", …
	messages                      [][]string        // frames that tell of instants, by instantFields
}

// asked are captures that tshark was asked about, by path: it takes longer to begin
// than to read most of them.
var asked sync.Map

// askTshark asks once for each capture.
func askTshark(t *testing.T, path string) *seenByTshark {
	t.Helper()
	ask, _ := asked.LoadOrStore(path, sync.OnceValue(func() *seenByTshark { return tellOf(t, path) }))
	return ask.(func() *seenByTshark)()
}

func tellOf(t *testing.T, path string) *seenByTshark {
	w := &seenByTshark{first: map[string]int{}, packets: map[string]int{}, complete: map[int]uint8{}, rtt: map[int]int64{}, offers: map[string]string{}}
	fields := []string{"frame.number", "tcp.stream", "udp.stream", "icmp.type", "icmpv6.type", "tcp.completeness", "tcp.analysis.initial_rtt",
		"tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.spurious_retransmission", "tcp.analysis.out_of_order",
		"tcp.analysis.keep_alive", "tcp.analysis.zero_window_probe", "tcp.analysis.zero_window", "tcp.analysis.window_full"}
	own := len(fields)
	offers, messages := alsoAsk(&fields, offerFields), alsoAsk(&fields, instantFields)
	tsharkFields(t, path, "tcp or udp", fields, func(v []string) {
		frame, _ := strconv.Atoi(v[0])
		if v[3] != "" || v[4] != "" { // quoted by an ICMP error
			return
		}
		w.offered(v[1], taken(v, offers))
		w.messages = append(w.messages, taken(v, messages))
		for i := range v[:own] { // of several headers in a packet the innermost
			v[i] = v[i][strings.LastIndexByte(v[i], ',')+1:]
		}
		key := "tcp" + v[1]
		if v[1] == "" {
			key = "udp" + v[2]
		}
		if w.packets[key]++; w.packets[key] == 1 {
			w.first[key] = frame
		}
		if stream, err := strconv.Atoi(v[1]); err == nil {
			n, _ := strconv.ParseUint(v[5], 0, 8)
			w.complete[stream] = uint8(n)
			if x, err := strconv.ParseFloat(v[6], 64); err == nil {
				w.rtt[stream] = int64(x*1e9 + 0.5)
			}
		}
		if v[7] != "" || v[8] != "" || v[9] != "" {
			w.again = append(w.again, frame)
		}
		if v[10] != "" {
			w.reordered = append(w.reordered, frame)
		}
		for i, n := range []*int{&w.keepAlive, &w.keepAlive, &w.zeroWindow, &w.filled} {
			if v[11+i] != "" {
				*n++
			}
		}
	}, append([]string{"-2", "-E", "occurrence=a", "-E", "aggregator=,", "-o", "http.desegment_body:FALSE", "-o", "http.desegment_headers:FALSE"}, optionsFor(path)...)...)
	return w
}

// alsoAsk adds what a list of fields lacks, which may name none twice, and returns where
// each of those asked for stands.
func alsoAsk(list *[]string, fields []string) (at []int) {
	for _, f := range fields {
		i := slices.Index(*list, f)
		if i < 0 {
			i = len(*list)
			*list = append(*list, f)
		}
		at = append(at, i)
	}
	return at
}

func taken(v []string, at []int) (list []string) {
	for _, i := range at {
		list = append(list, v[i])
	}
	return list
}

// optionsFor are what tshark must be told to read a capture: keys, and ports that it
// does not know.
func optionsFor(path string) []string {
	options := []string{"-d", "udp.port==853,quic", "-d", "udp.port==8853,quic"}
	if filepath.Base(path) == "ssh-refused.pcap" { // elsewhere these are ports of clients
		options = append(options, "-d", "tcp.port==44400-44404,ssh")
	}
	if keyLog := keyLogBeside(path); keyLog != "" {
		options = append(options, "-o", "tls.keylog_file:"+keyLog)
	}
	return options
}

// compare lists where tshark and we differ.
func (w *seenByTshark) compare(r *Result) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	flows := 0
	var again []int
	var alive, closed, filled, reordered int64
	for _, f := range r.Flows {
		if f.Transport != TCP && f.Transport != UDP {
			continue
		}
		flows++
		key := f.Transport.String() + strconv.Itoa(f.Stream)
		if n := int(f.Packets[0] + f.Packets[1] + f.Duplicates); w.first[key] != f.Start.Frame || w.packets[key] != n {
			say("%s begins in frame %d with %d packets, here %d with %d", key, w.first[key], w.packets[key], f.Start.Frame, n)
		}
		c := f.Conn
		if c == nil {
			continue
		}
		if c.Completeness != w.complete[f.Stream] {
			say("%s completeness %d, here %d", key, w.complete[f.Stream], c.Completeness)
		}
		if x := w.rtt[f.Stream]; x-c.RTT > 1000 || c.RTT-x > 1000 {
			say("%s initial_rtt %d ns, here %d", key, x, c.RTT)
		}
		for _, x := range c.Retransmissions {
			again = append(again, x.Frame)
		}
		for _, n := range c.Count {
			alive += n.KeepAlives + n.Probes
			closed += n.ZeroWindow
			filled += n.WindowFull
			reordered += n.OutOfOrder
		}
	}
	if flows != len(w.first) {
		say("%d streams, here %d", len(w.first), flows)
	}
	slices.Sort(again)
	if only := without(w.again, again); len(only) > 0 {
		say("retransmissions not so here: %s", ranges(only))
	}
	if only := without(again, w.again); len(only) > 0 {
		say("retransmissions only here: %s", ranges(only))
	}
	if int(reordered) != len(w.reordered) {
		say("%d out of order, here %d", len(w.reordered), reordered)
	}
	if int(alive) != w.keepAlive {
		say("%d keep-alives and probes, here %d", w.keepAlive, alive)
	}
	if int(closed) != w.zeroWindow {
		say("%d zero windows, here %d", w.zeroWindow, closed)
	}
	if int(filled) != w.filled {
		say("%d windows full, here %d", w.filled, filled)
	}
	return found
}

// without is a without the elements of b.
func without(a, b []int) (list []int) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			list = append(list, x)
		}
	}
	return list
}

// ranges writes ascending numbers shortly: "3, 5-9".
func ranges(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if s := strconv.Itoa(list[i]); i == j {
			parts = append(parts, s)
		} else {
			parts = append(parts, s+"-"+strconv.Itoa(list[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// TestWireshark compares numbers of streams, first frames, packet counts,
// completeness, round trips, retransmissions frame by frame, and counts of
// windows and keep-alives.
func TestWireshark(t *testing.T) {
	d := readDifferences(t, "tshark")
	for _, name := range wiresharkCaptures(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			path := need.Shared(t, name)
			want := askTshark(t, path)
			var r *Result
			if strings.HasSuffix(path, ".gz") {
				var err error
				if r, err = Analyse(readPackets(t, path), Options{}); err != nil {
					t.Fatal(err)
				}
			} else {
				r = analyseWith(t, path, "")
			}
			d.check(t, strings.TrimPrefix(strings.TrimPrefix(name, "captures/"), "incidents/"), want.compare(r))
		})
	}
}
