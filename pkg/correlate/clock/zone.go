package clock

import "time"

// zones are the offsets from UTC that clocks on walls are set to, in minutes
// east (IANA time zone database, winter and summer): not every quarter of an
// hour is one, so that a clock 700 s off is no clock of a zone +00:15.
var zones = [...]int64{
	-720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60,
	0, 60, 120, 180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780, 825, 840,
}

// Zone is the time zone nearest to an offset (ns), in seconds east of UTC, and
// what it leaves of the offset; 0 for an offset beyond all zones.
func Zone(theta int64) (east int, rest int64) {
	const beyond = int64(30 * time.Minute)
	var best int64
	for _, z := range zones {
		if z *= int64(time.Minute); abs(theta-z) < abs(theta-best) {
			best = z
		}
	}
	if abs(theta-best) > beyond {
		best = 0
	}
	return int(best / int64(time.Second)), theta - best
}

// farOff tells an offset of over a minute beside what a time zone would explain.
func farOff(theta int64) bool {
	_, rest := Zone(theta)
	return abs(rest) > int64(time.Minute)
}

// zoneReason names the time zone that would explain an offset, with the rest; a
// rest of minutes explains nothing.
func zoneReason(theta int64) Sentence {
	const most = int64(5 * time.Minute)
	east, rest := Zone(theta)
	if east == 0 || abs(rest) > most {
		return Sentence{}
	}
	sign := '+'
	if east < 0 {
		sign, east = '-', -east
	}
	return sentence("time zone %c%02d:%02d and %+.3f s", "huso horario %c%02d:%02d y %+.3f s", sign, east/3600, east/60%60, float64(rest)/1e9)
}
