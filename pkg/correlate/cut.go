package correlate

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// What ended an answer whose content cannot be read.
const (
	endKnown   = iota
	endWhole   // the client's program was content
	cutServer  // the server, before it was whole
	cutClient  // the client, or nobody heard the rest
	endUnknown // the server closed with it, or the capture ends with it, and nothing tells whether it was whole
)

// closedWith is how soon behind the last bytes of an answer a close belongs to it, ns:
// no server keeps an idle connection for so short a time.
const closedWith = 2e9

// settleCuts says of encrypted answers that were cut that they were, as it shows in
// the clear: a client program says so, or bytes of it were sent again in vain to the end;
// and of those that the server's close ended without close_notify (RFC 8446 section 6.1),
// or that a capture's own end may have cut, that their end is not known.
func settleCuts(b *built, m *matcher, tb timebase) {
	if b.passing {
		return
	}
	var lines map[*Journey][]Line
	changed := map[*Journey]bool{}
	for _, j := range b.joints {
		for i, jn := range j.journeys {
			x := jn.Exchange
			if x == nil || !x.Estimated || !x.ResponseFirst.Seen() || x.Undecided || x.EndOpen {
				continue
			}
			if lines == nil {
				lines = m.sureLines()
			}
			how := saidCut(lines[jn])
			if how == endKnown && i == len(j.journeys)-1 {
				how = seenCut(jn)
			}
			if how > endWhole {
				jn.cut(how)
				b.phasesAnew(tb, jn, i == 0, i == len(j.journeys)-1)
				changed[jn] = true
			}
		}
	}
	m.residualsAnew(changed)
}

// saidCut is what a client program says of the end of an answer (libcurl-errors(3)).
func saidCut(lines []Line) int {
	how := endKnown
	for _, l := range lines {
		e := &l.Log.Events[l.Event]
		if e.Kind != logparse.ClientHTTP || e.Timing == nil {
			continue
		}
		switch e.Timing.Exit {
		case 18, 56, 92: // partial file, failure in receiving, stream not closed cleanly
			return cutServer
		case 28: // timed out
			return cutClient
		case 0:
			how = endWhole
		}
	}
	return how
}

// seenCut is what the packets of every capture tell of the end of a connection's last
// answer.
func seenCut(jn *Journey) int {
	how, quiet := endKnown, false
	for _, p := range jn.Points {
		f, x := p.Flow, p.Exchange
		if x == nil || f.Conn == nil || f.TLS == nil {
			continue
		}
		n := f.Conn
		server, client := sideEnded(f, pcapflow.Server), sideEnded(f, pcapflow.Client)
		switch {
		case !server.Seen() && slices.ContainsFunc(n.Retransmissions, func(t pcapflow.Retransmission) bool {
			return t.Dir == pcapflow.Server && t.Kind == pcapflow.RetransmitTimeout && t.Len > 0 && t.Time > x.ResponseLast.Time && t.Time > n.Heard[pcapflow.Client] && t.Seq >= n.AckedTo[pcapflow.Server]
		}):
			return cutClient
		case f.TLS.CloseNotify[pcapflow.Server].Seen() || client.Seen() && (!server.Seen() || client.Time < server.Time):
			return endKnown // one capture that knows is enough
		case server.Seen() && server.Time-x.ResponseLast.Time < closedWith:
			how = endUnknown
		case !server.Seen() && !client.Seen() && endsWith(p):
			how = max(how, endUnknown)
		case !server.Seen() && !client.Seen():
			quiet = true
		}
	}
	if quiet && !slices.ContainsFunc(jn.Points, func(p Point) bool { return closedBy(p.Flow) }) {
		return endKnown // a capture that went on shows that nothing more came
	}
	return how
}

// endsWith tells whether a capture ends less than a round trip behind the last that it
// holds of a server's answer: more of it may have been on its way.
func endsWith(p Point) bool {
	last := p.Flow.LastPayload[pcapflow.Server]
	if p.Capture == nil || !last.Seen() {
		return false
	}
	return p.Capture.Last.Time-last.Time < max(p.Flow.Conn.RTT, p.Flow.Conn.RTTServer)
}

// closedBy tells whether the server ended a connection, as its packets show.
func closedBy(f *pcapflow.Flow) bool {
	return f.Conn != nil && f.TLS != nil && sideEnded(f, pcapflow.Server).Seen()
}

// sideEnded is how a side ended a connection first: its close_notify, FIN or RST.
func sideEnded(f *pcapflow.Flow, d pcapflow.Dir) pcapflow.Stamp {
	var at pcapflow.Stamp
	earlier := func(s pcapflow.Stamp) {
		if s.Seen() && (!at.Seen() || s.Time < at.Time) {
			at = s
		}
	}
	earlier(f.TLS.CloseNotify[d])
	earlier(f.Conn.FIN[d])
	for _, r := range f.Conn.RST {
		if r.Dir == d {
			earlier(r.Stamp)
		}
	}
	return at
}

// cut writes into a copy of each point's exchange how its answer ended.
func (jn *Journey) cut(how int) {
	for i := range jn.Points {
		x := jn.Points[i].Exchange
		if x == nil {
			continue
		}
		own := *x
		switch how {
		case endUnknown:
			own.EndOpen = true
		case cutClient:
			own.Truncated, own.Aborted = true, pcapflow.Client
		case cutServer:
			own.Truncated, own.Aborted = true, pcapflow.Server
		}
		jn.Points[i].Exchange = &own
	}
	jn.Exchange = jn.Points[0].Exchange
}
