package correlate

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// isLogin tells whether an event speaks of an SSH connection or its login.
func isLogin(k logparse.Kind) bool {
	switch k {
	case logparse.SSHConnection, logparse.SSHAccepted, logparse.SSHFailed, logparse.SSHInvalidUser, logparse.SSHClosed,
		logparse.SSHSession, logparse.SSHNegotiation, logparse.SSHDropped, logparse.PAM:
		return true
	}
	return false
}

// logins matches sshd's lines: by the client's port, which nearly every line
// states, and the rest by the process that wrote them.
func (m *matcher) logins(l *incident.Log) {
	type process struct {
		host string
		pid  int
	}
	var byPID map[process]*Journey
	var waiting []int // lines without a port, whose process has not shown one yet
	for i := range l.Events {
		e := &l.Events[i]
		named := isLogin(e.Kind)
		if !named && (e.PID == 0 || !strings.HasPrefix(e.Process, "sshd")) {
			continue
		}
		if byPID == nil {
			byPID = map[process]*Journey{}
		}
		pid := process{e.Host, e.PID}
		if e.Client.Port() != 0 {
			j, reason := m.connection(l, i)
			if j == nil {
				if named {
					m.miss(l, i, reason)
				}
				delete(byPID, pid)
				continue
			}
			m.link(l, i, j, "port")
			byPID[pid] = j
			waiting = m.linkWaiting(l, waiting, e, j)
			continue
		}
		if j := byPID[pid]; j != nil && e.PID != 0 {
			m.link(l, i, j, "process")
			continue
		}
		waiting = append(waiting, i)
	}
	for _, i := range waiting {
		if isLogin(l.Events[i].Kind) {
			m.miss(l, i, "names no connection")
		}
	}
}

// linkWaiting links the earlier lines of e's process to j.
func (m *matcher) linkWaiting(l *incident.Log, waiting []int, e *logparse.Event, j *Journey) []int {
	kept := waiting[:0]
	for _, i := range waiting {
		w := &l.Events[i]
		if w.PID == e.PID && w.PID != 0 && w.Host == e.Host && e.Time-w.Time < int64(2*time.Minute) {
			m.link(l, i, j, "process")
		} else {
			kept = append(kept, i)
		}
	}
	return kept
}

func (m *matcher) link(l *incident.Log, event int, j *Journey, by string) {
	m.result = append(m.result, match{journey: j, line: Line{Log: l, Event: event, Status: "matched", Confidence: certain, By: by}})
}

// connection finds the journey of a line that states the client's port.
func (m *matcher) connection(l *incident.Log, event int) (*Journey, string) {
	e := &l.Events[event]
	client := netip.AddrPortFrom(plainAddr(e.Client.Addr()), e.Client.Port())
	list := m.ports()[client]
	if len(list) == 0 {
		if m.flows[client.Addr()] {
			return nil, "no connection from this port was seen"
		}
		return nil, "no flow of this client"
	}
	if len(list) == 1 {
		if !m.near(l, event, list[0]) {
			return nil, "outside the capture"
		}
		return list[0], ""
	}
	for _, j := range list {
		if m.near(l, event, j) {
			return j, ""
		}
	}
	return nil, "no connection from this port at that time"
}

// near tells whether a line may speak of j: within its time where the clocks
// are known, else always.
func (m *matcher) near(l *incident.Log, event int, j *Journey) bool {
	ln := lineOf(l, event, m.tb)
	if !ln.timed || ln.root != 0 {
		return true
	}
	f := j.Points[0].Flow
	src := sourceOf(j.Points[0])
	from, ok := m.tb.stamp(src, f.Start)
	to, ok2 := m.tb.stamp(src, f.End)
	if !ok || !ok2 {
		return true
	}
	// What a session writes of itself may come long after the capture ended.
	return ln.at+ln.width+ln.slack >= from.low-int64(time.Second) && ln.at-ln.slack <= to.high+int64(5*time.Minute)
}

// ports indexes the first journey of every connection by the client's address
// and port, as itself and as the server knew it.
func (m *matcher) ports() map[netip.AddrPort][]*Journey {
	if m.byPort != nil {
		return m.byPort
	}
	m.byPort = map[netip.AddrPort][]*Journey{}
	add := func(a netip.AddrPort, j *Journey) {
		a = netip.AddrPortFrom(plainAddr(a.Addr()), a.Port())
		if a.Port() != 0 && !slices.Contains(m.byPort[a], j) {
			m.byPort[a] = append(m.byPort[a], j)
		}
	}
	for _, c := range m.built.joints {
		if len(c.journeys) == 0 {
			continue
		}
		for _, p := range c.points {
			add(p.Flow.Client, c.journeys[0])
		}
	}
	return m.byPort
}
