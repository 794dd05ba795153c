package pcapflow

import "encoding/binary"

// h2Window is the flow control of one direction (RFC 9113 §5.2): what its sender
// may still send on the connection, and on a stream when it opens.
type h2Window struct {
	connection int64
	initial    int64
	changes    int       // of initial
	emptied    *h2Stream // whose frame closed the connection's window; nil: it is open
	unknown    bool      // frames that would have told were lost, or a rule was broken
}

// maxWindowChanges bounds how often a new initial window is carried to all open
// streams.
const maxWindowChanges = 16

// initialWindow of connection and streams (RFC 9113 §6.9.2).
const initialWindow = 65535

// concurrency notes that a stream opened, the latest of those open.
func (h *http2) concurrency(s *h2Stream, e *Exchange) {
	for d := range s.window {
		s.window[d] = h.flow[d].initial
	}
	if n := len(h.streams); n > 1 {
		e.Concurrent = n
	}
}

// sent takes a whole DATA frame of side d: it uses up both windows. Where one of
// them is closed then and the message goes on, its sender must wait.
func (h *http2) sent(d Dir, s *h2Stream, last Stamp) {
	side, w := &h.side[d], &h.flow[d]
	w.connection -= int64(side.length)
	if s == nil {
		return
	}
	s.window[d] -= int64(side.length)
	h.opened(d, s, last)
	if w.connection < 0 || s.window[d] < 0 {
		w.unknown = true
	}
	if w.unknown || side.flags&h2EndStream != 0 || min(w.connection, s.window[d]) > 0 {
		return
	}
	s.blocked[d] = last
	if w.connection == 0 {
		w.emptied = s
	}
}

// opened ends a wait for the window: it grew, or the sender sends all the same.
func (h *http2) opened(d Dir, s *h2Stream, at Stamp) {
	if s.blocked[d].Seen() {
		h.list[s.exchange].FlowControlWait += max(0, at.Time-s.blocked[d].Time)
		s.blocked[d] = Stamp{}
	}
}

// windowUpdate lets the other side of d send more (RFC 9113 §6.9).
func (h *http2) windowUpdate(d Dir, last Stamp) {
	side := &h.side[d]
	if side.length != 4 {
		return
	}
	to := d.Other()
	w := &h.flow[to]
	n := int64(binary.BigEndian.Uint32(side.fixed[:4]) & (1<<31 - 1))
	if side.stream != 0 {
		if s := h.streams[side.stream]; s != nil {
			s.window[to] += n
			h.reopened(to, s, last)
		}
		return
	}
	w.connection += n
	if w.emptied != nil {
		h.reopened(to, w.emptied, last)
		w.emptied = nil
	}
}

// reopened ends the wait of a stream that may send again.
func (h *http2) reopened(to Dir, s *h2Stream, at Stamp) {
	if min(h.flow[to].connection, s.window[to]) > 0 {
		h.opened(to, s, at)
	}
}

// initialWindowSize takes SETTINGS_INITIAL_WINDOW_SIZE of side d, which changes
// the windows of open streams as well (RFC 9113 §6.9.2).
func (h *http2) initialWindowSize(d Dir, n uint32, at Stamp) {
	to := d.Other()
	w := &h.flow[to]
	grown := int64(n) - w.initial
	if grown == 0 || w.unknown {
		return
	}
	w.initial = int64(n)
	if w.changes++; w.changes > maxWindowChanges {
		w.unknown = true
		return
	}
	for _, s := range h.streams {
		s.window[to] += grown
		h.reopened(to, s, at)
	}
}

// headOfLine takes a frame of an answer that ended at last, and charges its stream with
// the time that frames of others took on the connection since the stream's own before.
// A frame took the time from its own first byte and, where that is no more than a round
// trip, since the one before it: when the server is silent for longer, it may have had
// nothing to send, and nobody is held up.
func (h *http2) headOfLine(s *h2Stream, last Stamp) {
	if s.begun {
		h.list[s.exchange].HeadOfLineWait += h.busy - s.busy
	}
	took := last.Time - h.side[Server].first.Time
	if h.servedAt.Seen() {
		since := last.Time - h.servedAt.Time
		if took = min(took, since); since <= h.f.roundTrip() {
			took = since
		}
	}
	h.busy += max(0, took)
	h.servedAt, s.begun, s.busy = last, true, h.busy
}
