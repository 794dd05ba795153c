package logparse

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// HeadBytes is how much of a file Detect is best given.
const HeadBytes = 64 << 10

// Detect tells which format the first bytes of a file are in, why, and which
// came second. best is nil where no format is likely. The path decides only
// between formats that the content favours equally.
func Detect(head []byte, path string) (best *Format, reason string, runnerUp *Format) {
	head = wholeLines(head)
	type vote struct {
		f           *Format
		score, hint int
	}
	var first, second vote
	lower := strings.ToLower(strings.ReplaceAll(path, "\\", "/"))
	for _, f := range formats {
		v := vote{f: f, score: min(f.Score(head), 100)}
		for _, h := range f.Hints {
			if hasWord(lower, h) {
				v.hint++
			}
		}
		better := func(w vote) bool {
			return v.score > 0 && (w.f == nil || v.score > w.score || v.score == w.score && v.hint > w.hint)
		}
		switch {
		case better(first):
			first, second = v, first
		case better(second):
			second = v
		}
	}
	if first.f == nil {
		return nil, "no known format fits", nil
	}
	events, lines, bad := trial(head, first.f)
	reason = fmt.Sprintf("%d of the first %d lines read as %s", max(lines-bad, 0), lines, first.f.Name)
	if events == 0 {
		reason = fmt.Sprintf("looks like %s", first.f.Name)
	}
	if first.f.Why != nil {
		if why := first.f.Why(head); why != "" {
			reason += "; " + why
		}
	}
	if second.f != nil {
		reason += fmt.Sprintf(" (certainty %d of 100; %s: %d)", first.score, second.f.Name, second.score)
		if first.score == second.score && first.hint > second.hint {
			reason += ", decided by the path"
		}
	}
	return first.f, reason, second.f
}

// hasWord tells whether word is in a path where no letter comes before it:
// "httpd" is not in "lighttpd".
func hasWord(path, word string) bool {
	for at := 0; ; {
		i := strings.Index(path[at:], word)
		if i < 0 {
			return false
		}
		at += i
		if at == 0 || path[at-1] < 'a' || path[at-1] > 'z' {
			return true
		}
		at++
	}
}

// wholeLines cuts off a last line without end, unless it is the only one or the
// text ends there.
func wholeLines(head []byte) []byte {
	whole := len(head) < HeadBytes
	if big, ok := utf16Of(head); ok {
		head, _ = io.ReadAll(newUTF16Reader(head[2:], bytes.NewReader(nil), big))
	}
	head = bytes.TrimPrefix(head, bom)
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 && !whole {
		return head[:i+1]
	}
	return head
}

// trial reads head as f.
func trial(head []byte, f *Format) (events, lines, bad int) {
	d := f.Open(bytes.NewReader(head), Source{})
	var e Event
	var err error
	for err == nil {
		if err = d.Next(&e); err == nil {
			events++
		}
	}
	if err != io.EOF {
		return events, d.Lines(), 0
	}
	for _, p := range d.Problems() {
		bad += 1 + p.Count
	}
	return events, d.Lines(), bad
}

// scoreLines is the Score of a format with one event a line: it tries up to
// fifty lines and gives most × understood / tried, or 0 if fewer than half are
// understood. Empty lines and lines without event do not count.
func scoreLines(head []byte, most int, parse func(line []byte, e *Event) bool) int {
	in := linesOf(head)
	var e Event
	var buf []byte
	tried, good := 0, 0
	for tried < 50 {
		line, err := in.next()
		if err != nil {
			break
		}
		line = bytes.TrimLeft(line, "\x00")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		e.clear()
		ok := parseWrapped(parse, line, &buf, &e)
		if ok && e.Kind == "" {
			continue
		}
		tried++
		if ok {
			good++
		}
	}
	if tried == 0 || 2*good < tried {
		return 0
	}
	return most * good / tried
}
