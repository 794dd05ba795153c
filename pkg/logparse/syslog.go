package logparse

import (
	"bytes"
	"io"
	"time"
)

// Logs of syslog daemons and the texts of journalctl: a stamp (RFC 3164,
// RFC 3339, RFC 5424, journalctl's short forms), most often a host, a program
// with its PID, and the message, which goes to the reader of that program.
//
// The two formats differ in nothing but what most of their lines are about.
var (
	authLog = &Format{
		Name:  "auth-log",
		Score: func(head []byte) int { score, auth := syslogScore(head); return min(score, auth) },
		Open:  openSyslog,
		Cut:   true,
		Hints: []string{"auth", "secure"},
	}
	sysLog = &Format{
		Name:  "syslog",
		Score: func(head []byte) int { score, _ := syslogScore(head); return score - 1 },
		Open:  openSyslog,
		Cut:   true,
		Hints: []string{"syslog", "messages", "journal"},
	}
)

func openSyslog(r io.Reader, src Source) Decoder {
	return newMixedDecoder(r, src, newSyslog(src).line)
}

// syslogScore scores the form of the lines, and with auth those of which most
// come from sshd, PAM, sudo and their like.
func syslogScore(head []byte) (score, auth int) {
	s := newSyslog(Source{Year: 2000})
	lines, authLines := 0, 0
	score = scoreLines(head, 75, func(line []byte, e *Event) bool {
		if !s.line(line, e) {
			return false
		}
		if e.Kind != "" {
			if e.Process == "" && e.Repeated == 0 { // any text with a stamp
				return false
			}
			lines++
			if isAuthProgram(e.Process) || e.Kind == PAM {
				authLines++
			}
		}
		return true
	})
	if lines > 0 && 2*authLines > lines {
		auth = 100
	}
	return score, auth
}

type syslog struct {
	src      Source
	years    yearless
	messages *messages
	began    bool // a record was read: an indented line belongs to it
}

func newSyslog(src Source) *syslog {
	return &syslog{src: src, years: yearless{year: src.Year}, messages: newMessages(src)}
}

func (s *syslog) line(b []byte, e *Event) bool {
	if b[0] == ' ' || b[0] == '\t' {
		return s.began && len(bytes.TrimSpace(b)) > 0
	}
	if bytes.HasPrefix(b, []byte("-- ")) { // journalctl: "-- Boot …", "-- Logs begin at …"
		return bytes.HasSuffix(b, []byte(" --")) || bytes.HasPrefix(b, []byte("-- Boot ")) || bytes.HasPrefix(b, []byte("-- Journal begins ")) || bytes.HasPrefix(b, []byte("-- Logs begin ")) || bytes.HasPrefix(b, []byte("-- Reboot "))
	}
	if b[0] == '<' {
		n := bytes.IndexByte(b[:min(len(b), 6)], '>')
		if n < 2 {
			return false
		}
		pri, ok := integer(b[1:n])
		if !ok || pri < 0 || pri > 191 {
			return false
		}
		e.Level = severities[pri&7]
		b = b[n+1:]
		if bytes.HasPrefix(b, []byte("1 ")) {
			s.began = s.rfc5424(b[2:], e)
			return s.began
		}
	}
	n := s.stamp(b, e)
	if n == 0 || n >= len(b) {
		return false
	}
	// "Nov 18 01:15:43: --- last message repeated 5 times ---" has a colon.
	b = bytes.TrimLeft(b[n:], ": ")
	s.began = s.header(b, e)
	return s.began
}

var severities = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// stamp reads the stamp in any form, and tells how many bytes it took.
func (s *syslog) stamp(b []byte, e *Event) int {
	if len(b) < 12 {
		return 0
	}
	if b[0] >= '0' && b[0] <= '9' {
		st, n := isoTime(b)
		if n > 0 && b[10] != 'T' {
			return 0
		}
		if n == 0 {
			if st, n = epochTime(b); n == 0 || st.width > time.Microsecond {
				return 0 // journalctl -o short-unix writes six decimals
			}
		}
		if n < len(b) && b[n] != ' ' {
			return 0
		}
		e.set(st, &s.src)
		return n
	}
	if b[3] == ' ' && digits(b[4:], 4) > 0 { // journalctl -o short-full: Sun 2026-11-22 10:09:02 UTC
		return s.fullStamp(b, e)
	}
	st, inferred, known, n := s.years.read(b)
	if n == 0 || n < len(b) && b[n] != ' ' && b[n] != ':' {
		return 0
	}
	if known {
		e.set(st, &s.src)
	} else {
		e.Width, e.Zone = st.width, ZoneUnknown
	}
	e.YearInferred = inferred
	return n
}

// fullStamp reads "Sun 2026-11-22 10:09:02 UTC". Names of zones beside UTC are
// no standard: those in wide use are taken, and flagged.
func (s *syslog) fullStamp(b []byte, e *Event) int {
	st, n := isoTime(b[4:])
	if n == 0 {
		return 0
	}
	n += 4
	if st.zone == ZoneUnknown && n < len(b) && b[n] == ' ' {
		name := upTo(b[n+1:], ' ')
		if east, state, ok := zoneName(name); ok {
			st.time -= int64(east) * 1e9
			st.zone, st.east = state, east
			n += 1 + len(name)
		}
	}
	e.set(st, &s.src)
	return n
}

// zoneName reads a zone as date(1) and journalctl print it: UTC, -03, CET.
func zoneName(b []byte) (east int, state ZoneState, ok bool) {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		east, n := zone(b)
		return east, ZoneStated, n == len(b)
	}
	hours := 0
	switch string(b) {
	case "UTC", "GMT", "Z":
		return 0, ZoneStated, true
	case "WET":
		hours = 0
	case "CET", "WEST", "BST":
		hours = 1
	case "CEST", "EET", "SAST":
		hours = 2
	case "EEST", "MSK":
		hours = 3
	case "JST", "KST":
		hours = 9
	case "AEST":
		hours = 10
	case "AEDT":
		hours = 11
	case "EDT":
		hours = -4
	case "EST", "CDT":
		hours = -5
	case "CST", "MDT":
		hours = -6
	case "MST", "PDT":
		hours = -7
	case "PST":
		hours = -8
	default:
		return 0, ZoneUnknown, false
	}
	return hours * 3600, ZoneInferred, true
}

// header reads "host program[pid]: message"; the host may be missing, and so
// may the program ("last message repeated 3 times").
func (s *syslog) header(b []byte, e *Event) bool {
	if n, text, ok := repeated(b); ok {
		e.Kind, e.Means, e.Text, e.Repeated = Message, Written, view(text), n
		return true
	}
	word := upTo(b, ' ')
	if name, pid, message, ok := s.tag(b); ok && !isAddressTag(word) {
		return s.message(name, pid, message, e)
	}
	if len(word) == len(b) {
		e.Kind, e.Means, e.Text = Message, Written, view(b)
		return true
	}
	if isLevelWord(word) { // "2016-10-25T12:37:23-07:00 INFO program[1]: …"
		e.Level = view(word)
	} else {
		e.Host = view(word)
	}
	b = bytes.TrimLeft(b[len(word)+1:], " ")
	if n, text, ok := repeated(b); ok {
		e.Kind, e.Means, e.Text, e.Repeated = Message, Written, view(text), n
		return true
	}
	name, pid, message, ok := s.tag(b)
	if !ok {
		e.Kind, e.Means, e.Text = Message, Written, view(b)
		return true
	}
	return s.message(name, pid, message, e)
}

// isAddressTag tells whether a word with a colon is the host, an IPv6 address.
func isAddressTag(word []byte) bool {
	_, ok := address(word)
	return ok
}

func isLevelWord(b []byte) bool {
	switch string(b) {
	case "DEBUG", "INFO", "NOTICE", "WARNING", "WARN", "ERR", "ERROR", "CRIT", "CRITICAL", "ALERT", "EMERG":
		return true
	}
	return false
}

// tag reads "program[pid]:" or "program:" at b[0], the PID in digits, possibly
// with a thread behind a colon (unbound); a second pair of brackets or
// parentheses before it belongs to the name (pam_unix of old).
func (s *syslog) tag(b []byte) (name, pid, message []byte, ok bool) {
	i := 0
	for i < len(b) && b[i] != ':' && b[i] != '[' && b[i] != ' ' {
		i++
	}
	if i == 0 || i == len(b) {
		if len(b) > 2 && b[0] == '[' { // "[sshd] message", "[sshd]: message"
			if end := bytes.IndexByte(b, ']'); end > 1 && end < 40 && bytes.IndexByte(b[:end], ' ') < 0 {
				return b[1:end], nil, bytes.TrimLeft(b[end+1:], ": "), true
			}
		}
		return nil, nil, nil, false
	}
	name = b[:i]
	switch b[i] {
	case '[':
		end := bytes.IndexByte(b[i:], ']')
		if end < 2 {
			return nil, nil, nil, false
		}
		pid = b[i+1 : i+end]
		rest := b[i+end+1:]
		if len(rest) > 2 && rest[0] == ' ' && rest[1] == '(' { // macOS: launchd[1] (com.openssh.sshd): …
			if j := bytes.Index(rest, []byte("): ")); j > 0 {
				rest = rest[j+1:]
			}
		}
		if len(rest) > 0 && rest[0] == ':' {
			return name, pid, bytes.TrimLeft(rest[1:], " "), true
		}
		if len(rest) > 1 && rest[0] == ' ' && firstInteger(pid) >= 0 {
			return name, pid, rest[1:], true
		}
		return nil, nil, nil, false
	case ':':
		if i+1 < len(b) && b[i+1] != ' ' {
			return nil, nil, nil, false
		}
		return name, nil, bytes.TrimLeft(b[i+1:], " "), true
	}
	return nil, nil, nil, false
}

// message hands the text to the reader of its program.
func (s *syslog) message(name, pid, text []byte, e *Event) bool {
	if i := bytes.LastIndexByte(name, '/'); i >= 0 && i+1 < len(name) && name[0] == '/' {
		name = name[i+1:]
	}
	if i := bytes.IndexByte(name, '('); i > 0 && name[len(name)-1] == ')' { // sshd(pam_unix)
		text = append(append(make([]byte, 0, len(name)-i+1+len(text)), name[i:]...), append([]byte{' '}, text...)...)
		name = name[:i]
	}
	if bytes.HasPrefix(text, []byte("[ID ")) { // Solaris: [ID 800047 auth.info]
		if end := bytes.Index(text, []byte("] ")); end > 0 {
			text = text[end+2:]
		}
	}
	e.Process = view(name)
	pid = upTo(pid, ':')
	if n, ok := integer(pid); ok && n >= 0 && n < 1<<31 {
		e.PID = int(n)
	}
	if n, inner, ok := repeated(text); ok {
		e.Repeated = n
		text = inner
	}
	s.messages.read(pid, text, e)
	return true
}

// repeated reads "last message repeated N times" and "message repeated N
// times: [ text]". The text of the former is all of it.
func repeated(b []byte) (n int, text []byte, ok bool) {
	b = bytes.TrimPrefix(b, []byte("--- "))
	rest, found := bytes.CutPrefix(b, []byte("last message repeated "))
	inner := false
	if !found {
		if rest, inner = bytes.CutPrefix(b, []byte("message repeated ")); !inner {
			return 0, nil, false
		}
	}
	count := upTo(rest, ' ')
	v, ok := integer(count)
	if !ok || v < 1 || v > 1<<31 || !bytes.HasPrefix(rest[len(count):], []byte(" time")) {
		return 0, nil, false
	}
	if _, quoted, ok := bytes.Cut(rest, []byte(": [")); inner && ok {
		return int(v), bytes.TrimSuffix(bytes.TrimLeft(quoted, " "), []byte{']'}), true
	}
	return int(v), bytes.TrimSuffix(b, []byte(" ---")), true
}

// rfc5424 reads "TIMESTAMP HOST APP PROCID MSGID SD MSG" (RFC 5424 section 6);
// '-' stands for what is not there.
func (s *syslog) rfc5424(b []byte, e *Event) bool {
	if len(b) > 1 && b[0] == '-' && b[1] == ' ' {
		b = b[2:]
	} else {
		st, n := isoTime(b)
		if n == 0 || n == len(b) || b[n] != ' ' {
			return false
		}
		e.set(st, &s.src)
		b = b[n+1:]
	}
	var head [4][]byte
	for i := range head {
		var ok bool
		if head[i], b, ok = cutAt(b, ' '); !ok {
			return false
		}
	}
	b, ok := structured(b)
	if !ok {
		return false
	}
	e.Host = view(dash(head[0]))
	b = bytes.TrimPrefix(b, bom)
	if name := dash(head[1]); name != nil {
		return s.message(name, dash(head[2]), b, e)
	}
	e.Kind, e.Means, e.Text = Message, Written, view(b)
	return true
}

// structured skips the structured data and the space behind it.
func structured(b []byte) (message []byte, ok bool) {
	if len(b) > 0 && b[0] == '-' {
		return bytes.TrimPrefix(b[1:], []byte{' '}), true
	}
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ']' && (i+1 == len(b) || b[i+1] != '['):
			return bytes.TrimPrefix(b[i+1:], []byte{' '}), true
		}
	}
	return nil, false
}
