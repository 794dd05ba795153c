package logparse

import (
	"bytes"
	"io"
	"time"
)

// kernelLog is the output of dmesg, with the seconds since boot, or with dates
// (dmesg -T, which derives them from the present clock: they drift), and of
// journalctl -o short-monotonic.
var kernelLog = &Format{
	Name:  "kernel-log",
	Score: func(head []byte) int { return scoreLines(head, 72, (&kernelLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, (&kernelLines{src: src, messages: newMessages(src)}).line)
	},
	Hints: []string{"dmesg", "kern"},
}

type kernelLines struct {
	src      Source
	messages *messages
}

func (k *kernelLines) line(b []byte, e *Event) bool {
	if b[0] != '[' {
		return false
	}
	end := bytes.IndexByte(b, ']')
	if end < 8 || end > 40 || end+1 < len(b) && b[end+1] != ' ' {
		return false
	}
	inside, text := b[1:end], bytes.TrimLeft(b[end+1:], " ")
	if st, n := ctimeTime(inside); n == len(inside) {
		e.set(st, &k.src)
	} else if d, ok := amount(bytes.TrimSpace(inside), time.Second); ok && bytes.IndexByte(inside, '.') > 0 {
		e.Monotonic, e.HasMonotonic = int64(d), true
	} else {
		return false
	}
	e.Process = "kernel"
	if host, rest, ok := cutAt(text, ' '); ok && k.messages != nil && len(host) > 0 && host[len(host)-1] != ':' {
		s := syslog{}
		if name, pid, message, ok := s.tag(rest); ok && pid != nil { // journalctl -o short-monotonic
			e.Host, e.Process = view(host), view(name)
			if n, ok := integer(pid); ok && n >= 0 && n < 1<<31 {
				e.PID = int(n)
			}
			k.messages.read(pid, message, e)
			return true
		}
	}
	kernelMessage(text, e)
	return true
}
