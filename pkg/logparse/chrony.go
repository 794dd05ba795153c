package logparse

import (
	"bytes"
	"io"
	"math"
	"time"
)

// The files that chronyd writes with its directive "log" (chrony.conf(5)).
//
// Their stamps are UTC and belong to chronyd's own clock, the NTP clock: the
// system clock plus the correction that is not yet applied. Their offsets are
// relative to that clock too. Only "Rem. corr." of tracking.log relates it to
// the system clock.
//
// Numbers have four significant digits: an offset of 30 s is known to 10 ms.

var chronyTracking = &Format{
	Name:  "chrony-tracking",
	Score: func(head []byte) int { return chronyScore(head, "Rem. corr.", chronyTrackingLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, chronyTrackingLine) },
	Hints: []string{"tracking"},
}

var chronyMeasurements = &Format{
	Name:  "chrony-measurements",
	Score: func(head []byte) int { return chronyScore(head, "Peer del.", chronyMeasurementsLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, chronyMeasurementsLine) },
	Hints: []string{"measurements"},
}

var chronyStatistics = &Format{
	Name:  "chrony-statistics",
	Score: func(head []byte) int { return chronyScore(head, "Est offset", chronyStatisticsLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, chronyStatisticsLine) },
	Hints: []string{"statistics"},
}

var chronySelection = &Format{
	Name:  "chrony-selection",
	Score: func(head []byte) int { return chronyScore(head, "EOpts", chronySelectionLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, chronySelectionLine) },
	Hints: []string{"selection"},
}

var chronyRefclocks = &Format{
	Name:  "chrony-refclocks",
	Score: func(head []byte) int { return chronyScore(head, "Raw offset", chronyRefclocksLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, chronyRefclocksLine) },
	Hints: []string{"refclocks"},
}

// chronyScore knows a file by its lines, or by the titles alone where it has no
// more than its first banner.
func chronyScore(head []byte, title string, parse func([]byte, *Event) bool) int {
	if n := scoreLines(head, 98, parse); n > 0 {
		return n
	}
	if bytes.HasPrefix(head, []byte("===")) && bytes.Contains(head, []byte("Date (UTC) Time")) && bytes.Contains(head, []byte(title)) {
		return 90
	}
	return 0
}

// maxChronyFields is more than the longest line has (20).
const maxChronyFields = 24

// chronyLine splits a line and reads its stamp; n is 0 for the banner that
// comes every 32 lines, -1 for what is no line of chronyd.
func chronyLine(line []byte, e *Event, f *[maxChronyFields][]byte) (n int) {
	if line[0] == '=' || line[0] == ' ' {
		if line[0] == ' ' && !bytes.Contains(line, []byte("Date (UTC) Time")) {
			return -1
		}
		return 0
	}
	st, used := isoTime(line)
	if used == 0 || line[10] != ' ' || used == len(line) || line[used] != ' ' || st.zone != ZoneUnknown {
		return -1
	}
	if n = words(line, f[:]); n > len(f) {
		return -1
	}
	e.Time, e.HasTime, e.Width, e.Means = st.time, true, st.width, Updated
	e.Process = "chronyd"
	return n
}

// deviations of an estimate that bound it: while chronyd's samples disagree, behind
// a step that somebody else made, they are what its error is like.
const deviations = 3

// rootBound is how far a clock may be off for a root delay, a root dispersion
// and the rounding of the texts (RFC 5905 section 11.2: the root distance).
func rootBound(delay, dispersion, half int64) int64 { return delay/2 + dispersion + half + 1 }

// chronyTrackingLine reads a line of tracking.log:
//
//	date time IP stratum freq skew offset leap combined sd remaining delay dispersion max-error
//
// The offset is positive when the NTP clock was fast, before the update; the
// remaining correction is positive when the system clock is slow of it.
func chronyTrackingLine(line []byte, e *Event) bool {
	var f [maxChronyFields][]byte
	switch n := chronyLine(line, e, &f); {
	case n == 0:
		return true
	case n != 14 && n != 11: // since 2.2; before
		return false
	case len(f[7]) != 1 || bytes.IndexByte([]byte("N+-?"), f[7][0]) < 0:
		return false
	}
	r := &Reading{Scale: NTPClock, Stamps: NTPClock, Source: string(f[2])}
	stratum, ok1 := integer(f[3])
	offset, half, ok2 := seconds(f[6])
	frequency, ok3 := real(f[4])
	skew, ok4 := real(f[5])
	if !ok1 || !ok2 || !ok3 || !ok4 || stratum < 0 || stratum > 16 {
		return false
	}
	r.Stratum, r.Offset, r.HasOffset = int(stratum), offset, true
	r.Frequency, r.Skew, r.HasFrequency = frequency, skew, skew < 1e5 // at 1e6 nothing was measured yet
	r.Bound, r.Unbounded = half, true
	if f[13] != nil {
		sd, h1, ok1 := seconds(f[9])
		delay, h2, ok2 := seconds(f[11])
		dispersion, h3, ok3 := seconds(f[12])
		if _, _, ok4 := seconds(f[13]); !ok1 || !ok2 || !ok3 || !ok4 {
			return false
		}
		r.Bound, r.Unbounded = rootBound(abs(delay), abs(dispersion)+deviations*abs(sd), half+h1+h2+h3), false
		r.Delay = delay
	}
	if f[10] != nil {
		remaining, half, ok := seconds(f[10])
		if !ok {
			return false
		}
		r.Remaining, r.RemBound, r.HasRemaining = -remaining, half, true
	}
	r.Synchronised = f[7][0] != '?' && stratum > 0 && stratum < 16 && !localReference(f[2])
	if !r.Synchronised {
		r.HasOffset = false
		if stratum == 0 { // the line written at the start measures nothing
			r.HasFrequency, r.HasRemaining = false, false
		}
	}
	e.Kind, e.Reading = ClockReading, r
	return true
}

// localReference tells the names of chronyd's local mode, where it follows
// nothing but itself.
func localReference(name []byte) bool {
	switch string(name) {
	case "0.0.0.0", "127.127.1.1", "7F7F0101", "00000000":
		return true
	}
	return false
}

// chronyMeasurementsLine reads a line of measurements.log:
//
//	date time IP leap stratum 123 567 ABCD poll rpoll score offset delay
//	dispersion root-delay root-dispersion [refid mode tx rx]
//
// The stamp is the middle of the exchange. The offset is positive when the NTP
// clock is slow: the opposite of the other files.
func chronyMeasurementsLine(line []byte, e *Event) bool {
	var f [maxChronyFields][]byte
	n := chronyLine(line, e, &f)
	if n == 0 {
		return true
	}
	if n != 20 && n != 16 || len(f[3]) != 1 || len(f[5]) != 3 || len(f[6]) != 3 && len(f[6]) != 4 || !isBits(f[5], f[6], f[7]) {
		return false
	}
	stratum, ok1 := integer(f[4])
	offset, half, ok2 := seconds(f[11])
	delay, h1, ok3 := seconds(f[12])
	dispersion, h2, ok4 := seconds(f[13])
	root, h3, ok5 := seconds(f[14])
	rootDispersion, h4, ok6 := seconds(f[15])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || stratum < 0 || stratum > 255 {
		return false
	}
	r := &Reading{Scale: NTPClock, Stamps: NTPClock, Source: string(f[2]), Stratum: int(stratum)}
	valid, usable := allOnes(f[5]), allOnes(f[6]) && f[3][0] != '?' && stratum > 0 && stratum < 16
	if valid { // else chronyd computed nothing and writes 0
		r.Offset, r.HasOffset, r.Delay = -offset, true, delay
		r.Bound = rootBound(abs(delay)+abs(root), abs(dispersion)+abs(rootDispersion), half+h1+h2+h3+h4)
	}
	// The fourth of tests A–D finds a server that is synchronised to us: its
	// answer says nothing of UTC. The others only pass over an exchange.
	loop := len(f[7]) > 0 && f[7][len(f[7])-1] == '0'
	r.Synchronised = valid && usable && !loop
	e.Outcome = "rejected"
	if r.Synchronised && allOnes(f[7]) {
		e.Outcome = "ok"
	}
	e.Kind, e.Reading = ClockReading, r
	return true
}

func isBits(fields ...[]byte) bool {
	for _, b := range fields {
		for _, c := range b {
			if c != '0' && c != '1' {
				return false
			}
		}
	}
	return true
}

func allOnes(b []byte) bool { return bytes.IndexByte(b, '0') < 0 }

// chronyStatisticsLine reads a line of statistics.log:
//
//	date time IP sd offset offset-sd diff-freq skew stress samples start runs [asymmetry]
//
// The offset is positive when the NTP clock is fast. The file tells nothing of
// the distance to UTC, so the reading has no bound.
func chronyStatisticsLine(line []byte, e *Event) bool {
	var f [maxChronyFields][]byte
	n := chronyLine(line, e, &f)
	if n == 0 {
		return true
	}
	if n != 13 && n != 12 {
		return false
	}
	_, _, ok1 := seconds(f[3])
	offset, half, ok2 := seconds(f[4])
	sd, _, ok3 := seconds(f[5])
	skew, _, ok4 := decimal(f[7], 12)
	_, ok5 := real(f[6])
	samples, ok6 := integer(f[9])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || samples < 0 {
		return false
	}
	e.Kind = ClockReading
	e.Reading = &Reading{
		Scale: NTPClock, Stamps: NTPClock, Source: string(f[2]), Synchronised: true,
		Offset: offset, HasOffset: true, Bound: half + abs(sd), Unbounded: true,
		Skew: float64(skew) / 1e6, // s/s as parts per million
	}
	return true
}

// chronySelectionLine reads a line of selection.log (since 4.3):
//
//	date time IP state options reach score age low high
//
// low..high holds how far the NTP clock is fast; negative: slow.
func chronySelectionLine(line []byte, e *Event) bool {
	var f [maxChronyFields][]byte
	n := chronyLine(line, e, &f)
	if n == 0 {
		return true
	}
	if n != 10 || len(f[3]) != 1 || bytes.IndexByte([]byte("NsMrdpD~wSOTxWPU-+*"), f[3][0]) < 0 {
		return false
	}
	low, h1, ok1 := seconds(f[8])
	high, h2, ok2 := seconds(f[9])
	if _, _, ok3 := seconds(f[7]); !ok1 || !ok2 || !ok3 || high < low || low < -math.MaxInt64/4 || high > math.MaxInt64/4 {
		return false
	}
	state := f[3][0]
	e.Kind, e.Outcome = ClockReading, string(f[3])
	e.Reading = &Reading{
		Scale: NTPClock, Stamps: NTPClock, Source: string(f[2]),
		Offset: low + (high-low)/2, HasOffset: true, Bound: (high-low)/2 + max(h1, h2) + 1,
		Synchronised: state != 'x' && state != 's',
	}
	return true
}

// chronyRefclocksLine reads a line of refclocks.log:
//
//	date time.µs refid sample leap pulse raw-offset offset dispersion
//
// The sample's number, and its raw offset, are "-" for a filtered sample. The
// offset is positive when the NTP clock is slow.
func chronyRefclocksLine(line []byte, e *Event) bool {
	var f [maxChronyFields][]byte
	n := chronyLine(line, e, &f)
	if n == 0 {
		return true
	}
	if n != 9 || e.Width != time.Microsecond || len(f[4]) != 1 || bytes.IndexByte([]byte("N+-?"), f[4][0]) < 0 {
		return false
	}
	offset, half, ok1 := seconds(f[7])
	dispersion, h, ok2 := seconds(f[8])
	if !ok1 || !ok2 {
		return false
	}
	e.Kind = ClockReading
	e.Reading = &Reading{
		Scale: NTPClock, Stamps: NTPClock, Source: string(f[2]),
		Offset: -offset, HasOffset: true, Bound: abs(dispersion) + half + h,
		Synchronised: f[4][0] != '?',
	}
	return true
}
