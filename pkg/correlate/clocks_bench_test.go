package correlate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// crowd makes an access log of many clients and the capture of its middle part:
// the server's clock is theta ahead.
func crowd(lines, clients int, theta int64) *incident.Incident {
	r := rand.New(rand.NewPCG(1, 1))
	begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixNano()
	span := int64(10 * time.Hour)
	server := netip.MustParseAddrPort("192.0.2.80:443")
	log := &incident.Log{File: &incident.File{Path: "web/access.log", Kind: "nginx-access", First: begin, Last: begin + span}, Folder: "web"}
	c := &incident.Capture{Files: []*incident.File{{Path: "web.pcap", Kind: "pcap", First: begin + span/3, Last: begin + span/3*2}}}
	c.First, c.Last = pcapflow.Stamp{Time: begin + span/3, Frame: 1}, pcapflow.Stamp{Time: begin + span/3*2, Frame: 2}
	for i := range lines {
		at := begin + span/int64(lines)*int64(i) + r.Int64N(int64(time.Second))
		client := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(clients) >> 8), byte(r.IntN(clients))})
		stamp := at + int64(2*time.Millisecond) + theta
		log.Events = append(log.Events, logparse.Event{
			Kind: logparse.HTTPRequest, Time: stamp - stamp%int64(time.Second), HasTime: true, Width: time.Second, Means: logparse.RequestEnd,
			Client: netip.AddrPortFrom(client, 0), Duration: -1, Body: int64(200 + r.IntN(3000)), Sent: -1, Received: -1,
		})
		if at < begin+span/3 || at > begin+span/3*2 {
			continue
		}
		f := &pcapflow.Flow{Transport: pcapflow.TCP, Client: netip.AddrPortFrom(client, uint16(1024+i%60000)), Server: server}
		stampAt := func(t int64) pcapflow.Stamp { return pcapflow.Stamp{Time: t, Frame: i + 1} }
		f.Start, f.End = stampAt(at-int64(time.Millisecond)), stampAt(at+int64(4*time.Millisecond))
		f.Conn = &pcapflow.Conn{SYN: []pcapflow.Stamp{f.Start}, RTTServer: int64(time.Millisecond)}
		f.HTTP = []pcapflow.Exchange{{Ordinal: 1, RequestFirst: stampAt(at), RequestLast: stampAt(at), ResponseFirst: stampAt(at + int64(3*time.Millisecond)), ResponseLast: stampAt(at + int64(3*time.Millisecond)), BodyBytes: -1, RequestBytes: -1, ResponseBytes: -1}}
		c.Flows = append(c.Flows, f)
	}
	return &incident.Incident{Files: []*incident.File{c.Files[0], log.File}, Captures: []*incident.Capture{c}, Logs: []*incident.Log{log}}
}

// TestCrowdedLog: a large log is measured by a part of it.
func TestCrowdedLog(t *testing.T) {
	const theta = int64(-1_370_000_000)
	clocks := measureClocks(crowd(20_000, 1500, theta), Options{})
	k := named(clocks, kindLog, "web")
	if k == nil || k.Status != clock.Measured {
		show(t, clocks)
		t.Fatal("not measured")
	}
	o, l, h, _ := k.At(k.Segments[len(k.Segments)/2].From)
	if l > theta || h < theta || h-l > int64(60*time.Millisecond) {
		t.Errorf("%d, %d … %d", o, l, h)
	}
}

func BenchmarkClocks(b *testing.B) {
	for _, lines := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			inc := crowd(lines, 20_000, 5e9)
			for b.Loop() {
				measureClocks(inc, Options{})
			}
		})
	}
}
