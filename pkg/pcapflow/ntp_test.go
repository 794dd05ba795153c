package pcapflow

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// ntpStamp is the 32.32 stamp of an instant, ns since the Unix epoch.
func ntpStamp(ns int64) uint64 {
	seconds := uint64(ns/second+ntpToUnix) & 0xffffffff
	return seconds<<32 | (uint64(ns%second)<<32+second-1)/second
}

type ntpPacket struct {
	li, version, mode, stratum uint8
	refid                      string
	org, rec, xmt              uint64
	tail                       []byte
}

func (p ntpPacket) bytes() []byte {
	if p.version == 0 {
		p.version = 4
	}
	b := make([]byte, ntpLen, ntpLen+len(p.tail))
	b[0] = p.li<<6 | p.version<<3 | p.mode
	b[1], b[2], b[3] = p.stratum, 6, 0xe9
	copy(b[12:16], p.refid)
	binary.BigEndian.PutUint64(b[24:], p.org)
	binary.BigEndian.PutUint64(b[32:], p.rec)
	binary.BigEndian.PutUint64(b[40:], p.xmt)
	return append(b, p.tail...)
}

func at(frame int, d time.Duration) Stamp {
	return Stamp{Time: testEpoch + int64(d), Frame: frame}
}

const testEpoch = 1_795_344_681 * second

func TestNTPUnixUnfoldsEras(t *testing.T) {
	for _, test := range []struct {
		name string
		when time.Time
	}{
		{"first era", time.Date(2026, 11, 22, 10, 0, 0, 500_000_000, time.UTC)},
		{"last second of era 0", time.Date(2036, 2, 7, 6, 28, 15, 250_000_000, time.UTC)},
		{"first second of era 1", time.Date(2036, 2, 7, 6, 28, 16, 750_000_000, time.UTC)},
		{"era 1", time.Date(2080, 1, 1, 0, 0, 0, 1, time.UTC)},
		{"before 1970", time.Date(1931, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		want := test.when.UnixNano()
		seconds := uint64(test.when.Unix()+ntpToUnix) & 0xffffffff
		stamp := seconds<<32 | (uint64(test.when.Nanosecond())<<32+second-1)/second
		for _, away := range []time.Duration{0, time.Hour, -time.Hour, 60 * 365 * 24 * time.Hour, -60 * 365 * 24 * time.Hour} {
			pivot := want + int64(away)
			got, ok := NTPUnix(stamp, pivot)
			if !ok || got != want {
				t.Errorf("%s, pivot %v away: %d %v, want %d", test.name, away, got, ok, want)
			}
			plain, ok := NTPUnixNano(seconds<<32|uint64(test.when.Nanosecond()), pivot)
			if !ok || plain != want {
				t.Errorf("%s, nanoseconds in the fraction: %d %v, want %d", test.name, plain, ok, want)
			}
		}
	}
	if _, ok := NTPUnix(0, testEpoch); ok {
		t.Error("zero is not an instant")
	}
	if _, ok := NTPUnixNano(1<<32|second, testEpoch); ok {
		t.Error("a thousand million nanoseconds are no fraction")
	}
	if got := NTPShort(0x00018000); got != 1_500_000_000 {
		t.Errorf("16.16: %d", got)
	}
}

func ntpOf(f *Flow) *ntpFlow { return ntpDissector.Open(f, &Env{}).(*ntpFlow) }

func TestNTPPairsByOrigin(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	rec, xmt := ntpStamp(testEpoch+7*second), ntpStamp(testEpoch+7*second+1000)
	s.Data(Client, at(1, 0), ntpPacket{mode: 3, xmt: 0xAAAA}.bytes())
	s.Data(Client, at(2, time.Second), ntpPacket{mode: 3, xmt: 0xBBBB}.bytes())
	s.Data(Client, at(3, 2*time.Second), ntpPacket{mode: 3, xmt: 0xBBBB}.bytes())
	s.Data(Server, at(4, 2*time.Second+time.Millisecond), ntpPacket{mode: 4, stratum: 2, org: 0xAAAA, rec: rec, xmt: xmt}.bytes())
	s.Data(Server, at(5, 3*time.Second), ntpPacket{mode: 4, stratum: 2, org: 0xCCCC, rec: rec, xmt: xmt}.bytes())
	s.Close(at(5, 3*time.Second))
	if len(f.NTP) != 3 {
		t.Fatalf("%d samples: %+v", len(f.NTP), f.NTP)
	}
	if a := f.NTP[0]; a.Request.Frame != 1 || a.Response.Frame != 4 || a.Interleaved {
		t.Errorf("first: %+v", a)
	}
	if b := f.NTP[1]; b.Request.Frame != 2 || b.Response.Seen() || len(b.Repeats) != 1 || b.Repeats[0].Frame != 3 {
		t.Errorf("repeated and unanswered: %+v", b)
	}
	if c := f.NTP[2]; c.Request.Seen() || !c.BogusOrigin {
		t.Errorf("origin of nobody: %+v", c)
	}
	if p := f.Phases; len(p) != 2 || p[0].Outcome != Done || p[0].End.Frame != 4 || p[1].Outcome != Unanswered || p[1].Attempts != 2 {
		t.Errorf("phases: %+v", p)
	}
	low, high, ok := f.NTP[0].Bounds()
	if want := int64(7*second + 1000 - 2*second - 1_000_000); !ok || low < want-1 || low > want+1 || high < 7*second-1 || high > 7*second+1 {
		t.Errorf("bounds: %d..%d %v", low, high, ok)
	}
}

func TestNTPInterleaved(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	s.Data(Client, at(1, 0), ntpPacket{mode: 3, org: 0x11, rec: 0x22, xmt: 0x33}.bytes())
	s.Data(Server, at(2, time.Millisecond), ntpPacket{mode: 4, stratum: 1, org: 0x22, rec: 0x44, xmt: 0x55}.bytes())
	if len(f.NTP) != 1 || !f.NTP[0].Interleaved || f.NTP[0].Response.Frame != 2 {
		t.Fatalf("%+v", f.NTP)
	}
	if _, ok := f.NTP[0].Delay(); ok {
		t.Error("the transmit stamp of an interleaved response is another packet's")
	}
}

// TestNTPInterleavedBounds: a client half a second behind, a path of 10 ms each way,
// a server that takes 3 ms. When an answer left, the next one says.
func TestNTPInterleavedBounds(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	const ms = time.Millisecond
	server := func(since time.Duration) uint64 { return ntpStamp(testEpoch + int64(since+500*ms)) }
	s.Data(Client, at(1, 0), ntpPacket{mode: 3, org: 1, rec: 0x22, xmt: 0x33}.bytes())
	s.Data(Server, at(2, 23*ms), ntpPacket{mode: 4, stratum: 1, org: 0x22, rec: server(10 * ms), xmt: 0x55}.bytes())
	low, high, ok := f.NTP[0].Bounds()
	if !ok || low/1e5 != 4870 || high/1e5 != 5100 {
		t.Errorf("alone: %d to %d", low, high)
	}
	s.Data(Client, at(3, time.Second), ntpPacket{mode: 3, org: server(10 * ms), rec: 0x66, xmt: 0x77}.bytes())
	s.Data(Server, at(4, time.Second+23*ms), ntpPacket{mode: 4, stratum: 1, org: 0x66, rec: server(time.Second + 10*ms), xmt: server(13 * ms)}.bytes())
	low, high, ok = f.NTP[0].Bounds()
	dwell, known := f.NTP[0].Dwell()
	if !ok || low/1e5 != 4900 || high/1e5 != 5100 || !known || dwell/1e5 != 30 {
		t.Errorf("with the next: %d to %d, dwell %d", low, high, dwell)
	}
	if _, known := f.NTP[1].Dwell(); known {
		t.Error("the last one's departure is not told")
	}
}

func TestNTPKissAndUnsynchronised(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	s.Data(Client, at(1, 0), ntpPacket{mode: 3, xmt: 1}.bytes())
	s.Data(Server, at(2, 1), ntpPacket{li: 3, mode: 4, refid: "RATE", org: 1, rec: 1, xmt: 1}.bytes())
	s.Data(Client, at(3, 2), ntpPacket{mode: 3, xmt: 2}.bytes())
	s.Data(Server, at(4, 3), ntpPacket{li: 3, mode: 4, stratum: 16, org: 2, rec: 5, xmt: 6}.bytes())
	s.Data(Client, at(5, 4), ntpPacket{mode: 3, xmt: 3}.bytes())
	s.Data(Server, at(6, 5), ntpPacket{mode: 4, stratum: 0, refid: "\x7f\x00\x00\x01", org: 3, rec: 5, xmt: 6}.bytes())
	if len(f.NTP) != 3 || f.NTP[0].Response.Kiss != "RATE" || f.NTP[1].Response.Kiss != "" || f.NTP[2].Response.Kiss != "" {
		t.Fatalf("%+v", f.NTP)
	}
	for i := range f.NTP {
		if !f.NTP[i].Response.Unsynchronised() {
			t.Errorf("sample %d is synchronised", i)
		}
	}
	if f.Phases[0].Outcome != Failed || f.Phases[1].Outcome != Done || f.Phases[1].Note == "" {
		t.Errorf("%+v", f.Phases)
	}
	if _, _, ok := f.NTP[0].Bounds(); ok {
		t.Error("a kiss has no usable time")
	}
	if _, _, ok := f.NTP[1].Bounds(); !ok {
		t.Error("an unsynchronised server's stamps are readings of its clock")
	}
}

func TestNTPSymmetric(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	s.Data(Client, at(1, 0), ntpPacket{mode: 1, stratum: 2, xmt: 0xA1}.bytes())
	s.Data(Server, at(2, 1), ntpPacket{mode: 2, stratum: 2, org: 0xA1, rec: 0xB0, xmt: 0xB1}.bytes())
	s.Data(Client, at(3, time.Minute), ntpPacket{mode: 1, stratum: 2, org: 0xB1, rec: 0xA2, xmt: 0xA3}.bytes())
	s.Data(Client, at(4, 2*time.Minute), ntpPacket{mode: 1, stratum: 2, org: 0xB1, rec: 0xA2, xmt: 0xA4}.bytes())
	s.Close(at(4, 2*time.Minute))
	type pair struct{ request, response int }
	want := []pair{{1, 2}, {2, 3}, {3, 0}, {4, 0}}
	if len(f.NTP) != len(want) {
		t.Fatalf("%d samples: %+v", len(f.NTP), f.NTP)
	}
	for i, w := range want {
		if got := (pair{f.NTP[i].Request.Frame, f.NTP[i].Response.Frame}); got != w {
			t.Errorf("sample %d: frames %v, want %v", i, got, w)
		}
	}
	if f.NTP[1].Response.From != Client || !f.NTP[1].Poll || f.NTP[0].Poll {
		t.Error("the second sample reads the client's clock, and is no exchange")
	}
	if len(f.Phases) != 3 || f.Phases[0].Outcome != Done || f.Phases[1].Outcome != Unanswered {
		t.Errorf("%+v", f.Phases)
	}
}

func TestNTPControlIsNotTime(t *testing.T) {
	var f Flow
	s := ntpOf(&f)
	control := make([]byte, 60)
	control[0] = 4<<3 | 6
	private := make([]byte, 60)
	private[0] = 4<<3 | 7
	s.Data(Client, at(1, 0), control)
	s.Data(Client, at(2, 0), private)
	s.Data(Client, at(3, 0), ntpPacket{mode: 5, stratum: 1, xmt: 7}.bytes())
	if len(f.NTP) != 1 || f.NTP[0].Response.Frame != 3 || f.NTP[0].Request.Seen() || len(f.Notes) != 2 {
		t.Errorf("%+v %q", f.NTP, f.Notes)
	}
}

func TestNTPTrailer(t *testing.T) {
	field := func(kind uint16, n int) []byte {
		b := make([]byte, n)
		binary.BigEndian.PutUint16(b, kind)
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return b
	}
	for _, test := range []struct {
		name     string
		version  uint8
		tail     []byte
		mac, nts bool
	}{
		{"plain", 4, nil, false, false},
		{"md5", 4, make([]byte, 20), true, false},
		{"sha1", 3, make([]byte, 24), true, false},
		{"crypto-nak", 4, make([]byte, 4), true, false},
		{"nts", 4, append(append(field(0x0104, 36), field(0x0204, 104)...), field(0x0404, 40)...), false, true},
		{"field then md5", 4, append(field(0x0104, 28), make([]byte, 20)...), true, false},
		{"field longer than the packet", 4, append(field(0x0104, 400)[:28], 0, 0, 0, 0), true, false},
	} {
		m := parseNTP(ntpPacket{version: test.version, mode: 3, tail: test.tail}.bytes(), at(1, 0), Client)
		if m.MAC != test.mac || m.NTS != test.nts {
			t.Errorf("%s: mac %v nts %v", test.name, m.MAC, m.NTS)
		}
	}
}

func TestProbeNTP(t *testing.T) {
	request := ntpPacket{mode: 3, xmt: 0xabcdef}.bytes()
	response := ntpPacket{mode: 4, stratum: 2, org: 0xabcdef}.bytes()
	other := ntpPacket{mode: 4, stratum: 2, org: 0xabcdee}.bytes()
	text := []byte("this is a line of some other protocol, long enough to be taken for NTP")
	for _, test := range []struct {
		name  string
		first [2][]byte
		port  uint16
		want  Verdict
	}{
		{"request", [2][]byte{request, nil}, 123, Yes},
		{"answer only", [2][]byte{nil, response}, 123, Yes},
		{"request elsewhere", [2][]byte{request, nil}, 4123, Maybe},
		{"pair elsewhere", [2][]byte{request, response}, 4123, Yes},
		{"no pair elsewhere", [2][]byte{request, other}, 4123, No},
		{"turned round", [2][]byte{response, request}, 4123, Yes},
		{"text", [2][]byte{text, nil}, 123, No},
		{"short", [2][]byte{request[:47], nil}, 123, No},
	} {
		if got := probeNTP(test.first, test.port); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func FuzzNTP(f *testing.F) {
	f.Add(ntpPacket{mode: 3, xmt: 1}.bytes(), ntpPacket{mode: 4, stratum: 2, org: 1, rec: 2, xmt: 3}.bytes())
	f.Add(ntpPacket{mode: 1, stratum: 2, xmt: 1}.bytes(), ntpPacket{mode: 2, stratum: 2, org: 1, rec: 2, xmt: 3, tail: make([]byte, 68)}.bytes())
	f.Add([]byte{0x26, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{0x27, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		probeNTP([2][]byte{a, b}, 123)
		probeNTP([2][]byte{a, b}, 4123)
		var flow Flow
		s := ntpOf(&flow)
		for i := range 40 {
			s.Data(Client, at(2*i+1, time.Duration(2*i)), a)
			s.Data(Server, at(2*i+2, time.Duration(2*i+1)), b)
		}
		s.Close(at(99, 99))
		if len(flow.NTP) > 160 {
			t.Errorf("%d samples of 80 packets", len(flow.NTP))
		}
		for i := range flow.NTP {
			flow.NTP[i].Bounds()
		}
	})
}

func BenchmarkNTPData(b *testing.B) {
	request := ntpPacket{mode: 3, xmt: 0xabcdef}.bytes()
	response := ntpPacket{mode: 4, stratum: 2, org: 0xabcdef, rec: 1 << 40, xmt: 1 << 40}.bytes()
	var f Flow
	s := ntpOf(&f)
	b.ReportAllocs()
	for b.Loop() {
		f.NTP, f.Phases, s.open = f.NTP[:0], f.Phases[:0], s.open[:0]
		s.Data(Client, at(1, 0), request)
		s.Data(Server, at(2, 0), response)
	}
}

// TestNTPAnsweredFromElsewhere: an answer of another address leaves its request
// unanswered, and is known by the origin stamp alone.
func TestNTPAnsweredFromElsewhere(t *testing.T) {
	env := &Env{}
	open := func(client, server string) *ntpFlow {
		return ntpDissector.Open(&Flow{Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server)}, env).(*ntpFlow)
	}
	asked, other, foreign := open("10.0.0.1:40000", "10.0.0.9:123"), open("10.0.0.1:40000", "10.0.0.8:123"), open("10.0.0.2:40000", "10.0.0.8:123")
	asked.Data(Client, at(1, 0), ntpPacket{mode: ntpClient, xmt: 77}.bytes())
	answer := ntpPacket{mode: ntpServer, stratum: 2, org: 77, rec: ntpStamp(testEpoch), xmt: ntpStamp(testEpoch)}.bytes()
	foreign.Data(Server, at(2, time.Millisecond), answer)
	if asked.f.NTP[0].ElsewhereAt.Seen() {
		t.Error("another host's answer was taken")
	}
	other.Data(Server, at(3, 2*time.Millisecond), answer)
	x := &asked.f.NTP[0]
	if x.Elsewhere != netip.MustParseAddrPort("10.0.0.8:123") || x.ElsewhereAt.Frame != 3 || x.Response.Seen() || asked.f.Phases[0].Outcome != Unanswered {
		t.Errorf("%+v, %v", x, asked.f.Phases[0].Outcome)
	}
	asked.Close(Stamp{})
	other.Data(Server, at(4, 3*time.Millisecond), answer) // the flow it answered is gone
}
