package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// sure is the probability from which a line is called matched; below it the
// candidates are rivals.
const sure = 0.95

// certain caps every confidence: the model itself may be wrong.
const certain = 0.999

// leastRival is the probability from which a candidate is listed.
const leastRival = 0.02

// mostRivals bounds the candidates listed for a line.
const mostRivals = 8

// matcher links the lines of all logs to journeys.
type matcher struct {
	inc     *incident.Incident
	tb      timebase
	built   *built
	targets []*target
	clients map[netip.Addr][]*target
	behalf  map[netip.Addr][]*target // by the client that a proxy asked for
	behind  map[*incident.Log]bool   // of servers behind a proxy
	flows   map[netip.Addr]bool      // clients of any conversation
	byPort  map[netip.AddrPort][]*Journey

	ofPort     map[netip.AddrPort][]*target // once asked for
	byTime     map[netip.Addr]*timeIndex    // of the clients that were asked for
	byQuestion map[questionKey][]*target
	byHost     [][]*Journey
	own        map[hostKind]*ownJourneys
	told       map[*Journey]told
	span       span     // of the captures, on the reference clock
	hostsCut   int      // hosts that outputs were not held against
	names      resolved // once asked for
	result     []match
	byPath     []LinkedLine // pairs of logs without a clock
	missing    map[*incident.Log][]missed
}

// missed is an event without a journey, and why.
type missed struct {
	event  int
	reason string
}

// match is one line's link to one journey.
type match struct {
	journey *Journey
	line    Line
	target  *target // nil where the link is not by exchange
}

// matchLines links every line that tells of an action, and lists the rest with
// the reasons.
func matchLines(inc *incident.Incident, b *built, tb timebase) *matcher {
	m := &matcher{inc: inc, tb: tb, built: b, targets: targetsOf(b, tb), flows: map[netip.Addr]bool{}, missing: map[*incident.Log][]missed{}, told: map[*Journey]told{}, own: map[hostKind]*ownJourneys{}, byTime: map[netip.Addr]*timeIndex{}}
	m.clients = byClient(m.targets)
	m.behalf = onBehalf(m.targets)
	for _, j := range b.joints {
		for _, p := range j.points {
			m.flows[plainAddr(p.Flow.Client.Addr())] = true
		}
	}
	m.span = capturesSpan(inc, tb)
	m.clientOutputs()
	m.findBehind()
	for _, l := range finestFirst(inc.Logs) {
		m.requests(l)
		m.questions(l)
		m.logins(l)
		m.errorLines(l)
	}
	m.joinRequestIDs()
	return m
}

// finestFirst orders logs by the resolution of their stamps: what a fine one
// tells of a request helps to find the line of a coarse one.
func finestFirst(logs []*incident.Log) []*incident.Log {
	width := map[*incident.Log]time.Duration{}
	for _, l := range logs {
		for i := range l.Events {
			width[l] = max(width[l], l.Events[i].Width)
		}
	}
	logs = slices.Clone(logs)
	slices.SortStableFunc(logs, func(a, b *incident.Log) int { return cmp.Compare(width[a], width[b]) })
	return logs
}

// capturesSpan is the time the captures cover on the reference clock.
func capturesSpan(inc *incident.Incident, tb timebase) span {
	var s span
	for _, c := range inc.Captures {
		if !c.First.Seen() {
			continue
		}
		a, okA := tb.packet(source{capture: c}, c.First.Time)
		b, okB := tb.packet(source{capture: c}, c.Last.Time)
		if !okA || !okB {
			a.at, b.at = c.First.Time, c.Last.Time
		}
		if s.low == 0 || a.at < s.low {
			s.low = a.at
		}
		s.high = max(s.high, b.at)
	}
	return s
}

// linked lists the sure links that say something of the clocks. An
// application's line tells of a moment inside the exchange that packets do not
// show.
func (m *matcher) linked() []LinkedLine {
	list := m.byPath
	for _, r := range m.result {
		t := r.target
		if t == nil || t.bare || t.point.Exchange.Multiplexed || r.line.Confidence < 0.99 || !r.line.HasResidual || r.line.By == "request id" {
			continue
		}
		e := &r.line.Log.Events[r.line.Event]
		if e.Kind == logparse.AppRequest || t.transaction != nil && r.line.By != "port" {
			continue // a question paired by time and order alone repeats what was measured
		}
		if t.transaction == nil && len(t.point.Flow.HTTP) == 0 {
			continue // of a contentless connection
		}
		x := LinkedLine{Log: r.line.Log, Event: r.line.Event, Capture: t.point.Capture, Flow: t.point.Flow, Transaction: t.transaction, Keyed: r.line.By == "port"}
		if t.transaction == nil {
			x.Exchange = t.point.Exchange
		}
		list = append(list, x)
	}
	return list
}

// finish hands the links to their journeys, in order of log and line, and
// returns the lines without one.
func (m *matcher) finish() []Unmatched {
	place := map[*incident.Log]int{}
	for i, l := range m.inc.Logs {
		place[l] = i
	}
	slices.SortStableFunc(m.result, func(a, b match) int {
		return cmp.Or(cmp.Compare(place[a.line.Log], place[b.line.Log]), cmp.Compare(a.line.Event, b.line.Event),
			cmp.Compare(b.line.Confidence, a.line.Confidence))
	})
	linked := map[*incident.Log]map[int]bool{}
	for _, r := range m.result {
		r.journey.Lines = append(r.journey.Lines, r.line)
		if linked[r.line.Log] == nil {
			linked[r.line.Log] = map[int]bool{}
		}
		linked[r.line.Log][r.line.Event] = true
	}
	var list []Unmatched
	for _, l := range m.inc.Logs {
		var reasons []string
		byReason := map[string][]int{}
		for _, x := range m.missing[l] {
			if linked[l][x.event] {
				continue
			}
			if byReason[x.reason] == nil {
				reasons = append(reasons, x.reason)
			}
			byReason[x.reason] = append(byReason[x.reason], x.event)
		}
		for _, reason := range reasons {
			slices.Sort(byReason[reason])
			list = append(list, Unmatched{Log: l, Events: byReason[reason], Reason: reason})
		}
	}
	return list
}
