package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
)

// place is where a capture has to be taken for a rule to be sure.
type place uint8

const (
	anywhere     place = iota
	atClientSide       // not at the server alone: what the client waited for shows there
	atSender           // before the loss, or on both sides of it: what was lost shows there
	fromServer         // at the server, or behind the loss of what went to it: else a server that ignores looks the same
)

// ground is what a finding of a rule stands on beside what its packets or lines
// say: where the captures must have been taken, and which second kind of evidence
// of the same journeys makes it sure. Without one of them a finding is at most
// of medium confidence; what contradicts it, doubles or drops its packets takes
// one step more.
type ground struct {
	at     place
	second []witness
}

// witness is a kind of evidence that is independent of a capture at one point.
type witness func(c *Case, j *correlate.Journey) bool

// The kinds of second evidence.
var (
	// serverLine: a line of a server's own log of the journey.
	serverLine witness = func(_ *Case, j *correlate.Journey) bool {
		return slices.ContainsFunc(j.Lines, func(l correlate.Line) bool { return l.Status == "matched" && serverSide(l.Log) })
	}
	// serverFigure: a duration in it.
	serverFigure witness = func(_ *Case, j *correlate.Journey) bool { _, ok := loggedDuration(j); return ok }
	// clientText: what a client program printed of the journey.
	clientText witness = func(_ *Case, j *correlate.Journey) bool {
		return slices.ContainsFunc(j.Lines, func(l correlate.Line) bool { return l.Status == "matched" && !serverSide(l.Log) })
	}
	// twoPoints: packets seen at a second point, or missed there.
	twoPoints witness = func(c *Case, j *correlate.Journey) bool {
		return len(j.Points) > 1 || len(j.Points) > 0 && capturedAt(c.Case, j) || j.Lookup != nil && (len(j.Lookup.Others) > 0 || c.resolverView(j.Lookup).known)
	}
	// upstreamLine: a word of the error log about what stands behind the server.
	upstreamLine witness = func(c *Case, _ *correlate.Journey) bool { return c.upstreamWords().said }
	// failedThere: packets of what the server asked itself, and had no answer to.
	failedThere witness = func(c *Case, j *correlate.Journey) bool { return c.failedBehind(j) != nil }
)

// grounds lists them for each rule. Rules that are not here say what a protocol
// states itself (an alert, a status, an ICMP error), weigh their evidence on
// their own, or are never surer than medium.
var grounds = map[string]ground{
	"dns-retry":               {atClientSide, []witness{clientText, twoPoints}},
	"dns-slow-resolver":       {anywhere, []witness{clientText, twoPoints}},
	"dns-slow-aaaa":           {atClientSide, []witness{clientText, twoPoints}},
	"dns-tcp-fallback":        {anywhere, []witness{clientText, twoPoints}},
	"dns-failover":            {atClientSide, []witness{clientText, twoPoints}},
	"dns-unreachable":         {anywhere, []witness{clientText, twoPoints}},
	"syn-lost":                {fromServer, []witness{serverLine, twoPoints}},
	"fell-silent":             {anywhere, []witness{serverLine, clientText, twoPoints}},
	"syn-unanswered":          {anywhere, []witness{clientText, twoPoints}},
	"connection-refused":      {anywhere, []witness{clientText, twoPoints}},
	"loss-in-handshake":       {atSender, []witness{serverLine, clientText, twoPoints}},
	"loss-in-response":        {atSender, []witness{serverFigure, twoPoints}},
	"loss-stall":              {atSender, []witness{serverLine, clientText, twoPoints}},
	"path-full":               {anywhere, []witness{serverFigure, twoPoints}},
	"reordering":              {anywhere, []witness{twoPoints}},
	"spurious-retransmission": {anywhere, []witness{twoPoints}},
	"stale-keepalive":         {anywhere, []witness{serverLine, clientText, twoPoints}},
	"happy-eyeballs":          {atClientSide, []witness{clientText, twoPoints}},
	"tls-slow-server":         {anywhere, []witness{clientText, twoPoints}},
	"app-slow":                {anywhere, []witness{serverFigure}},
	"upstream-error":          {anywhere, []witness{upstreamLine, failedThere}},
	"server-hung-up":          {anywhere, []witness{serverLine, clientText, twoPoints}},
	"client-gave-up":          {anywhere, []witness{serverLine, clientText, twoPoints}},
	"slow-body":               {anywhere, []witness{serverFigure, twoPoints}},
	"slow-upload":             {atClientSide, []witness{serverFigure, twoPoints}},
	"ssh-slow-delivery":       {anywhere, []witness{serverLine, twoPoints}},
	"ntp-unanswered":          {atClientSide, []witness{clientText, twoPoints}},
}

// weigh takes from the confidence of a finding what its evidence lacks: down to
// medium where the captures were taken at the wrong end for its rule or no second
// kind of evidence tells the same; one step more where a capture doubled or
// dropped packets that the rule counts, or a refuter was found.
func (c *Case) weigh(r *Rule, f *Finding) {
	if f.Confidence == NotEvaluable {
		return
	}
	if g, ok := grounds[r.Name]; ok && f.Confidence == High && (c.misplaced(g.at, f.Journeys) || !c.seconded(g.second, f.Journeys)) {
		f.Confidence--
	}
	if f.Confidence > Low && r.Gated && slices.ContainsFunc(f.Journeys, doubtfulAnywhere) {
		f.Confidence--
	}
	if f.Confidence > Low && !f.restated && slices.ContainsFunc(f.Refuters, func(x Refuter) bool { return x.Status == isFound.status }) {
		f.Confidence--
	}
}

// misplaced tells whether any of the journeys was captured at the wrong end
// alone; of losses, whether none of them was captured at the right one: they
// share one cause.
func (c *Case) misplaced(at place, js []*correlate.Journey) bool {
	switch at {
	case atClientSide:
		return slices.ContainsFunc(js, atServerOnly)
	case atSender:
		return !slices.ContainsFunc(js, beforeLoss)
	case fromServer:
		return !slices.ContainsFunc(js, func(j *correlate.Journey) bool {
			return slices.ContainsFunc(j.Points, atServer) || capturedAt(c.Case, j) || missedSYN(j)
		})
	}
	return false
}

// missedSYN tells whether a further capture lacks a SYN of a journey that the
// first one holds: it was lost between the two.
func missedSYN(j *correlate.Journey) bool {
	n := j.Points[0].Flow.Conn
	return n != nil && slices.ContainsFunc(j.Points[1:], func(p correlate.Point) bool {
		return p.Flow.Conn != nil && len(p.Flow.Conn.SYN) < len(n.SYN)
	})
}

// seconded tells whether evidence of one of these kinds is there for any of the
// journeys: they share one cause.
func (c *Case) seconded(kinds []witness, js []*correlate.Journey) bool {
	return slices.ContainsFunc(kinds, func(has witness) bool {
		return slices.ContainsFunc(js, func(j *correlate.Journey) bool { return has(c, j) })
	})
}

// atServerOnly tells whether a journey was captured at its server and nowhere
// else.
func atServerOnly(j *correlate.Journey) bool {
	return len(j.Points) > 0 && !slices.ContainsFunc(j.Points, func(p correlate.Point) bool { return !atServer(p) })
}

func doubtfulAnywhere(j *correlate.Journey) bool { return slices.ContainsFunc(j.Points, doubtful) }

// doubtful tells whether a capture dropped packets, or holds a flow in part or
// doubled.
func doubtful(p correlate.Point) bool {
	if p.Flow.Duplicates > 0 {
		return true
	}
	if n := p.Flow.Conn; n != nil {
		for _, count := range n.Count {
			if count.AckedUnseen > 0 || count.Duplicates > 0 {
				return true
			}
		}
	}
	for _, i := range p.Capture.Interfaces {
		if i.Dropped > 0 {
			return true
		}
	}
	return false
}
