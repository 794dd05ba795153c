package correlate

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Comparison is how long the client, the packets and the server's log say that
// something took; −1: not told. Why explains a contradiction; "": they agree.
type Comparison struct {
	Of                   pcapflow.PhaseName // a phase as its client measures it, or WholeRequest as its server does
	Client, Packets, Log time.Duration
	Why                  Why
}

// WholeRequest is a request from its first byte to the last one of its answer.
const WholeRequest pcapflow.PhaseName = "request"

// Why two witnesses tell different times, in the words of the report.
type Why string

const (
	WhyReused      Why = "reused-connection" // the client prints nothing, or 0, for what it did not need
	WhyZero        Why = "failed-printed-as-zero"
	WhyResolver    Why = "resolver-thread"  // the lookup is over for the client when its thread has handed over
	WhyClientLate  Why = "client-late"      // the program read its clock when it got to run
	WhyContinue    Why = "100-continue"     // an interim answer came first
	WhyUpload      Why = "upload-begun"     // the client counts to when it began to send the body
	WhySending     Why = "sending-counted"  // the client counts from when it began to send the request
	WhyParallel    Why = "parallel-streams" // which answer is whose, the packets hide
	WhyLingering   Why = "lingering-close"  // the server waited for the client to close
	WhyUnread      Why = "lay-unread"       // it was in the kernel's queue before the server took it up
	WhyBuffered    Why = "buffered-end"     // the server had handed all to its kernel
	WhyCoarse      Why = "coarse-clock"     // the log writes no finer
	WhyUnexplained Why = "unexplained"
)

// Tolerances within which witnesses agree, and the longest that a program may
// have waited for its processor.
const (
	leastContradiction = 3 * time.Millisecond
	longestAwake       = 250 * time.Millisecond
)

// alike tells whether two durations are one within what programs need between
// the packet and their clock.
func alike(a, b time.Duration) bool {
	return (a - b).Abs() <= max(leastContradiction, b/20)
}

// compareWitnesses holds what the client printed and what the server logged of a
// request against its packets.
func compareWitnesses(j *Journey, tb timebase) []Comparison {
	var list []Comparison
	if e := printed(j); e != nil {
		list = compareClient(j, e)
	}
	if e := logged(j); e != nil {
		if t := targetOf(j, tb); t != nil && !t.bare && !t.open {
			list = append(list, compareServer(e, t))
		}
	}
	return list
}

// printed is the client's own figures of a journey.
func printed(j *Journey) *logparse.Event {
	for _, l := range j.Lines {
		if e := &l.Log.Events[l.Event]; l.Status == "matched" && e.Kind == logparse.ClientHTTP && e.Timing != nil && len(e.Marks) == 0 {
			return e
		}
	}
	return nil
}

// logged is the line of a web server that tells how long a request took.
func logged(j *Journey) *logparse.Event {
	for _, l := range j.Lines {
		if e := &l.Log.Events[l.Event]; l.Status == "matched" && e.Kind == logparse.HTTPRequest && e.Duration >= 0 {
			return e
		}
	}
	return nil
}

func compareClient(j *Journey, e *logparse.Event) []Comparison {
	said := spans(e)
	late := time.Duration(0) // by which the client was behind the packets at the end of the phase before
	var list []Comparison
	for i := range j.Phases {
		p := &j.Phases[i]
		switch p.Name {
		case pcapflow.DNSLookup, pcapflow.TCPConnect, pcapflow.TLSHandshake, pcapflow.HTTPWait:
		default:
			continue
		}
		c := Comparison{Of: p.Name, Client: -1, Packets: -1, Log: -1}
		if p.Begin.Seen() && p.End.Seen() {
			c.Packets = phaseTook(j, p)
		}
		if d, ok := said[p.Name]; ok {
			c.Client = d
		}
		switch {
		case c.Packets < 0 && c.Client <= 0 && p.Reason == reasonReused:
			c.Client, c.Why = 0, WhyReused
		case c.Packets >= 0 && c.Client < 0 && e.Timing.Exit > 0 && p.Name != pcapflow.DNSLookup:
			c.Client, c.Why = 0, WhyZero
		case c.Packets < 0 || c.Client < 0:
			continue
		default:
			c.Why = clientWhy(j, p, c, late)
			late += c.Client - c.Packets
		}
		list = append(list, c)
	}
	return list
}

// clientWhy explains why a client measured another time than the packets show.
func clientWhy(j *Journey, p *Phase, c Comparison, late time.Duration) Why {
	more := c.Client - c.Packets
	wait := p.Name == pcapflow.HTTPWait && j.Exchange != nil
	switch {
	case alike(c.Client, c.Packets):
		return ""
	case p.Name == pcapflow.DNSLookup && more > 0 && more <= longestAwake:
		return WhyResolver
	case wait && j.Exchange.Multiplexed:
		return WhyParallel
	case wait && more > 0 && alike(c.Client, time.Duration(j.Exchange.ResponseFirst.Time-j.Exchange.RequestFirst.Time)):
		return WhySending
	case wait && more < 0 && saidBeforeBody(j, c.Client):
		if c.Client < leastContradiction {
			return WhyUpload
		}
		return WhyContinue
	case more > 0 && more <= longestAwake:
		return WhyClientLate
	case more < 0 && late > 0 && alike(c.Client+late, c.Packets):
		return WhyClientLate // what it noticed late before is missing here
	}
	return WhyUnexplained
}

// saidBeforeBody tells whether a client's wait ended before it sent the body.
func saidBeforeBody(j *Journey, said time.Duration) bool {
	d, ok := beforeBody(j, said)
	return ok && alike(said, d)
}

// compareServer holds the duration of a log line against the packets nearest to
// the server.
func compareServer(e *logparse.Event, t *target) Comparison {
	c := Comparison{Of: WholeRequest, Client: -1, Packets: time.Duration(max(t.last-t.first-t.way, 0)), Log: e.Duration}
	coarse := max(e.DurationWidth, time.Millisecond)
	least := time.Duration(max(t.reply-t.first-t.way, 0)) // until the server had the first byte of its answer
	switch more := c.Log - c.Packets; {
	case alike(c.Log, c.Packets) || more.Abs() <= time.Duration(t.way/4): // seen from afar, the way is part of it
	case t.point.Exchange.Multiplexed:
		c.Why = WhyParallel
	case more.Abs() <= coarse:
		c.Why = WhyCoarse
	case more > 0 && more <= time.Duration(lingering) && (mayLinger(t) || sendsBody(e.Method) || e.Status >= 400):
		c.Why = WhyLingering
	case more < 0 && c.Log+coarse+leastContradiction >= least:
		c.Why = WhyBuffered
	case more < 0 && c.Log+time.Duration(farthest) < time.Duration(t.reply-t.sent-t.way):
		c.Why = WhyUnread
	default:
		c.Why = WhyUnexplained
	}
	return c
}
