package logparse

import (
	"bytes"
	"io"
)

// A transcript reads a text whose records span lines: what client programs
// print, often several commands in one file, each after its prompt.
type transcript interface {
	// line takes the next line, without its end. It returns false for a line
	// that is not understood. Events that are complete go to out.
	line(line []byte, at place, out *outbox) bool
	// end is called once, after the last line.
	end(out *outbox)
}

// place is where a line lies.
type place struct {
	line   int
	offset int64
}

// outbox holds events until they are asked for. They own their strings.
type outbox struct{ events []Event }

func (o *outbox) put(e Event) { o.events = append(o.events, e) }

// begin returns an event of which nothing is stated, at a place.
func begin(kind Kind, at place) Event {
	var e Event
	e.clear()
	e.Kind, e.Line, e.Offset, e.Lines = kind, at.line, at.offset, 1
	return e
}

// reach extends e to the line at, which belongs to it.
func (e *Event) reach(at place) { e.Lines = at.line - e.Line + 1 }

// transcriptDecoder is the Decoder of every transcript.
type transcriptDecoder struct {
	in       *lineReader
	t        transcript
	out      outbox
	next     int // of out.events, the first not yet given
	ended    bool
	problems problemList
}

func newTranscriptDecoder(r io.Reader, t transcript) *transcriptDecoder {
	return &transcriptDecoder{in: newLineReader(r), t: t}
}

func (d *transcriptDecoder) Next(e *Event) error {
	for {
		if d.next < len(d.out.events) {
			*e = d.out.events[d.next]
			d.next++
			return nil
		}
		d.out.events, d.next = d.out.events[:0], 0
		if d.ended {
			return io.EOF
		}
		line, err := d.in.next()
		if err != nil && err != io.EOF {
			return err
		}
		if err != nil {
			d.ended = true
			d.t.end(&d.out)
			continue
		}
		if !d.t.line(line, place{d.in.line, d.in.offset}, &d.out) && len(bytes.TrimSpace(line)) > 0 {
			d.problems.addLine(d.in, line)
		}
	}
}

func (d *transcriptDecoder) Problems() []Problem { return d.problems.list }

func (d *transcriptDecoder) Lines() int { return d.in.line }

// scoreTranscript reads the head as a transcript and gives most × understood /
// tried of its lines, or 0 where less than half is understood or nothing came
// out of it.
func scoreTranscript(head []byte, most int, t transcript) int {
	in := linesOf(head)
	var out outbox
	tried, good := 0, 0
	for {
		line, err := in.next()
		if err != nil {
			break
		}
		if len(bytes.TrimSpace(line)) == 0 {
			t.line(line, place{in.line, in.offset}, &out)
			continue
		}
		tried++
		if t.line(line, place{in.line, in.offset}, &out) {
			good++
		}
	}
	t.end(&out)
	if len(out.events) == 0 || 2*good < tried {
		return 0
	}
	return most * good / tried
}

// prompt finds a shell's prompt before a command that begins with one of the
// programs: "$ curl …", "# dig …", "user@host:~$ time ssh …", also "+ curl …"
// of sh -x. It returns the command from the program on; timed says that "time"
// stands before it.
func prompt(line []byte, programs ...string) (command []byte, timed, ok bool) {
	rest := line
	if i := promptEnd(line); i >= 0 {
		rest = line[i:]
	} else {
		return nil, false, false
	}
	for {
		rest = bytes.TrimLeft(rest, " ")
		word, after, _ := cutAt(rest, ' ')
		switch {
		case string(word) == "time":
			timed, rest = true, after
			continue
		case string(word) == "sudo" || string(word) == "env" || bytes.IndexByte(word, '=') > 0 && bytes.IndexByte(word, '/') < 0:
			rest = after
			continue
		case string(word) == "date" || string(word) == "date;": // "date; chronyc tracking"
			if _, next, more := bytes.Cut(rest, []byte(";")); more {
				rest = next
				continue
			}
			if _, next, more := bytes.Cut(rest, []byte("&&")); more {
				rest = next
				continue
			}
		}
		if i := bytes.LastIndexByte(word, '/'); i >= 0 {
			word = word[i+1:]
		}
		for _, p := range programs {
			if string(word) == p {
				return rest, timed, true
			}
		}
		return nil, false, false
	}
}

// promptEnd returns where the command begins, -1 if the line is no prompt.
func promptEnd(line []byte) int {
	for _, mark := range []string{"$ ", "# ", "% ", "> ", "+ "} {
		if bytes.HasPrefix(line, []byte(mark)) {
			return 2
		}
	}
	for _, mark := range []string{"$ ", "# "} {
		i := bytes.Index(line, []byte(mark))
		if i > 0 && i < 100 && (bytes.IndexByte(line[:i], '@') >= 0 || line[0] == '[') && bytes.IndexByte(line[:i], ' ') < 0 {
			return i + 2
		}
	}
	return -1
}

// arguments splits a command line at spaces as a shell does: quotes and
// backslashes are taken away. At most 1000 come back.
func arguments(command []byte) []string {
	var args []string
	var word []byte
	in, quote := false, byte(0)
	for i := 0; i < len(command) && len(args) < 1000; i++ {
		c := command[i]
		switch {
		case quote == '\'' && c != '\'' || quote == '"' && c != '"' && c != '\\':
			word = append(word, c)
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, in = c, true
		case c == '\\' && i+1 < len(command):
			i++
			if quote == '"' && bytes.IndexByte([]byte("\"\\$`"), command[i]) < 0 {
				word = append(word, '\\')
			}
			word, in = append(word, command[i]), true
		case c == ' ' || c == '\t':
			if in {
				args, word, in = append(args, string(word)), word[:0], false
			}
		default:
			word, in = append(word, c), true
		}
	}
	if in {
		args = append(args, string(word))
	}
	return args
}

// exitLine reads "exit=28".
func exitLine(line []byte) (code int, ok bool) {
	for _, before := range []string{"exit=", "exit code: ", "exit status ", "rc="} {
		if rest, found := bytes.CutPrefix(line, []byte(before)); found {
			n, good := integer(bytes.TrimSpace(rest))
			if good && n >= 0 && n <= 255 {
				return int(n), true
			}
		}
	}
	return 0, false
}

// timeLine reads the three lines that "time" prints, "real\t0m0.638s" or
// "real 0.63".
func timeLine(line []byte) (name string, ns int64, ok bool) {
	for _, name := range []string{"real", "user", "sys"} {
		rest, found := bytes.CutPrefix(line, []byte(name))
		if !found || len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			continue
		}
		rest = bytes.TrimSpace(rest)
		rest = bytes.ReplaceAll(rest, []byte{','}, []byte{'.'}) // the locale's point
		minutes := int64(0)
		if m, s, found := cutAt(rest, 'm'); found {
			n, good := integer(m)
			if !good || n < 0 || n > 1e6 {
				return "", 0, false
			}
			minutes, rest = n, s
		}
		rest = bytes.TrimSuffix(rest, []byte{'s'})
		n, _, good := seconds(rest)
		return name, minutes*60e9 + n, good
	}
	return "", 0, false
}

// lowerName gives a DNS name as keys want it: lower case, no dot at the end,
// "." for the root. It copies only where a letter changes.
func lowerName(b []byte) string {
	if len(b) > 1 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			return string(bytes.ToLower(b))
		}
	}
	return view(b)
}
