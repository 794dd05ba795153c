package logparse

// zoneNames are abbreviations of zones that mean one offset wherever they are
// written today. Those that mean several (IST, CST, BST, AST, …) are left out:
// a zone they name is unknown.
var zoneNames = map[string]int{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800, "MSK": 10800,
	"EDT": -4 * 3600, "EST": -5 * 3600, "CDT": -5 * 3600, "MDT": -6 * 3600, "MST": -7 * 3600, "PDT": -7 * 3600, "PST": -8 * 3600,
	"AKST": -9 * 3600, "AKDT": -8 * 3600, "HST": -10 * 3600, "NZST": 12 * 3600, "NZDT": 13 * 3600, "AEST": 10 * 3600, "AEDT": 11 * 3600,
	"AWST": 8 * 3600, "JST": 9 * 3600, "KST": 9 * 3600, "HKT": 8 * 3600, "SAST": 2 * 3600,
}

// zoneWord reads a zone that fills b, as "%Z" prints it: "CET", "-05", "+0530".
func zoneWord(b []byte) (east int, ok bool) {
	if east, n := zone(b); n > 0 && n == len(b) {
		return east, true
	}
	east, ok = zoneNames[string(b)]
	return east, ok
}

// monthWord reads a month of three letters in English or Spanish, as "%b"
// prints it; 0 if it is none.
func monthWord(b []byte) int {
	if len(b) > 0 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if len(b) != 3 && len(b) != 4 {
		return 0
	}
	return monthAt(b)
}

// dateWords reads "Sun Nov 22 05:55:29 -05 2026" as date(1) and dig print it:
// the day may come before the month, the zone may be missing, and one that is
// not known leaves ZoneUnknown.
func dateWords(b []byte) (st stamp, ok bool) {
	var f [7][]byte
	n := words(b, f[:])
	if n < 5 || n > 7 {
		return st, false
	}
	month, day := monthWord(f[1]), f[2]
	if month == 0 {
		month, day = monthWord(f[2]), f[1]
	}
	d, ok1 := integer(day)
	at := 3
	hour, min, sec, ns, width, k := clock(f[at])
	if k != len(f[at]) || k == 0 || !ok1 {
		return st, false
	}
	at++
	st.zone = ZoneUnknown
	if n > 5 {
		if half := string(f[at]); half == "AM" || half == "PM" {
			hour = hour % 12
			if half == "PM" {
				hour += 12
			}
			at++
		}
	}
	if at < n-1 {
		if east, known := zoneWord(f[at]); known {
			st.zone, st.east = ZoneStated, east
		}
		at++
	}
	if at != n-1 {
		return st, false
	}
	year, ok2 := integer(f[at])
	if !ok2 || year < 1970 || year > 2200 {
		return st, false
	}
	s, ok := unix(int(year), month, int(d), hour, min, sec)
	st.time, st.width = (s-int64(st.east))*1e9+ns, width
	return st, ok
}
