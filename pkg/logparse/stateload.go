package logparse

import (
	"bytes"
	"time"
)

// loadTable reads vmstat and iostat: tables of numbers under a line of names.
type loadTable struct {
	process string
	columns [][]byte // owned
	stamp   stamp    // of iostat -t, for what follows it
	stamped bool
	stamps  bool // vmstat -t
}

const maxColumns = 40

func (l *loadTable) line(line, text []byte, at place, out *outbox, src *Source) bool {
	var f [maxColumns][]byte
	n := min(words(text, f[:]), maxColumns)
	switch {
	case bytes.HasPrefix(text, []byte("procs ")), bytes.HasPrefix(text, []byte("Linux ")) && bytes.Contains(text, []byte("CPU)")):
		return true
	case n > 10 && string(f[0]) == "r" && string(f[1]) == "b":
		l.head("vmstat", f[:n])
		if last := string(f[n-1]); !isLetters(last) || last == "UTC" || len(last) == 3 && last != "gue" && last[0] < 'a' {
			l.stamps, l.columns = true, l.columns[:n-1]
		}
		return true
	case bytes.HasPrefix(text, []byte("avg-cpu:")):
		l.head("iostat", f[1:n])
		return true
	case bytes.HasPrefix(text, []byte("Device")):
		l.head("iostat", f[:n])
		return true
	}
	if l.process == "" || l.process == "iostat" {
		if st, ok := iostatStamp(text); ok {
			l.stamp, l.stamped = st, true
			return true
		}
	}
	if l.process == "" || len(l.columns) == 0 {
		return false
	}
	return l.row(f[:n], text, at, out, src)
}

func isLetters(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

func (l *loadTable) head(process string, columns [][]byte) {
	l.process, l.columns, l.stamps = process, nil, false
	for _, c := range columns {
		l.columns = append(l.columns, append([]byte(nil), c...))
	}
}

// row reads one line of numbers; the first column of iostat's devices is a
// name.
func (l *loadTable) row(f [][]byte, text []byte, at place, out *outbox, src *Source) bool {
	e := begin(HostState, at)
	e.Process = l.process
	columns := l.columns
	if bytes.HasPrefix(columns[0], []byte("Device")) {
		e.Name = string(f[0])
		f, columns = f[1:], columns[1:]
	}
	if len(f) < len(columns) {
		return false
	}
	for i := range columns {
		if !e.number(columns[i], bytes.TrimSuffix(f[i], []byte{'%'}), "") {
			return false
		}
	}
	switch {
	case l.stamped:
		e.set(l.stamp, src)
	case len(f) >= len(columns)+2: // vmstat -t: "2026-11-22 10:15:32" at the end
		i := bytes.Index(text, f[len(columns)])
		if st, n := isoTime(bytes.TrimSpace(text[max(i, 0):])); n > 0 {
			e.set(st, src)
		} else if i = bytes.LastIndex(text, []byte(" 2")); i > 0 {
			if st, n := isoTime(bytes.TrimSpace(text[max(0, len(text)-19):])); n > 0 {
				e.set(st, src)
			}
		}
	case len(f) != len(columns):
		return false
	}
	out.put(e)
	return true
}

// iostatStamp reads the line that iostat -t puts before each report:
// "11/22/2026 10:15:32 AM", "11/22/26 10:15:32", "2026-11-22T10:15:32+0100", or another order of
// day and month where the numbers leave no doubt.
func iostatStamp(text []byte) (st stamp, ok bool) {
	if st, n := isoTime(text); n > 0 && n == len(text) {
		return st, true
	}
	var f [4][]byte
	n := words(text, f[:])
	if n < 2 || n > 3 || len(f[0]) != 10 && len(f[0]) != 8 || (f[0][2] != '/' && f[0][2] != '.') || f[0][5] != f[0][2] {
		return st, false
	}
	a, b, year := digits(f[0], 2), digits(f[0][3:], 2), digits(f[0][6:], len(f[0])-6)
	if len(f[0]) == 8 && year >= 0 { // the locale C
		year += 2000
	}
	hour, min, sec, ns, width, k := clock(f[1])
	if k == 0 || k != len(f[1]) {
		return st, false
	}
	month, day := a, b
	if n == 3 { // an hour of twelve is written with the month first
		switch string(f[2]) {
		case "AM", "PM":
		default:
			return st, false
		}
		hour %= 12
		if f[2][0] == 'P' {
			hour += 12
		}
	} else if a > 12 || f[0][2] == '.' {
		month, day = b, a
	} else if b <= 12 && a != b {
		return st, false // which is the month?
	}
	s, ok := unix(year, month, day, hour, min, sec)
	return stamp{time: s*int64(time.Second) + ns, width: width, zone: ZoneUnknown}, ok
}
