package archive

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// leg is a run of a point's packets during which its clock was not set back: of the
// moments that it showed twice the number of the packet tells which is meant.
type leg struct {
	Frame    int   // its first packet, from 1 in the point
	From, To int64 // the earliest stamp and the latest, raw ns
}

const (
	// setBack is how much earlier than the latest packet those are stamped by which a
	// clock was set back, ns: flows are looked for as far beside a window anyway, and
	// stamps of several queues are not quite in order.
	setBack = leastBeside
	// backInRow is how many must be so, one after the other.
	backInRow = 8
	// mostLegs of one point are told apart. Captures of several interfaces whose clocks
	// disagree turn with every other packet.
	mostLegs = 64
)

// legs finds them while packets come.
type legs struct {
	List  []leg
	Back  leg // of those in a row that are stamped earlier
	Count int // of these
}

func (x *legs) see(frame int, t int64) {
	if len(x.List) == 0 {
		x.List = []leg{{frame, t, t}}
	}
	last := &x.List[len(x.List)-1]
	if t >= sub(last.To, setBack) {
		last.From, last.To, x.Count = min(last.From, t), max(last.To, t), 0
		return
	}
	if x.Count == 0 {
		x.Back = leg{frame, t, t}
	}
	x.Back.From, x.Back.To = min(x.Back.From, t), max(x.Back.To, t)
	if x.Count++; x.Count >= backInRow && len(x.List) < mostLegs {
		x.List = append(x.List, x.Back)
		x.Count = 0
	}
}

// ledLeg is a leg with how far ahead the clock was during it.
type ledLeg struct {
	leg
	lead lead
}

// legOf is the number of the leg that a packet is of.
func legOf(list []ledLeg, frame int) int {
	i, found := slices.BinarySearchFunc(list, frame, func(l ledLeg, frame int) int { return cmp.Compare(l.Frame, frame) })
	if !found {
		i--
	}
	return max(i, 0)
}

// common tells an instant of the point by the clock of the windows.
func (p *point) common(s pcapflow.Stamp) int64 {
	if len(p.legs) == 0 {
		return s.Time
	}
	return p.legs[legOf(p.legs, s.Frame)].lead.common(s.Time)
}

// sighted is a flow that a point and others saw.
type sighted struct {
	knot
	frame int
}

// legsOf tells how far ahead the clock of a point was, leg by leg; nil: it agrees with
// that of the windows. seen are flows that others saw as well.
func (p *point) legsOf(seen []sighted) []ledLeg {
	if len(seen) < fewSightings {
		return nil
	}
	slices.SortFunc(seen, func(a, b sighted) int { return cmp.Or(cmp.Compare(a.frame, b.frame), cmp.Compare(a.At, b.At)) })
	var all []ledLeg
	for i, l := range p.done.Legs.List {
		n := len(seen)
		if i+1 < len(p.done.Legs.List) {
			n = before(seen, p.done.Legs.List[i+1].Frame)
		}
		for _, part := range p.divided(l, seen[:n]) {
			own := ledLeg{leg: part.leg}
			known := len(part.seen) >= fewSightings
			if k := len(all); !known && k > 0 {
				if known = part.tells(&all[k-1]); !known {
					own.lead = all[k-1].lead
					p.doubt(part.Frame, all[k-1].To-part.From)
				}
			}
			if known {
				own.lead = leadOf(knotsOf(part.seen))
			}
			all = append(all, own)
		}
		seen = seen[n:]
	}
	if !slices.ContainsFunc(all, func(l ledLeg) bool { return l.lead != nil }) {
		return nil
	}
	return all
}

// tells tells whether the one or two flows that others saw of a leg say how its clock was.
// It was set back by as much as its stamps went back, and by more if nothing came for a
// while: one flow must agree with the former, of two, which agree with each other, none
// may tell of less.
func (part legPart) tells(before *ledLeg) bool {
	if len(part.seen) == 0 {
		return false
	}
	most := part.From - before.To
	if n := len(before.lead); n > 0 {
		most += before.lead[n-1].By
	}
	by := func(a, b sighted) int { return cmp.Compare(a.By, b.By) }
	least, last := slices.MinFunc(part.seen, by).By, slices.MaxFunc(part.seen, by).By
	return last <= most+setBack && last-least <= setBack && (len(part.seen) > 1 || least >= most-mostBeside)
}

// doubt notes beside the file where it was that nothing tells how a clock was from a packet
// on.
func (p *point) doubt(frame int, back int64) {
	i := 0
	p.eachFile(func(first int, _ *readFile) {
		if first <= frame {
			i++
		}
	})
	f := p.files[max(i-1, 0)]
	f.Note = strings.TrimPrefix(f.Note+fmt.Sprintf("; its clock was set back by %s or more, and too few others saw what came behind: that is told by the clock as it was before, and perhaps twice", time.Duration(back).Round(time.Second)), "; ")
}

func knotsOf(seen []sighted) []knot {
	knots := make([]knot, len(seen))
	for i := range seen {
		knots[i] = seen[i].knot
	}
	return knots
}

// before is how many were seen before a packet.
func before(seen []sighted, frame int) int {
	n, _ := slices.BinarySearchFunc(seen, frame, func(s sighted, frame int) int { return cmp.Compare(s.frame, frame) })
	return n
}

// legPart is a part of a leg, with what is known of it.
type legPart struct {
	leg
	seen []sighted
}

// divided cuts a leg where the files of the point, which are in the order of their
// stamps, are not in that of time, as others tell it.
func (p *point) divided(l leg, seen []sighted) []legPart {
	var parts []legPart
	latest := int64(math.MinInt64)
	from := 0
	for i := 0; i+fewSightings <= len(seen); i += fewSightings {
		at := median(seen[i : i+fewSightings])
		if at >= sub(latest, 2*setBack) {
			latest = max(latest, at)
			continue
		}
		latest = at
		cut := p.boundary(seen[max(from, i-fewSightings) : i+fewSightings])
		if cut <= l.Frame || len(parts) == mostLegs {
			continue
		}
		n := before(seen, cut)
		parts = append(parts, legPart{leg{Frame: l.Frame}, seen[from:n]})
		l.Frame, from = cut, n
	}
	parts = append(parts, legPart{l, seen[from:]})
	if len(parts) > 1 {
		p.span(parts)
	}
	return parts
}

// median is when flows were seen, by the clock of the windows.
func median(seen []sighted) int64 {
	at := make([]int64, len(seen))
	for i := range seen {
		at[i] = seen[i].At
	}
	slices.Sort(at)
	return at[len(at)/2]
}

// boundary is the first packet of the file behind which flows, in order of packets, go
// back in time: the one that most of them agree with. 0: they are of one file.
func (p *point) boundary(seen []sighted) (frame int) {
	early, late := median(seen[len(seen)-fewSightings:]), median(seen[:fewSightings])
	best := -1
	p.eachFile(func(first int, _ *readFile) {
		if first <= seen[0].frame || first > seen[len(seen)-1].frame {
			return
		}
		agree := 0
		for _, s := range seen {
			if isEarly := max(s.At-early, early-s.At) < max(s.At-late, late-s.At); isEarly == (s.frame >= first) {
				agree++
			}
		}
		if agree > best {
			frame, best = first, agree
		}
	})
	return frame
}

// span sets the time of parts that are cut at files.
func (p *point) span(parts []legPart) {
	for i := range parts {
		parts[i].From, parts[i].To = math.MaxInt64, math.MinInt64
	}
	p.eachFile(func(first int, f *readFile) {
		if f.Count == 0 {
			return
		}
		for i := range parts {
			if first+f.Frames > parts[i].Frame && (i+1 == len(parts) || first < parts[i+1].Frame) {
				parts[i].From, parts[i].To = min(parts[i].From, f.First), max(parts[i].To, f.Last)
			}
		}
	})
}

// eachFile gives the files of the point with the number of their first packet.
func (p *point) eachFile(use func(first int, f *readFile)) {
	first := 1
	for i := range p.chain.Files {
		use(first, &p.chain.Files[i])
		first += p.chain.Files[i].Frames
	}
}

// view is a window by the clock of a point, leg by leg. Where that was never set back
// it is one window.
type view struct {
	window
	legs []ledLeg
	of   []window // one for each leg; those that it does not touch are never
}

// never is a window that nothing is in.
var never = window{from: math.MaxInt64, to: math.MinInt64}

// by is a window by the clock of a point.
func (w *window) by(p *point) view {
	v := view{window: *w}
	if len(p.legs) == 1 {
		v.window = w.led(p.legs[0].lead)
	}
	if len(p.legs) < 2 {
		return v
	}
	v.legs, v.of = p.legs, make([]window, len(p.legs))
	v.window = never
	v.beside, v.first, v.last = w.beside, w.first, w.last
	for i, l := range p.legs {
		x := w.led(l.lead)
		if from, to := x.around(along + clockMargin); l.To < from || l.From > to {
			v.of[i] = never
			continue
		}
		v.of[i] = x
		v.from, v.to = min(v.from, x.from), max(v.to, x.to)
	}
	return v
}

// led is a window by a clock that is ahead.
func (w *window) led(ahead lead) window {
	v := *w
	v.from, v.to = ahead.local(w.from), ahead.local(w.to)
	return v
}

// at is the window by the clock as it was when a packet came.
func (v *view) at(frame int) *window {
	if v.legs == nil {
		return &v.window
	}
	return &v.of[legOf(v.legs, frame)]
}

// any tells whether a test of a flow holds by the clock as it was when journeys on it may
// have begun.
func (v *view) any(h *recordHead, test func(*window, *recordHead) bool) bool {
	if v.legs == nil {
		return test(&v.window, h)
	}
	for i := legOf(v.legs, int(h.frames[0])); i <= legOf(v.legs, int(h.frames[1])); i++ {
		if test(&v.of[i], h) {
			return true
		}
	}
	return false
}

// leadOf is how far ahead the clock of a point was at an instant of the window, by its own
// stamps; nil: it agrees.
func (w *window) leadOf(p *point, from, to int64) lead {
	if p == nil {
		return nil
	}
	v := w.by(p)
	for i := range v.of {
		if x := &v.of[i]; x.from <= to && x.to >= from {
			return p.legs[i].lead
		}
	}
	return p.legs[0].lead
}

// commonAt tells an instant of the point by the clock of the windows; of one that the clock
// showed twice, the first.
func (p *point) commonAt(t int64) int64 {
	for i := range p.legs {
		if l := &p.legs[i]; i+1 == len(p.legs) || t >= l.From && t <= l.To {
			return l.lead.common(t)
		}
	}
	return t
}
