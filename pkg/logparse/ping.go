package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
)

// What ping prints: one HostState a run, with what was sent, received and
// lost, and the round-trip times. Only ping -D writes stamps.

var ping = &Format{
	Name: "ping",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("PING ")) && !bytes.Contains(head, []byte("bytes from ")) && !bytes.Contains(head, []byte("ping: ")) {
			return 0
		}
		return scoreTranscript(head, 95, &snapshots{t: &pingText{}})
	},
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &pingText{src: src}, src) },
	Hints: []string{"ping"},
}

type pingText struct {
	src     Source
	event   Event
	open    bool
	replies float64
	errors  float64
	summary bool
}

func (p *pingText) finish(out *outbox) {
	if !p.open {
		return
	}
	p.open = false
	e := p.event
	if !p.summary { // cut off: what was seen, no more
		e.Values = append(e.Values, Value{Name: "received", Number: p.replies})
	}
	if p.errors > 0 {
		e.Values = append(e.Values, Value{Name: "errors", Number: p.errors})
	}
	out.put(e)
}

func (p *pingText) end(out *outbox) { p.finish(out) }

func (p *pingText) start(at place) {
	p.event = begin(HostState, at)
	p.event.Process, p.event.Means = "ping", ClientStart
	p.open, p.replies, p.errors, p.summary = true, 0, 0, false
}

func (p *pingText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "ping", "ping6", "ping4"); ok {
		p.finish(out)
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	if _, _, ok := timeLine(line); ok {
		return true
	}
	if rest, ok := bytes.CutPrefix(text, []byte("PING ")); ok {
		p.finish(out)
		p.start(at)
		p.title(rest)
		return true
	}
	if rest, ok := bytes.CutPrefix(text, []byte("ping: ")); ok {
		if !p.open {
			p.start(at)
		}
		p.event.reach(at)
		p.event.Outcome, p.event.Text = "failed", string(rest)
		return true
	}
	if text[0] == '[' { // -D
		number, rest, found := cutAt(text[1:], ']')
		if st, n := epochTime(number); found && n == len(number) && n > 0 {
			if p.open && !p.event.HasTime {
				p.event.set(st, &p.src)
			}
			text = bytes.TrimSpace(rest)
		}
	}
	if !p.open {
		if !bytes.Contains(text, []byte("bytes from ")) {
			return false
		}
		p.start(at)
	}
	p.event.reach(at)
	return p.message(text)
}

// title reads "app.ejemplo.com (10.20.0.10) 56(84) bytes of data."
func (p *pingText) title(b []byte) {
	name, rest, _ := cutAt(b, ' ')
	name, inner, _ := cutAt(name, '(') // "PING name(addr)" of IPv6
	p.event.Name = strings.Clone(lowerName(name))
	if len(inner) == 0 {
		_, inner, _ = cutAt(rest, '(')
	}
	inner, _, _ = cutAt(inner, ')')
	if i := bytes.IndexByte(inner, ' '); i > 0 {
		inner = bytes.Trim(inner[i:], " (")
	}
	if a, ok := address(inner); ok {
		p.event.Server = netip.AddrPortFrom(a, 0)
	} else if a, ok := address(name); ok {
		p.event.Server = netip.AddrPortFrom(a, 0)
	}
}

func (p *pingText) message(text []byte) bool {
	e := &p.event
	switch {
	case bytes.Contains(text, []byte("bytes from ")):
		p.replies++
	case bytes.Contains(text, []byte(" packets transmitted, ")):
		p.counts(text)
	case bytes.HasPrefix(text, []byte("rtt min/avg/max")), bytes.HasPrefix(text, []byte("round-trip min/avg/max")):
		p.times(text)
	case bytes.HasPrefix(text, []byte("--- ")), bytes.HasPrefix(text, []byte("no answer yet ")), bytes.HasPrefix(text, []byte("Request timeout ")), bytes.HasPrefix(text, []byte("pipe ")):
	case bytes.HasPrefix(text, []byte("From ")):
		p.errors++
		e.Text = string(text)
		if bytes.Contains(text, []byte("nreachable")) || bytes.Contains(text, []byte("rohibited")) || bytes.Contains(text, []byte("iltered")) {
			e.Outcome = "unreachable"
		} else if e.Outcome == "" {
			e.Outcome = "icmp-error"
		}
	default:
		return bytes.Contains(text, []byte("icmp_seq=")) || bytes.Contains(text, []byte("DUP!")) || string(text) == "^C"
	}
	return true
}

// counts reads "4 packets transmitted, 3 received, +1 errors, 25% packet loss,
// time 3004ms".
func (p *pingText) counts(text []byte) {
	e := &p.event
	p.summary = true
	lost := false
	for _, part := range bytes.Split(text, []byte(", ")) {
		number, what, _ := cutAt(bytes.TrimSpace(part), ' ')
		switch {
		case bytes.HasPrefix(what, []byte("packets transmitted")):
			p.value("transmitted", number, "")
		case bytes.HasPrefix(what, []byte("received")), bytes.HasPrefix(what, []byte("packets received")):
			p.value("received", number, "")
		case bytes.HasPrefix(what, []byte("packet loss")):
			percent := bytes.TrimSuffix(number, []byte{'%'})
			p.value("loss", percent, "%")
			lost = string(percent) != "0" && string(percent) != "0.0"
		}
	}
	if e.Outcome == "" || e.Outcome == "icmp-error" {
		e.Outcome = "ok"
		if lost {
			e.Outcome = "loss"
		}
	}
}

func (p *pingText) value(name string, number []byte, unit string) {
	if v, ok := real(number); ok {
		p.event.Values = append(p.event.Values, Value{Name: name, Number: v, Unit: unit})
	}
}

// times reads "rtt min/avg/max/mdev = 20.1/20.5/21.0/0.3 ms".
func (p *pingText) times(text []byte) {
	_, numbers, ok := bytes.Cut(text, []byte("= "))
	if !ok {
		return
	}
	numbers, _, _ = cutAt(numbers, ' ')
	names := [...]string{"rtt-min", "rtt-avg", "rtt-max", "rtt-mdev"}
	for i, n := range bytes.Split(numbers, []byte{'/'}) {
		if i < len(names) {
			p.value(names[i], n, "ms")
		}
	}
}
