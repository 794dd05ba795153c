package logparse

import (
	"bytes"
	"strings"
)

// bareAnswer tells a line of +short: an address, or a name to its root.
func bareAnswer(text []byte) bool {
	if _, ok := address(text); ok {
		return true
	}
	return len(text) > 1 && text[len(text)-1] == '.' && bytes.IndexByte(text, ' ') < 0
}

// record reads "app.ejemplo.com. 2 IN A 10.20.0.10", or what +short leaves of
// it.
func (d *digText) record(text []byte, at place) bool {
	if !d.open {
		return false
	}
	var f [6][]byte
	n := words(text, f[:])
	l := d.event.Lookup
	if n >= 5 && isDNSClass(f[2]) || n >= 4 && isDNSClass(f[1]) {
		d.event.reach(at)
		d.records = true
		i := 3
		if isDNSClass(f[1]) {
			i = 2
		}
		if d.section != "ANSWER SECTION:" && d.section != "" {
			return true
		}
		if l.Name == "" { // +noall +answer, its command not seen
			l.Name, l.Type = strings.Clone(lowerName(f[0])), string(f[i])
		}
		if a, ok := address(f[min(i+1, 5)]); ok && (string(f[i]) == "A" || string(f[i]) == "AAAA") && len(l.Answers) < maxAnswers {
			l.Answers = append(l.Answers, a)
		}
		return true
	}
	if !d.short {
		return false
	}
	d.event.reach(at)
	d.records = true
	if a, ok := address(text); ok && len(l.Answers) < maxAnswers {
		l.Answers = append(l.Answers, a)
	}
	return true
}
