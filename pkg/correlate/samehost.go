package correlate

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// identity claims that two clocks are one: a capture stamped by the kernel of
// the host that wrote a log.
type identity struct {
	capture, host *Clock
	where         *incident.Capture
}

// sameHosts looks for captures that were taken on the host that wrote a log:
// both were stamped by one clock. It adds that as evidence where what was
// measured does not speak against it, and tells whether it added any.
func (e *evidence) sameHosts(s *clock.Solution) bool {
	tried := map[[2]clock.ID]bool{}
	added := e.sameVantage(s)
	for _, id := range e.identities() {
		key := [2]clock.ID{id.capture.ID, id.host.ID}
		if tried[key] {
			continue
		}
		tried[key] = true
		if e.plausible(id, s) {
			e.identify(id)
			added = true
		}
	}
	return added
}

// sameVantage joins captures that were taken on one host at the same time.
func (e *evidence) sameVantage(s *clock.Solution) bool {
	added := false
	for i, c := range e.inc.Captures {
		for j := i + 1; j < len(e.inc.Captures); j++ {
			o := e.inc.Captures[j]
			if !oneHost(c, o) {
				continue
			}
			a, b := e.byKey[captureKey(i, 0)], e.byKey[captureKey(j, 0)]
			if a == nil || b == nil {
				continue
			}
			ta, tb := &s.Tracks[a.ID], &s.Tracks[b.ID]
			if known(ta) && known(tb) && !meet(ta, tb, c) {
				continue
			}
			e.identify(identity{a, b, c})
			added = true
		}
	}
	return added
}

// known tells whether a track tells an offset.
func known(t *clock.Track) bool { return t.Status == clock.Measured || t.Status == clock.Reference }

// identities lists the pairs that the addresses allow: the log's lines tell of
// flows with a server on which the capture was taken.
func (e *evidence) identities() []identity {
	var out []identity
	most := map[clock.ID]int{} // lines of one log about flows of a capture's own host
	own := func(i int) bool {
		s, o := &e.series[i], &e.origins[i]
		return o.capture != nil && e.takenOn(o.capture, e.clocks[s.A].clockID(), o.server)
	}
	for i := range e.series {
		if s := &e.series[i]; own(i) {
			most[s.A] = max(most[s.A], len(s.Lines))
		}
	}
	for i := range e.series {
		s, o := &e.series[i], &e.origins[i]
		// A log of fewer requests than another has from the same clients may be that
		// of one of several servers behind this one.
		if own(i) && 4*len(s.Lines) >= 3*most[s.A] {
			out = append(out, identity{e.clocks[s.A], e.clocks[s.B], o.capture})
		}
	}
	for _, k := range e.keyedHosts {
		if e.takenOn(k.where, k.capture.clockID(), k.address) {
			out = append(out, identity{k.capture, k.host, k.where})
		}
	}
	return out
}

// plausible tells whether what was measured allows two clocks to be one.
func (e *evidence) plausible(id identity, s *clock.Solution) bool {
	const few = 25 // items that bear a track
	a, b := &s.Tracks[id.capture.ID], &s.Tracks[id.host.ID]
	if !known(a) || !known(b) {
		return e.fits(id, time.Hour)
	}
	n, apart := apartness(a, b, id.where)
	switch {
	case n > 0 && apart*9 <= n: // one instant may fall into a step
		return true
	case 2*apart <= n || support(b) < few: // a step that few or coarse lines do not show, or a wrong peak
		return e.fits(id, time.Hour)
	}
	return e.fits(id, 10*time.Millisecond) // stamps so fine are right by themselves or not at all
}

// meet tells whether the bands of two tracks overlap wherever the capture was
// running.
func meet(a, b *clock.Track, c *incident.Capture) bool {
	n, apart := apartness(a, b, c)
	return n > 0 && apart*9 <= n // one instant may fall into a step
}

// apartness counts instants of a capture at which two tracks are known, and
// those at which their bands do not overlap.
func apartness(a, b *clock.Track, c *incident.Capture) (n, apart int) {
	const noise = int64(time.Millisecond)
	for k := range int64(9) {
		at := c.First.Time + (c.Last.Time-c.First.Time)/8*k
		_, l1, h1, ok1 := a.At(at)
		_, l2, h2, ok2 := b.At(at)
		if !ok1 || !ok2 {
			continue
		}
		n++
		if l1 > h2+noise || l2 > h1+noise {
			apart++
		}
	}
	return n, apart
}

// fits tells whether the lines of a host find their partners in the capture as
// they stand, as well as under any other offset. A host may have several
// addresses: the lines of a log are divided among them. Logs whose stamps are
// wider than width are left out.
func (e *evidence) fits(id identity, width time.Duration) bool {
	matched, partners, lines := 0, 0, map[*incident.Log]int{}
	for i := range e.series {
		s, o := &e.series[i], &e.origins[i]
		if s.A != id.capture.ID || s.B != id.host.ID || o.log == nil || !e.takenOn(o.capture, id.capture.clockID(), o.server) || resolution(o.log) > int64(width) {
			continue
		}
		at, best, inside := clock.Matches(s, 0)
		if at < best-max(1, best/40) {
			return false
		}
		lines[o.log] = max(lines[o.log], inside)
		partners += len(s.Partners)
		matched += at
	}
	all := 0
	for _, n := range lines {
		all += n
	}
	// A capture that lost packets shows fewer requests than the log tells of: then
	// nearly all that it shows must have a line.
	return matched >= 2 && (matched*10 >= all*8 || matched*20 >= partners*19 && partners*4 >= all)
}

// identify adds the claim as evidence, over the capture's whole time: at so
// many instants that a step of the capture is one of the host.
func (e *evidence) identify(id identity) {
	const instants = 40
	ref := e.refs + 1
	for k := range int64(instants + 1) {
		at := id.where.First.Time + (id.where.Last.Time-id.where.First.Time)/instants*k
		e.add(id.capture, id.host, at, -captureNoise, captureNoise, clock.Identity)
		e.constraints[len(e.constraints)-1].Ref = ref // one claim
	}
}
