package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// gathered is what is analysed of one window.
type gathered struct {
	flows    [][]*pcapflow.Flow // by point
	journals []*incident.Log    // by point, of entries between the packets; nil: none
	sum      hash.Hash          // of all of it, as it lies on disk
}

// gather collects the flows of a window: those on which a journey begins in it,
// and, where they share a host with them or are the same, those that begin beside it
// or carry something close to it.
func (a *archive) gather(ctx context.Context, w *window) (*gathered, error) {
	g := &gathered{flows: make([][]*pcapflow.Flow, len(a.points)), journals: make([]*incident.Log, len(a.points)), sum: sha256.New()}
	hosts, same := map[[16]byte]bool{}, map[uint64]bool{}
	err := a.eachRecord(ctx, w, 0, func(_ int, v *window, h *recordHead, _ []byte) error {
		if v.main(h) {
			hosts[h.client], hosts[h.server] = true, true
			same[h.same] = h.same != 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = a.eachRecord(ctx, w, w.beside, func(point int, v *window, h *recordHead, record []byte) error {
		from, to := v.around(v.beside)
		if !v.main(h) && (!hosts[h.client] && !same[h.same] || h.from < from && h.end < sub(v.from, touching) || h.from > to) {
			return nil
		}
		g.sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(point)))
		g.sum.Write(record)
		f, err := flowOf(record)
		if err == nil && v.trim(f) {
			g.flows[point] = append(g.flows[point], f)
		}
		return err
	})
	for i, p := range a.points {
		if err == nil {
			g.journals[i], err = a.journalOf(p, w.by(p), g)
		}
	}
	for _, list := range g.flows {
		slices.SortStableFunc(list, func(x, y *pcapflow.Flow) int {
			return cmp.Or(cmp.Compare(x.Start.Frame, y.Start.Frame), cmp.Compare(x.Encapsulation, y.Encapsulation))
		})
	}
	return g, err
}

// main tells whether a journey on a flow may begin in the window.
func (w *window) main(h *recordHead) bool { return h.to >= w.from && (h.from < w.to || w.last) }

// eachRecord calls use with the flows of all points that touch a window or are as close
// to it as beside, until ctx ends. It is told the window by the point's clock.
func (a *archive) eachRecord(ctx context.Context, w *window, beside int64, use func(point int, v *window, h *recordHead, record []byte) error) error {
	for i, p := range a.points {
		v := w.by(p)
		from, to := v.around(beside)
		for _, m := range p.met() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := m.Flows.eachRecord(a.pointFolder(p), from, to, func(h *recordHead, record []byte) error { return use(i, v, h, record) }); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// trim leaves of a flow's requests the first, those close to the window, and one on
// either side of them, so that the work on a flow does not grow with each window that
// it spans. It tells whether anything of it may have to do with the window.
func (w *window) trim(f *pcapflow.Flow) bool {
	from, to := w.around(w.beside)
	in := func(s pcapflow.Stamp) bool { return s.Seen() && s.Time >= from && s.Time <= to }
	wanted := in(f.Start)
	f.HTTP = middle(f.HTTP, &wanted, w.near)
	f.DNS = middle(f.DNS, &wanted, func(t *pcapflow.Transaction) bool { return in(t.Query) || in(t.Answer) })
	f.NTP = middle(f.NTP, &wanted, func(s *pcapflow.NTPSample) bool { return in(s.Request.Stamp) || in(s.Response.Stamp) })
	return wanted
}

// near tells whether a request was under way in the window, or close to it.
func (w *window) near(e *pcapflow.Exchange) bool {
	return e.RequestFirst.Time <= sub(w.to, -touching) && endOf(e) >= sub(w.from, touching)
}

// endOf is the last that was seen of a request and its answer.
func endOf(e *pcapflow.Exchange) int64 {
	return max(e.RequestFirst.Time, e.RequestLast.Time, e.ResponseLast.Time)
}

// middle leaves what is wanted, the first, and one on either side of what is wanted.
func middle[T any](list []T, any *bool, wanted func(*T) bool) []T {
	keep := make([]bool, len(list)+2)
	n := 0
	for i := range list {
		if wanted(&list[i]) {
			*any = true
			keep[i], keep[i+1], keep[i+2] = true, true, true // keep[i+1] is list[i]'s
		}
	}
	for i := range list {
		if i == 0 || keep[i+1] {
			list[n] = list[i]
			n++
		}
	}
	return list[:n]
}
