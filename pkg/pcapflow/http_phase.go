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
	tellRounds(f.HTTP)
	if f.lean {
		f.owed = true
		return
	}
	for i := range f.HTTP {
		f.exchangePhases(&f.HTTP[i])
	}
}

// ListExchanges adds the phases of exchanges that Options.Lean left out.
func (f *Flow) ListExchanges() {
	if !f.owed {
		return
	}
	f.lean, f.owed = false, false
	appendExchangePhases(f)
	f.sortPhases()
}

func (f *Flow) exchangePhases(e *Exchange) {
	done := Done
	if e.Estimated {
		done = Estimated
	}
	if e.RequestFirst.Seen() {
		send := f.newPhase()
		send.Name, send.Begin, send.End, send.Outcome, send.Attempts = HTTPSend, e.RequestFirst, e.RequestLast, done, 1
		send.Frames = stampFrames(send.Frames, e.RequestFirst, e.RequestLast)
		if e.Unsent && !e.ResponseFirst.Seen() {
			send.End = Stamp{}
			if send.Outcome = f.unansweredOutcome(e.RequestLast); send.Outcome == Unanswered {
				send.Outcome = Unseen
			}
			return
		}
		wait := f.newPhase()
		wait.Name, wait.Begin, wait.End, wait.Outcome, wait.Attempts = HTTPWait, e.RequestLast, e.ResponseReadable, done, 1
		switch {
		case !e.ResponseFirst.Seen():
			wait.Outcome = f.unansweredOutcome(e.RequestLast)
		case e.ResponseReadable.Time < e.RequestLast.Time: // answered before all of it was sent
			wait.Begin = e.ResponseReadable
		}
		wait.Frames = stampFrames(wait.Frames, wait.Begin, wait.End)
	}
	if e.ResponseFirst.Seen() {
		receive := f.newPhase()
		receive.Name, receive.Begin, receive.End, receive.Outcome, receive.Attempts = HTTPReceive, e.ResponseReadable, e.ResponseLast, done, 1
		receive.Frames = stampFrames(receive.Frames, e.ResponseReadable, e.ResponseLast)
		if e.Truncated || e.Reset {
			receive.Outcome = Failed
		}
	}
}

// unansweredOutcome tells how a wait ended that brought no answer.
func (f *Flow) unansweredOutcome(since Stamp) Outcome {
	if f.Conn == nil {
		return Unanswered
	}
	if f.Packets[Server] == 0 {
		return Unseen // the capture holds the other direction alone
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

// stampFrames appends the frames of two stamps, in order.
func stampFrames(list []int, a, b Stamp) []int {
	switch {
	case !a.Seen() && !b.Seen():
		return list
	case !b.Seen() || a.Frame == b.Frame:
		return append(list, a.Frame)
	case !a.Seen():
		return append(list, b.Frame)
	}
	return append(list, min(a.Frame, b.Frame), max(a.Frame, b.Frame))
}

// newPhase adds a phase. The room that a phase of an ended flow had taken for
// its frames serves again.
func (f *Flow) newPhase() *Phase {
	n := len(f.Phases)
	if n < cap(f.Phases) {
		f.Phases = f.Phases[:n+1]
	} else {
		f.Phases = append(f.Phases, Phase{})
	}
	p := &f.Phases[n]
	*p = Phase{Frames: emptied(p.Frames)}
	return p
}
