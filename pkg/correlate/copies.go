package correlate

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// copiesOf marks the events of a log that repeat another one: a log that was
// gathered twice into one file says nothing twice. Counted as requests of their
// own, the copies would take the partners of other lines. Lines that are alike
// may well tell of several requests, so that they are copies only where no clock
// shows one instant twice, or where the whole log is written several times over.
// Without copies it is nil.
func copiesOf(l *incident.Log) []bool {
	order := make([]int, 0, len(l.Events))
	for i := range l.Events {
		if l.Events[i].HasTime {
			order = append(order, i)
		}
	}
	alike := func(a, b int) int { return compareEvents(&l.Events[a], &l.Events[b]) }
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(alike(a, b), cmp.Compare(a, b)) })
	var groups [][]int // of events that are alike
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && alike(order[from], order[to]) == 0 {
			to++
		}
		groups = append(groups, order[from:to])
		from = to
	}
	if len(groups) == len(order) {
		return nil
	}
	times := timesOver(groups)
	var out []bool
	for _, g := range groups {
		keep := (len(g) + times - 1) / times
		if l.Events[g[0]].Width <= time.Microsecond {
			keep = 1
		}
		for _, i := range g[keep:] {
			if out == nil {
				out = make([]bool, len(l.Events))
			}
			out[i] = true
		}
	}
	return out
}

// timesOver is how often a log is written into itself: (nearly) every line
// occurs so many times, or a multiple of it. A few lines alike tell of nothing.
func timesOver(groups [][]int) int {
	const (
		least = 3 // different lines
		most  = 4 // times
	)
	if len(groups) < least {
		return 1
	}
	for times := most; times > 1; times-- {
		n := 0
		for _, g := range groups {
			if len(g)%times == 0 {
				n++
			}
		}
		if n*10 >= len(groups)*9 {
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
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.JournalTime, b.JournalTime), cmp.Compare(a.Monotonic, b.Monotonic),
		cmp.Compare(a.Host, b.Host), cmp.Compare(a.Process, b.Process), cmp.Compare(a.PID, b.PID),
		a.Client.Compare(b.Client), a.Server.Compare(b.Server), a.Peer.Compare(b.Peer),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.User, b.User),
		cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Status, b.Status), cmp.Compare(a.RCode, b.RCode), cmp.Compare(a.Agent, b.Agent),
		cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Body, b.Body), cmp.Compare(a.Received, b.Received), cmp.Compare(a.Size, b.Size),
		cmp.Compare(a.Duration, b.Duration), cmp.Compare(a.FirstByte, b.FirstByte), slices.Compare(a.Upstream, b.Upstream),
		cmp.Compare(a.RequestID, b.RequestID), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Text, b.Text),
	)
}
