package logparse

import "bytes"

// timesyncdMessage reads a message of systemd-timesyncd, which comes through
// the journal or syslog.
func timesyncdMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	for _, o := range []struct{ text, outcome string }{
		{"Initial clock synchronization to ", "synchronised"}, // stamped right after the clock was set
		{"Initial synchronization to time server ", "synchronised"},
		{"Synchronized to time server ", "synchronised"},
		{"Synchronized to ", "synchronised"},
		{"Contacted time server ", "selected"},
		{"Timed out waiting for reply from ", "timeout"},
		{"No network connectivity", "unsynchronised"},
		{"Server has too large root distance", "rejected"},
		{"Server not synchronized", "rejected"},
		{"Invalid packet", "rejected"},
		{"System time changed", "time-jump"},
		{"System clock time unset or jumped backwards", "time-jump"},
	} {
		rest, ok := bytes.CutPrefix(msg, []byte(o.text))
		if !ok {
			continue
		}
		e.Outcome = o.outcome
		if o.outcome == "time-jump" {
			e.Kind = ClockStep
			e.Reading = &Reading{Unbounded: true}
		}
		if server, _, found := cutAt(rest, ' '); found && (o.outcome == "selected" || o.outcome == "timeout") {
			if a, ok := addressPort(server); ok {
				e.Server = a
			}
			if _, name, found := cutAt(rest, '('); found {
				name, _, _ = cutAt(name, ')')
				e.Name = view(name)
			}
		}
		return
	}
}
