package archive

import (
	"bytes"
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
	read     recordReader
}

// gatheredFlow is one with the sum of its record, by which flows that nothing else
// puts in order are in one: that in which they lie depends on when it was noted how
// far the reading came.
type gatheredFlow struct {
	*pcapflow.Flow
	sum [sha256.Size]byte
}

// gather collects the flows of a window: those on which a journey begins in it,
// and, where they share a host with them or are the same, those that begin beside it
// or carry something close to it.
func (a *archive) gather(ctx context.Context, w *window) (*gathered, error) {
	g := &gathered{flows: make([][]*pcapflow.Flow, len(a.points)), journals: make([]*incident.Log, len(a.points)), sum: sha256.New()}
	hosts, same := map[[16]byte]bool{}, map[uint64]bool{}
	for _, p := range a.points {
		v := w.by(p)
		err := g.each(ctx, a, p, v.from, v.to, func(h *recordHead) bool {
			if v.any(h, (*window).main) {
				hosts[h.client], hosts[h.server] = true, true
				same[h.same] = h.same != 0
			}
			return false
		}, nil)
		if err != nil {
			return nil, err
		}
	}
	for i, p := range a.points {
		v := w.by(p)
		from, to := v.around(v.beside)
		var list []gatheredFlow
		err := g.each(ctx, a, p, from, to, func(h *recordHead) bool {
			return v.any(h, (*window).main) || (hosts[h.client] || same[h.same]) && v.any(h, (*window).touches)
		}, func(r *record) error {
			f, err := flowOf(r)
			if err == nil && v.trim(f) {
				sum := sha256.New()
				sum.Write(r.head)
				sum.Write(r.body)
				list = append(list, gatheredFlow{f, [sha256.Size]byte(sum.Sum(nil))})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		g.take(i, list)
		if g.journals[i], err = a.journalOf(p, &v.window, g); err != nil {
			return nil, err
		}
	}
	g.read = recordReader{} // room that the analysis may need
	return g, nil
}

// take makes flows those of a point.
func (g *gathered) take(point int, list []gatheredFlow) {
	slices.SortFunc(list, func(x, y gatheredFlow) int {
		return cmp.Or(cmp.Compare(x.Start.Frame, y.Start.Frame), cmp.Compare(x.Encapsulation, y.Encapsulation), bytes.Compare(x.sum[:], y.sum[:]))
	})
	flows := make([]*pcapflow.Flow, len(list))
	for i := range list {
		flows[i] = list[i].Flow
		g.sum.Write(list[i].sum[:])
	}
	g.flows[point] = flows
	g.sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(list)))) // where those of the next point begin
}

// main tells whether a journey on a flow may begin in the window.
func (w *window) main(h *recordHead) bool { return h.to >= w.from && (h.from < w.to || w.last) }

// touches tells whether a flow begins in the window or beside it, or carries something
// close to it.
func (w *window) touches(h *recordHead) bool {
	from, to := w.around(w.beside)
	return h.to >= from && h.from <= to && (h.from >= from || h.end >= sub(w.from, touching))
}

// each calls use with the flows of a point that touch a stretch of time and are wanted,
// until ctx ends.
func (g *gathered) each(ctx context.Context, a *archive, p *point, from, to int64, wanted func(*recordHead) bool, use func(*record) error) error {
	for _, m := range p.met() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.read.each(&m.Flows, a.pointFolder(p), from, to, wanted, use); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// trim leaves of a flow's requests the first, those close to the window, and one on
// either side of them, so that the work on a flow does not grow with each window that
// it spans. It tells whether anything of it may have to do with the window.
func (v *view) trim(f *pcapflow.Flow) bool {
	in := func(s pcapflow.Stamp) bool {
		from, to := v.at(s.Frame).around(v.beside)
		return s.Seen() && s.Time >= from && s.Time <= to
	}
	wanted := in(f.Start)
	f.HTTP = middle(f.HTTP, &wanted, v.near)
	f.DNS = middle(f.DNS, &wanted, func(t *pcapflow.Transaction) bool { return in(t.Query) || in(t.Answer) })
	f.NTP = middle(f.NTP, &wanted, func(s *pcapflow.NTPSample) bool { return in(s.Request.Stamp) || in(s.Response.Stamp) })
	return wanted
}

// near tells whether a request was under way in the window, or close to it.
func (v *view) near(e *pcapflow.Exchange) bool {
	w := v.at(e.RequestFirst.Frame)
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
