package logparse

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// apacheNicknames are the formats Apache's own configuration names, in the form
// of the source; Debian writes %O where these have %b.
var apacheNicknames = map[string]string{
	"common":         `%h %l %u %t "%r" %>s %b`,
	"combined":       `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`,
	"combinedio":     `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O`,
	"vhost_combined": `%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`,
}

// compileApache compiles a LogFormat (mod_log_config): %, conditions, < or >,
// {argument}, a letter or ^ and two.
func (t *template) compileApache(s string) error {
	var text []byte
	flush := func() {
		if len(t.parts) == 0 {
			t.before = text
		} else { // what a format of strftime ended with comes first
			last := &t.parts[len(t.parts)-1]
			last.after = append(last.after, text...)
		}
		text = nil
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			text = append(text, apacheLiteral(s[i]))
		case c != '%':
			text = append(text, c)
		case i+1 < len(s) && s[i+1] == '%':
			i++
			text = append(text, '%')
		default:
			argument, letter, n := apacheDirective(s[i+1:])
			if n == 0 {
				return fmt.Errorf("no directive after %% at byte %d of the format", i)
			}
			flush()
			i += n
			if letter == "t" {
				if err := t.timePart(argument); err != nil {
					return err
				}
				continue
			}
			name := "%" + letter
			if argument != "" {
				name = "%{" + argument + "}" + letter
			}
			part := templatePart{name: name, take: apacheField(letter, argument)}
			switch letter {
			case "a", "h", "A":
				part.length = addressLength
			case "r":
				part.length = requestLength
			}
			t.parts = append(t.parts, part)
		}
	}
	flush()
	return nil
}

// apacheLiteral is the character of an escape in a LogFormat.
func apacheLiteral(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	}
	return c
}

// apacheDirective reads what follows %, and how many bytes that took.
func apacheDirective(s string) (argument, letter string, n int) {
	i := 0
	for i < len(s) && (s[i] == '!' || s[i] == ',' || s[i] == '<' || s[i] == '>' || s[i] >= '0' && s[i] <= '9') {
		i++
	}
	if i < len(s) && s[i] == '{' {
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return "", "", 0
		}
		argument = s[i+1 : i+end]
		i += end + 1
	}
	for i < len(s) && (s[i] == '<' || s[i] == '>') {
		i++
	}
	switch {
	case i+2 < len(s) && s[i] == '^':
		return argument, s[i : i+3], i + 3
	case i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z'):
		return argument, s[i : i+1], i + 1
	}
	return "", "", 0
}

// apacheField is what to do with a directive; nil to pass its value over.
func apacheField(letter, argument string) func(*templateLine, []byte, *Event) {
	switch letter {
	case "h":
		return takeClient
	case "a":
		if argument == "c" {
			return takePeer
		}
		return takeClient
	case "A":
		return takeServer
	case "B":
		return takeBody
	case "b":
		return takeBodyOrDash
	case "D":
		return takeDuration(time.Microsecond)
	case "T":
		switch argument {
		case "ms":
			return takeDuration(time.Millisecond)
		case "us":
			return takeDuration(time.Microsecond)
		}
		return takeDuration(time.Second)
	case "H":
		return takeProto
	case "m":
		return takeMethod
	case "p":
		if argument == "remote" {
			return takeClientPort
		}
		return takeServerPort
	case "P":
		if argument == "" || argument == "pid" {
			return takePID
		}
	case "q":
		return takeArgs
	case "r":
		return takeRequest
	case "s":
		return takeStatus
	case "u":
		return takeUser
	case "U":
		return takePathIfNone
	case "v", "V":
		return takeName
	case "I":
		return takeReceivedTLS
	case "O":
		return takeSentTLS
	case "^FB":
		return takeFirstByte
	case "L":
		return takeConnection
	case "i", "o", "e", "n", "x":
		switch strings.ToLower(argument) {
		case "user-agent":
			return takeAgent
		case "host":
			return takeName
		case "x-forwarded-for":
			return takeForwarded
		case "unique_id":
			return takeRequestIDIfNone
		case "x-request-id", "request-id", "x-correlation-id":
			return takeRequestID
		}
	}
	return nil
}

func takeBodyOrDash(_ *templateLine, v []byte, e *Event) {
	if dash(v) == nil {
		e.Body = 0
		return
	}
	setSize(&e.Body, v)
}

func takeReceivedTLS(_ *templateLine, v []byte, e *Event) {
	setSize(&e.Received, v)
	e.WithTLS = true
}

func takeSentTLS(_ *templateLine, v []byte, e *Event) {
	setSize(&e.Sent, v)
	e.WithTLS = true
}

// takeDuration keeps the finest of several durations.
func takeDuration(unit time.Duration) func(*templateLine, []byte, *Event) {
	return func(_ *templateLine, v []byte, e *Event) {
		if d, ok := amount(v, unit); ok && (e.Duration < 0 || unit < e.DurationWidth) {
			e.Duration, e.DurationWidth = d, unit
		}
	}
}

func takeFirstByte(_ *templateLine, v []byte, e *Event) {
	if d, ok := amount(v, time.Microsecond); ok {
		e.FirstByte = d
	}
}

// timePart adds the parts of %t and %{…}t. Without an argument it is the begin
// in brackets. An argument is sec, msec, usec, msec_frac, usec_frac or a format
// of strftime, with begin: (the default) or end: before.
func (t *template) timePart(argument string) error {
	name := "%{" + argument + "}t"
	end := false
	if rest, ok := strings.CutPrefix(argument, "end:"); ok {
		argument, end = rest, true
	} else {
		argument = strings.TrimPrefix(argument, "begin:")
	}
	part := templatePart{name: name}
	switch argument {
	case "":
		if end {
			part.take, part.length = takeTime(bracketedTime, true), lengthOf(bracketedTime)
		} else {
			part.name, part.take, part.length = "%t", takeTime(bracketedTime, false), lengthOf(bracketedTime)
		}
	case "sec", "msec", "usec":
		part.take, part.length = takeTime(epochTime, end), epochLength
	case "msec_frac", "usec_frac":
		part.take = takeFraction(argument == "msec_frac", end)
	default:
		return t.strftimeParts(argument, end)
	}
	part.ends = part.length != nil
	t.parts = append(t.parts, part)
	return nil
}

// bracketedTime reads "[22/Nov/2026:10:04:39 +0000]".
func bracketedTime(b []byte) (stamp, int) {
	if len(b) < 22 || b[0] != '[' {
		return stamp{}, 0
	}
	st, n := commonTime(b[1:])
	if n == 0 || n+1 >= len(b) || b[n+1] != ']' {
		return stamp{}, 0
	}
	return st, n + 2
}

func lengthOf(read func([]byte) (stamp, int)) func(b, after []byte) int {
	return func(b, _ []byte) int { _, n := read(b); return n }
}

// fixed is the length of a field that always has it.
func fixed(n int) func(b, after []byte) int {
	return func([]byte, []byte) int { return n }
}

func takeTime(read func([]byte) (stamp, int), end bool) func(*templateLine, []byte, *Event) {
	return func(t *templateLine, v []byte, _ *Event) {
		st, n := read(v)
		if n != len(v) {
			return
		}
		if end {
			finer(&t.times.end, &t.times.hasEnd, st)
		} else {
			finer(&t.times.begin, &t.times.hasBegin, st)
		}
	}
}

// takeFraction keeps the fraction of the begin's second; one of the end refers
// to a second that stands elsewhere and is passed over.
func takeFraction(milli, end bool) func(*templateLine, []byte, *Event) {
	if end {
		return nil
	}
	unit := time.Microsecond
	if milli {
		unit = time.Millisecond
	}
	return func(t *templateLine, v []byte, _ *Event) {
		if n, ok := integer(v); ok && n >= 0 && time.Duration(n) < time.Second/unit {
			t.times.fraction, t.times.fractionWidth = n*int64(unit), unit
		}
	}
}

// strftimeParts adds a field for each conversion of a format of strftime(3).
func (t *template) strftimeParts(format string, end bool) error {
	format = strings.NewReplacer("%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%R", "%H:%M", "%D", "%m/%d/%y").Replace(format)
	first := len(t.parts)
	lead := []byte{}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			if len(t.parts) == first {
				lead = append(lead, format[i])
			} else {
				p := &t.parts[len(t.parts)-1]
				p.after = append(p.after, format[i])
			}
			continue
		}
		i++
		field, ok := strftimeFields[format[i]]
		if !ok {
			return fmt.Errorf("the conversion %%%c of strftime is not known", format[i])
		}
		if end { // of the two the begin is the one looked for; the end is read over
			field.take = nil
		}
		t.parts = append(t.parts, templatePart{name: "%{%" + string(format[i]) + "}t", take: field.take, length: field.length, ends: field.length != nil})
	}
	if len(t.parts) == first {
		return fmt.Errorf("the time format %q has no conversion", format)
	}
	if first == 0 {
		t.before = append(t.before, lead...)
	} else {
		t.parts[first-1].after = append(t.parts[first-1].after, lead...)
	}
	return nil
}

func civilField(place, width int) templateField {
	return templateField{
		take: func(t *templateLine, v []byte, _ *Event) {
			if n := digits(bytes.ReplaceAll(v, []byte{' '}, []byte{'0'}), len(v)); n >= 0 {
				t.times.civil[place] = n
				t.times.hasCivil = true
			}
		},
		length: fixed(width),
	}
}

var strftimeFields = map[byte]templateField{
	'Y': civilField(0, 4),
	'm': civilField(1, 2),
	'd': civilField(2, 2),
	'e': civilField(2, 2),
	'H': civilField(3, 2),
	'M': civilField(4, 2),
	'S': civilField(5, 2),
	'b': {take: takeMonth, length: fixed(3)},
	'h': {take: takeMonth, length: fixed(3)},
	'a': {length: fixed(3)},
	'y': {take: func(t *templateLine, v []byte, _ *Event) {
		if n := digits(v, 2); n >= 0 {
			t.times.civil[0], t.times.hasCivil = 2000+n, true
		}
	}, length: fixed(2)},
	'z': {take: func(t *templateLine, v []byte, _ *Event) {
		if east, n := zone(v); n == len(v) {
			t.times.east, t.times.hasZone = east, true
		}
	}, length: func(b, _ []byte) int { _, n := zone(b); return n }},
	'Z': {},
	's': {take: takeTime(epochTime, false), length: epochLength},
}

func takeMonth(t *templateLine, v []byte, _ *Event) {
	if n := monthAt(v); n > 0 {
		t.times.civil[1], t.times.hasCivil = n, true
	}
}
