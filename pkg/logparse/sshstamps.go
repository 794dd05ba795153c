package logparse

import (
	"bytes"
	"time"
)

// stamp takes the stamp that ts put before a line: "Nov 22 10:15:32 ",
// "10:15:32.123456 ", "2026-11-22T10:15:32 ", "1795342288.123456 ", "0.018792 ",
// in brackets or not.
func (s *sshText) stamp(line []byte) (text []byte, st stamp, ok bool) {
	b := bytes.TrimPrefix(line, []byte("["))
	n := 0
	if st, n = isoTime(b); n == 0 {
		if st, n = epochTime(b); n > 0 && (st.width > time.Second || n < 10) {
			n = 0
		}
	}
	if n == 0 {
		var known bool
		y := s.year
		if st, s.yearless, known, n = y.read(b); n > 0 {
			s.year = y
			if !known {
				st.width = 0 // a stamp, and no time
			}
		}
	}
	if n > 0 {
		return sshAfterStamp(b[n:], line, st)
	}
	hour, min, sec, ns, width, n := clock(b)
	if since, k := elapsed(b); k > 0 {
		st = stamp{time: since, width: time.Microsecond, zone: ZoneUnknown, east: -1}
		return sshAfterStamp(b[k:], line, st)
	}
	if n == 0 || hour > 23 || min > 59 || sec > 60 {
		return line, st, false
	}
	st = stamp{time: int64(hour*3600+min*60+sec)*1e9 + ns, width: width, zone: ZoneUnknown, east: -1}
	return sshAfterStamp(b[n:], line, st)
}

// elapsed reads the seconds since the first line, "0.018792" of ts -s '%.s': ns,
// and how many bytes they took; 0 if they are not there.
func elapsed(b []byte) (ns int64, n int) {
	whole := int64(0)
	for n < len(b) && n < 6 && b[n] >= '0' && b[n] <= '9' {
		whole = whole*10 + int64(b[n]-'0')
		n++
	}
	if n == 0 || n+7 > len(b) || b[n] != '.' || digits(b[n+1:], 6) < 0 {
		return 0, 0
	}
	return whole*1e9 + int64(digits(b[n+1:], 6))*1e3, n + 7
}

// sshAfterStamp returns what follows the stamp, if that is what ssh prints.
func sshAfterStamp(b, line []byte, st stamp) ([]byte, stamp, bool) {
	b = bytes.TrimPrefix(b, []byte("]"))
	if len(b) == 0 || b[0] != ' ' {
		return line, stamp{}, false
	}
	return b[1:], st, true
}

// at sets the event's time by its first stamp, and notes a mark. A session has
// stamps of one kind: those with a date among those without tell nothing, nor
// do the others.
func (s *sshText) at(st stamp, stamped bool, mark string) {
	if !stamped || st.width == 0 {
		return
	}
	e, ofDay := &s.event, st.east == -1
	if ofDay && e.HasTime || !ofDay && s.hasFirst {
		return
	}
	if ofDay {
		if !s.hasFirst {
			s.first, s.hasFirst = st.time, true
			s.fromBeginning = st.time < 2e9 // ts -s; at midnight it cannot be told
			e.NoDate, e.Time, e.Width, e.Zone = !s.fromBeginning, st.time, st.width, ZoneUnknown
		}
		if st.time+s.days*dayNS < s.last-dayNS/2 {
			s.days++
		}
		st.time += s.days * dayNS
		s.last = st.time
	} else if !e.HasTime {
		e.set(st, &s.src)
		e.YearInferred = s.yearless
	} else if st.zone == ZoneUnknown && s.src.Local != nil {
		st.time -= int64(s.src.Local.at(st.time)) * 1e9
	}
	if mark != "" {
		e.mark(mark, st.time)
	}
}
