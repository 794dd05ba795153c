package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// scene puts packets together for tests: times in milliseconds, frames in the
// order they are made.
type scene struct {
	capture *incident.Capture
	frame   int
	stream  int
}

func newScene() *scene {
	return &scene{capture: &incident.Capture{Files: []*incident.File{{Path: "a.pcap", Kind: "pcap"}}}}
}

const epoch = int64(1_800_000_000) * int64(time.Second)

func ms(t float64) int64 { return epoch + int64(t*float64(time.Millisecond)) }

func (s *scene) at(t float64) pcapflow.Stamp {
	s.frame++
	return pcapflow.Stamp{Time: ms(t), Frame: s.frame}
}

func (s *scene) flow(transport pcapflow.Transport, client, server string, start, end float64) *pcapflow.Flow {
	f := &pcapflow.Flow{Transport: transport, Stream: s.stream, Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server),
		Start: s.at(start), End: s.at(end), TTL: [2]uint8{64, 63}}
	s.stream++
	s.capture.Flows = append(s.capture.Flows, f)
	return f
}

// query is one transaction on f; an answer before 0 did not come.
func (s *scene) query(f *pcapflow.Flow, id uint16, name, typ string, at, answer float64, rcode string, addrs ...string) *pcapflow.Transaction {
	t := pcapflow.Transaction{ID: id, Name: name, Type: typ, Query: s.at(at)}
	if answer >= 0 {
		t.Answer, t.RCode = s.at(answer), rcode
		for _, a := range addrs {
			t.Addresses = append(t.Addresses, netip.MustParseAddr(a))
		}
		t.Records = len(addrs)
	}
	if f.DNS == nil {
		f.DNS = make([]pcapflow.Transaction, 0, 16) // so that pointers into it stay good
	}
	f.DNS = append(f.DNS, t)
	f.Service = "dns"
	return &f.DNS[len(f.DNS)-1]
}

func (s *scene) dns(port uint16) *pcapflow.Flow {
	return s.flow(pcapflow.UDP, netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port).String(), "10.0.0.53:53", 0, 0)
}

// connect opens a TCP connection at t with a round trip of rtt.
func (s *scene) connect(client, server string, t, rtt float64) *pcapflow.Flow {
	f := s.flow(pcapflow.TCP, client, server, t, t+rtt)
	f.Conn = &pcapflow.Conn{SYN: []pcapflow.Stamp{s.at(t)}, SYNACK: []pcapflow.Stamp{s.at(t + rtt)}, ACK: s.at(t + rtt + 0.1),
		ISN: [2]uint32{uint32(1000 + s.frame), uint32(2000 + s.frame)}, RTT: int64(rtt * 1e6), RTTServer: int64(rtt * 1e6)}
	f.Phases = append(f.Phases, pcapflow.Phase{Name: pcapflow.TCPConnect, Begin: f.Conn.SYN[0], End: f.Conn.SYNACK[0], Outcome: pcapflow.Done, Attempts: 1})
	return f
}

// exchange adds a request with its answer to f.
func (s *scene) exchange(f *pcapflow.Flow, t, wait, receive float64) *pcapflow.Exchange {
	e := pcapflow.Exchange{Ordinal: len(f.HTTP) + 1, RequestFirst: s.at(t), RequestLast: s.at(t), ResponseFirst: s.at(t + wait), ResponseLast: s.at(t + wait + receive),
		RequestBytes: -1, ResponseBytes: -1, BodyBytes: -1}
	f.HTTP = append(f.HTTP, e)
	f.End = e.ResponseLast
	return &f.HTTP[len(f.HTTP)-1]
}

func (s *scene) incident() *incident.Incident {
	return &incident.Incident{Captures: []*incident.Capture{s.capture}}
}

func (s *scene) lookups() []*Lookup { return lookupsOf(s.capture, triesOf(s.capture)) }

const server = "10.1.0.10"

func TestLookups(t *testing.T) {
	type want struct {
		name      string
		tries     int
		attempts  int
		wait      float64
		suffixes  int
		took      float64 // −1: no end
		outcome   pcapflow.Outcome
		rcode     string
		resolvers int
	}
	tests := []struct {
		name string
		make func(s *scene)
		want []want
	}{
		{"a pair at once", func(s *scene) {
			f := s.dns(40000)
			s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
			s.query(f, 2, "app.example", "AAAA", 0.1, 20, "NOERROR")
		}, []want{{"app.example", 2, 1, 0, 0, 20, pcapflow.Done, "NOERROR", 1}}},
		{"silent AAAA: the resolver asks for both again", func(s *scene) {
			f := s.dns(40000)
			a := s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
			b := s.query(f, 2, "app.example", "AAAA", 0, 3012, "NOERROR")
			a.Repeats = append(a.Repeats, s.at(1000), s.at(3000))
			b.Repeats = append(b.Repeats, s.at(1000), s.at(3000))
		}, []want{{"app.example", 2, 3, 3000, 0, 3012, pcapflow.Done, "NOERROR", 1}}},
		{"a NOTIFY, an UPDATE and a call to everybody are none", func(s *scene) {
			f := s.dns(40000)
			s.query(f, 1, "zone.example", "SOA", 0, 12, "REFUSED").Opcode = 4
			s.query(f, 2, "zone.example", "SOA", 20, 32, "REFUSED").Opcode = 5
			s.query(s.flow(pcapflow.UDP, "10.0.0.2:40001", "255.255.255.255:53", 40, 40), 3, "controller.example", "A", 40, -1, "")
			s.query(f, 4, "app.example", "A", 60, 72, "NOERROR", server)
		}, []want{{"app.example", 1, 1, 0, 0, 12, pcapflow.Done, "NOERROR", 1}}},
		{"dig asks again from a new port", func(s *scene) {
			s.query(s.dns(40000), 7, "app.example", "A", 0, -1, "")
			s.query(s.dns(40001), 7, "app.example", "A", 1000, 1011, "NOERROR", server)
		}, []want{{"app.example", 2, 2, 1000, 0, 1011, pcapflow.Done, "NOERROR", 1}}},
		{"two runs of a program", func(s *scene) {
			s.query(s.dns(40000), 7, "app.example", "A", 0, 12, "NOERROR", server)
			s.query(s.dns(40001), 8, "app.example", "A", 130, 140, "NOERROR", server)
		}, []want{
			{"app.example", 1, 1, 0, 0, 12, pcapflow.Done, "NOERROR", 1},
			{"app.example", 1, 1, 0, 0, 10, pcapflow.Done, "NOERROR", 1}}},
		{"two threads at once", func(s *scene) {
			f, g := s.dns(40000), s.dns(40001)
			s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
			s.query(g, 2, "app.example", "A", 0.2, 12.1, "NOERROR", server)
			s.query(f, 3, "app.example", "AAAA", 0.3, 13, "NOERROR")
			s.query(g, 4, "app.example", "AAAA", 0.4, 13.1, "NOERROR")
		}, []want{
			{"app.example", 2, 1, 0, 0, 13, pcapflow.Done, "NOERROR", 1},
			{"app.example", 2, 1, 0, 0, 12.9, pcapflow.Done, "NOERROR", 1}}},
		{"search list with two domains", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example.corp.test", "A", 0, 10, "NXDOMAIN")
			s.query(s.dns(40001), 2, "app.example.test", "A", 10.2, 21, "NXDOMAIN")
			s.query(s.dns(40002), 3, "app.example", "A", 21.2, 32, "NOERROR", server)
		}, []want{{"app.example", 3, 1, 0, 2, 32, pcapflow.Done, "NOERROR", 1}}},
		{"name in vain, then its suffix", func(s *scene) {
			s.query(s.dns(40000), 1, "nobody.example", "A", 0, 10, "NXDOMAIN")
			s.query(s.dns(40001), 2, "nobody.example.corp.test", "A", 10.2, 21, "NXDOMAIN")
		}, []want{{"nobody.example", 2, 1, 0, 1, 21, pcapflow.Failed, "NXDOMAIN", 1}}},
		{"neighbours in the alphabet are strangers", func(s *scene) {
			s.query(s.dns(40000), 1, "www.one.example", "A", 0, 10, "NXDOMAIN")
			s.query(s.dns(40001), 2, "www.two.example", "A", 60, 70, "NXDOMAIN")
		}, []want{
			{"www.one.example", 1, 1, 0, 0, 10, pcapflow.Failed, "NXDOMAIN", 1},
			{"www.two.example", 1, 1, 0, 0, 10, pcapflow.Failed, "NXDOMAIN", 1}}},
		{"fail-over after an error", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, 10, "SERVFAIL")
			f := s.flow(pcapflow.UDP, "10.0.0.2:40001", "10.0.0.54:53", 0, 0)
			s.query(f, 2, "app.example", "A", 10.3, 20, "NOERROR", server)
		}, []want{{"app.example", 2, 2, 0.3, 0, 20, pcapflow.Done, "NOERROR", 2}}},
		{"dead resolver", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, -1, "")
			f := s.flow(pcapflow.UDP, "10.0.0.2:40001", "10.0.0.54:53", 0, 0)
			s.query(f, 2, "app.example", "A", 5000, 5010, "NOERROR", server)
		}, []want{{"app.example", 2, 2, 5000, 0, 5010, pcapflow.Done, "NOERROR", 2}}},
		{"truncated, then TCP", func(s *scene) {
			s.query(s.dns(40000), 1, "big.example", "TXT", 0, 10, "NOERROR").Truncated = true
			f := s.flow(pcapflow.TCP, "10.0.0.2:40001", "10.0.0.53:53", 10.1, 50)
			s.query(f, 1, "big.example", "TXT", 22, 40, "NOERROR", server)
		}, []want{{"big.example", 2, 1, 0, 0, 40, pcapflow.Done, "NOERROR", 1}}},
		{"the answer was lost behind the capture", func(s *scene) {
			f := s.dns(40000)
			s.query(f, 1, "app.example", "A", 0, 1, "NOERROR", server)
			s.query(f, 1, "app.example", "A", 1000, 1001, "NOERROR", server)
		}, []want{{"app.example", 2, 2, 999, 0, 1001, pcapflow.Done, "NOERROR", 1}}},
		{"an error ends it", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, 10, "SERVFAIL")
			s.query(s.dns(40001), 2, "app.example", "A", 5000, 5010, "SERVFAIL")
		}, []want{
			{"app.example", 1, 1, 0, 0, 10, pcapflow.Failed, "SERVFAIL", 1},
			{"app.example", 1, 1, 0, 0, 10, pcapflow.Failed, "SERVFAIL", 1}}},
		{"the client connected: the capture lacks the answer", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, -1, "")
			s.connect("10.0.0.2:50000", server+":443", 20, 15)
			s.query(s.dns(40001), 2, "app.example", "A", 1400, 1412, "NOERROR", server)
		}, []want{
			{"app.example", 1, 1, 0, 0, -1, pcapflow.Unanswered, "", 1},
			{"app.example", 1, 1, 0, 0, 12, pcapflow.Done, "NOERROR", 1}}},
		{"the client connected without the other family", func(s *scene) {
			f, g := s.dns(40000), s.dns(40001)
			s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
			s.query(f, 2, "app.example", "AAAA", 0.1, -1, "")
			s.connect("10.0.0.2:50000", server+":443", 15, 15)
			s.query(g, 3, "app.example", "A", 700, 712, "NOERROR", server)
			s.query(g, 4, "app.example", "AAAA", 700.1, 712.1, "NOERROR")
		}, []want{
			{"app.example", 2, 1, 0, 0, 12, pcapflow.Done, "NOERROR", 1},
			{"app.example", 2, 1, 0, 0, 12.1, pcapflow.Done, "NOERROR", 1}}},
		{"another lookup explains the connection", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, -1, "")
			s.query(s.dns(40001), 2, "app.example", "A", 100, 112, "NOERROR", server)
			s.connect("10.0.0.2:50000", server+":443", 113, 15)
			s.query(s.dns(40000), 3, "app.example", "A", 5000, 5012, "NOERROR", server)
		}, []want{
			{"app.example", 2, 2, 5000, 0, 5012, pcapflow.Done, "NOERROR", 1},
			{"app.example", 1, 1, 0, 0, 12, pcapflow.Done, "NOERROR", 1}}},
		{"silence", func(s *scene) {
			s.query(s.dns(40000), 1, "app.example", "A", 0, -1, "")
			s.query(s.dns(40001), 2, "app.example", "A", 2000, -1, "")
		}, []want{{"app.example", 2, 2, 2000, 0, -1, pcapflow.Unanswered, "", 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene()
			tt.make(s)
			got := s.lookups()
			if len(got) != len(tt.want) {
				t.Fatalf("%d lookups, want %d", len(got), len(tt.want))
			}
			for i, l := range got {
				w := tt.want[i]
				g := want{l.Name, len(l.Tries), l.Attempts, l.RetryWait.Seconds() * 1000, l.Suffixes, -1, l.Outcome, l.RCode, len(l.Resolvers)}
				if l.End.Seen() {
					g.took = float64(l.End.Time-l.Start.Time) / 1e6
				}
				near := func(a, b float64) bool { return a-b < 1e-3 && b-a < 1e-3 }
				if !near(g.wait, w.wait) || !near(g.took, w.took) {
					t.Errorf("lookup %d: wait %v, took %v; want %v, %v", i, g.wait, g.took, w.wait, w.took)
				}
				g.wait, g.took = w.wait, w.took
				if g != w {
					t.Errorf("lookup %d: got %+v, want %+v", i, g, w)
				}
			}
		})
	}
}

func TestJourneyFromLookupToSecondRequest(t *testing.T) {
	s := newScene()
	s.query(s.dns(40000), 1, "app.example", "A", 0, 12, "NOERROR", server)
	f := s.connect("10.0.0.2:50000", server+":80", 12.5, 15)
	s.exchange(f, 28, 80, 5)
	s.exchange(f, 200, 20, 1)
	b := build(s.incident(), asWritten{}, Options{})
	if len(b.journeys) != 2 {
		t.Fatalf("%d journeys, want 2", len(b.journeys))
	}
	one, two := b.journeys[0], b.journeys[1]
	if one.Lookup == nil || one.Name != "app.example" || one.Start.Time != ms(0) || one.End.Time != ms(113) {
		t.Errorf("first journey: lookup %v, name %q, from %v to %v", one.Lookup, one.Name, one.Start.Time-epoch, one.End.Time-epoch)
	}
	checkPhases(t, one, "dns.lookup done", "tcp.connect done", "http.send done", "http.wait done", "http.receive done")
	checkPhases(t, two, "dns.lookup unseen", "tcp.connect unseen", "http.send done", "http.wait done", "http.receive done")
	if two.Ordinal != 2 || two.Phases[0].Reason != reasonReused || two.Start.Time != ms(200) {
		t.Errorf("second journey: ordinal %d, reason %q, start %v", two.Ordinal, two.Phases[0].Reason, two.Start.Time-epoch)
	}
}

func checkPhases(t *testing.T, j *Journey, want ...string) {
	t.Helper()
	var got []string
	for _, p := range j.Phases {
		got = append(got, string(p.Name)+" "+p.Outcome.String())
	}
	if len(got) != len(want) {
		t.Errorf("%s: phases %v, want %v", j.ID, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: phases %v, want %v", j.ID, got, want)
			return
		}
	}
}

func TestConnectionEndsTheWaitForASilentQuestion(t *testing.T) {
	s := newScene()
	f := s.dns(40000)
	s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
	q := s.query(f, 2, "app.example", "AAAA", 0.1, -1, "")
	q.Repeats = append(q.Repeats, s.at(1000))
	s.exchange(s.connect("10.0.0.2:50000", server+":80", 2001, 15), 2020, 10, 1)
	b := build(s.incident(), asWritten{}, Options{})
	if len(b.journeys) != 1 {
		t.Fatalf("%d journeys, want 1", len(b.journeys))
	}
	l := b.journeys[0].Lookup
	if l == nil || !l.Incomplete || l.End.Time != ms(2001) {
		t.Fatalf("lookup %+v", l)
	}
}

func TestConnectionThatLeavesBeforeTheLastAnswer(t *testing.T) {
	s := newScene()
	f := s.dns(40000)
	s.query(f, 1, "app.example", "A", 0, 12, "NOERROR", server)
	s.query(f, 2, "app.example", "AAAA", 0.1, 500, "NOERROR")
	s.exchange(s.connect("10.0.0.2:50000", server+":80", 62, 15), 80, 10, 1)
	b := build(s.incident(), asWritten{}, Options{})
	if l := b.journeys[0].Lookup; l == nil || l.End.Time != ms(12) {
		t.Fatalf("lookup %+v", l)
	}
}

func TestOneFlowAtTwoPointsThroughTranslation(t *testing.T) {
	in := newScene()
	f := in.connect("10.0.0.2:50000", server+":80", 0, 20)
	in.exchange(f, 21, 30, 1)
	f.TTL = [2]uint8{64, 62}
	out := newScene()
	g := out.connect("192.0.2.1:1025", server+":80", 5, 0.1)
	out.exchange(g, 30, 10, 0.5)
	g.Conn.ISN, g.TTL = f.Conn.ISN, [2]uint8{62, 64}
	other := out.connect("192.0.2.1:1026", server+":80", 6, 0.1)
	out.exchange(other, 31, 10, 0.5)
	for _, order := range [][]*incident.Capture{{in.capture, out.capture}, {out.capture, in.capture}} {
		b := build(&incident.Incident{Captures: order}, asWritten{}, Options{})
		if len(b.journeys) != 2 {
			t.Fatalf("%d journeys, want 2", len(b.journeys))
		}
		j := b.journeys[0]
		if len(j.Points) != 2 || j.Points[0].Capture != in.capture || j.Client.String() != "10.0.0.2:50000" || j.ClientSeen.String() != "192.0.2.1:1025" {
			t.Errorf("journey %v seen as %v at %d points", j.Client, j.ClientSeen, len(j.Points))
		}
		if j.Points[1].Exchange != &g.HTTP[0] {
			t.Error("the second point does not show the exchange")
		}
	}
}

func TestLookupSeenAtTwoPointsIsOne(t *testing.T) {
	near, far := newScene(), newScene()
	for i, s := range []*scene{near, far} {
		f := s.dns(40000)
		f.TTL = [2]uint8{uint8(64 - i), 64}
		if i == 0 {
			s.query(f, 1, "app.example", "A", 0, -1, "")
		}
		s.query(f, 2, "app.example", "A", 1000, 1010, "NOERROR", server)
	}
	got := lookups(&incident.Incident{Captures: []*incident.Capture{far.capture, near.capture}})
	if len(got) != 1 || got[0].Capture != near.capture || len(got[0].Others) != 1 || got[0].Attempts != 2 {
		t.Fatalf("lookups %+v", got)
	}
}

func TestReverseLookupBelongsToTheLogin(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", "10.1.0.22:22", 0, 10)
	f.SSH = &pcapflow.SSH{Auth: "success", AuthEnd: s.at(4000)}
	f.Phases = append(f.Phases, pcapflow.Phase{Name: pcapflow.SSHAuth, Begin: s.at(100), End: s.at(4000), Outcome: pcapflow.Estimated})
	g := s.flow(pcapflow.UDP, "10.1.0.22:40000", "10.0.0.53:53", 200, 3000)
	s.query(g, 1, "2.0.0.10.in-addr.arpa", "PTR", 200, -1, "")
	b := build(s.incident(), asWritten{}, Options{})
	if len(b.journeys) != 1 || len(b.journeys[0].SideLookups) != 1 {
		t.Fatalf("%d journeys, sides of the first %d", len(b.journeys), len(b.journeys[0].SideLookups))
	}
}

func TestReverseName(t *testing.T) {
	for name, want := range map[string]string{
		"2.0.0.10.in-addr.arpa": "10.0.0.2",
		"b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.1.d.f.ip6.arpa": "fd10:1::b",
	} {
		if got, ok := reverseName(name); !ok || got.String() != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	for _, name := range []string{"0.0.10.in-addr.arpa", "x.0.0.10.in-addr.arpa", "300.0.0.10.in-addr.arpa", "1.ip6.arpa", "app.example"} {
		if got, ok := reverseName(name); ok {
			t.Errorf("%s was read as %v", name, got)
		}
	}
}
