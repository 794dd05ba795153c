package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"time"
)

// What dig prints, one event a run, several runs in one text.
//
// "WHEN" is the moment of the answer, to a second, in the local zone. "Query
// time" is of the last attempt only: those that timed out before leave no more
// than the lines ";; communications error", which dig prints before its banner.

var dig = &Format{
	Name: "dig",
	Score: func(head []byte) int {
		for _, sign := range []string{"<<>> DiG ", ";; communications error to ", "$ dig ", ";; no servers could be reached", "->>HEADER<<-", ";; Truncated, retrying", "response_message_data:", "# dig "} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 97, &digText{})
			}
		}
		return 0
	},
	Open: func(r io.Reader, src Source) Decoder {
		return newTranscriptDecoder(r, &digText{src: src})
	},
	Hints: []string{"dig"},
}

type digText struct {
	src   Source
	open  bool // event holds a run under way
	event Event

	banner  bool // its banner, or its prompt with the arguments, was seen
	prompt  bool // it began with a prompt
	answer  bool // an answer's header was seen
	over    bool // nothing but comments can follow
	short   bool // +short
	records bool // a record was printed
	section string
	yaml    digYAML
}

// maxAnswers bounds what one event keeps.
const maxAnswers = 4096

func (d *digText) start(at place) {
	d.open, d.banner, d.prompt, d.answer, d.over, d.short, d.records, d.section = true, false, false, false, false, false, false, ""
	d.event = begin(ClientDNS, at)
	d.event.Process, d.event.Means = "dig", ClientEnd
	d.event.Lookup = &Lookup{ID: -1, QueryTime: -1}
}

func (d *digText) finish(out *outbox) {
	if !d.open {
		return
	}
	d.open = false
	e, l := d.event, d.event.Lookup
	if !d.answer && !l.NoServers && l.Timeouts == 0 && !d.records && e.Text == "" && !d.short {
		return // a prompt without output, or a stray comment
	}
	e.Name, e.Type, e.Server, e.RCode = l.Name, l.Type, l.Server, l.Status
	switch {
	case l.NoServers:
		e.Outcome = "no-servers"
	case e.Outcome != "":
	case l.Status != "" && l.Status != "NOERROR":
		e.Outcome = "failed"
	case d.answer || d.records:
		e.Outcome = "ok"
	}
	out.put(e)
}

func (d *digText) end(out *outbox) {
	if d.yaml.open {
		d.yaml.finish(out)
	}
	d.finish(out)
}

func (d *digText) line(line []byte, at place, out *outbox) bool {
	if d.yaml.line(line, at, out) {
		return true
	}
	if command, _, ok := prompt(line, "dig"); ok {
		d.finish(out)
		d.start(at)
		d.banner, d.prompt = true, true
		d.arguments(arguments(command)[1:])
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	if _, ns, ok := timeLine(line); ok {
		if d.open && bytes.HasPrefix(line, []byte("real")) {
			d.event.Duration = time.Duration(ns)
		}
		return true
	}
	if rest, ok := bytes.CutPrefix(line, []byte("; <<>> DiG ")); ok {
		return d.title(rest, at, out)
	}
	if line[0] == ';' {
		d.comment(line, at, out)
		return true
	}
	if rest, ok := bytes.CutPrefix(line, []byte("dig: ")); ok {
		if !d.open || d.answer {
			d.finish(out)
			d.start(at)
		}
		d.event.Outcome, d.event.Text = "failed", string(rest)
		d.event.reach(at)
		return true
	}
	if d.over && !d.short && bareAnswer(text) {
		d.finish(out)
		d.start(at)
		d.short, d.over = true, true
	}
	return d.record(text, at)
}

// title reads the banner: what messages came before it, without a banner of
// their own, belong to the run.
func (d *digText) title(rest []byte, at place, out *outbox) bool {
	if d.open && (d.answer || d.records || d.banner && !d.prompt || d.event.Lookup.NoServers) {
		d.finish(out)
	}
	if !d.open {
		d.start(at)
	}
	d.prompt, d.banner = false, true
	d.event.reach(at)
	if _, args, found := bytes.Cut(rest, []byte(" <<>> ")); found {
		d.arguments(strings.Fields(string(args)))
	}
	return true
}

// arguments reads a command line of dig(1).
func (d *digText) arguments(args []string) {
	l := d.event.Lookup
	named := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case strings.HasPrefix(a, "@"):
			if addr, ok := address([]byte(a[1:])); ok {
				l.Server = netip.AddrPortFrom(addr, 53)
			}
		case strings.HasPrefix(a, "+"):
			d.short = d.short || strings.HasPrefix(a, "+short")
		case a == "-x":
			l.Name, l.Type, named = reverseName(next()), "PTR", true
		case a == "-t":
			l.Type = strings.ToUpper(next())
		case a == "-q":
			l.Name, named = lowerName([]byte(next())), true
		case a == "-p":
			if p, ok := port([]byte(next())); ok && l.Server.IsValid() {
				l.Server = netip.AddrPortFrom(l.Server.Addr(), p)
			}
		case a == "-b" || a == "-c" || a == "-f" || a == "-k" || a == "-y":
			next()
		case strings.HasPrefix(a, "-"):
		case digTypes[strings.ToUpper(a)]:
			l.Type = strings.ToUpper(a)
		case strings.EqualFold(a, "IN") || strings.EqualFold(a, "CH"):
		case !named:
			l.Name, named = lowerName([]byte(a)), true
		}
	}
	if named && l.Type == "" {
		l.Type = "A"
	}
}

// digTypes are the types that dig takes as a bare word.
var digTypes = map[string]bool{"A": true, "AAAA": true, "ANY": true, "AXFR": true, "CAA": true, "CNAME": true, "DNSKEY": true, "DS": true, "HTTPS": true, "IXFR": true, "MX": true, "NAPTR": true, "NS": true, "NSEC": true, "NSEC3": true, "PTR": true, "RRSIG": true, "SOA": true, "SRV": true, "SSHFP": true, "SVCB": true, "TLSA": true, "TXT": true}

// reverseName is the name whose PTR record names an address.
func reverseName(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return strings.ToLower(text)
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	if a.Is4() {
		q := a.As4()
		for i := 3; i >= 0; i-- {
			b.WriteString(netip.AddrFrom4([4]byte{0, 0, 0, q[i]}).String()[6:])
			b.WriteByte('.')
		}
		return b.String() + "in-addr.arpa"
	}
	q := a.As16()
	for i := 15; i >= 0; i-- {
		b.WriteByte(digits[q[i]&15])
		b.WriteByte('.')
		b.WriteByte(digits[q[i]>>4])
		b.WriteByte('.')
	}
	return b.String() + "ip6.arpa"
}

// trouble tells the comments that dig prints when an attempt fails, before the
// banner if there is one.
func (d *digText) trouble(line []byte, at place, out *outbox) bool {
	failed := bytes.HasPrefix(line, []byte(";; Connection to ")) || bytes.HasPrefix(line, []byte(";; UDP setup with "))
	refused := bytes.HasPrefix(line, []byte(";; communications error to "))
	truncated := bytes.HasPrefix(line, []byte(";; Truncated, retrying in TCP"))
	silent := bytes.HasPrefix(line, []byte(";; connection timed out"))
	if !failed && !refused && !truncated && !silent {
		return false
	}
	var name string
	if failed {
		if _, after, ok := bytes.Cut(line, []byte(" for ")); ok {
			word, _, _ := cutAt(after, ' ')
			name = lowerName(word)
		}
	}
	another := name != "" && d.open && d.event.Lookup.Name != "" && d.event.Lookup.Name != name
	if d.open && (d.answer && !d.prompt || d.over || another) {
		d.finish(out)
	}
	if !d.open {
		d.start(at)
	}
	l := d.event.Lookup
	d.event.reach(at)
	if name != "" {
		l.Name = strings.Clone(name)
	}
	if truncated {
		l.TCPRetry = true
		return true
	}
	if bytes.Contains(line, []byte("timed out")) {
		l.Timeouts++
	} else if refused || failed {
		if i := bytes.LastIndex(line, []byte(": ")); i > 0 {
			d.event.Outcome, d.event.Text = "failed", string(bytes.TrimRight(line[i+2:], "."))
		}
	}
	if silent {
		l.NoServers, d.over = true, true
		return true
	}
	for _, w := range bytes.Fields(line) {
		w, _, _ = cutAt(bytes.TrimRight(w, ":"), '(')
		if s, ok := hashPort(w); ok && !l.Server.IsValid() {
			l.Server = s
		}
	}
	return true
}

// comment reads a line that begins with ';'.
func (d *digText) comment(line []byte, at place, out *outbox) {
	if d.trouble(line, at, out) {
		return
	}
	if !d.open || d.over && bytes.HasPrefix(line, []byte(";; Got answer")) {
		if d.open {
			d.finish(out)
		}
		if !bytes.HasPrefix(line, []byte(";; ")) {
			return
		}
		d.start(at)
	}
	e, l := &d.event, d.event.Lookup
	e.reach(at)
	switch {
	case bytes.HasPrefix(line, []byte(";; no servers could be reached")):
		l.NoServers = true
		// Before the banner dig may try again; after it, it is over.
		d.over = d.banner && !d.prompt
	case bytes.HasPrefix(line, []byte(";; ->>HEADER<<-")):
		d.header(line)
	case bytes.HasPrefix(line, []byte(";; Query time: ")):
		var f [5][]byte
		words(line, f[:])
		if n, ok := integer(f[3]); ok && n >= 0 && n < 1e9 {
			l.QueryTime = time.Duration(n) * time.Millisecond
			if bytes.HasPrefix(f[4], []byte("usec")) {
				l.QueryTime = time.Duration(n) * time.Microsecond
			}
		}
	case bytes.HasPrefix(line, []byte(";; SERVER: ")):
		server, _, _ := cutAt(line[len(";; SERVER: "):], '(')
		if s, ok := hashPort(bytes.TrimSpace(server)); ok {
			l.Server = s
		}
		if i := bytes.LastIndexByte(line, '('); i >= 0 && line[len(line)-1] == ')' {
			switch proto := string(line[i+1 : len(line)-1]); proto {
			case "UDP", "TCP", "TLS", "HTTPS", "HTTP":
				e.Proto = strings.ToLower(proto)
			}
		}
	case bytes.HasPrefix(line, []byte(";; WHEN: ")):
		if st, ok := dateWords(line[len(";; WHEN: "):]); ok {
			e.set(st, &d.src)
		}
	case bytes.HasPrefix(line, []byte(";; MSG SIZE")):
		if i := bytes.LastIndexByte(line, ' '); i > 0 {
			if n, ok := integer(line[i+1:]); ok && n >= 0 {
				e.Received = n
			}
		}
		d.over = true
	case bytes.HasSuffix(line, []byte(" SECTION:")):
		d.section = string(line[3:])
	case d.section == "QUESTION SECTION:" && line[0] == ';' && len(line) > 1 && line[1] != ';':
		var f [4][]byte
		if words(line[1:], f[:]) == 3 {
			l.Name, l.Type = strings.Clone(lowerName(f[0])), string(f[2])
		}
	}
}

func (d *digText) header(line []byte) {
	l := d.event.Lookup
	d.answer = true
	for _, part := range bytes.Split(line, []byte(", ")) {
		if v, ok := bytes.CutPrefix(part, []byte("status: ")); ok {
			l.Status = string(v)
		}
		if v, ok := bytes.CutPrefix(part, []byte("id: ")); ok {
			if id, ok := integer(v); ok && id >= 0 && id < 65536 {
				l.ID = int(id)
			}
		}
	}
}
