package logparse

import (
	"bytes"
	"io"
	"strings"
	"time"
)

// What chronyc prints: tracking, sources, sourcestats and ntpdata, alone or
// several after their prompts.
//
// A report of chronyc has no stamp of its own. "Ref time" of tracking is the
// NTP clock's time of the last update, to a second, to which chronyd (since
// 4.2) adds up to a second at random; it is taken as the event's time with
// that slack. The other reports have no time.

var chronyc = &Format{
	Name:  "chronyc",
	Score: func(head []byte) int { return chronycScore(head) },
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &chronycText{}, src) },
	Hints: []string{"chronyc"},
}

func chronycScore(head []byte) int {
	for _, sign := range []string{"Ref time (UTC)", "MS Name/IP address", "Name/IP Address            NP", "NTP tests", "$ chronyc ", "506 Cannot talk to daemon"} {
		if bytes.Contains(head, []byte(sign)) {
			return scoreTranscript(head, 97, &snapshots{t: &chronycText{}})
		}
	}
	return 0
}

// chronycText is the state of one text.
type chronycText struct {
	table string // "sources", "sourcestats", "" between tables
	event Event  // tracking or ntpdata under way; Kind "" when there is none
	data  bool   // it is ntpdata

	dispersion, delay          int64 // ns, with their rounding in half
	peerDelay, peerDispersion  int64
	half                       int64
	hasDelay, hasDispersion    bool
	hasPeerDelay, localMode    bool
	hasSystem, notSynchronised bool
}

func (c *chronycText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "chronyc"); ok {
		c.finish(out)
		c.table = ""
		return true
	}
	trimmed := bytes.TrimSpace(line)
	if len(trimmed) == 0 {
		return true
	}
	switch {
	case bytes.HasPrefix(line, []byte("MS Name/IP")):
		c.finish(out)
		c.table = "sources"
		return true
	case bytes.HasPrefix(line, []byte("Name/IP Address")):
		c.finish(out)
		c.table = ""
		if bytes.Contains(line, []byte("NP")) {
			c.table = "sourcestats"
		}
		return true
	case line[0] == '=' || chronycLegend(line):
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	if name, value, ok := chronycField(line); ok {
		return c.field(name, value, at, out)
	}
	switch c.table {
	case "sources":
		return chronycSource(line, at, out)
	case "sourcestats":
		return chronycStats(line, at, out)
	}
	// 506 Cannot talk to daemon; 501 Not authorised
	if code := digits(line, 3); code >= 200 && code < 600 && len(line) > 3 && line[3] == ' ' {
		c.finish(out)
		e := begin(Message, at)
		e.Process, e.Text, e.Outcome = "chronyc", string(line), "failed"
		out.put(e)
		return true
	}
	return false
}

// chronycLegend tells the drawing above "chronyc sources -v" and the like.
func chronycLegend(line []byte) bool {
	trimmed := bytes.TrimLeft(line, " ")
	switch {
	case bytes.HasPrefix(trimmed, []byte(".-")), bytes.HasPrefix(trimmed, []byte("/ ")), bytes.HasPrefix(trimmed, []byte("| ")), bytes.HasPrefix(trimmed, []byte("||")),
		bytes.HasPrefix(trimmed, []byte("`-")), bytes.HasPrefix(trimmed, []byte("|-")):
		return true
	case bytes.HasPrefix(line, []byte("Number of sources = ")), bytes.HasPrefix(line, []byte("210 ")):
		return true
	}
	return false
}

// chronycField splits "Root delay      : 0.012758960 seconds".
func chronycField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.Index(line, []byte(": "))
	if i < 4 || i > 20 || line[0] == ' ' || line[0] == '^' || line[0] == '=' || line[0] == '#' {
		return "", nil, false
	}
	return string(bytes.TrimRight(line[:i], " ")), bytes.TrimSpace(line[i+2:]), true
}

// chronycNames are the fields of the two reports; the first opens one.
var chronycNames = map[string]bool{
	"Reference ID": true, "Stratum": true, "Ref time (UTC)": true, "System time": true, "Last offset": true, "RMS offset": true,
	"Frequency": true, "Residual freq": true, "Skew": true, "Root delay": true, "Root dispersion": true, "Update interval": true, "Leap status": true,
	"Remote address": true, "Remote port": true, "Local address": true, "Version": true, "Mode": true, "Poll interval": true, "Precision": true,
	"Reference time": true, "Offset": true, "Peer delay": true, "Peer dispersion": true, "Response time": true, "Jitter asymmetry": true,
	"NTP tests": true, "Interleaved": true, "Authenticated": true, "TX timestamping": true, "RX timestamping": true,
	"Total TX": true, "Total RX": true, "Total valid RX": true, "Total good RX": true,
	"Total kernel TX": true, "Total kernel RX": true, "Total HW TX": true, "Total HW RX": true,
}

func (c *chronycText) field(name string, value []byte, at place, out *outbox) bool {
	if !chronycNames[name] {
		return false
	}
	c.table = ""
	if name == "Remote address" || name == "Reference ID" && !c.data {
		c.finish(out)
		c.event = begin(ClockReading, at)
		c.event.Process, c.event.Means = "chronyc", Updated
		c.event.Reading = &Reading{Scale: NTPClock, Stamps: NTPClock}
		c.data = name == "Remote address"
	}
	if c.event.Kind == "" {
		return true // the report's beginning is missing
	}
	c.event.reach(at)
	if c.data {
		c.dataField(name, value)
	} else {
		c.trackingField(name, value)
	}
	return true
}

func (c *chronycText) trackingField(name string, value []byte) {
	r := c.event.Reading
	switch name {
	case "Reference ID":
		id, rest, _ := cutAt(value, ' ')
		source := bytes.Trim(rest, "()")
		if len(source) == 0 {
			source = id
		}
		r.Source, c.localMode = string(source), localReference(id)
	case "Stratum":
		n, _ := integer(value)
		r.Stratum = int(n)
	case "Ref time (UTC)":
		if st, n := ctimeTime(value); n == len(value) && n > 0 && st.time > 0 {
			c.event.Time, c.event.HasTime, c.event.Width, c.event.Slack = st.time, true, st.width, time.Second
		}
	case "System time":
		ns, half, rest, ok := amountOf(value, " seconds ")
		if !ok {
			return
		}
		if bytes.HasPrefix(rest, []byte("slow")) {
			ns = -ns
		}
		r.Remaining, r.RemBound, r.HasRemaining, c.hasSystem = ns, half, true, true
	case "Frequency":
		var f [3][]byte
		v, ok := 0.0, false
		if words(value, f[:]) == 3 {
			v, ok = real(f[0])
		}
		if ok && string(f[2]) == "slow" {
			v = -v
		}
		r.Frequency, r.HasFrequency = v, ok
	case "Skew":
		number, _, _ := cutAt(value, ' ')
		r.Skew, _ = real(number)
	case "Root delay":
		c.delay, c.hasDelay = c.add(value)
	case "Root dispersion":
		c.dispersion, c.hasDispersion = c.add(value)
	case "Leap status":
		c.notSynchronised = !bytes.HasPrefix(value, []byte("Normal")) && !bytes.Contains(value, []byte("second"))
	}
}

// dataField reads one line of ntpdata. Its offset is positive when the NTP
// clock is slow, unlike that of sources.
func (c *chronycText) dataField(name string, value []byte) {
	r := c.event.Reading
	switch name {
	case "Remote address":
		address, _, _ := cutAt(value, ' ')
		r.Source = string(address)
	case "Leap status":
		c.notSynchronised = !bytes.HasPrefix(value, []byte("Normal")) && !bytes.Contains(value, []byte("second"))
	case "Stratum":
		n, _ := integer(value)
		r.Stratum = int(n)
	case "Root delay":
		c.delay, c.hasDelay = c.add(value)
	case "Root dispersion":
		c.dispersion, c.hasDispersion = c.add(value)
	case "Peer delay":
		c.peerDelay, c.hasPeerDelay = c.add(value)
		r.Delay = c.peerDelay
	case "Peer dispersion":
		c.peerDispersion, _ = c.add(value)
	case "Offset":
		if ns, half, _, ok := amountOf(value, " seconds"); ok {
			r.Offset, r.HasOffset = -ns, true
			c.half += half
		}
	case "NTP tests":
		for _, b := range bytes.Fields(value) {
			if len(b) == 3 && !allOnes(b) {
				c.notSynchronised = true
			}
		}
	}
}

// add reads a number of seconds and notes its rounding.
func (c *chronycText) add(value []byte) (int64, bool) {
	ns, half, _, ok := amountOf(value, " seconds")
	if ok {
		c.half += half
	}
	return abs(ns), ok
}

// finish puts the report under way.
func (c *chronycText) finish(out *outbox) {
	if c.event.Kind == "" {
		return
	}
	e, r := c.event, c.event.Reading
	switch {
	case c.data:
		r.Bound = rootBound(c.delay+c.peerDelay, c.dispersion+c.peerDispersion, c.half)
		r.Unbounded = !c.hasDelay || !c.hasDispersion || !c.hasPeerDelay
		r.Synchronised = r.HasOffset && !c.notSynchronised && r.Stratum > 0 && r.Stratum < 16
	default:
		// chronyc(1): the NTP clock is right to within root dispersion and half
		// the root delay.
		r.Synchronised = !c.notSynchronised && !c.localMode && r.Stratum > 0 && r.Stratum < 16
		r.HasOffset = r.Synchronised && c.hasDelay && c.hasDispersion
		r.Bound = rootBound(c.delay, c.dispersion, c.half)
	}
	out.put(e)
	*c = chronycText{table: c.table}
}

func (c *chronycText) end(out *outbox) { c.finish(out) }

// chronycSource reads a line of sources, "^* name 2 0 377 1 +108us[ +134us]
// +/- 6854us": the offset is positive when the NTP clock is ahead, and the
// error is the root distance.
func chronycSource(line []byte, at place, out *outbox) bool {
	var f [12][]byte
	text := line
	if i := bytes.IndexByte(line, '['); i > 0 {
		text = bytes.ReplaceAll(line, []byte("["), []byte(" [ "))
	}
	n := words(text, f[:])
	if n < 6 || len(f[0]) != 2 || !strings.ContainsRune("^=#", rune(f[0][0])) || !strings.ContainsRune("*+-?x~ ", rune(f[0][1])) {
		return false
	}
	stratum, ok := integer(f[2])
	if !ok {
		return false
	}
	e := begin(ClockReading, at)
	e.Process, e.Means, e.Outcome = "chronyc", Updated, string(f[0][1:])
	r := &Reading{Scale: NTPClock, Stamps: NTPClock, Source: string(f[1]), Stratum: int(stratum)}
	e.Reading = r
	i := bytes.Index(text, []byte("+/-"))
	if i > 0 && n >= 9 {
		offset, h1, ok1 := span(f[6])
		bound, h2, ok2 := span(text[i+3:])
		if ok1 && ok2 {
			r.Offset, r.HasOffset, r.Bound = offset, true, bound+h1+h2
		}
	}
	r.Synchronised = r.HasOffset && strings.ContainsRune("*+-", rune(f[0][1])) && stratum > 0
	out.put(e)
	return true
}

// chronycStats reads a line of sourcestats: "name NP NR span frequency skew
// offset sd". Its offset has no bound and no agreed sign, so only the skew is
// taken.
func chronycStats(line []byte, at place, out *outbox) bool {
	var f [9][]byte
	if words(line, f[:]) != 8 {
		return false
	}
	if _, _, ok := span(f[7]); !ok {
		return false
	}
	skew, ok := real(f[5])
	if !ok {
		return false
	}
	e := begin(ClockReading, at)
	e.Process, e.Means = "chronyc", Updated
	e.Reading = &Reading{Scale: NTPClock, Stamps: NTPClock, Source: string(f[0]), Skew: skew}
	out.put(e)
	return true
}
