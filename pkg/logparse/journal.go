package logparse

import "bytes"

// journalEntry gathers the fields of one entry of systemd's journal that
// matter here (systemd.journal-fields(7)). All texts are views.
type journalEntry struct {
	realtime, source, monotonic int64 // µs; -1: not there
	boot, host                  []byte
	identifier, command         []byte
	pid, syslogPID              []byte
	priority                    []byte
	message                     []byte
	messages                    int // how many MESSAGE fields
	fields                      int
}

func (j *journalEntry) reset() { *j = journalEntry{realtime: -1, source: -1, monotonic: -1} }

// wanted tells whether a field is one of those.
func (j *journalEntry) wanted(name []byte) bool {
	switch string(name) {
	case "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "_BOOT_ID", "_HOSTNAME",
		"SYSLOG_IDENTIFIER", "_COMM", "_PID", "SYSLOG_PID", "PRIORITY", "MESSAGE":
		return true
	}
	return false
}

// field takes one field; of several MESSAGE fields the first counts.
func (j *journalEntry) field(name, v []byte) {
	j.fields++
	switch string(name) {
	case "__REALTIME_TIMESTAMP":
		j.realtime = microseconds(v)
	case "_SOURCE_REALTIME_TIMESTAMP":
		j.source = microseconds(v)
	case "__MONOTONIC_TIMESTAMP":
		j.monotonic = microseconds(v)
	case "_BOOT_ID":
		j.boot = v
	case "_HOSTNAME":
		j.host = v
	case "SYSLOG_IDENTIFIER":
		j.identifier = v
	case "_COMM":
		j.command = v
	case "_PID":
		j.pid = v
	case "SYSLOG_PID":
		j.syslogPID = v
	case "PRIORITY":
		j.priority = v
	case "MESSAGE":
		if j.messages == 0 {
			j.message = v
		}
		j.messages++
	}
}

// microseconds reads a count of µs whose ns fit; -1 for anything else.
func microseconds(b []byte) int64 {
	v, ok := integer(b)
	if !ok || v < 0 || v > 1<<53 {
		return -1
	}
	return v
}

// time is the entry's, µs since the Unix epoch; -1: it has none. The sender's
// stamp comes before the journal's own, which is later by the way through the
// socket.
func (j *journalEntry) time() int64 {
	if j.source < 0 {
		return j.realtime
	}
	return j.source
}

// process is the number of the process that wrote the entry, as it is written.
func (j *journalEntry) process() []byte {
	if len(j.pid) == 0 {
		return j.syslogPID
	}
	return j.pid
}

// event fills e, false where the entry has no time.
func (j *journalEntry) event(m *messages, e *Event) bool {
	t := j.time()
	if t < 0 {
		return false
	}
	e.set(stamp{time: t * 1000, width: 1000}, &m.src)
	if j.realtime >= 0 {
		e.JournalTime = j.realtime * 1000
	}
	if j.monotonic >= 0 && j.realtime >= 0 {
		e.Monotonic, e.HasMonotonic = j.monotonic*1000, true
	}
	e.BootID, e.Host = view(j.boot), view(j.host)
	name := j.identifier
	if len(name) == 0 {
		name = j.command
	}
	if i := bytes.LastIndexByte(name, '/'); i >= 0 && i+1 < len(name) && name[0] == '/' {
		name = name[i+1:]
	}
	e.Process = view(name)
	pid := j.process()
	if n, ok := integer(pid); ok && n >= 0 && n < 1<<31 {
		e.PID = int(n)
	}
	if len(j.priority) == 1 && j.priority[0] >= '0' && j.priority[0] <= '7' {
		e.Level = severities[j.priority[0]-'0']
	}
	m.read(pid, j.message, e)
	return true
}
