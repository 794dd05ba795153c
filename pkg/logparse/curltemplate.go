package logparse

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// A curlTemplate is a -w string, by lines; a line is literals and variables in
// turn.
type curlTemplate struct{ lines [][]curlPart }

// curlPart is a literal or, where variable is set, the place of a value.
type curlPart struct{ literal, variable string }

// compileCurlTemplate reads a template as curl(1) writes it: %{name}, %% and
// the escapes \n \r \t.
func compileCurlTemplate(text string) *curlTemplate {
	text = strings.NewReplacer(`\n`, "\n", `\r`, "", `\t`, "\t", "\r", "").Replace(text)
	t := &curlTemplate{}
	for _, line := range strings.Split(text, "\n") {
		var parts []curlPart
		literal := ""
		for line != "" {
			switch i := strings.IndexByte(line, '%'); {
			case i < 0:
				literal, line = literal+line, ""
			case strings.HasPrefix(line[i:], "%%"):
				literal, line = literal+line[:i+1], line[i+2:]
			case strings.HasPrefix(line[i:], "%{") && strings.IndexByte(line[i:], '}') > 0:
				end := i + strings.IndexByte(line[i:], '}')
				if literal += line[:i]; literal != "" {
					parts = append(parts, curlPart{literal: literal})
				}
				parts = append(parts, curlPart{variable: line[i+2 : end]})
				literal, line = "", line[end+1:]
			default:
				literal, line = literal+line[:i+1], line[i+1:]
			}
		}
		if literal != "" {
			parts = append(parts, curlPart{literal: literal})
		}
		if len(parts) > 0 {
			t.lines = append(t.lines, parts)
		}
	}
	return t
}

// match reads a line by the first of the template's lines that fits it, and
// says how many variables it took: 0 if none fits.
func (t *curlTemplate) match(line []byte, timing *Timing, e *Event) int {
	for _, parts := range t.lines {
		try, kept := *timing, *e
		if n := matchParts(parts, bytes.TrimSpace(line), &try, &kept); n > 0 {
			*timing, *e = try, kept
			return n
		}
	}
	return 0
}

func matchParts(parts []curlPart, line []byte, t *Timing, e *Event) (got int) {
	for i, p := range parts {
		if p.variable == "" {
			literal := p.literal
			if i == 0 {
				literal = strings.TrimLeft(literal, " \t")
			}
			if i == len(parts)-1 {
				literal = strings.TrimRight(literal, " \t")
			}
			rest, ok := bytes.CutPrefix(line, []byte(literal))
			if !ok {
				return 0
			}
			line = rest
			continue
		}
		value := line
		if i+1 < len(parts) {
			next := parts[i+1].literal
			if i+1 == len(parts)-1 {
				next = strings.TrimRight(next, " \t")
			}
			if next == "" && parts[i+1].variable != "" {
				return 0 // two values without anything between
			}
			k := bytes.Index(line, []byte(next))
			if k < 0 || next == "" {
				k = len(line)
			}
			value = line[:k]
		}
		line = line[len(value):]
		if p.variable == "json" {
			return 0 // read as JSON
		}
		if len(value) == 0 {
			continue
		}
		if !setCurl(p.variable, value, t, e) {
			return 0
		}
		got++
	}
	if len(bytes.TrimSpace(line)) > 0 {
		return 0
	}
	return got
}

// joinSocket adds an address or a port to what is known of a socket.
func joinSocket(s netip.AddrPort, ip bool, value []byte) netip.AddrPort {
	if ip {
		if a, ok := address(value); ok {
			return netip.AddrPortFrom(a, s.Port())
		}
		return s
	}
	if n, err := strconv.ParseUint(string(value), 10, 16); err == nil {
		return netip.AddrPortFrom(s.Addr(), uint16(n))
	}
	return s
}
