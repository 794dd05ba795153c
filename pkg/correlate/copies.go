package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// reasonCopy is why a line that repeats another one belongs to no journey.
const reasonCopy = "repeats an earlier line"

// thinned are logs from which the lines were left out that repeat others: one line
// stands for its copies. Counted as requests of their own, the copies would take
// the partners of other lines.
type thinned map[*incident.Log]*thinning

// thinning is how a log was before.
type thinning struct {
	whole *incident.Log
	of    []int // by place in whole: the event that it repeats; -1: none, it was kept
	kept  []int // by place in the thinned log: place in whole
}

// leaveOutCopies gives the incident without lines that repeat others.
func leaveOutCopies(inc *incident.Incident) (*incident.Incident, thinned) {
	all := thinned{}
	rest := *inc
	rest.Logs = nil
	for _, l := range inc.Logs {
		if of := copiesOf(l); of != nil {
			t := &thinning{whole: l, of: of}
			thin := *l
			thin.Events = nil
			for i, first := range of {
				if first < 0 {
					t.kept = append(t.kept, i)
					thin.Events = append(thin.Events, l.Events[i])
				}
			}
			l = &thin
			all[l] = t
		}
		rest.Logs = append(rest.Logs, l)
	}
	if len(all) == 0 {
		return inc, nil
	}
	return &rest, all
}

// restore tells of the whole logs what was found of the thinned ones, among logs.
func (t thinned) restore(c *Case, logs []*incident.Log) {
	if len(t) == 0 {
		return
	}
	for _, j := range c.Journeys {
		for i := range j.Lines {
			if x := t[j.Lines[i].Log]; x != nil {
				j.Lines[i].Log, j.Lines[i].Event = x.whole, x.kept[j.Lines[i].Event]
			}
		}
	}
	for i := range c.Unmatched {
		u := &c.Unmatched[i]
		if x := t[u.Log]; x != nil {
			u.Log = x.whole
			for k, n := range u.Events {
				u.Events[k] = x.kept[n]
			}
		}
	}
	for _, l := range logs {
		if x := t[l]; x != nil {
			x.writeBack(l)
			c.Unmatched = append(c.Unmatched, Unmatched{Log: x.whole, Events: x.copies(), Reason: reasonCopy})
		}
	}
}

// writeBack gives the events the times in which the thinned log's were read.
func (t *thinning) writeBack(thin *incident.Log) {
	for k, i := range t.kept {
		t.whole.Events[i] = thin.Events[k]
	}
	for i, first := range t.of {
		if first >= 0 {
			own := &t.whole.Events[i]
			line, offset := own.Line, own.Offset
			*own = t.whole.Events[first]
			own.Line, own.Offset = line, offset
		}
	}
}

func (t *thinning) copies() []int {
	var list []int
	for i, first := range t.of {
		if first >= 0 {
			list = append(list, i)
		}
	}
	return list
}

// copiesOf finds the events of a log that repeat another one, of which it gives
// the place, -1 for all others: a log that was gathered twice into one file says
// nothing twice. Lines that are alike may well tell of several requests, so that
// they are copies only where no clock shows one instant twice, or where the whole
// log is written several times over, which requests that come often enough look
// like by chance. Without copies it is nil.
func copiesOf(l *incident.Log) []int {
	alike, different := alikeEvents(l)
	if len(alike) == 0 {
		return nil
	}
	times := timesOver(alike, different)
	if times > 1 && !goesBack(l, alike) && chance(l, alike, times) > unlikely {
		times = 1
	}
	inRow := times > 1 && copiedInRow(alike)
	var out []int
	for _, g := range alike {
		keep := (len(g) + times - 1) / times
		if l.Events[g[0]].Width <= time.Microsecond {
			keep = 1
		}
		for k, i := range g {
			first := g[k%keep]
			if inRow && keep > 1 {
				first = g[k/times*times]
			}
			if first == i {
				continue
			}
			if out == nil {
				out = make([]int, len(l.Events))
				for n := range out {
					out[n] = -1
				}
			}
			out[i] = first
		}
	}
	return out
}

// copiedInRow tells whether the copies of a line follow it, as where each line was
// written twice, and not behind all others: the order of those that stay depends
// on it.
func copiedInRow(alike [][]int) bool {
	next := 0
	for _, g := range alike {
		if g[1] == g[0]+1 {
			next++
		}
	}
	return next*2 > len(alike)
}

// goesBack tells whether the log begins anew: between most lines and their copies
// stand some of other instants.
func goesBack(l *incident.Log, alike [][]int) bool {
	n := 0
	for _, g := range alike {
		for i := g[0] + 1; i < g[len(g)-1]; i++ {
			if e := &l.Events[i]; e.HasTime && e.Time != l.Events[g[0]].Time {
				n++
				break
			}
		}
	}
	return n*2 > len(alike)
}

const (
	// unlikely is the chance below which lines in groups are not requests in groups.
	unlikely = 0.01
	// paced is the chance that requests which come in (nearly) every instant keep a
	// pace that makes groups of one size, as health checks do.
	paced = 0.05
)

// chance is how probable it is that lines that are no copies stand in groups of so
// many, or a multiple of it: requests that say the same come at random, or keep a
// pace.
func chance(l *incident.Log, alike [][]int, times int) float64 {
	groups := slices.Clone(alike)
	slices.SortFunc(groups, func(a, b []int) int { return compareSayings(&l.Events[a[0]], &l.Events[b[0]]) })
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, g := range alike {
		e := &l.Events[g[0]]
		first, last = min(first, e.Time), max(last, e.Time)
	}
	p := 1.0
	for from := 0; from < len(groups); {
		to, lines := from, 0
		for to < len(groups) && compareSayings(&l.Events[groups[from][0]], &l.Events[groups[to][0]]) == 0 {
			lines += len(groups[to])
			to++
		}
		width := max(int64(l.Events[groups[from][0]].Width), 1)
		instants, n := float64((last-first)/width+1), float64(to-from)
		mean := (float64(lines)*(n-1)/n + 0.5) / instants // what the other groups tell of each
		random := math.Pow(multiple(mean, times), n)
		if n*5 >= instants*4 {
			random = max(random, paced)
		}
		p *= random
		from = to
	}
	return p
}

// multiple is the probability that an instant which has any of the requests that
// come mean times an instant, at random, has a multiple of n of them.
func multiple(mean float64, n int) float64 {
	if mean > 30 {
		return 1 / float64(n)
	}
	sum, term := 0.0, 1.0
	for k := 1; k < 200; k++ {
		if term *= mean / float64(k); k%n == 0 {
			sum += term
		}
	}
	return sum / math.Expm1(mean)
}

// mayRepeat tells of which kinds of events compareEvents sees all that they say.
func mayRepeat(k logparse.Kind) bool {
	return k == logparse.HTTPRequest || k == logparse.AppRequest || k == logparse.HTTPError || isQuestion(k) || isLogin(k)
}

// alikeEvents lists the events of a log that are alike, of each kind at least two,
// in the order in which they stand there, and counts the kinds of all.
func alikeEvents(l *incident.Log) (groups [][]int, different int) {
	order := make([]int, 0, len(l.Events))
	for i := range l.Events {
		if e := &l.Events[i]; e.HasTime && mayRepeat(e.Kind) {
			order = append(order, i)
		}
	}
	byTime := func(a, b int) int { return cmp.Compare(l.Events[a].Time, l.Events[b].Time) }
	if !slices.IsSortedFunc(order, byTime) {
		slices.SortFunc(order, func(a, b int) int { return cmp.Or(byTime(a, b), cmp.Compare(a, b)) })
	}
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && byTime(order[from], order[to]) == 0 {
			to++
		}
		if to-from == 1 {
			different++
			from = to
			continue
		}
		now := order[from:to]
		slices.SortFunc(now, func(a, b int) int { return cmp.Or(compareEvents(&l.Events[a], &l.Events[b]), cmp.Compare(a, b)) })
		for len(now) > 0 {
			n := 1
			for n < len(now) && compareEvents(&l.Events[now[0]], &l.Events[now[n]]) == 0 {
				n++
			}
			if different++; n > 1 {
				groups = append(groups, now[:n])
			}
			now = now[n:]
		}
		from = to
	}
	return groups, different
}

// timesOver is how often a log is written into itself: (nearly) every one of its
// different lines occurs so many times, or a multiple of it. A few lines alike tell
// of nothing.
func timesOver(alike [][]int, different int) int {
	const (
		least = 3 // different lines
		most  = 4 // times
	)
	if different < least {
		return 1
	}
	for times := most; times > 1; times-- {
		n := 0
		for _, g := range alike {
			if len(g)%times == 0 {
				n++
			}
		}
		if n*10 >= different*9 {
			return times
		}
	}
	return 1
}

// compareEvents orders events by time and by what their lines say; 0: they are
// alike.
func compareEvents(a, b *logparse.Event) int {
	if o := cmp.Compare(a.Time, b.Time); o != 0 {
		return o
	}
	return cmp.Or(cmp.Compare(a.JournalTime, b.JournalTime), cmp.Compare(a.Monotonic, b.Monotonic), compareSayings(a, b))
}

// compareSayings orders events by what their lines say, but for when.
func compareSayings(a, b *logparse.Event) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Process, b.Process), cmp.Compare(a.PID, b.PID),
		a.Client.Compare(b.Client), a.Server.Compare(b.Server), a.Peer.Compare(b.Peer),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.User, b.User),
		cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Status, b.Status), cmp.Compare(a.RCode, b.RCode), cmp.Compare(a.Agent, b.Agent),
		cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Body, b.Body), cmp.Compare(a.Received, b.Received), cmp.Compare(a.Size, b.Size),
		cmp.Compare(a.Duration, b.Duration), cmp.Compare(a.FirstByte, b.FirstByte), slices.Compare(a.Upstream, b.Upstream),
		cmp.Compare(a.RequestID, b.RequestID), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Text, b.Text),
	)
}
