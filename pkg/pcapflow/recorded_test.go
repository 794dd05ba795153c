package pcapflow

import (
	"bufio"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recorded analyses a capture of testdata/recorded, with a key log of the same
// folder ("" for none).
func recorded(t *testing.T, name, keys string) *Result {
	t.Helper()
	dir := filepath.Join("testdata", "recorded")
	if keys != "" {
		keys = filepath.Join(dir, keys)
	}
	return analyseWith(t, filepath.Join(dir, name), keys)
}

// toldBy are the matches of a pattern in what a program said, its groups alone.
func toldBy(t *testing.T, name, pattern string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1:])
	}
	if len(all) == 0 {
		t.Fatalf("%s says nothing of %s", name, pattern)
	}
	return all
}

// TestPrivateDNSAsKdig: DNS over TLS and over HTTPS as the client's own lines
// have it. It counts from before the connection to the answer.
func TestPrivateDNSAsKdig(t *testing.T) {
	lines := toldBy(t, "dns-kdig.txt", `From \S+@(\d+)\(TCP\) in ([0-9.]+) ms`)
	for _, keys := range []string{"", "dns-client.keys"} {
		var tls, https []*Flow
		for _, f := range recorded(t, "dns-client.pcap", keys).Flows {
			switch {
			case f.TLS == nil:
			case f.Server.Port() == 853:
				tls = append(tls, f)
			default:
				https = append(https, f)
			}
		}
		if len(tls) != 2 || len(https) < 2 {
			t.Fatalf("%d flows over TLS, %d over HTTPS", len(tls), len(https))
		}
		for i, f := range []*Flow{tls[0], tls[1], https[0], https[1]} {
			want, _ := strconv.ParseFloat(lines[i][1], 64)
			if port, _ := strconv.Atoi(lines[i][0]); int(f.Server.Port()) != port {
				t.Fatalf("port %d, %d", f.Server.Port(), port)
			}
			last, names := int64(0), []PhaseName{}
			for _, p := range f.Phases {
				last, names = max(last, p.End.Time), append(names, p.Name)
			}
			if got := float64(last-f.Start.Time) / 1e6; got > want || got < want-2 {
				t.Errorf("keys %q: %.2f ms of %v, kdig says %.1f", keys, got, names, want)
			}
			if !slices.Contains(names, TLSHandshake) || f.TLS.Version != "TLSv1.3" || f.TLS.Cipher != "TLS_AES_256_GCM_SHA384" || f.TLS.Group != "secp256r1" {
				t.Errorf("%v, %s %s %s", names, f.TLS.Version, f.TLS.Cipher, f.TLS.Group)
			}
		}
		for _, f := range tls {
			if n := count(f, DNSLookup); f.DNSOver() != "tls" || n != 1 {
				t.Errorf("over %q, %d lookups", f.DNSOver(), n)
			}
		}
		for i, f := range https {
			if len(f.HTTP) != 1 {
				t.Fatalf("%d exchanges", len(f.HTTP))
			}
			x := &f.HTTP[0]
			switch {
			case keys == "" && (f.TLS.ALPN != "h2" || f.TLS.Decrypted || x.Status != 0):
				t.Errorf("%+v", x)
			case keys != "" && (f.DNSOver() != "https" || !f.TLS.Decrypted || x.Method != "POST" || x.Path != "/dns-query" || x.Status != 200):
				t.Errorf("%d: over %q, %+v", i, f.DNSOver(), x)
			}
		}
	}
}

func count(f *Flow, name PhaseName) (n int) {
	for i := range f.Phases {
		if f.Phases[i].Name == name {
			n++
		}
	}
	return n
}

// TestRandomCase: unbound asks with random case, and its server repeats it.
func TestRandomCase(t *testing.T) {
	n := 0
	for _, f := range recorded(t, "dns-upstream.pcap", "").Flows {
		for i := range f.DNS {
			n++
			if x := &f.DNS[i]; !x.MixedCase || x.CaseChanged || !x.Authoritative() {
				t.Errorf("%+v", x)
			}
		}
	}
	for _, f := range recorded(t, "dns-client.pcap", "").Flows {
		for i := range f.DNS {
			if x := &f.DNS[i]; x.MixedCase || x.CaseChanged || x.Authoritative() {
				t.Errorf("%+v", x)
			}
		}
	}
	if n < 2 {
		t.Errorf("%d queries", n)
	}
}

// TestInterleavedAsChrony: the mode of every exchange as chronyd's log has it.
func TestInterleavedAsChrony(t *testing.T) {
	want, got := map[string]string{}, map[string]string{} // modes in order, by server
	for _, m := range toldBy(t, "ntp-measurements.log", `(?m)^\S+ \S+ (\S+) .* 4([BI]) \S+ \S+$`) {
		want[m[0]] += m[1]
	}
	all := recorded(t, "ntp-interleaved.pcap", "").Flows
	slices.SortStableFunc(all, func(a, b *Flow) int { return a.End.Frame - b.End.Frame })
	for _, f := range all {
		for i := range f.NTP {
			s := &f.NTP[i]
			mode := "B"
			if s.Interleaved {
				mode = "I"
			}
			got[f.Server.Addr().String()] += mode
			if _, _, bounded := s.Bounds(); !s.Request.Seen() || !s.Response.Seen() || !bounded {
				t.Errorf("%+v", s)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	alone, told, later := 0, 0, 0
	byFrame := map[int]*NTPSample{}
	for _, f := range all {
		for i := range f.NTP {
			byFrame[f.NTP[i].Response.Frame] = &f.NTP[i]
		}
	}
	for _, f := range all {
		for i := range f.NTP {
			s := &f.NTP[i]
			if x := s.Completes; x != nil { // what a flow told of an earlier one, as both together say it
				later++
				low, high, _ := x.Bounds()
				if l, h, _ := byFrame[x.Response.Frame].Bounds(); l != low || h != high {
					t.Errorf("frame %d: bounds %d and %d, completed later %d and %d", x.Response.Frame, l, h, low, high)
				}
			}
			if s.Interleaved {
				if _, known := s.Dwell(); known {
					told++
				} else {
					alone++
				}
			}
		}
	}
	if alone != 1 || told < 5 || later != told { // the last of the one server that speaks it
		t.Errorf("departures of %d interleaved answers are known, of %d not", told, alone)
	}
}

// TestMulticastAsAvahi: names are asked and answered by multicast, kept apart
// from lookups.
func TestMulticastAsAvahi(t *testing.T) {
	answered := map[string]bool{}
	for _, f := range recorded(t, "mdns.pcap", "").Flows {
		for i := range f.DNS {
			x := &f.DNS[i]
			if !x.Multicast {
				t.Errorf("%+v", x)
			}
			if x.Answer.Seen() {
				for _, a := range x.Addresses {
					answered[x.Name+"\t"+a.String()] = true
				}
				for _, name := range x.Targets {
					if octets := strings.Split(strings.TrimSuffix(x.Name, ".in-addr.arpa"), "."); len(octets) == 4 {
						slices.Reverse(octets)
						answered[strings.Join(octets, ".")+"\t"+name] = true
					}
				}
			}
		}
	}
	paired := map[int]int{} // answers, by their questions
	for _, f := range recorded(t, "mdns.pcap", "").Flows {
		for i := range f.DNS {
			if x := &f.DNS[i]; x.Query.Seen() {
				paired[x.Query.Frame] = x.Answer.Frame
			}
		}
	}
	if paired[21] != 22 || paired[23] != 24 || paired[25] != 0 { // as avahi-resolve asked; it found no host "nobody"
		t.Errorf("%v", paired)
	}
	for _, m := range toldBy(t, "mdns-avahi.txt", `(?m)^(\S+\t\S+)$`) {
		if !answered[m[0]] {
			t.Errorf("no answer %q among %v", m[0], answered)
		}
	}
}

// TestHTTP3AsItsPrograms: the handshake of QUIC by the client's own record, and
// the server's log of which protocol each port spoke.
func TestHTTP3AsItsPrograms(t *testing.T) {
	file, err := os.Open(filepath.Join("testdata", "recorded", "http3.qlog"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	first := map[string]float64{} // ms
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e struct {
			Time float64
			Name string
			Data struct {
				Header struct {
					Type string `json:"packet_type"`
				}
			}
		}
		if err := json.Unmarshal([]byte(strings.Trim(lines.Text(), "\x1e")), &e); err != nil {
			t.Fatal(err)
		}
		if key := e.Name + " " + e.Data.Header.Type; e.Data.Header.Type != "" {
			if _, known := first[key]; !known {
				first[key] = e.Time
			}
		}
	}
	spoke := map[uint16]string{}
	res := recorded(t, "http3.pcap", "")
	for _, f := range res.Flows {
		switch {
		case f.TLS != nil && f.TLS.ALPN == "h2":
			spoke[f.Client.Port()] = "HTTP/2.0"
		case f.QUIC == nil:
			t.Errorf("%v: neither", f.Client)
		case f.QUIC.HandshakeEnd.Seen():
			spoke[f.Client.Port()] = "HTTP/3.0"
			q := f.QUIC
			for what, at := range map[string]Stamp{
				"transport:packet_sent initial": q.Initial, "transport:packet_received initial": q.Answer, "transport:packet_sent 1RTT": q.HandshakeEnd,
			} {
				want, known := first[what]
				if got := float64(at.Time-q.Initial.Time) / 1e6; !known || !at.Seen() || math.Abs(got-want) > 1.5 { // it counts whole milliseconds
					t.Errorf("%s: %.3f ms, the client says %.0f", what, got, want)
				}
			}
			if q.Version != "1" || q.SNI != "dns.example.net" || !slices.Equal(q.Offered, []string{"h3"}) || q.Cipher == "" {
				t.Errorf("%+v", q)
			}
		default:
			if !f.QUIC.Negotiated || !slices.Contains(f.QUIC.Versions, "1") {
				t.Errorf("%+v", f.QUIC)
			}
		}
	}
	lines := toldBy(t, "http3-caddy.log", `"remote_port": "(\d+)", "proto": "([^"]+)"`)
	for _, m := range lines {
		if port, _ := strconv.ParseUint(m[0], 10, 16); spoke[uint16(port)] != m[1] {
			t.Errorf("port %d spoke %q, the server says %q", port, spoke[uint16(port)], m[1])
		}
	}
	if len(spoke) != len(lines) || len(res.Flows) != len(lines)+1 {
		t.Errorf("%v of %d flows", spoke, len(res.Flows))
	}
}

// TestQUICLookupsAsKdig: DNS over QUIC by kdig's own figures, which count from before
// the connection where one is made, and by those of the server behind, which lie within:
// a server of quic-go's, and Knot DNS, whose client asks beside the handshake's end.
func TestQUICLookupsAsKdig(t *testing.T) {
	for _, x := range []struct {
		capture, said, asKdig, behind, asServer string
		retries                                 uint16  // port of the server that sends a Retry
		more                                    float64 // that a lookup may take longer than the server behind, ms
	}{
		{"doq.pcap", "doq-kdig.txt", `@(\d+)\(UDP\) in ([0-9.]+) ms`, "doq-server.txt", `after ([0-9.]+)ms`, 8853, 2},
		{"doq-knot.pcap", "doq-knot.txt", `@(\d+)\(QUIC\) in ([0-9.]+) ms`, "doq-knot.log", `waited ([0-9.]+) ms`, 0, 4},
	} {
		lookupsAsKdig(t, recorded(t, x.capture, "").Flows, toldBy(t, x.said, x.asKdig), toldBy(t, x.behind, x.asServer), x.retries, x.more)
	}
}

func lookupsAsKdig(t *testing.T, flows []*Flow, took, served [][]string, retries uint16, more float64) {
	t.Helper()
	n := 0
	for _, f := range flows {
		if len(f.DNS) > 0 {
			continue // to the server behind
		}
		if f.DNSOver() != "quic" || f.QUIC.Retry != (f.Server.Port() == retries) || f.QUIC.ALPN != "doq" {
			t.Errorf("over %q, %+v", f.DNSOver(), f.QUIC)
		}
		first := true
		for _, p := range f.Phases {
			if p.Name != DNSLookup {
				continue
			}
			if n == len(took) {
				t.Fatal("more lookups than were made")
			}
			want, _ := strconv.ParseFloat(took[n][1], 64)
			least, _ := strconv.ParseFloat(served[n][0], 64)
			n++
			got, slack := float64(p.End.Time-p.Begin.Time)/1e6, 0.5
			if got < least || got > least+more || p.Outcome != Estimated {
				t.Errorf("lookup %d: %.2f ms, the server took %.2f", n, got, least)
			}
			if first { // what came before it: the program's start and the connection
				got, slack = float64(p.End.Time-f.Start.Time)/1e6, 9
			}
			if first = false; got > want || got < want-slack {
				t.Errorf("lookup %d: %.2f ms, kdig says %.1f", n, got, want)
			}
		}
	}
	if n != len(took) {
		t.Errorf("%d lookups, %d were made", n, len(took))
	}
}
