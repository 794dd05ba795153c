package logparse

import (
	"bytes"
	"io"
	"strings"
)

// resolv.conf(5): one HostState for the file. Peers are its servers in their
// order, Text its search list, Values its options with a number ("ndots",
// "timeout", "attempts") and those without (1).

var resolvConf = &Format{
	Name: "resolv-conf",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("nameserver ")) && !bytes.Contains(head, []byte("nameserver\t")) {
			return 0
		}
		return scoreTranscript(head, 94, &resolvConfText{})
	},
	Open:  func(r io.Reader, _ Source) Decoder { return newTranscriptDecoder(r, &resolvConfText{}) },
	Hints: []string{"resolv"},
}

type resolvConfText struct {
	event Event
	open  bool
}

func (r *resolvConfText) line(line []byte, at place, out *outbox) bool {
	text := bytes.TrimSpace(line)
	if len(text) == 0 || text[0] == '#' || text[0] == ';' {
		return true
	}
	if _, _, ok := prompt(line, "cat"); ok {
		r.end(out)
		return true
	}
	var f [32][]byte
	n := min(words(text, f[:]), len(f))
	switch string(f[0]) {
	case "nameserver", "search", "domain", "options", "sortlist":
	default:
		return false
	}
	if !r.open {
		r.event = begin(HostState, at)
		r.event.Process, r.open = "resolv.conf", true
	}
	r.event.reach(at)
	switch string(f[0]) {
	case "nameserver":
		if n < 2 {
			return false
		}
		a, ok := address(f[1])
		if !ok {
			return false
		}
		if len(r.event.Peers) < maxAnswers {
			r.event.Peers = append(r.event.Peers, a)
		}
	case "search", "domain":
		r.event.Text = "search"
		for _, w := range f[1:n] {
			r.event.Text += " " + lowerName(w)
		}
	case "options":
		for _, w := range f[1:n] {
			name, number, _ := cutAt(w, ':')
			v := Value{Name: strings.Clone(view(name)), Number: 1}
			if k, ok := integer(number); ok {
				v.Number = float64(k)
			}
			if len(r.event.Values) < maxAnswers {
				r.event.Values = append(r.event.Values, v)
			}
		}
	}
	return true
}

func (r *resolvConfText) end(out *outbox) {
	if r.open {
		out.put(r.event)
		r.open = false
	}
}
