package pcapflow

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// indexed is a shared capture with the files of expected results beside it.
type indexed struct {
	path     string
	expected []string
}

// sharedIndex lists the shared captures that have expected results.
func sharedIndex(t *testing.T) (list []indexed) {
	t.Helper()
	root := need.Shared(t, "captures")
	b, err := os.ReadFile(filepath.Join(root, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		v := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(v) < 7 || v[0] == "group" {
			continue
		}
		x := indexed{path: filepath.Join(root, v[1])}
		for word := range strings.FieldsSeq(v[6]) {
			if dir, names, ok := strings.Cut(word, "/{"); ok {
				for name := range strings.SplitSeq(strings.TrimSuffix(names, "}"), ",") {
					x.expected = append(x.expected, filepath.Join(root, dir, name))
				}
			} else {
				x.expected = append(x.expected, filepath.Join(root, word))
			}
		}
		list = append(list, x)
	}
	return list
}

// byEnds finds the flows between two endpoints, in order.
func byEnds(r *Result, t Transport, a, b netip.AddrPort) (list []*Flow) {
	for _, f := range r.Flows {
		if f.Transport == t && (f.Client == a && f.Server == b || f.Client == b && f.Server == a) {
			list = append(list, f)
		}
	}
	return list
}

var transportByName = map[string]Transport{"tcp": TCP, "udp": UDP}

// TestZeek compares conn_state, history and packet counts with Zeek's conn.log.
// Its durations are left aside: they omit what follows the end of a connection.
func TestZeek(t *testing.T) {
	d := readDifferences(t, "zeek")
	rows := 0
	for _, x := range sharedIndex(t) {
		for _, log := range x.expected {
			if filepath.Base(log) != "conn.log" || strings.Contains(log, "core.print-bpf-filters") { // filtered
				continue
			}
			b, err := os.ReadFile(log)
			if err != nil {
				continue // named in the index, and not there
			}
			r, err := Analyse(readPackets(t, x.path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			found, n := compareZeek(r, string(b))
			rows += n
			d.check(t, filepath.Base(filepath.Dir(log))+"/"+filepath.Base(x.path), found)
		}
	}
	if rows < 100 {
		t.Errorf("only %d connections compared", rows)
	}
}

func compareZeek(r *Result, log string) (found []string, rows int) {
	var names []string
	times := map[string]int{}
	for line := range strings.Lines(log) {
		v := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if v[0] == "#fields" {
			names = v[1:]
		}
		row := map[string]string{}
		for i, n := range names {
			if i < len(v) {
				row[n] = v[i]
			}
		}
		transport := transportByName[row["proto"]]
		if strings.HasPrefix(line, "#") || transport == 0 || row["id.orig_p"] == "" {
			continue
		}
		rows++
		a := netip.MustParseAddrPort(joinPort(row["id.orig_h"], row["id.orig_p"]))
		b := netip.MustParseAddrPort(joinPort(row["id.resp_h"], row["id.resp_p"]))
		who := fmt.Sprintf("%s %v-%v", row["proto"], a, b)
		list := byEnds(r, transport, a, b)
		n := times[who]
		times[who]++
		if n >= len(list) {
			found = append(found, who+" is not a flow here")
			continue
		}
		f := list[n]
		pair := func(c, s int64) string {
			if f.Client != a {
				c, s = s, c
			}
			return fmt.Sprintf("%d,%d", c, s)
		}
		if want := row["orig_pkts"] + "," + row["resp_pkts"]; row["orig_pkts"] != "-" && row["orig_pkts"] != "" && want != pair(f.Packets[Client], f.Packets[Server]) {
			found = append(found, fmt.Sprintf("%s %s packets, here %s", who, want, pair(f.Packets[Client], f.Packets[Server])))
		}
		if f.Conn == nil {
			continue
		}
		if want := row["conn_state"]; want != "" && want != f.Conn.State {
			found = append(found, fmt.Sprintf("%s state %s, here %s", who, want, f.Conn.State))
		}
		if want := row["history"]; want != "" && want != f.Conn.History {
			found = append(found, fmt.Sprintf("%s history %s, here %s", who, want, f.Conn.History))
		}
	}
	return found, rows
}

func joinPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// arkimeSession is what is compared of a session in Arkime's tests.
type arkimeSession struct {
	Body struct {
		FirstPacket int64 `json:"firstPacket"` // ms
		LastPacket  int64 `json:"lastPacket"`
		IPProtocol  int   `json:"ipProtocol"`
		InitRTT     int64 `json:"initRTT"` // half of SYN to ACK, ms
		Network     struct {
			Packets     int64  `json:"packets"`
			CommunityID string `json:"community_id"`
		} `json:"network"`
		Source, Destination struct {
			IP   string `json:"ip"`
			Port int    `json:"port"`
		}
		Flags map[string]int `json:"tcpflags"`
	} `json:"body"`
}

// TestArkime compares times, packet counts, round trips, SYN counts and
// Community IDs with the expected sessions of Arkime's tests.
func TestArkime(t *testing.T) {
	rows := 0
	for _, x := range sharedIndex(t) {
		for _, path := range x.expected {
			if !strings.HasSuffix(path, ".test") {
				continue
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]json.RawMessage
			if err := json.Unmarshal(b, &all); err != nil {
				t.Fatal(err)
			}
			r, err := Analyse(readPackets(t, x.path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for name, raw := range all {
				var sessions []arkimeSession
				if !strings.HasPrefix(name, "session") || json.Unmarshal(raw, &sessions) != nil {
					continue
				}
				for i := range sessions {
					rows += compareArkime(t, filepath.Base(path), r, &sessions[i])
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d sessions compared", rows)
	}
}

func compareArkime(t *testing.T, name string, r *Result, s *arkimeSession) int {
	b := &s.Body
	transport := map[int]Transport{6: TCP, 17: UDP}[b.IPProtocol]
	if transport == 0 {
		return 0
	}
	from := netip.MustParseAddrPort(joinPort(b.Source.IP, strconv.Itoa(b.Source.Port)))
	to := netip.MustParseAddrPort(joinPort(b.Destination.IP, strconv.Itoa(b.Destination.Port)))
	for _, f := range byEnds(r, transport, from, to) {
		if f.Start.Time/1e6 != b.FirstPacket || f.Packets[0]+f.Packets[1]+f.Duplicates != b.Network.Packets {
			continue
		}
		if f.End.Time/1e6 != b.LastPacket {
			t.Errorf("%s %v: ends %d ms, Arkime %d", name, from, f.End.Time/1e6, b.LastPacket)
		}
		if id := f.CommunityID(); b.Network.CommunityID != "" && id != b.Network.CommunityID {
			t.Errorf("%s %v: Community ID %s, Arkime %s", name, from, id, b.Network.CommunityID)
		}
		if c := f.Conn; c != nil && f.Duplicates == 0 {
			if half := c.RTT / 2e6; b.InitRTT > 0 && (half < b.InitRTT-1 || half > b.InitRTT+1) {
				t.Errorf("%s %v: half round trip %d ms, Arkime %d", name, from, half, b.InitRTT)
			}
			if len(c.SYN) != b.Flags["syn"] || len(c.SYNACK) != b.Flags["syn-ack"] {
				t.Errorf("%s %v: %d SYN, %d SYN-ACK, Arkime %v", name, from, len(c.SYN), len(c.SYNACK), b.Flags)
			}
		}
		return 1
	}
	t.Errorf("%s: no flow like Arkime's %v-%v of %d packets", name, from, to, b.Network.Packets)
	return 1
}
