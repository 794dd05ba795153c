package logparse

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// digYAML reads what dig +yaml prints: the only form with the times of query
// and answer in milliseconds (UTC). It shows nothing of attempts that timed
// out.
type digYAML struct {
	open     bool
	event    Event
	begin    int64 // ns, query_time
	hasBegin bool
	section  string
	message  bool // the lines of a message follow
}

// line takes a line of a YAML document; it returns false outside of one.
func (d *digYAML) line(line []byte, at place, out *outbox) bool {
	if len(line) > 0 && line[0] == '-' && (len(bytes.TrimSpace(line)) == 1 || bytes.HasPrefix(line, []byte("- type: "))) {
		if d.open {
			d.finish(out)
		}
		d.open, d.hasBegin, d.section, d.message = true, false, "", false
		d.event = begin(ClientDNS, at)
		d.event.Process, d.event.Means = "dig", ClientEnd
		d.event.Lookup = &Lookup{ID: -1, QueryTime: -1}
		return true
	}
	if !d.open {
		return false
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if line[0] != ' ' { // the document is over
		d.finish(out)
		return false
	}
	d.event.reach(at)
	if item, ok := bytes.CutPrefix(text, []byte("- ")); ok {
		d.item(bytes.Trim(item, "'\""))
		return true
	}
	if d.message {
		d.error(text)
		return true
	}
	key, value, ok := cutAt(text, ':')
	if ok {
		d.pair(string(key), bytes.TrimSpace(value))
	}
	return true
}

func (d *digYAML) pair(key string, value []byte) {
	e, l := &d.event, d.event.Lookup
	plain := bytes.Trim(bytes.TrimPrefix(value, []byte("!!timestamp ")), "'\"")
	switch key {
	case "query_time":
		if st, n := isoTime(plain); n > 0 && n == len(plain) {
			d.begin, d.hasBegin = st.time, true
		}
	case "response_time":
		if st, n := isoTime(plain); n > 0 && n == len(plain) {
			e.set(st, &Source{})
		}
	case "message_size":
		if n, ok := integer(bytes.TrimSuffix(plain, []byte{'b'})); ok && n >= 0 {
			e.Received = n
		}
	case "socket_protocol":
		e.Proto = strings.ToLower(string(plain))
	case "response_address":
		if a, ok := address(plain); ok {
			l.Server = netip.AddrPortFrom(a, max(l.Server.Port(), 53))
		}
	case "response_port":
		if p, ok := port(plain); ok {
			l.Server = netip.AddrPortFrom(l.Server.Addr(), p)
		}
	case "query_port":
		if p, ok := port(plain); ok {
			e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
		}
	case "query_address":
		if a, ok := address(plain); ok && !a.IsUnspecified() {
			e.Client = netip.AddrPortFrom(a, e.Client.Port())
		}
	case "status":
		l.Status = string(plain)
	case "id":
		if n, ok := integer(plain); ok && n >= 0 && n < 65536 {
			l.ID = int(n)
		}
	case "type":
		if bytes.HasPrefix(plain, []byte("DIG_ERROR")) {
			e.Outcome = "failed"
		}
	case "message":
		if d.message = string(plain) == "|"; !d.message {
			d.error(plain)
		}
	default:
		if strings.HasSuffix(key, "_SECTION") {
			d.section = key
		}
	}
}

// error notes a message of dig, or a line of it.
func (d *digYAML) error(text []byte) {
	if len(text) == 0 {
		return
	}
	e, l := &d.event, d.event.Lookup
	if e.Text != "" {
		e.Text += " "
	}
	e.Text += string(text)
	l.NoServers = l.NoServers || bytes.Contains(text, []byte("no servers could be reached"))
	if bytes.Contains(text, []byte("timed out")) {
		l.Timeouts++
	}
}

func (d *digYAML) item(text []byte) {
	var f [6][]byte
	n := words(text, f[:])
	l := d.event.Lookup
	switch {
	case d.section == "QUESTION_SECTION" && n == 3:
		l.Name, l.Type = strings.Clone(lowerName(f[0])), string(f[2])
	case d.section == "ANSWER_SECTION" && n >= 5 && len(l.Answers) < maxAnswers:
		if a, ok := address(f[4]); ok {
			l.Answers = append(l.Answers, a)
		}
	}
}

func (d *digYAML) finish(out *outbox) {
	d.open = false
	e, l := d.event, d.event.Lookup
	if e.HasTime && d.hasBegin && e.Time >= d.begin {
		l.QueryTime = time.Duration(e.Time - d.begin)
	}
	e.Name, e.Type, e.Server, e.RCode = l.Name, l.Type, l.Server, l.Status
	switch {
	case l.NoServers:
		e.Outcome = "no-servers"
	case l.Status == "NOERROR":
		e.Outcome = "ok"
	case l.Status != "":
		e.Outcome = "failed"
	case e.Text == "":
		return
	}
	out.put(e)
}
