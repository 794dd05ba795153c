package pcapflow

// Phase is the resolution as the host that asked waited for it: from the first
// request to the answer.
func (r *Resolution) Phase() Phase {
	p := Phase{Name: L2Resolve, Begin: r.Begin(), End: r.Reply, Outcome: Done, Attempts: len(r.Requests), Note: r.Protocol}
	if !r.Reply.Seen() {
		p.Outcome = Unanswered
	}
	for _, at := range append(r.Requests[:len(r.Requests):len(r.Requests)], r.Reply) {
		if at.Seen() {
			p.Frames = append(p.Frames, at.Frame)
		}
	}
	return p
}

// Confirms tells that all it asked was whether a known link address still holds.
func (r *Resolution) Confirms() bool { return len(r.Requests) > 0 && r.Unicast == len(r.Requests) }

// Begin is the first that was seen of the resolution.
func (r *Resolution) Begin() Stamp {
	if len(r.Requests) > 0 {
		return r.Requests[0]
	}
	return r.Reply
}

// Last is the latest.
func (r *Resolution) Last() Stamp {
	last := r.Begin()
	if n := len(r.Requests); n > 0 {
		last = latest(last, r.Requests[n-1])
	}
	return latest(last, r.Reply)
}
