package logparse

import (
	"bytes"
	"io"
	"math"
	"time"
)

// The statistics files of ntpd (ntp.org and NTPsec): loopstats, peerstats,
// rawstats. Every line begins with the Modified Julian Date and the seconds of
// the UTC day, of the system clock. Offsets are positive when the local clock
// is slow.

var ntpdLoopstats = &Format{
	Name:  "ntpd-loopstats",
	Score: func(head []byte) int { return scoreLines(head, 93, ntpdLoopstatsLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, ntpdLoopstatsLine) },
	Hints: []string{"loopstats"},
}

var ntpdPeerstats = &Format{
	Name:  "ntpd-peerstats",
	Score: func(head []byte) int { return scoreLines(head, 94, ntpdPeerstatsLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, ntpdPeerstatsLine) },
	Hints: []string{"peerstats"},
}

var ntpdRawstats = &Format{
	Name:  "ntpd-rawstats",
	Score: func(head []byte) int { return scoreLines(head, 96, ntpdRawstatsLine) },
	Open:  func(r io.Reader, _ Source) Decoder { return newLineDecoder(r, ntpdRawstatsLine) },
	Hints: []string{"rawstats"},
}

const (
	mjdUnixEpoch = 40587      // the Modified Julian Date of 1970-01-01
	ntpUnixEpoch = 2208988800 // seconds from 1900 to 1970 (RFC 5905 section 6)
	ntpEra       = 1 << 32    // seconds
)

// mjdStamp reads the first two fields of a line.
func mjdStamp(day, second []byte, e *Event) bool {
	d, ok1 := integer(day)
	s, half, ok2 := seconds(second)
	if !ok1 || !ok2 || len(day) != 5 || s < 0 || s >= 86401e9 {
		return false
	}
	e.Time, e.HasTime, e.Width, e.Means = (d-mjdUnixEpoch)*86400e9+s, true, time.Duration(max(2*half, 1)), Updated
	e.Process = "ntpd"
	return true
}

// ntpdLoopstatsLine reads "day second offset frequency jitter wander
// time-constant". The frequency is the correction applied: positive, the clock
// would run slow.
func ntpdLoopstatsLine(line []byte, e *Event) bool {
	var f [8][]byte
	if words(line, f[:]) != 7 || !mjdStamp(f[0], f[1], e) {
		return false
	}
	offset, half, ok1 := seconds(f[2])
	frequency, ok2 := real(f[3])
	jitter, h, ok3 := seconds(f[4])
	wander, ok4 := real(f[5])
	if poll, ok5 := integer(f[6]); !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || poll < 0 || poll > 17 {
		return false
	}
	e.Kind = ClockReading
	e.Reading = &Reading{
		Offset: -offset, HasOffset: true, Bound: abs(jitter) + half + h, Unbounded: true,
		Frequency: -frequency, HasFrequency: true, Skew: wander, Synchronised: true,
	}
	return true
}

// ntpdPeerstatsLine reads "day second address status offset delay dispersion
// jitter". Three bits of the status word tell what the source was taken for
// (RFC 1305 appendix B.2.2: 0 rejected, 1 falseticker, …, 6 system peer).
func ntpdPeerstatsLine(line []byte, e *Event) bool {
	var f [9][]byte
	n := words(line, f[:])
	if n != 8 && n != 7 || !mjdStamp(f[0], f[1], e) {
		return false
	}
	status, ok := hex(f[3])
	offset, h1, ok1 := seconds(f[4])
	delay, h2, ok2 := seconds(f[5])
	dispersion, h3, ok3 := seconds(f[6])
	if !ok || !ok1 || !ok2 || !ok3 || len(f[3]) != 4 && len(f[3]) != 3 {
		return false
	}
	selection := status >> 8 & 7
	e.Kind, e.Outcome = ClockReading, [...]string{"rejected", "falseticker", "excess", "outlier", "candidate", "backup", "system-peer", "pps-peer"}[selection]
	e.Reading = &Reading{
		Source: string(f[2]), Offset: -offset, HasOffset: true, Delay: delay,
		Bound: rootBound(abs(delay), abs(dispersion), h1+h2+h3), Synchronised: selection >= 2,
	}
	return true
}

// ntpdRawstatsLine reads "day second source destination T1 T2 T3 T4 [leap
// version mode stratum poll precision root-delay root-dispersion refid …]":
// all four instants of an exchange, T1 and T4 of this clock, T2 and T3 of the
// server's, in seconds since 1900.
func ntpdRawstatsLine(line []byte, e *Event) bool {
	var f [24][]byte
	n := words(line, f[:])
	if n < 8 || n > len(f) || !mjdStamp(f[0], f[1], e) {
		return false
	}
	if _, ok := address(f[3]); !ok { // peerstats has its status there
		return false
	}
	var t [4]int64
	var half int64
	for i := range t {
		s, h, ok := ntpSeconds(f[4+i], e.Time)
		if !ok {
			return false
		}
		t[i], half = s, half+h
	}
	r := &Reading{Source: string(f[2])}
	e.Kind, e.Reading = ClockReading, r
	root, rootDispersion, usable := int64(0), int64(0), true
	if n >= 16 {
		leap, ok1 := integer(f[8])
		stratum, ok2 := integer(f[11])
		delay, h1, ok3 := seconds(f[14])
		dispersion, h2, ok4 := seconds(f[15])
		if !ok1 || !ok2 || !ok3 || !ok4 {
			return false
		}
		root, rootDispersion, half = abs(delay), abs(dispersion), half+h1+h2
		r.Stratum, usable = int(stratum), leap != 3 && stratum > 0 && stratum < 16
	}
	if t[0] == 0 || t[1] == 0 || t[2] == 0 || t[3] == 0 {
		return true // no exchange: a lost answer or a broadcast
	}
	// Differences first: they are small whatever the era.
	there, back := t[1]-t[0], t[2]-t[3]
	if abs(there) > math.MaxInt64/4 || abs(back) > math.MaxInt64/4 {
		return true
	}
	r.Offset, r.HasOffset, r.Delay = -(there+back)/2, true, there-back
	r.Bound = rootBound(abs(there-back)+root, rootDispersion, half)
	r.Synchronised = usable && r.Delay >= 0
	return true
}

// ntpSeconds reads seconds since 1900 (or since the start of a later era) as
// Unix time in ns, in the era nearest to near; 0 stays 0: not stated.
func ntpSeconds(b []byte, near int64) (ns, half int64, ok bool) {
	integral, frac, _ := cutAt(b, '.')
	s, ok := integer(integral)
	if !ok || s < 0 || s >= 2*ntpEra {
		return 0, 0, false
	}
	var fraction int64
	half = 5e8
	if len(frac) > 0 {
		if fraction, half, ok = decimal(append([]byte("0."), frac...), 9); !ok {
			return 0, 0, false
		}
	}
	if s == 0 && fraction == 0 {
		return 0, 0, true
	}
	s -= ntpUnixEpoch
	for s < near/1e9-ntpEra/2 {
		s += ntpEra
	}
	if s > math.MaxInt64/1_000_000_000-1 || s < math.MinInt64/1_000_000_000+1 {
		return 0, 0, false
	}
	return s*1e9 + fraction, half, true
}

// hex reads an unsigned hexadecimal number of at most 16 digits.
func hex(b []byte) (v uint64, ok bool) {
	b = bytes.TrimPrefix(b, []byte("0x"))
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | uint64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
