package pcapflow

// closedBy tells whether a side ended its stream in order.
func (f *Flow) closedBy(d Dir) bool {
	return f.Conn == nil || f.Conn.FIN[d].Seen() // without Conn nothing says otherwise
}

// endedBy is the side whose FIN or RST came first.
func (f *Flow) endedBy() Dir {
	if f.Conn == nil {
		return Server
	}
	by, at := Server, Stamp{}
	earlier := func(d Dir, s Stamp) {
		if s.Seen() && (!at.Seen() || s.Time < at.Time || s.Time == at.Time && s.Frame < at.Frame) {
			by, at = d, s
		}
	}
	earlier(Server, f.Conn.FIN[Server])
	earlier(Client, f.Conn.FIN[Client])
	for _, r := range f.Conn.RST {
		earlier(r.Dir, r.Stamp)
	}
	return by
}

// appendExchangePhases tells the phases of every exchange: sending the request,
// waiting for the answer, receiving it. The wait ends when the client can read
// the first byte, as curl's time_starttransfer does.
func appendExchangePhases(f *Flow) {
	for i := range f.HTTP {
		f.Phases = append(f.Phases, exchangePhases(f, &f.HTTP[i])...)
	}
}

func exchangePhases(f *Flow, e *Exchange) []Phase {
	done := Done
	if e.Estimated {
		done = Estimated
	}
	var phases []Phase
	if e.RequestFirst.Seen() {
		phases = append(phases, Phase{Name: HTTPSend, Begin: e.RequestFirst, End: e.RequestLast, Outcome: done, Attempts: 1, Frames: stampFrames(e.RequestFirst, e.RequestLast)})
		wait := Phase{Name: HTTPWait, Begin: e.RequestLast, End: e.ResponseReadable, Outcome: done, Attempts: 1}
		switch {
		case !e.ResponseFirst.Seen():
			wait.Outcome = f.unansweredOutcome(e.RequestLast)
		case e.ResponseReadable.Time < e.RequestLast.Time: // answered before all of it was sent
			wait.Begin = e.ResponseReadable
		}
		wait.Frames = stampFrames(wait.Begin, wait.End)
		phases = append(phases, wait)
	}
	if e.ResponseFirst.Seen() {
		receive := Phase{Name: HTTPReceive, Begin: e.ResponseReadable, End: e.ResponseLast, Outcome: done, Attempts: 1, Frames: stampFrames(e.ResponseReadable, e.ResponseLast)}
		if e.Truncated || e.Reset {
			receive.Outcome = Failed
		}
		phases = append(phases, receive)
	}
	return phases
}

// unansweredOutcome tells how a wait ended that brought no answer.
func (f *Flow) unansweredOutcome(since Stamp) Outcome {
	if f.Conn == nil {
		return Unanswered
	}
	for _, r := range f.Conn.RST {
		if r.Dir == Server && r.Time >= since.Time {
			return Refused
		}
	}
	if fin := f.Conn.FIN[Server]; fin.Seen() && fin.Time >= since.Time && (!f.Conn.FIN[Client].Seen() || fin.Time < f.Conn.FIN[Client].Time) {
		return Failed // the server closed instead of answering
	}
	return Unanswered
}

func stampFrames(a, b Stamp) []int {
	switch {
	case !a.Seen() && !b.Seen():
		return nil
	case !b.Seen() || a.Frame == b.Frame:
		return []int{a.Frame}
	case !a.Seen():
		return []int{b.Frame}
	}
	return []int{min(a.Frame, b.Frame), max(a.Frame, b.Frame)}
}
