package diagnose

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestFilters: the display filters of every finding select exactly the frames that
// it names: as they are written in all incidents and samples, and as tshark takes
// them in those of an incident with many.
func TestFilters(t *testing.T) {
	tshark := need.Program(t, "tshark")
	var folders []string
	for _, name := range incidents(t) {
		folders = append(folders, need.Shared(t, "incidents", name, "input"))
	}
	samples, err := filepath.Glob("../../samples/*/input")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	for _, folder := range append(folders, samples...) {
		asked := strings.Contains(folder, "s06_ssh")
		if testing.Short() && !asked {
			continue
		}
		byFile := map[string]map[string][]int{}
		for _, f := range Run(readFolder(t, folder), Options{}).Findings {
			for _, e := range f.Evidence {
				if e.Filter != "" {
					if byFile[e.File.Open] == nil {
						byFile[e.File.Open] = map[string][]int{}
					}
					byFile[e.File.Open][e.Filter] = e.Frames
					if got := selected(t, e.Filter); !slices.Equal(got, e.Frames) {
						t.Errorf("%s: %s selects %d, the finding names %d", e.File.Path, e.Filter, got, e.Frames)
					}
				}
			}
		}
		if len(byFile) == 0 {
			t.Errorf("%s: no filter to try", folder)
		}
		for file, filters := range byFile {
			if asked {
				checkFilters(t, tshark, file, filters)
			}
		}
	}
}

// selected are the frames that a filter of the one form there is selects.
func selected(t *testing.T, filter string) (frames []int) {
	t.Helper()
	list, ok := strings.CutPrefix(filter, "frame.number in {")
	list, closed := strings.CutSuffix(list, "}")
	if !ok || !closed {
		t.Fatalf("a filter of another form, which tshark must be asked about: %s", filter)
	}
	for _, part := range strings.Split(list, ", ") {
		from, to, isRange := strings.Cut(part, "..")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || last < first {
			t.Fatalf("%s: %q", filter, part)
		}
		for n := first; n <= last; n++ {
			frames = append(frames, n)
		}
	}
	return frames
}

// checkFilters has tshark read a capture once for all of its filters: each is a
// macro, since a statistic's filter may hold no comma. A filter is right that
// selects as many frames as were named, and as many of those named one by one.
func checkFilters(t *testing.T, tshark, file string, filters map[string][]int) {
	all := slices.Sorted(maps.Keys(filters))
	macros, stats := "", "io,stat,0"
	for i, f := range all {
		var named []string
		for _, n := range filters[f] {
			named = append(named, fmt.Sprint("frame.number == ", n))
		}
		macros += fmt.Sprintf("\"m%d\",\"%s\"\n\"n%d\",\"%s\"\n", i, f, i, strings.Join(named, " || "))
		stats += fmt.Sprintf(",COUNT(frame.number)frame.number && (${m%d}),COUNT(frame.number)frame.number && (${m%d}) && (${n%d})", i, i, i)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dfilter_macros"), []byte(macros), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-n", "-r", file, "-q", "-z", stats)
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	row := regexp.MustCompile(`(?m)^\|.*<>.*$`).FindString(string(out))
	var got []int
	for _, cell := range strings.Split(row, "|")[min(2, strings.Count(row, "|")):] {
		if n, err := strconv.Atoi(strings.TrimSpace(cell)); err == nil {
			got = append(got, n)
		}
	}
	if len(got) != 2*len(all) {
		t.Fatalf("%s: tshark tells %d figures of %d filters\n%s", file, len(got), len(all), out)
	}
	for i, f := range all {
		if n := len(filters[f]); got[2*i] != n || got[2*i+1] != n {
			t.Errorf("%s: %s selects %d frames, %d of the %d that the finding names", filepath.Base(file), f, got[2*i], got[2*i+1], n)
		}
	}
}

// incidents are the names of those with known truth.
func incidents(t *testing.T) []string {
	t.Helper()
	list, err := os.ReadDir(need.Shared(t, "incidents"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// trouble are words of the index of captures that say that something is wrong in
// one.
var trouble = regexp.MustCompile(`(?i)retr|RTO|loss|zero|window|NXDOMAIN|SERVFAIL|no answer|unanswered|refus|RST|alert|poison|hole|gap|cut|unsynchron|see above|unsolicited|two answers|twice|duplicat|lying|too big|frag-needed|latency|stall|out of order|retry|1000 algorithms|injected|overlaps|invalid|mid-stream|vs captures|pre-banner`)

// real are captures whose trouble the index does not mention.
var real = map[string]string{
	"gre-sample.pcap":               "a DNS query repeated after 5 s (frames 7 and 8)",
	"pcapng-example.pcapng":         "a SYN answered by RST",
	"ssh-on-port-80.pcap":           "5.01 s of silence after the first request of the login",
	"ssh1-ssh2-fingerprints.pcap":   "a login that fails and is given up",
	"stranded_branchdns.pcapng":     "SERVFAIL",
	"tls-early-alert.pcap":          "an alert",
	"tcp-reassembly-synthetic.pcap": "requests without answers",
}

// TestHealthyCaptures: no loud finding about the service in the captures that
// are healthy by their index.
func TestHealthyCaptures(t *testing.T) {
	root := need.Shared(t, "captures")
	f, err := os.Open(filepath.Join(root, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	quiet := 0
	for _, row := range rows[1:] {
		path, what := row[1], row[5]
		if trouble.MatchString(what) || real[filepath.Base(path)] != "" || strings.HasSuffix(path, "empty.pcap") {
			continue
		}
		quiet++
		for _, f := range loud(Run(read(t, "captures", path), Options{})) {
			t.Errorf("%s (%s): %s: %s", filepath.Base(path), what, f.Rule, f.Text)
		}
	}
	if quiet < 15 {
		t.Errorf("only %d captures tried", quiet)
	}
	t.Logf("%d captures", quiet)
}

// TestBook: captures of a textbook (Practical Packet Analysis) get the
// diagnosis of the textbook as their first hypothesis.
func TestBook(t *testing.T) {
	for _, x := range []struct {
		capture string
		want    string
	}{
		{"latency1", "healthy"},  // nothing is slow
		{"latency4", "app-slow"}, // the server is slow, the wire is not
		{"tcp_refuseconnection", "connection-refused"},
		{"nowebaccess1", "dns-unreachable"},    // no resolver answers
		{"nowebaccess2", "connection-refused"}, // a hosts file names the wrong machine
		{"tcp_retransmissions", "loss-stall"},
		{"inconsistent_printer", "loss-stall"}, // the printer stops answering
		{"stranded_clientside", "dns-servfail"},
		{"stranded_branchdns", "dns-servfail"},
		{"dns_recursivequery_server", "healthy"},
		{"arppoison", "duplicate-address"}, // another machine says it is the gateway
	} {
		d := Run(read(t, "captures", "practical-packet-analysis", x.capture+".pcapng"), Options{})
		var got []string
		for _, id := range d.Hypotheses {
			for _, f := range d.Findings {
				if f.ID == id {
					got = append(got, fmt.Sprint(f.Rule, " ", f.Severity))
				}
			}
		}
		if len(got) == 0 || !strings.HasPrefix(got[0], x.want+" ") {
			t.Errorf("%s: %v, want %s first", x.capture, got, x.want)
		}
	}
	// What the branch's resolver itself asked in vain is told.
	branch := Run(read(t, "captures", "practical-packet-analysis", "stranded_branchdns.pcapng"), Options{})
	if f := of(branch, "dns-servfail"); len(f) != 1 || !strings.Contains(f[0].Text, "172.16.16.250:53 (tcp)") {
		t.Errorf("stranded_branchdns: %+v", f)
	}
	// A window closed for 10 ms is told, and is no trouble.
	d := Run(read(t, "captures", "practical-packet-analysis", "tcp_zerowindowrecovery.pcapng"), Options{})
	if f := of(d, "receiver-limited"); len(f) != 1 || f[0].Severity != Note {
		t.Errorf("tcp_zerowindowrecovery: %+v", f)
	}
}
