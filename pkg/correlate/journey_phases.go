package correlate

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Reasons for a phase that was not seen.
const (
	reasonCached = "name cached or not captured"
	reasonReused = "connection reused"
	reasonLate   = "capture began later"
	reasonOneWay = "the capture holds one direction alone"
	reasonClosed = "closed without close_notify: perhaps cut"
	reasonEnds   = "the capture ends with it: perhaps cut"
)

// connectionPhases lists what a conversation went through before its first
// request, as the best point that saw each phase shows it.
func connectionPhases(j *joint) []Phase {
	var phases []Phase
	f := j.flow()
	if f.Transport == pcapflow.TCP {
		p, ok := seenPhase(j, pcapflow.TCPConnect)
		if !ok {
			p = Phase{Phase: pcapflow.Phase{Name: pcapflow.TCPConnect}, Reason: reasonLate}
		}
		phases = append(phases, p)
	}
	for _, name := range []pcapflow.PhaseName{pcapflow.TLSHandshake, pcapflow.QUICHandshake,
		pcapflow.SSHBanner, pcapflow.SSHKex, pcapflow.SSHAuth, pcapflow.SSHSession} {
		if p, ok := seenPhase(j, name); ok {
			phases = append(phases, p)
		} else if name == pcapflow.TLSHandshake && f.TLS != nil {
			phases = append(phases, Phase{Phase: pcapflow.Phase{Name: name}, Reason: reasonLate})
		}
	}
	joinHandshake(phases)
	return phases
}

// joinHandshake begins the TLS handshake where the connection stood, as clients
// measure it: what they need to prepare a ClientHello they spend before it.
func joinHandshake(phases []Phase) {
	if len(phases) < 2 || phases[0].Name != pcapflow.TCPConnect || phases[1].Name != pcapflow.TLSHandshake {
		return
	}
	c, t := &phases[0], &phases[1]
	if c.Flow == t.Flow && c.End.Seen() && t.Begin.Seen() && t.Flow.TLS.StartTLS == "" && seenBefore(c.End, t.Begin) && t.Begin.Time-c.End.Time <= preparation {
		t.Begin = c.End
		t.Frames = append([]int{c.End.Frame}, t.Frames...)
	}
}

// preparation is how long a client may take over its ClientHello; after longer
// it had other things to do.
const preparation = int64(100 * time.Millisecond)

// seenPhase takes a phase from the first point that saw it whole, or else from
// the first that saw it at all.
func seenPhase(j *joint, name pcapflow.PhaseName) (Phase, bool) {
	var found Phase
	ok := false
	for _, p := range j.points {
		for _, ph := range p.Flow.Phases {
			if ph.Name != name || !ph.Begin.Seen() {
				continue
			}
			if ph.End.Seen() || !ok {
				found = Phase{Phase: ph, Capture: p.Capture, Flow: p.Flow}
				if ph.End.Seen() || ph.Outcome == pcapflow.Unanswered || ph.Outcome == pcapflow.Refused {
					return found, true
				}
				ok = true
			}
		}
	}
	return found, ok
}

// exchangePhases are the phases of one request and its answer.
func exchangePhases(p Point, e *pcapflow.Exchange) []Phase {
	done := pcapflow.Done
	if e.Estimated {
		done = pcapflow.Estimated
	}
	phase := func(name pcapflow.PhaseName, begin, end pcapflow.Stamp, outcome pcapflow.Outcome) Phase {
		return Phase{Capture: p.Capture, Flow: p.Flow,
			Phase: pcapflow.Phase{Name: name, Begin: begin, End: end, Outcome: outcome, Frames: framesOf(begin, end)}}
	}
	var phases []Phase
	sent, first := e.RequestLast, e.ResponseFirst
	if e.ResponseReadable.Seen() {
		first = e.ResponseReadable // the client has a first byte when it can read one: see pcapflow.Exchange
	}
	if !e.RequestFirst.Seen() {
		phases = append(phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.HTTPSend}, Reason: reasonLate})
	} else {
		outcome := done
		if !sent.Seen() {
			outcome = pcapflow.Failed
		}
		if e.Unsent && !first.Seen() {
			return append(phases, phase(pcapflow.HTTPSend, e.RequestFirst, pcapflow.Stamp{}, pcapflow.Unseen))
		}
		phases = append(phases, phase(pcapflow.HTTPSend, e.RequestFirst, sent, outcome))
	}
	if e.Undecided {
		wait := phase(pcapflow.HTTPWait, sent, pcapflow.Stamp{}, pcapflow.Unseen)
		wait.Reason = reasonParallel
		return append(phases, wait, Phase{Phase: pcapflow.Phase{Name: pcapflow.HTTPReceive}, Reason: reasonParallel})
	}
	if sent.Seen() && first.Seen() && seenBefore(first, sent) {
		// The server answered before it had the whole request: nothing was waited for.
		sent = first
	}
	switch {
	case sent.Seen() && first.Seen():
		phases = append(phases, phase(pcapflow.HTTPWait, sent, first, done))
	case sent.Seen() && halfExchange(p.Flow, e):
		wait := phase(pcapflow.HTTPWait, sent, pcapflow.Stamp{}, pcapflow.Unseen)
		wait.Reason = reasonOneWay
		phases = append(phases, wait)
	case sent.Seen():
		phases = append(phases, phase(pcapflow.HTTPWait, sent, pcapflow.Stamp{}, pcapflow.Unanswered))
	case first.Seen():
		phases = append(phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.HTTPWait}, Reason: reasonLate})
	}
	if first.Seen() {
		outcome := done
		if e.Truncated || e.Reset {
			outcome = pcapflow.Failed
		}
		receive := phase(pcapflow.HTTPReceive, first, e.ResponseLast, outcome)
		switch {
		case e.EndOpen && e.Multiplexed:
			receive = phase(pcapflow.HTTPReceive, first, pcapflow.Stamp{}, pcapflow.Unseen)
			receive.Reason = reasonParallel
		case e.EndOpen:
			receive.Outcome, receive.Reason = pcapflow.Unseen, reasonClosed
			if !closedBy(p.Flow) {
				receive.Reason = reasonEnds
			}
		}
		phases = append(phases, receive)
	}
	return phases
}

func framesOf(stamps ...pcapflow.Stamp) []int {
	var frames []int
	for _, s := range stamps {
		if s.Seen() && !slices.Contains(frames, s.Frame) {
			frames = append(frames, s.Frame)
		}
	}
	slices.Sort(frames)
	return frames
}

// lookupPhase is a lookup as a phase of the journey that waited for it.
func lookupPhase(l *Lookup) Phase {
	p := Phase{Capture: l.Capture, Flow: l.Tries[0].Flow, Phase: pcapflow.Phase{
		Name: pcapflow.DNSLookup, Begin: l.Start, End: l.End, Outcome: l.Outcome, Attempts: l.Attempts,
	}}
	for _, t := range l.Tries {
		p.Frames = append(p.Frames, framesOf(append([]pcapflow.Stamp{t.Query, t.Answer}, t.Repeats...)...)...)
	}
	p.Frames = append(p.Frames, framesOf(l.End)...)
	slices.Sort(p.Frames)
	p.Frames = slices.Compact(p.Frames)
	return p
}

// ntpPhase is an NTP exchange.
func ntpPhase(p Point, s *pcapflow.NTPSample) Phase {
	begin, end := s.Request.Stamp, s.Response.Stamp
	outcome := pcapflow.Done
	switch {
	case s.Refused.Seen():
		end, outcome = s.Refused, pcapflow.Refused
	case !end.Seen():
		outcome = pcapflow.Unanswered
	case s.Response.Kiss != "":
		outcome = pcapflow.Failed
	}
	ph := Phase{Capture: p.Capture, Flow: p.Flow, Phase: pcapflow.Phase{
		Name: pcapflow.NTPExchange, Begin: begin, End: end, Outcome: outcome, Attempts: 1 + len(s.Repeats),
		Frames: framesOf(append([]pcapflow.Stamp{begin, end, s.Mistaken}, s.Repeats...)...),
	}}
	if !begin.Seen() {
		ph.Begin, ph.Reason = end, "" // a broadcast, or the request was not captured
	}
	return ph
}

// neighbourPhase is a neighbour resolution that held a journey up.
func neighbourPhase(p Point, r *pcapflow.Resolution) Phase {
	return Phase{Capture: p.Capture, Flow: p.Flow, Phase: r.Phase()}
}
