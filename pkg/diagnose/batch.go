package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
)

// hit is one journey that a rule's trouble befell.
type hit struct {
	journey  *correlate.Journey
	lost     time.Duration // what it cost
	evidence []Evidence
}

// batch is the hits of one cause.
type batch struct {
	key  string
	hits []hit
}

// batches keeps them in order of first mention.
type batches struct {
	all   []*batch
	index map[string]*batch
}

func (b *batches) add(key string, h hit) {
	if b.index == nil {
		b.index = map[string]*batch{}
	}
	x := b.index[key]
	if x == nil {
		x = &batch{key: key}
		b.index[key] = x
		b.all = append(b.all, x)
	}
	x.hits = append(x.hits, h)
}

// maxProven is how many journeys of a batch show their frames: the dearest.
const maxProven = 40

// finding begins one about the whole batch.
func (b *batch) finding(s Severity, k Confidence) Finding {
	f := Finding{Severity: s, Confidence: k}
	var whole time.Duration
	for _, h := range b.hits {
		f.Journeys = append(f.Journeys, h.journey)
		f.Lost += h.lost
		whole += max(h.lost, h.journey.Total())
	}
	f.Journeys = slices.Compact(f.Journeys)
	if whole > 0 {
		f.Share = float64(f.Lost) / float64(whole)
	}
	dear := slices.Clone(b.hits)
	slices.SortStableFunc(dear, func(x, y hit) int { return cmp.Compare(y.lost, x.lost) })
	for _, h := range dear[:min(len(dear), maxProven)] {
		f.Evidence = append(f.Evidence, h.evidence...)
	}
	f.Evidence = merge(f.Evidence)
	return f
}

// worst is the dearest hit.
func (b *batch) worst() hit {
	w := b.hits[0]
	for _, h := range b.hits {
		if h.lost > w.lost {
			w = h
		}
	}
	return w
}

// weighed is the severity of a batch of which some hits are felt, among all
// that could have been hit.
func (c *Case) weighed(b *batch, of int) Severity {
	felt := 0
	for _, h := range b.hits {
		if h.lost >= c.T.FeltLoss && float64(h.lost) >= c.T.FeltShare*float64(h.journey.Total()) {
			felt++
		}
	}
	if felt == 0 {
		return Note
	}
	return c.loudness(felt, of)
}

// doubts fills in what was found of a rule's refuters, in their order.
func (c *Case) doubts(r *Rule, found ...doubt) []Refuter {
	var out []Refuter
	for i, d := range found {
		out = append(out, Refuter{Text: r.Refuters[i].In(c.Lang), Status: d.status, Command: d.command})
	}
	return out
}

// doubt is what is known of one refuter.
type doubt struct{ status, command string }

var (
	isFound  = doubt{status: "found"}
	notFound = doubt{status: "not-found"}
)

func notCollected(command string) doubt { return doubt{"not-collected", command} }

// foundIf is found or not found.
func foundIf(yes bool) doubt {
	if yes {
		return isFound
	}
	return notFound
}

// lasted is how long a connection went on until it was given up.
func lasted(p correlate.Point) time.Duration {
	return time.Duration(p.Flow.End.Time - p.Flow.Start.Time)
}
