package archive

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// lookups adds journeys with what query logs say of their lookups.
func (x *extract) lookups(of []*correlate.Journey) {
	for _, j := range of {
		x.frames.keepJourney(j)
		for _, l := range j.Lines {
			if kind := l.Log.Events[l.Event].Kind; kind == logparse.DNSQuery || kind == logparse.DNSReply {
				delete(x.others[l.Log], l.Event)
				if len(x.events[l.Log]) > 0 {
					x.events[l.Log] = append(x.events[l.Log], l.Event)
				}
			}
		}
	}
}

// names adds the journeys that looked up a name before, by which others that begin
// later are called: each whole, as a lookup alone would be taken for that of another
// connection.
func (x *extract) names(c *correlate.Case, journeys []*correlate.Journey) {
	type named struct {
		client, server netip.Addr
		name           string
	}
	begun := map[named]int64{} // the first of those called so
	for _, j := range journeys {
		key := named{j.Client.Addr(), j.Server.Addr(), j.Name}
		if at, known := begun[key]; j.Lookup == nil && j.Name != "" && (!known || j.Start.Time < at) {
			begun[key] = j.Start.Time
		}
	}
	last := map[named]*correlate.Journey{}
	for _, j := range c.Journeys {
		if j.Lookup == nil {
			continue
		}
		for _, a := range j.Lookup.Addresses {
			key := named{j.Lookup.Client, a, j.Lookup.Name}
			if at, called := begun[key]; called && j.Start.Time < at && (last[key] == nil || last[key].Start.Time < j.Start.Time) {
				last[key] = j
			}
		}
	}
	for _, j := range last {
		x.frames.keepJourney(j)
	}
}

// part is what a lookup beside others has to tell.
type part struct {
	client, resolver netip.Addr
	capture          *incident.Capture
	of               partOf
}

type partOf uint8

const (
	passed  partOf = iota // a capture lies on the way to the resolver
	earlier               // a query log goes back to before the client's lookups
	later                 // and on behind them
	quick                 // how far away the resolver is
)

// lookupsBeside are journeys whose lookups say what those of the chosen ones cannot
// say alone: one for each part, the nearest in time or the quickest. Those that a
// finding is about are taken where there are no others.
func lookupsBeside(c *correlate.Case, journeys []*correlate.Journey, odd map[string]bool) []*correlate.Journey {
	first, last := map[netip.Addr]int64{}, map[netip.Addr]int64{} // by client
	chosen, names, asked := map[*correlate.Lookup]bool{}, map[string]bool{}, map[part]bool{}
	for _, j := range journeys {
		l := j.Lookup
		if l == nil || len(l.Resolvers) == 0 {
			continue
		}
		if _, known := first[l.Client]; !known {
			first[l.Client], last[l.Client] = math.MaxInt64, math.MinInt64
		}
		first[l.Client], last[l.Client] = min(first[l.Client], l.Start.Time), max(last[l.Client], l.Start.Time)
		chosen[l], names[l.Name] = true, true
		asked[part{client: l.Client, resolver: l.Resolvers[0]}] = true
	}
	b := best{odd: odd, far: map[part]int64{}, of: map[part]*correlate.Journey{}}
	for _, j := range c.Journeys {
		l := j.Lookup
		if l == nil || len(l.Resolvers) == 0 || chosen[l] || !asked[part{client: l.Client, resolver: l.Resolvers[0]}] {
			continue
		}
		before, behind := first[l.Client]-l.Start.Time, l.Start.Time-last[l.Client]
		for _, o := range l.Others {
			b.take(part{l.Client, l.Resolvers[0], o.Capture, passed}, j, max(before, behind, 0))
		}
		if before > 0 && !names[l.Name] {
			b.take(part{client: l.Client, of: earlier}, j, before)
		}
		if behind > 0 && !names[l.Name] {
			b.take(part{client: l.Client, of: later}, j, behind)
		}
		if d, ok := answerTime(l); ok {
			b.take(part{resolver: l.Resolvers[0], capture: l.Capture, of: quick}, j, int64(d))
		}
	}
	var all []*correlate.Journey
	for _, p := range b.order {
		if j := b.of[p]; !slices.Contains(all, j) {
			all = append(all, j)
		}
	}
	return all
}

// best are the journeys that are nearest so far, by part.
type best struct {
	odd   map[string]bool
	far   map[part]int64
	of    map[part]*correlate.Journey
	order []part // as they were met
}

func (b *best) take(p part, j *correlate.Journey, far int64) {
	was := b.of[p]
	switch {
	case was == nil:
		b.order = append(b.order, p)
	case p.of != quick && b.odd[was.ID] != b.odd[j.ID]:
		if b.odd[j.ID] {
			return
		}
	case far >= b.far[p]:
		return
	}
	b.of[p], b.far[p] = j, far
}

// answerTime is that of the quickest answer to a query that was asked once.
func answerTime(l *correlate.Lookup) (quickest time.Duration, ok bool) {
	for i := range l.Tries {
		t := &l.Tries[i]
		if !t.Query.Seen() || !t.Answer.Seen() || len(t.Repeats) > 0 {
			continue
		}
		if d := time.Duration(t.Answer.Time - t.Query.Time); d > 0 && (!ok || d < quickest) {
			quickest, ok = d, true
		}
	}
	return quickest, ok
}
