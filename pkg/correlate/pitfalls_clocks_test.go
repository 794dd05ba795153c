package correlate

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// The pitfalls of measuring clocks, each by the data that shows it. Others of
// this package and of clock are named in the same way.

// TestPitfall02ChronyStampsItsOwnClock: chronyd -x beside a server 5 s ahead
// writes its files and answers NTP on a clock of its own, 5 s ahead of the host's.
func TestPitfall02ChronyStampsItsOwnClock(t *testing.T) {
	const from = "daemons/chrony/"
	clocks := measureClocks(folder(t, map[string]string{
		"web/chrony/tracking.log": from + "log/tracking.log", "web/chrony/measurements.log": from + "log/measurements.log", "web/chrony/chronyd.log": from + "chronyd.out",
	}), Options{})
	show(t, clocks)
	host, own := named(clocks, kindLog, "web"), named(clocks, kindNTPClock, "web (NTP clock)")
	if host == nil || own == nil {
		t.Fatal("the daemon's clock and the host's are one")
	}
	at := time.Date(2026, 11, 22, 9, 57, 6, 0, time.UTC).UnixNano()
	if mid, low, high := apart(t, own, host, at+5e9); math.Abs(mid-5) > 0.02 || low > 5.001 || high < 5 {
		t.Errorf("the daemon's clock is %+.4f s from the host's, %+.4f … %+.4f", mid, low, high)
	}
}

// TestPitfall03RandomClientStamps: what today's clients send is no time.
func TestPitfall03RandomClientStamps(t *testing.T) {
	for _, pcap := range []string{"daemons/chrony/ntp.pcap", "daemons/ntpd/n.pcap", "daemons/tsd/t.pcap"} {
		for _, k := range measureClocks(folder(t, map[string]string{"x.pcap": pcap}), Options{}) {
			if k.Kind == kindHost {
				t.Errorf("%s: %s was measured from a random stamp", pcap, k.Name)
			}
		}
	}
}

// TestPitfall03GenuineClientStamps: a client that sends its clock, with fractions
// of a second as NTP has them or as plain nanoseconds, and repeats when the answer
// came, is measured to the round trip.
func TestPitfall03GenuineClientStamps(t *testing.T) {
	const ahead = int64(1_700_000_000) // of the client, ns; beyond what a wrong fraction would give
	for name, fraction := range map[string]func(ns int64) uint64{
		"fractions":   func(ns int64) uint64 { return uint64(ns) << 32 / 1e9 },
		"nanoseconds": func(ns int64) uint64 { return uint64(ns) },
	} {
		t.Run(name, func(t *testing.T) {
			stamp := func(at int64) uint64 { return uint64(at/1e9+2_208_988_800)<<32 | fraction(at%1e9) }
			genuine := func(at int64) uint64 { return uint64(at/1e9+2_208_988_800)<<32 | uint64(at%1e9)<<32/1e9 }
			begin := time.Date(2026, 11, 22, 10, 0, 0, 345e6, time.UTC).UnixNano()
			var p packets
			var org, rec uint64
			for i := range int64(6) {
				at := begin + i*16e9 + i*37e6
				xmt := stamp(at + ahead - 2e6) // sent 2 ms before the capture sees it
				p.udp(at, "10.0.0.1:40123", "10.0.0.2:123", ntpPacket(3, org, rec, xmt))
				org, rec = genuine(at+5e6), stamp(at+6e6+ahead+1e6)
				p.udp(at+6e6, "10.0.0.2:123", "10.0.0.1:40123", ntpPacket(4, xmt, genuine(at+3e6), org))
			}
			dir := t.TempDir()
			put(t, dir, "x.pcap", p.file())
			clocks := measureClocks(analysed(t, dir), Options{})
			show(t, clocks)
			k := named(clocks, kindHost, "10.0.0.1")
			if k == nil || k.Status != clock.Measured {
				t.Fatal("the client's clock was not measured")
			}
			if o, l, h, _ := k.At(begin + 40e9 + ahead); l > ahead || h < ahead || o-ahead > 1e6 || ahead-o > 1e6 || h-l > 6e6 {
				t.Errorf("%d in %d … %d, it is %d ahead", o, l, h, ahead)
			}
		})
	}
}

// TestPitfall04InterleavedMode: an interleaved answer tells when the one before it
// left (RFC 9769). Read as its own, a server that is right comes out half a poll
// interval off.
func TestPitfall04InterleavedMode(t *testing.T) {
	inc := folder(t, map[string]string{"x.pcap": "daemons/xleave/x.pcap"})
	interleaved := 0
	for _, f := range inc.Captures[0].Flows {
		for i := range f.NTP {
			if f.NTP[i].Interleaved {
				interleaved++
			}
		}
	}
	if interleaved == 0 {
		t.Fatal("no exchange was seen to be interleaved")
	}
	clocks := measureClocks(inc, Options{})
	show(t, clocks)
	measured := 0
	for _, k := range clocks {
		if k.Kind != kindNTPServer || k.Status != clock.Measured {
			continue
		}
		measured++
		for _, s := range k.Segments {
			if abs64(s.Offset) > int64(100*time.Microsecond) || s.Low > 0 || s.High < 0 {
				t.Errorf("%s: %+d ns, %+d … %+d", k.Name, s.Offset, s.Low, s.High)
			}
		}
	}
	if measured == 0 {
		t.Error("the server was not measured")
	}
}

// TestPitfall11Signs: one host half a second ahead, told by each source alone
// with the sign that it has there.
func TestPitfall11Signs(t *testing.T) {
	const (
		tracking = "   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr. Root delay Root disp. Max. error"
		measured = "L St 123 567 ABCD  LP RP Score    Offset  Peer del. Peer disp.  Root del. Root disp. Refid     MTxRx"
	)
	title := func(columns string) string {
		bar := strings.Repeat("=", 130)
		return bar + "\n   Date (UTC) Time     IP Address   " + strings.TrimLeft(columns, " ") + "\n" + bar + "\n"
	}
	for name, text := range map[string]string{
		"tracking.log":     title(tracking) + "2026-11-22 10:00:00 192.0.2.1        2      0.000      0.100  5.001e-01 N  1  1.000e-06  0.000e+00  2.000e-05  1.000e-05  5.100e-01\n",
		"measurements.log": title(measured) + "2026-11-22 10:00:00 192.0.2.1        N  2 111 111 1111   0  0 0.00 -5.001e-01  2.509e-05  2.412e-07  0.000e+00  0.000e+00 7F7F0101 4B K K\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "web/chrony/"+name, []byte(text))
			e := gather(analysed(t, dir), buildDomains(analysed(t, dir), nil, lang.EN))
			found := false
			for _, c := range e.constraints {
				if a, b := e.clocks[c.A], e.clocks[c.B]; a.Kind == kindNTPServer && b.Kind == kindNTPClock {
					found = true
					if mid := float64(c.Low+c.High) / 2e9; math.Abs(mid-0.5001) > 1e-3 {
						t.Errorf("%s is %+.4f s from %s", b.Name, mid, a.Name)
					}
				}
			}
			if !found {
				t.Errorf("nothing was read of %s", name)
			}
		})
	}
}

// TestPitfall12CoarseClock: BIND stamped .990 what arrived at .993: its clock is
// read late, and is right.
func TestPitfall12CoarseClock(t *testing.T) {
	inc := folder(t, map[string]string{"dns.pcap": "daemons/dns/dns.pcap", "bind/query.log": "daemons/dns/q.log"})
	clocks := measureClocks(inc, Options{})
	show(t, clocks)
	for _, k := range clocks {
		if k.Kind != kindLog {
			continue
		}
		for _, s := range k.Supports {
			if s.Rejected > 0 {
				t.Errorf("%d of %s were set aside", s.Rejected, s.Method)
			}
		}
		if o, l, h, ok := k.At(inc.Captures[0].First.Time + 1e9); !ok || l > 0 || h < 0 || o > 3e6 || o < -3e6 {
			t.Errorf("%d in %d … %d, it is right", o, l, h)
		}
	}
}

// packets writes a capture of IPv4 packets without a link layer.
type packets struct{ b []byte }

func (p *packets) file() []byte {
	const raw = 101
	return append([]byte{0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, raw, 0, 0, 0}, p.b...)
}

func (p *packets) udp(at int64, from, to string, payload []byte) {
	var ip [2][4]byte
	var port [2]uint16
	for i, s := range [2]string{from, to} {
		if _, err := fmt.Sscanf(s, "%d.%d.%d.%d:%d", &ip[i][0], &ip[i][1], &ip[i][2], &ip[i][3], &port[i]); err != nil {
			panic(err)
		}
	}
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0}
	b = append(append(b, ip[0][:]...), ip[1][:]...)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, port[0]), port[1])
	b = append(binary.BigEndian.AppendUint16(b, uint16(8+len(payload))), 0, 0)
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	for _, v := range [4]uint32{uint32(at / 1e9), uint32(at % 1e9), uint32(len(b)), uint32(len(b))} {
		p.b = binary.LittleEndian.AppendUint32(p.b, v)
	}
	p.b = append(p.b, b...)
}

// ntpPacket of version 4, stratum 2.
func ntpPacket(mode byte, org, rec, xmt uint64) []byte {
	b := make([]byte, 24, 48)
	b[0], b[1], b[2], b[3] = 4<<3|mode, 2, 4, 0xec
	copy(b[12:], []byte{192, 0, 2, 1})
	binary.BigEndian.PutUint64(b[16:], xmt)
	for _, v := range [3]uint64{org, rec, xmt} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

// TestRequestBehindTLSBegins: a request whose first record takes two segments, far
// apart, begins for the server with the second; in the clear with the first.
func TestRequestBehindTLSBegins(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":443", 0, 0.05)
	x := s.exchange(f, 20, 5000, 1)
	x.RequestLast = s.at(87)
	for encrypted, latest := range map[bool]float64{true: 87, false: 20} {
		f.TLS = nil
		if encrypted {
			f.TLS = &pcapflow.TLS{}
		}
		w, ok := startWindow(f, x)
		if !ok || w.low != ms(20)-int64(time.Millisecond) || w.high != ms(latest)+f.Conn.RTTServer+turn {
			t.Errorf("encrypted %v: %+d … %+d µs from the first byte", encrypted, (w.low-ms(20))/1000, (w.high-ms(20))/1000)
		}
	}
}

// TestRequestWithoutBeginning: of a connection that lacks bytes of the client no
// request bounds a clock, of one that began before the capture not the first.
func TestRequestWithoutBeginning(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":80", 0, 0.05)
	s.exchange(f, 20, 5000, 1)
	s.exchange(f, 120, 5000, 1)
	bounds := func() (n int) {
		for i := range f.HTTP {
			_, start := startWindow(f, &f.HTTP[i])
			_, end := exchangeWindow(f, &f.HTTP[i], logparse.RequestEnd)
			if start != end {
				t.Errorf("request %d: by its start %v, by its end %v", i, start, end)
			}
			if start {
				n++
			}
		}
		return n
	}
	whole := bounds()
	f.Conn.Count[pcapflow.Client].AckedUnseen = 1
	unseen := bounds()
	f.Conn.Count[pcapflow.Client].AckedUnseen, f.Conn.SYN = 0, nil
	if later := bounds(); whole != 2 || unseen != 0 || later != 1 {
		t.Errorf("requests that bound: %d, %d where bytes are lacking, %d where the beginning is", whole, unseen, later)
	}
}
