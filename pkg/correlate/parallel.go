package correlate

import (
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Requests that a client sent side by side over one encrypted HTTP/2 connection:
// the packets show when each was asked and when answers came, not which answer is
// whose. What the client printed and the server logged of a request may tell; what
// they leave open is not evaluable.

// reasonParallel is why an answer was not seen among those of other streams.
const reasonParallel = "answers of parallel streams are not told apart"

// settleParallel gives the requests of overlapping streams their own answers, as
// far as the lines of each tell them.
func settleParallel(b *built, m *matcher, tb timebase) {
	if b.passing {
		return
	}
	var lines map[*Journey][]Line
	changed := map[*Journey]bool{}
	for _, j := range b.joints {
		var beside []*parallel // of one run of requests, which share the records
		for i, jn := range j.journeys {
			x := jn.Exchange
			if x == nil || !x.Multiplexed || !x.ResponseFirst.Seen() {
				continue
			}
			if lines == nil {
				lines = m.sureLines()
			}
			p := newParallel(jn, lines[jn], tb)
			if len(beside) > 0 && !beside[0].shares(p) {
				settleRun(b, j, beside, tb, changed)
				beside = beside[:0]
			}
			p.place = i
			beside = append(beside, p)
		}
		settleRun(b, j, beside, tb, changed)
	}
	m.residualsAnew(changed)
}

// residualsAnew compares lines once more with requests whose answers have changed.
func (m *matcher) residualsAnew(changed map[*Journey]bool) {
	if len(changed) == 0 {
		return
	}
	for i := range m.result {
		r := &m.result[i]
		if r.target == nil || !changed[r.journey] {
			continue
		}
		if t := targetOf(r.journey, m.tb); t != nil {
			ln := lineOf(r.line.Log, r.line.Event, m.tb)
			r.line.Residual, r.line.HasResidual = residual(&ln, t)
		}
		if r.journey.Exchange.Undecided {
			r.line.Residual, r.line.HasResidual = 0, false
		}
	}
}

// settleRun settles the requests of one run, and notes which of them changed.
func settleRun(b *built, j *joint, beside []*parallel, tb timebase, changed map[*Journey]bool) {
	divideRecords(beside)
	for _, p := range beside {
		if p.settle() {
			b.phasesAnew(tb, p.journey, p.place == 0, p.place == len(j.journeys)-1)
			changed[p.journey] = true
		}
	}
}

// shares tells whether two requests have their answers in the same records.
func (p *parallel) shares(q *parallel) bool {
	a, b := p.journey.Exchange.Answers, q.journey.Exchange.Answers
	return len(a) > 0 && len(b) > 0 && &a[0] == &b[0]
}

// sureLines are the matched lines of each journey.
func (m *matcher) sureLines() map[*Journey][]Line {
	lines := map[*Journey][]Line{}
	for _, r := range m.result {
		if r.line.Status == "matched" {
			lines[r.journey] = append(lines[r.journey], r.line)
		}
	}
	return lines
}

// phasesAnew takes the phases of a journey's exchange and its bounds once more.
func (b *built) phasesAnew(tb timebase, jn *Journey, first, last bool) {
	jn.Phases = slices.DeleteFunc(jn.Phases, func(p Phase) bool {
		return p.Name == pcapflow.HTTPSend || p.Name == pcapflow.HTTPWait || p.Name == pcapflow.HTTPReceive
	})
	jn.Phases = append(jn.Phases, exchangePhases(jn.Points[0], jn.Exchange)...)
	jn.Start, jn.End = pcapflow.Stamp{}, pcapflow.Stamp{}
	setBounds(tb, jn, first, last)
	if jn.Exchange.Undecided || jn.Exchange.EndOpen {
		jn.End = jn.Exchange.ResponseLast
	}
}

// parallel is a request among others of its connection, with what is told of its
// answer: in which of the records it may have begun, and in which it may have ended.
type parallel struct {
	journey     *Journey
	place       int                     // among the journeys of its connection
	answers     []pcapflow.AnswerRecord // as the first point shows them; the answer as it is, where they are not known
	first, last []bool                  // by place in answers
	whole       bool                    // the records are shared out: none of another lies between first and last
	told        bool                    // something tells of this request alone
	body        int64                   // bytes the answer's body has at least; -1: not told
}

// smallAnswer is the size of a body in bytes below which an answer leaves its
// server at once: less than one record holds.
const smallAnswer = 8 << 10

func newParallel(j *Journey, lines []Line, tb timebase) *parallel {
	p := &parallel{journey: j, answers: recordsOf(j.Exchange), body: -1}
	p.first, p.last = allTrue(len(p.answers)), allTrue(len(p.answers))
	server := targetOf(j, tb)
	for _, l := range lines {
		e := &l.Log.Events[l.Event]
		if isWebLine(e) {
			p.body = max(p.body, e.Body, e.Size)
		}
	}
	for _, l := range lines {
		switch e := &l.Log.Events[l.Event]; e.Kind {
		case logparse.ClientHTTP:
			p.client(e)
		case logparse.HTTPRequest, logparse.AppRequest:
			if server != nil && !server.bare && server.point.Exchange.RequestFirst.Seen() {
				ln := lineOf(l.Log, l.Event, tb)
				p.server(&ln, server)
			}
		}
	}
	return p
}

// recordsOf are the records that may answer an exchange.
func recordsOf(x *pcapflow.Exchange) []pcapflow.AnswerRecord {
	if len(x.Answers) > 0 {
		return x.Answers
	}
	return []pcapflow.AnswerRecord{{First: x.ResponseFirst, Last: x.ResponseReadable}}
}

func allTrue(n int) []bool {
	list := make([]bool, n)
	for i := range list {
		list[i] = true
	}
	return list
}

// lateness is by how much a witness may be behind the packets: the time a program
// waits for its processor.
func lateness(d time.Duration) int64 { return int64(max(5*time.Millisecond, d/20)) }

// client narrows by what the client printed: its wait for the first byte, which it has
// when it can read the first record.
func (p *parallel) client(e *logparse.Event) {
	said, ok := spans(e)[pcapflow.HTTPWait]
	x := p.journey.Exchange
	if !ok || !x.RequestLast.Seen() {
		return
	}
	way := int64(0)
	if c := p.journey.Points[0].Flow.Conn; c != nil {
		way = c.RTTClient
	}
	at := x.RequestLast.Time + int64(said) - way
	p.told = true
	for i := range p.answers {
		if read := p.answers[i].Last.Time; read < at-lateness(said) || read > at+int64(leastContradiction) {
			p.first[i] = false
		}
	}
}

// server narrows by what the server, or the application behind it, logged: when it
// was done and how long it took. A small answer leaves then; of a large one the
// first record has passed before, and the last one passes no sooner.
func (p *parallel) server(l *line, t *target) {
	x := t.point.Exchange
	answers := recordsOf(x)
	if len(answers) != len(p.answers) || !x.ResponseFirst.Seen() {
		return // not seen alike at both captures
	}
	done := func(low, high int64) {
		high = p.busyUntil(answers, high)
		if p.body >= 0 && p.body <= smallAnswer {
			p.narrow(p.first, answers, low, high)
			return
		}
		p.narrow(p.first, answers, math.MinInt64, high)
		p.narrow(p.last, answers, low, math.MaxInt64)
	}
	e := l.event
	asked := x.RequestFirst.Time
	shift := t.first - asked // of the capture's clock against the reference
	if e.Duration >= 0 && !e.CoarselyTimed() {
		d := int64(e.Duration)
		done(asked+d-int64(leastContradiction), asked+d+int64(e.DurationWidth)+t.way+lateness(e.Duration))
	}
	if e.FirstByte >= 0 {
		d := int64(e.FirstByte)
		p.narrow(p.first, answers, asked+d-int64(leastContradiction), p.busyUntil(answers, asked+d+t.way+lateness(e.FirstByte)))
	}
	if !l.timed || l.placed || !t.timed || l.root != t.root || e.Means != logparse.RequestEnd && e.Kind != logparse.AppRequest {
		return
	}
	slack := l.slack + t.slack + int64(leastContradiction)
	done(l.at-shift-slack, l.at+l.width-shift+slack+t.way+lateness(0))
}

// busyUntil is until when an answer that its server gave by high may have had to
// wait behind others of its connection: as long as these came one after the other.
func (p *parallel) busyUntil(answers []pcapflow.AnswerRecord, high int64) int64 {
	pause := lateness(0)
	if c := p.journey.Points[0].Flow.Conn; c != nil {
		pause += c.RTT
	}
	until := high
	for i := range answers {
		if a := &answers[i]; i > 0 && a.First.Time > until && answers[i-1].First.Time <= until && a.First.Time-answers[i-1].Last.Time <= pause {
			until = a.First.Time
		}
	}
	return until
}

// narrow leaves of a set what began within [low, high].
func (p *parallel) narrow(set []bool, answers []pcapflow.AnswerRecord, low, high int64) {
	p.told = true
	for i := range answers {
		if at := answers[i].First.Time; at < low || at > high {
			set[i] = false
		}
	}
}

// settle writes what was found into the journey's exchanges. False: there was
// nothing to change.
func (p *parallel) settle() bool {
	x := p.journey.Exchange
	begin, ok := p.one(p.first)
	switch {
	case len(x.Answers) == 0 && ok, !p.told && x.Requests > 1:
		return false // nothing contradicts it; it may as well be one request and its body
	case !ok:
		p.each(func(x *pcapflow.Exchange) { x.Undecided = true })
		return true
	}
	end, known := p.end(begin)
	p.each(func(x *pcapflow.Exchange) {
		if len(x.Answers) != len(p.answers) {
			x.Undecided = true
			return
		}
		x.ResponseFirst, x.ResponseReadable = x.Answers[begin].First, x.Answers[begin].Last
		if known {
			x.ResponseLast, x.Multiplexed = x.Answers[end].Last, false
		} else {
			x.EndOpen = true
		}
	})
	return true
}

// each calls f with a copy of its own of each point's exchange.
func (p *parallel) each(f func(*pcapflow.Exchange)) {
	j := p.journey
	for i := range j.Points {
		if e := j.Points[i].Exchange; e != nil {
			own := *e
			f(&own)
			j.Points[i].Exchange = &own
		}
	}
	j.Exchange = j.Points[0].Exchange
}

// one is the place of the first record of a set, if all of the set came together.
func (p *parallel) one(set []bool) (int, bool) {
	from := slices.Index(set, true)
	if from < 0 {
		return 0, false
	}
	asked := p.journey.Exchange.RequestLast.Time
	for i := from; i < len(set); i++ {
		if set[i] && !alike(time.Duration(p.answers[i].First.Time-asked), time.Duration(p.answers[from].First.Time-asked)) {
			return 0, false
		}
	}
	return from, true
}

// end is the place of the record that ends the answer which began at place begin:
// the last of all, or the one with which all of its body has come, at once.
func (p *parallel) end(begin int) (int, bool) {
	if begin == len(p.answers)-1 {
		return begin, true
	}
	if p.whole {
		return p.one(p.last)
	}
	if p.body < 0 {
		return 0, false
	}
	sum := int64(0)
	for i := begin; i < len(p.answers) && alike(time.Duration(p.answers[i].First.Time-p.answers[begin].First.Time), 0); i++ {
		if sum += int64(p.answers[i].Bytes); sum >= p.body+frameHeaders {
			return i, true
		}
	}
	if p.body <= smallAnswer {
		return 0, false
	}
	for i := range begin {
		p.last[i] = false
	}
	return p.one(p.last)
}

// frameHeaders is what HTTP/2 adds to an answer at least: the frames' headers of
// HEADERS and of DATA (RFC 9113 §4.1), and a field that says the status.
const frameHeaders = 9 + 1 + 9
