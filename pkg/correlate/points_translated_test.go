package correlate

import (
	"net/netip"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// behind is a flow as it is seen behind a device that gave it other addresses and
// sequence numbers, by another capture.
func behind(s *scene, f *pcapflow.Flow, client string, later float64) *pcapflow.Flow {
	g := s.connect(client, f.Server.String(), float64(f.Start.Time-epoch)/1e6+later, 20)
	g.Conn.ISN = [2]uint32{f.Conn.ISN[0] + 1<<20, f.Conn.ISN[1] + 1<<21}
	g.End.Time = f.End.Time + int64(later*1e6)
	g.Payload, g.TLS, g.Conn.TSVal = f.Payload, f.TLS, f.Conn.TSVal
	for _, m := range f.Conn.Marks {
		m.Seq += g.Conn.ISN[m.Dir] - f.Conn.ISN[m.Dir]
		g.Conn.Marks = append(g.Conn.Marks, m)
	}
	return g
}

func (s *scene) mark(f *pcapflow.Flow, d pcapflow.Dir, at, length, sum uint32) {
	f.Conn.Marks = append(f.Conn.Marks, pcapflow.Mark{Stamp: s.at(0), Dir: d, Seq: f.Conn.ISN[d] + at, Len: length, Sum: sum})
}

// TestTranslatedBy: what a device on the way leaves unchanged ties its two sides
// together, the surest first; what may be chance ties nothing.
func TestTranslatedBy(t *testing.T) {
	const inside, outside, web = "10.0.0.2:", "192.0.2.1:", "198.51.100.9:443"
	for _, x := range []struct {
		name string
		make func(a, b *scene)
		by   []By // of the last points of the joints, in order of their first flows; "": it stands alone
	}{
		{"unchanged numbers", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			behind(b, f, outside+"5000", 0).Conn.ISN = f.Conn.ISN
		}, []By{ByISN}},
		{"payload that is random", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			f.TLS = &pcapflow.TLS{}
			a.mark(f, pcapflow.Client, 1, 300, 77)
			behind(b, f, outside+"5000", 0)
		}, []By{ByPayload}},
		{"a segment that is the same in every connection, behind one that is not", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			g := behind(b, f, outside+"5000", 0)
			for i, x := range []*pcapflow.Flow{f, g} {
				x.SSH = &pcapflow.SSH{}
				a.mark(x, pcapflow.Client, 41, 1400+48*uint32(i), uint32(7+i))
				a.mark(x, pcapflow.Client, 1489, 112, 77)
			}
		}, []By{"", ""}},
		{"one payload of two connections", func(a, b *scene) {
			for _, port := range []string{"1000", "1001"} {
				f := a.connect(inside+port, web, 0, 20)
				f.TLS = &pcapflow.TLS{}
				a.mark(f, pcapflow.Client, 1, 300, 77)
				behind(b, f, outside+port, 0)
			}
		}, []By{"", "", "", ""}},
		{"two machines that say the same, watched where they stand", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			a.mark(f, pcapflow.Client, 1, 300, 77)
			g := behind(b, f, "10.0.0.3:1000", 0)
			f.Conn.Vantage, g.Conn.Vantage = pcapflow.VantageClient, pcapflow.VantageClient
		}, []By{"", ""}},
		{"time stamps", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			f.Conn.TSVal[pcapflow.Client] = 123456
			behind(b, f, outside+"5000", 0)
		}, []By{ByTimestamp}},
		{"sizes, where the translation is known", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			behind(b, f, outside+"5000", 0).Conn.ISN = f.Conn.ISN
			for _, port := range []string{"1001", "1002"} { // of one size: their order tells
				f := a.connect(inside+port, web, 100, 20)
				f.Payload = [2]int64{500, 4000}
				behind(b, f, outside+port, 1)
			}
		}, []By{ByISN, BySizes, BySizes}},
		{"sizes, where nothing tells that an address becomes another", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			f.Payload = [2]int64{500, 4000}
			behind(b, f, outside+"5000", 0)
		}, []By{"", ""}},
		{"sizes of which one capture shows one more", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			behind(b, f, outside+"5000", 0).Conn.ISN = f.Conn.ISN
			for i, port := range []string{"1001", "1002"} {
				f := a.connect(inside+port, web, 100, 20)
				f.Payload = [2]int64{500, 4000}
				if i == 0 {
					behind(b, f, outside+port, 1)
				}
			}
		}, []By{ByISN, "", "", ""}},
		{"sizes of connections that began at quite other times", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			behind(b, f, outside+"5000", 0).Conn.ISN = f.Conn.ISN
			f = a.connect(inside+"1001", web, 100, 20)
			f.Payload = [2]int64{500, 4000}
			behind(b, f, outside+"5001", 8000)
		}, []By{ByISN, "", ""}},
		{"another server", func(a, b *scene) {
			f := a.connect(inside+"1000", web, 0, 20)
			f.Conn.TSVal[pcapflow.Client] = 123456
			behind(b, f, outside+"5000", 0).Server = netip.MustParseAddrPort("198.51.100.10:443")
		}, []By{"", ""}},
	} {
		a, b := newScene(), newScene()
		x.make(a, b)
		joints := joinFlows(&incident.Incident{Captures: []*incident.Capture{a.capture, b.capture}})
		if len(joints) != len(x.by) {
			t.Errorf("%s: %d conversations, want %d", x.name, len(joints), len(x.by))
			continue
		}
		for i, j := range joints {
			last := j.points[len(j.points)-1]
			if last.By != x.by[i] || (last.By != "") != (last.Confidence > 0) {
				t.Errorf("%s: conversation %d is known by %q (%g), want %q", x.name, i, last.By, last.Confidence, x.by[i])
			}
			if len(j.points) > 1 && (j.client.Addr() != netip.MustParseAddr("10.0.0.2") || j.seen.Addr() != netip.MustParseAddr("192.0.2.1")) {
				t.Errorf("%s: from %v, seen as %v", x.name, j.client, j.seen)
			}
		}
	}
}
