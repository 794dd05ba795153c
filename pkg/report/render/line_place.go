package render

import (
	"cmp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// tellsOf are the packets that a log line tells of, by what its stamp means: the
// first name of which the journey has an instant counts.
var tellsOf = map[string][]string{
	"query-received": {"dns.query", "dns.retry"},
	"answer-sent":    {"dns.answer", "dns.further-answer"},
	"accepted":       {"tcp.established"},
	"request-start":  {"http.request"},
	"request-end":    {"http.response-end", "http.response"},
}

// standing is where one line has its place in a timeline.
type standing struct {
	line  *report.LineLink
	at    report.Instant
	bound bool // to a packet
}

// places are where the lines of j that have a corrected stamp stand in its
// timeline: where, of the interval in which its instant lies, a line is nearest to
// the packet that it tells of; in the middle of the interval where none is known,
// since a coarse stamp is the beginning of one. Lines of one file keep their order
// as far as their intervals allow it.
func places(j *report.Journey) map[*report.LineLink]report.Instant {
	var list []standing
	for i := range j.Lines {
		if l := &j.Lines[i]; l.Corrected != nil {
			at, bound := nearest(l, j)
			list = append(list, standing{l, at, bound})
		}
	}
	slices.SortStableFunc(list, func(a, b standing) int {
		return cmp.Or(cmp.Compare(a.line.Evidence, b.line.Evidence), cmp.Compare(a.line.Line, b.line.Line))
	})
	for i := len(list) - 2; i >= 0; i-- {
		if x, next := &list[i], &list[i+1]; !x.bound && next.line.Evidence == x.line.Evidence && x.at > next.at {
			x.at = within(next.at, x.line)
		}
	}
	out := make(map[*report.LineLink]report.Instant, len(list))
	for i := range list {
		x := &list[i]
		if i > 0 && list[i-1].line.Evidence == x.line.Evidence && x.at < list[i-1].at {
			x.at = within(list[i-1].at, x.line)
		}
		out[x.line] = x.at
	}
	return out
}

// nearest is where the interval of l comes nearest to a packet that it tells of, or
// its middle; bound tells which of the two.
func nearest(l *report.LineLink, j *report.Journey) (at report.Instant, bound bool) {
	middle := middleOf(*l)
	for _, name := range tellsOf[l.Means] {
		best := middle
		for i := range j.Instants {
			m := &j.Instants[i]
			if m.Name == name && (!bound || apart(m.At(), middle) < apart(best, middle)) {
				best, bound = m.At(), true
			}
		}
		if bound {
			return within(best, l), true
		}
	}
	return middle, false
}

// within is the instant of l's interval that is nearest to at.
func within(at report.Instant, l *report.LineLink) report.Instant {
	if l.Low == nil || l.High == nil {
		return *l.Corrected
	}
	return min(max(at, *l.Low), *l.High)
}

// apart is how far two instants lie from each other.
func apart(a, b report.Instant) report.Instant { return max(a-b, b-a) }
