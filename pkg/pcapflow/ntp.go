package pcapflow

import (
	"math"
	"slices"
	"strconv"
)

// ntpSamplesMax bounds what one flow keeps; ntpOpenMax how many requests may
// wait for an answer at once.
const (
	ntpSamplesMax = 1 << 16
	ntpOpenMax    = 32
)

// ntpDissector is NTP (RFC 5905). Packets are paired by the 64-bit origin stamp
// alone: neither order nor time says which request a response answers.
var ntpDissector = &Dissector{
	Name:      "ntp",
	Transport: UDP,
	Probe:     probeNTP,
	Open: func(f *Flow, env *Env) Stream {
		s := take(&env.pools.ntp)
		if s == nil {
			s = &ntpFlow{}
		}
		s.f, s.env, f.NTP = f, env, s.room
		return s
	},
}

// probeNTP takes port 123 at its word if the layout fits. Elsewhere only a
// response that quotes the request's transmit stamp is proof.
func probeNTP(first [2][]byte, port uint16) Verdict {
	var modes [2]uint8
	for d, b := range first {
		if len(b) == 0 {
			continue
		}
		if modes[d], _ = ntpMode(b); modes[d] == 0 {
			return No
		}
	}
	if port == portNTP {
		if modes[Client]|modes[Server] == 0 {
			return Maybe
		}
		return Yes
	}
	for d, mode := range modes {
		if mode == ntpClient && len(first[d]) >= ntpLen {
			switch answer := first[d^1]; {
			case len(answer) == 0:
				return Maybe
			case modes[d^1] == ntpServer && string(answer[24:32]) == string(first[d][40:48]):
				return Yes
			}
		}
	}
	return No
}

// ntpFlow is the Stream of one flow.
type ntpFlow struct {
	f       *Flow
	env     *Env
	room    []NTPSample   // for f.NTP, left by an ended flow
	open    []ntpOpen     // unanswered requests, oldest first
	peer    [2]NTPMessage // the latest of each side, in symmetric modes
	matched [2]bool       // peer: the other side has answered it
	dropped bool
}

// ntpOpen is a request that waits, with its place in Flow.NTP and Flow.Phases.
type ntpOpen struct {
	xmt, rec      uint64
	from          Dir
	sample, phase int
}

// reuse implements reusable.
func (s *ntpFlow) reuse(env *Env) {
	*s = ntpFlow{open: s.open[:0], room: emptied(s.f.NTP)}
	layBy(&env.pools.ntp, s)
}

func (s *ntpFlow) Gap(Dir, Stamp, int64) {}

func (s *ntpFlow) Data(d Dir, at Stamp, b []byte) {
	mode, _ := ntpMode(b)
	switch mode {
	case 0:
		noteOnce(s.f, "ntp: a datagram that is not NTP: first in frame "+strconv.Itoa(at.Frame), "ntp: a datagram that is not NTP")
		return
	case ntpControl:
		noteOnce(s.f, "ntp: control messages (mode 6)")
		return
	case ntpPrivate:
		noteOnce(s.f, "ntp: private messages (mode 7)")
		return
	}
	m := parseNTP(b, at, d)
	switch mode {
	case ntpClient:
		s.request(&m)
	case ntpServer:
		s.response(&m)
	case ntpBroadcast:
		s.add(NTPSample{Response: m})
	default:
		s.symmetric(&m)
	}
}

func (s *ntpFlow) request(m *NTPMessage) {
	for _, o := range s.open {
		if r := &s.f.NTP[o.sample]; o.xmt == m.Xmt && o.from == m.From && m.Xmt != 0 {
			if len(r.Repeats) < ntpStampsMax {
				r.Repeats = append(r.Repeats, m.Stamp)
				p := &s.f.Phases[o.phase]
				p.Attempts++
				p.Frames = append(p.Frames, m.Frame)
			}
			return
		}
	}
	sample := s.add(NTPSample{Request: *m})
	if sample < 0 {
		return
	}
	if len(s.open) >= ntpOpenMax {
		s.open = append(s.open[:0], s.open[1:]...)
	}
	s.env.ntp.ask(s, sample, m)
	s.open = append(s.open, ntpOpen{m.Xmt, m.Rec, m.From, sample, s.phase(m.Stamp)})
}

// phase begins the phase of a request; unanswered until the answer comes.
func (s *ntpFlow) phase(at Stamp) int {
	p := s.f.newPhase()
	p.Name, p.Begin, p.Outcome, p.Attempts = NTPExchange, at, Unanswered, 1
	p.Frames = append(slices.Grow(p.Frames, 2), at.Frame)
	return len(s.f.Phases) - 1
}

func (s *ntpFlow) response(m *NTPMessage) {
	i, interleaved := s.match(m)
	if i < 0 {
		asked := s.latestAsked(m)
		if s.env.ntp.answer(s.f, m) {
			asked = nil
		}
		if asked != nil && !asked.Mistaken.Seen() {
			asked.Mistaken = m.Stamp
		}
		s.add(NTPSample{Response: *m, BogusOrigin: asked != nil})
		return
	}
	o := s.open[i]
	sample := &s.f.NTP[o.sample]
	sample.Response, sample.Interleaved = *m, interleaved
	told := false
	for k := o.sample - 1; k >= max(0, o.sample-ntpOpenMax) && !told; k-- {
		told = sample.leaveAt(&s.f.NTP[k])
	}
	if interleaved {
		s.env.crossed.take(s.f, sample, told)
	}
	s.end(o.phase, sample)
	s.open = append(s.open[:i], s.open[i+1:]...)
}

// latestAsked is the request that waits for its answer when a response comes that is
// none; nil: nothing waits.
func (s *ntpFlow) latestAsked(m *NTPMessage) *NTPSample {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i].from != m.From {
			return &s.f.NTP[s.open[i].sample]
		}
	}
	return nil
}

// match finds the open request that a response answers: by its transmit stamp
// or, in interleaved mode (RFC 9769 §2), by its receive stamp. Requests that
// leave the transmit stamp at zero can only be told apart when there is one.
func (s *ntpFlow) match(m *NTPMessage) (index int, interleaved bool) {
	for i := len(s.open) - 1; i >= 0; i-- {
		o := &s.open[i]
		if o.from == m.From {
			continue
		}
		if m.Org != 0 && m.Org == o.xmt || m.Org == 0 && o.xmt == 0 && len(s.open) == 1 {
			return i, false
		}
		if m.Org != 0 && m.Org == o.rec {
			return i, true
		}
	}
	return -1, false
}

// end closes the phase of an answered request. Its round trip leaves out what
// the server says it held the request for.
func (s *ntpFlow) end(phase int, sample *NTPSample) {
	m, p := &sample.Response, &s.f.Phases[phase]
	p.End, p.Outcome = m.Stamp, Done
	if delay, ok := sample.Delay(); ok && delay > 0 {
		p.RTT = delay
	}
	p.Frames = append(p.Frames, m.Frame)
	switch {
	case m.Kiss != "":
		p.Outcome, p.Note = Failed, "kiss-o'-death "+m.Kiss
	case m.Unsynchronised():
		p.Note = "server not synchronised"
	}
}

// symmetric takes a packet of modes 1 and 2. Each answers the latest packet of
// the other side and asks it in turn, so each may close one sample and is the
// request of the next.
func (s *ntpFlow) symmetric(m *NTPMessage) {
	d := m.From
	if last := &s.peer[d]; last.Seen() && last.Xmt == m.Xmt && m.Xmt != 0 {
		noteOnce(s.f, "ntp: repeated symmetric packet")
		return
	}
	if other := &s.peer[d.Other()]; other.Seen() && !s.matched[d.Other()] {
		basic := m.Org != 0 && m.Org == other.Xmt
		crossed := m.Org != 0 && m.Org == other.Rec && !basic
		if basic || crossed {
			s.matched[d.Other()] = true
			sample := NTPSample{Request: *other, Response: *m, Interleaved: crossed, Poll: m.Mode == ntpActive}
			if s.add(sample) >= 0 && !sample.Poll {
				s.end(s.phase(other.Stamp), &sample)
			}
		}
	}
	s.unanswered(d)
	s.peer[d], s.matched[d] = *m, false
}

// unanswered notes that an active side's latest packet drew nothing. A peer that
// is active too sends when its own poll interval ends: silence until the next
// packet means nothing then, unless it never spoke.
func (s *ntpFlow) unanswered(d Dir) {
	m, other := &s.peer[d], &s.peer[d.Other()]
	if !m.Seen() || s.matched[d] || m.Mode != ntpActive || other.Seen() && other.Mode == ntpActive {
		return
	}
	if s.add(NTPSample{Request: *m}) >= 0 {
		s.phase(m.Stamp)
	}
}

func (s *ntpFlow) Close(Stamp) {
	s.unanswered(Client)
	s.unanswered(Server)
	s.refused()
	s.env.ntp.forget(s)
	s.peer = [2]NTPMessage{}
}

// refused ends the requests that ICMP turned away: by the first such error after each and
// before the next one.
func (s *ntpFlow) refused() {
	f, until := s.f, int64(math.MaxInt64)
	if refusal(f.ICMP) == nil {
		return
	}
	for i := len(f.NTP) - 1; i >= 0; i-- {
		sample := &f.NTP[i]
		if !sample.Request.Seen() {
			continue
		}
		for k := range f.ICMP {
			x := &f.ICMP[k]
			asked := x.Source.Addr() == f.Client.Addr() && sample.Request.From == Client || x.Source.Addr() == f.Server.Addr() && sample.Request.From == Server
			if asked && !sample.Response.Seen() && x.Time >= sample.Request.Time && x.Time < until && refusal(f.ICMP[k:k+1]) != nil {
				sample.Refused = x.Stamp
				s.turnAway(sample, x)
				break
			}
		}
		until = sample.Request.Time
	}
}

// turnAway ends the phase of a request that an ICMP error answered.
func (s *ntpFlow) turnAway(sample *NTPSample, x *ICMPError) {
	for i := range s.f.Phases {
		if p := &s.f.Phases[i]; p.Name == NTPExchange && p.Outcome == Unanswered && p.Begin == sample.Request.Stamp {
			p.End, p.Outcome, p.Note = x.Stamp, Refused, x.Text
			p.Frames = append(p.Frames, x.Frame)
		}
	}
}

// add keeps a sample and returns its index, or -1 when there are too many.
func (s *ntpFlow) add(sample NTPSample) int {
	f := s.f
	if len(f.NTP) >= ntpSamplesMax {
		if !s.dropped {
			s.dropped = true
			noteOnce(f, "ntp: over "+strconv.Itoa(ntpSamplesMax)+" samples in one flow, the rest is not listed")
		}
		return -1
	}
	f.NTP = append(f.NTP, sample)
	return len(f.NTP) - 1
}
