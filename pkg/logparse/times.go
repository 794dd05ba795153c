package logparse

import (
	"math"
	"time"
)

// A stamp is a time as a line writes it.
type stamp struct {
	time  int64         // ns since the Unix epoch; as if UTC where the zone is unknown
	width time.Duration // of the last digit written
	zone  ZoneState
	east  int // seconds east of UTC that were applied
}

// set puts a stamp into an event. A stamp without zone is read in the zone of
// the source, where one is known.
func (e *Event) set(st stamp, src *Source) {
	if st.zone == ZoneUnknown && src.Local != nil {
		st.zone, st.east = ZoneInferred, src.Local.at(st.time)
		st.time -= int64(st.east) * 1e9
	}
	e.Time, e.HasTime, e.Width = st.time, true, st.width
	e.Zone, e.ZoneSeconds = st.zone, st.east
}

// unix gives seconds since the epoch of a civil time, ok only if it exists. A
// leap second counts as the second after.
func unix(year, month, day, hour, min, sec int) (int64, bool) {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 60 {
		return 0, false
	}
	// Days of the civil calendar, years counted from March (the leap day is
	// then the last one of a year), 719468 days before 1970.
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	days := int64(365*y+y/4-y/100+y/400+(153*m+2)/5+day-1) - 719468
	return days*86400 + int64(hour*3600+min*60+sec), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// digits reads exactly n decimal digits at b[0]; -1 if they are not there.
func digits(b []byte, n int) int {
	if len(b) < n {
		return -1
	}
	v := 0
	for _, c := range b[:n] {
		if c < '0' || c > '9' {
			return -1
		}
		v = v*10 + int(c-'0')
	}
	return v
}

// monthAt reads a month name of three letters, English or Spanish (journalctl
// writes that of the locale); 0 if there is none.
func monthAt(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	switch uint32(b[0]|0x20)<<16 | uint32(b[1]|0x20)<<8 | uint32(b[2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n', 'e'<<16 | 'n'<<8 | 'e':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r', 'a'<<16 | 'b'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g', 'a'<<16 | 'g'<<8 | 'o':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c', 'd'<<16 | 'i'<<8 | 'c':
		return 12
	}
	return 0
}

// clock reads hh:mm:ss at b[0], then a fraction after '.' or ',' if there is
// one: the seconds of the day, nanoseconds, the width of the last digit, and
// how many bytes it took; n = 0 if it is not there.
func clock(b []byte) (hour, min, sec int, ns int64, width time.Duration, n int) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return
	}
	hour, min, sec = digits(b, 2), digits(b[3:], 2), digits(b[6:], 2)
	if hour < 0 || min < 0 || sec < 0 {
		return 0, 0, 0, 0, 0, 0
	}
	ns, width, n = fraction(b[8:])
	return hour, min, sec, ns, width, 8 + n
}

// fraction reads a decimal fraction of a second, '.' or ',' first; digits after
// the ninth are read over. Without one the width is a second.
func fraction(b []byte) (ns int64, width time.Duration, n int) {
	width = time.Second
	if len(b) < 2 || (b[0] != '.' && b[0] != ',') || b[1] < '0' || b[1] > '9' {
		return 0, width, 0
	}
	scale := int64(1e9)
	for n = 1; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		if scale > 1 {
			scale /= 10
			ns += int64(b[n]-'0') * scale
		}
	}
	return ns, time.Duration(scale), n
}

// zone reads Z, +hh:mm, +hhmm, +hh (RFC 3339 section 5.6 and older habits) at
// b[0]: seconds east of UTC, and how many bytes it took; 0 if there is none.
func zone(b []byte) (east, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, 1
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, 0
	}
	hours, mins := digits(b[1:], 2), 0
	if hours < 0 || hours > 18 {
		return 0, 0
	}
	n = 3
	if m := digits(b[3:], 2); m >= 0 {
		mins, n = m, 5
	} else if len(b) > 3 && b[3] == ':' {
		if m := digits(b[4:], 2); m >= 0 {
			mins, n = m, 6
		}
	}
	if mins > 59 {
		return 0, 0
	}
	east = hours*3600 + mins*60
	if b[0] == '-' {
		east = -east
	}
	return east, n
}

// isoTime reads 2026-11-22T10:02:47 with 'T', ' ' or '_' between, a fraction
// and a zone if they are there (RFC 3339; ISO 8601 with +0100; journalctl).
// It returns how many bytes it took; 0 if it is not there.
func isoTime(b []byte) (st stamp, n int) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || (b[10] != 'T' && b[10] != ' ' && b[10] != 't' && b[10] != '_') {
		return st, 0
	}
	return dateClock(b, digits(b, 4), digits(b[5:], 2), digits(b[8:], 2), 11, true)
}

// slashTime reads 2026/11/22 10:02:47 (nginx's error log), a fraction and a
// zone if they are there.
func slashTime(b []byte) (st stamp, n int) {
	if len(b) < 19 || b[4] != '/' || b[7] != '/' || b[10] != ' ' {
		return st, 0
	}
	return dateClock(b, digits(b, 4), digits(b[5:], 2), digits(b[8:], 2), 11, true)
}

// dashTime reads 22-Nov-2026 10:11:27.990 (BIND).
func dashTime(b []byte) (st stamp, n int) {
	if len(b) < 20 || b[2] != '-' || b[6] != '-' || b[11] != ' ' {
		return st, 0
	}
	return dateClock(b, digits(b[7:], 4), monthAt(b[3:]), digits(b, 2), 12, false)
}

// commonTime reads 22/Nov/2026:11:48:22 +0100 (the common log format); the
// zone may be missing and the seconds may have a fraction (HAProxy).
func commonTime(b []byte) (st stamp, n int) {
	if len(b) < 20 || b[2] != '/' || b[6] != '/' || b[11] != ':' {
		return st, 0
	}
	st, n = dateClock(b, digits(b[7:], 4), monthAt(b[3:]), digits(b, 2), 12, false)
	if n > 0 && n < len(b) && b[n] == ' ' {
		if east, k := zone(b[n+1:]); k > 0 {
			st.time -= int64(east) * 1e9
			st.zone, st.east = ZoneStated, east
			n += 1 + k
		}
	}
	return st, n
}

// ctimeTime reads Sun Nov 22 07:55:59.240364 2026 (Apache's error log), the
// year's place as in ctime(3).
func ctimeTime(b []byte) (st stamp, n int) {
	if len(b) < 24 || b[3] != ' ' || b[7] != ' ' || b[10] != ' ' {
		return st, 0
	}
	hour, min, sec, ns, width, k := clock(b[11:])
	if k == 0 {
		return st, 0
	}
	n = 11 + k
	if n+5 > len(b) || b[n] != ' ' {
		return st, 0
	}
	s, ok := unix(digits(b[n+1:], 4), monthAt(b[4:]), paddedDay(b[8:]), hour, min, sec)
	if !ok {
		return st, 0
	}
	return stamp{time: s*1e9 + ns, width: width, zone: ZoneUnknown}, n + 5
}

// paddedDay reads a day of two places, padded with a space or a zero.
func paddedDay(b []byte) int {
	if len(b) >= 2 && b[0] == ' ' {
		return digits(b[1:], 1)
	}
	return digits(b, 2)
}

// dateClock reads the time of day at b[at:], then a zone if zoned.
func dateClock(b []byte, year, month, day, at int, zoned bool) (st stamp, n int) {
	hour, min, sec, ns, width, k := clock(b[at:])
	if k == 0 {
		return st, 0
	}
	s, ok := unix(year, month, day, hour, min, sec)
	if !ok {
		return st, 0
	}
	n = at + k
	st = stamp{time: s*1e9 + ns, width: width, zone: ZoneUnknown}
	if zoned {
		if east, k := zone(b[n:]); k > 0 {
			st.time -= int64(east) * 1e9
			st.zone, st.east = ZoneStated, east
			n += k
		}
	}
	return st, n
}

// epochTime reads seconds since the epoch with a fraction if there is one, or
// an integer of milli-, micro- or nanoseconds, told by the number of digits:
// 9 or 10 are seconds (1973 to 2286), 12 or 13 ms, 15 or 16 µs, 18 or 19 ns.
func epochTime(b []byte) (st stamp, n int) {
	var v int64
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		if n == 19 || v > (math.MaxInt64-9)/10 {
			return st, 0
		}
		v = v*10 + int64(b[n]-'0')
		n++
	}
	unit := time.Duration(0)
	switch n {
	case 9, 10:
		ns, width, k := fraction(b[n:])
		return stamp{time: v*1e9 + ns, width: width}, n + k
	case 12, 13:
		unit = time.Millisecond
	case 15, 16:
		unit = time.Microsecond
	case 18, 19:
		unit = time.Nanosecond
	default:
		return st, 0
	}
	if v > math.MaxInt64/int64(unit) {
		return st, 0
	}
	return stamp{time: v * int64(unit), width: unit}, n
}

// commonClock is commonTime with a memory: a busy server writes the same
// second many times.
type commonClock struct {
	text [26]byte
	last stamp
	full bool
}

func (c *commonClock) read(b []byte) (stamp, int) {
	if len(b) >= 26 && c.full && string(b[:26]) == string(c.text[:]) {
		return c.last, 26
	}
	st, n := commonTime(b)
	if n == 26 {
		copy(c.text[:], b)
		c.last, c.full = st, true
	}
	return st, n
}

// yearless gives stamps such as "Nov 22 11:55:23" a year, walking along a
// file: a jump back from December to January of more than thirty days begins
// the next year, as any of more than half a year does, and one forth the other
// way goes back to the former (lines of several senders are not quite in order).
type yearless struct {
	year int   // of the last line; 0: unknown
	last int64 // ns, the last stamp
}

// read reads a stamp of RFC 3164 section 4.1.2, the day padded with a space or
// a zero or not at all, with a fraction if there is one. A year after the day or after the
// time is taken where it is written. known is false where the stamp is there
// but no year is known, or the day does not exist in it.
func (y *yearless) read(b []byte) (st stamp, inferred, known bool, n int) {
	month := monthAt(b)
	if month == 0 || len(b) < 14 || b[3] != ' ' {
		return st, false, false, 0
	}
	day, at, year := paddedDay(b[4:]), 7, 0
	if b[5] == ' ' { // a day without its padding
		day, at = digits(b[4:], 1), 6
	} else if b[6] != ' ' {
		return st, false, false, 0
	}
	if v := digits(b[at:], 4); v > 1900 && len(b) > at+5 && b[at+4] == ' ' {
		year, at = v, at+5
	}
	hour, min, sec, ns, width, k := clock(b[at:])
	if k == 0 || day < 1 || day > 31 || hour > 23 || min > 59 || sec > 60 {
		return st, false, false, 0
	}
	n = at + k
	st = stamp{width: width, zone: ZoneUnknown}
	if year != 0 {
		s, ok := unix(year, month, day, hour, min, sec)
		st.time = s*1e9 + ns
		return st, false, ok, n
	}
	if y.year == 0 {
		return st, true, false, n
	}
	s, ok := unix(y.year, month, day, hour, min, sec)
	if !ok {
		return st, true, false, n
	}
	st.time = s*1e9 + ns
	const month30 = 30 * 86400 * int64(1e9)
	const halfYear = 183 * 86400 * int64(1e9) // no line is so late: the log was quiet for months
	if y.last != 0 {
		was := time.Unix(0, y.last).UTC().Month()
		step := 0
		switch {
		case st.time < y.last-month30 && was == time.December && month == 1, st.time < y.last-halfYear:
			step = 1
		case st.time > y.last+month30 && was == time.January && month == 12:
			step = -1
		}
		if step != 0 {
			y.year += step
			s, _ := unix(y.year, month, day, hour, min, sec)
			st.time = s*1e9 + ns
		}
	}
	y.last = st.time
	return st, true, true, n
}
