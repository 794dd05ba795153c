package pcapflow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// attested is what a program of testdata/recorded/quic says of one connection.
type attested struct {
	Port                               int
	Case, Version, ALPN, Cipher, Group string
	Early, Resumed, ECH                bool
	HelloRetry                         bool `json:"hello_retry"`
	Seconds, Blocked                   float64
	Answers                            []float64
	Error                              string
	flow                               *Flow
}

// programs are the connections of one recording, with the flow of each.
func programs(t *testing.T, name, keys string) (list []*attested) {
	t.Helper()
	name = "quic/" + name
	if keys != "" {
		keys = "quic/" + keys
	}
	flows := map[int]*Flow{}
	for _, f := range recorded(t, name+".pcap", keys).Flows {
		flows[int(f.Client.Port())] = f
	}
	b, err := os.ReadFile("testdata/recorded/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		p := &attested{}
		if err := json.Unmarshal(s.Bytes(), p); err != nil {
			t.Fatal(err)
		}
		if p.flow = flows[p.Port]; p.flow == nil {
			t.Fatalf("%s: no flow from port %d", p.Case, p.Port)
		}
		list = append(list, p)
	}
	return list
}

// TestQUICAsPrograms: versions, Retry, negotiation, groups, resumption and the end
// of the handshake as client and server themselves say.
func TestQUICAsPrograms(t *testing.T) {
	kinds := map[string]int{}
	for _, p := range programs(t, "quic", "") {
		q := p.flow.QUIC
		if q == nil || strings.HasPrefix(p.Case, "doq") {
			continue
		}
		kinds[p.Case]++
		retry, negotiated := strings.HasPrefix(p.Case, "retry"), strings.Contains(p.Case, "speaks") || strings.Contains(p.Case, "version")
		if q.SNI != "server.example" || q.Retry != retry || q.Negotiated != negotiated || q.HelloRetry != p.HelloRetry || q.EarlyData != p.Early || q.Resumed != p.Resumed {
			t.Errorf("%s: %+v", p.Case, q)
		}
		handshake := p.flow.Phases[slices.IndexFunc(p.flow.Phases, func(x Phase) bool { return x.Name == QUICHandshake })]
		if p.Error != "" {
			want := map[string]Outcome{"no version in common": Failed, "no group in common": Failed, "refused": Refused}[p.Case]
			if handshake.Outcome != want || p.Case == "no group in common" && (q.CloseBy != Server || q.CloseCode != 0x100+40) {
				t.Errorf("%s: %v, closed by %v with %#x", p.Case, handshake.Outcome, q.CloseBy, q.CloseCode)
			}
			continue
		}
		group := strings.Replace(p.Group, "CurveP384", "secp384r1", 1)
		if q.Version != p.Version || q.ALPN != p.ALPN || q.Cipher != p.Cipher || q.Group != group {
			t.Errorf("%s: %s %s %s %s, the program says %+v", p.Case, q.Version, q.ALPN, q.Cipher, q.Group, p)
		}
		got := time.Duration(handshake.End.Time - handshake.Begin.Time).Seconds() // the program counts from before its first packet
		if handshake.Outcome != Estimated || got > p.Seconds+0.001 || got < p.Seconds-0.02 {
			t.Errorf("%s: handshake of %.4f s (%v), the program says %.4f", p.Case, got, handshake.Outcome, p.Seconds)
		}
	}
	if len(kinds) != 14 {
		t.Errorf("%d kinds: %v", len(kinds), kinds)
	}
}

// TestQUICLookupsAsPrograms: DNS over QUIC of clients that pad and that do not, in
// both versions, at its port and at another, by what the client measured.
func TestQUICLookupsAsPrograms(t *testing.T) {
	n := 0
	for _, p := range programs(t, "quic", "") {
		if !strings.HasPrefix(p.Case, "doq") {
			if p.flow.DNSOver() != "" {
				t.Errorf("%s: DNS over %q", p.Case, p.flow.DNSOver())
			}
			continue
		}
		n++
		var took []float64
		for _, x := range p.flow.Phases {
			if x.Name == DNSLookup {
				took = append(took, time.Duration(x.End.Time-x.Begin.Time).Seconds())
			}
		}
		if p.flow.DNSOver() != "quic" || p.flow.QUIC.Version != p.Version || len(took) != len(p.Answers) {
			t.Errorf("%s, version %s: over %q in version %s, lookups %v of %v", p.Case, p.Version, p.flow.DNSOver(), p.flow.QUIC.Version, took, p.Answers)
			continue
		}
		for i, want := range p.Answers {
			if took[i] > want+0.001 || took[i] < want-0.004 {
				t.Errorf("%s, version %s: lookup %d took %.4f s, the client says %.4f", p.Case, p.Version, i+1, took[i], want)
			}
		}
	}
	if n != 8 {
		t.Errorf("%d connections", n)
	}
}

// TestECHAsPrograms: without keys the outer name and that a hello is encrypted; with
// them why the client left. Of an accepted one the key log names a hello that
// nobody sees.
func TestECHAsPrograms(t *testing.T) {
	for _, keys := range []string{"", "ech.keys"} {
		for _, p := range programs(t, "ech", keys) {
			x := p.flow.TLS
			name, ech := "public.example", p.Case != "without"
			if !ech {
				name = "server.example"
			}
			if x.SNI != name || x.ECH != ech || x.Version != "TLSv1.3" || x.HelloRetry != p.HelloRetry || x.Decrypted != (keys != "" && !p.ECH) {
				t.Errorf("%s, keys %q: %q %t %s %t, decrypted %t", p.Case, keys, x.SNI, x.ECH, x.Version, x.HelloRetry, x.Decrypted)
			}
			rejected := len(x.Alerts) == 1 && x.Alerts[0].Description == "ech_required" && x.Alerts[0].Dir == Client
			if rejected != (keys != "" && p.Error != "") {
				t.Errorf("%s, keys %q: %+v", p.Case, keys, x.Alerts)
			}
			if group := strings.Replace(p.Group, "CurveP384", "secp384r1", 1); p.Error == "" && (x.Cipher != p.Cipher || x.Group != group) {
				t.Errorf("%s: %s %s, the program says %s %s", p.Case, x.Cipher, x.Group, p.Cipher, p.Group)
			}
		}
	}
}

// TestWindowAsPrograms: how long a client that reads slowly kept the server of HTTP/2
// from writing, by the server's own clock.
func TestWindowAsPrograms(t *testing.T) {
	for _, p := range programs(t, "h2", "h2.keys") {
		x := &p.flow.HTTP[0]
		got := time.Duration(x.FlowControlWait).Seconds()
		if len(p.flow.HTTP) != 1 || x.Status != 200 || x.BodyBytes != 16*8<<10 || got > p.Blocked+0.005 || got < p.Blocked-0.005 {
			t.Errorf("%s: waited %.4f s in %d bytes, the server says %.4f", p.Case, got, x.BodyBytes, p.Blocked)
		}
	}
}
