package logparse

import (
	"bytes"
	"io"
	"strings"
	"time"
)

// What "timedatectl timesync-status" and "timedatectl show-timesync" print,
// and systemd-timesyncd's own "NTP response" at level debug. Offsets are
// positive when the server is ahead, that is when this clock is slow.
//
// timesync-status has no stamp; show-timesync has the four instants of the
// last exchange, to a second; the debug text has them to a millisecond.

var timesyncStatus = &Format{
	Name: "timesync-status",
	Score: func(head []byte) int {
		for _, sign := range []string{"Root distance:", "NTPMessage=", "NTP response:", "timedatectl ", "Poll interval:", "Packet count:"} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 96, &snapshots{t: &timesyncText{}})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &timesyncText{src: src}, src) },
	Hints: []string{"timesync", "timedatectl"},
}

type timesyncText struct {
	src   Source
	event Event // Kind "" where no report is under way

	distance, delay, half int64
	hasDistance           bool
	leap                  bool // not synchronised
	response              bool // it is the debug text
	server                string
	frequency             float64
	hasFrequency          bool
}

func (t *timesyncText) open(at place) {
	if t.event.Kind != "" {
		t.event.reach(at)
		return
	}
	t.event = begin(ClockReading, at)
	t.event.Process, t.event.Means = "systemd-timesyncd", Updated
	t.event.Reading = &Reading{}
}

func (t *timesyncText) finish(out *outbox) {
	if t.event.Kind != "" {
		r := t.event.Reading
		if t.hasDistance {
			// timesyncd's distance is the server's, half its root delay and its
			// dispersion: the way there is ours to add.
			r.Bound = t.distance + t.delay/2 + t.half + 1
		} else {
			r.Bound, r.Unbounded = t.delay/2+t.half+1, true
		}
		if r.Source == "" {
			r.Source = t.server
		}
		r.Frequency, r.HasFrequency = t.frequency, t.hasFrequency
		r.Synchronised = r.HasOffset && !t.leap && r.Stratum > 0 && r.Stratum < 16
		if r.HasOffset || r.Stratum > 0 || r.HasFrequency {
			out.put(t.event)
		}
	}
	*t = timesyncText{src: t.src, server: t.server}
}

func (t *timesyncText) end(out *outbox) { t.finish(out) }

func (t *timesyncText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "timedatectl"); ok {
		t.finish(out)
		t.server = ""
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if bytes.HasPrefix(text, []byte("NTP response:")) {
		t.finish(out)
		t.open(at)
		t.response = true
		return true
	}
	if rest, ok := bytes.CutPrefix(text, []byte("NTPMessage=")); ok {
		t.open(at)
		t.properties(rest)
		return true
	}
	if key, value, ok := cutAt(text, '='); ok && !bytes.Contains(key, []byte(": ")) && t.property(string(key), value, at) {
		return true
	}
	if key, value, ok := bytes.Cut(text, []byte(": ")); ok && t.field(string(bytes.TrimSpace(key)), bytes.TrimSpace(value), line, at) {
		return true
	}
	if t.response && line[0] != ' ' {
		t.finish(out)
	}
	return t.message(text, at, out)
}

// timesyncWords are the beginnings of timesyncd's other lines at level debug.
var timesyncWords = []string{
	"Added new ", "Removed server ", "Selected ", "Resolving ", "Resolved ", "Connecting to time server ", "Sent NTP request ", "Contacted time server ", "Timed out ",
	"Initial clock synchronization ", "interval/delta/delay/jitter/drift ", "systemd-timesyncd running ", "SELinux ", "Directory ", "Failed to ", "Bus ", "sd-bus: ",
	"Registering bus ", "Added inotify ", "Server has ", "System time changed", "Synchronized to ", "No network ", "Network configuration changed", "status ", "time now", "constant ", "freq offset",
}

// message takes the other lines; those that say something become events.
func (t *timesyncText) message(text []byte, at place, out *outbox) bool {
	for _, w := range timesyncWords {
		if !bytes.HasPrefix(text, []byte(w)) {
			continue
		}
		e := begin(Message, at)
		e.Process = "systemd-timesyncd"
		timesyncdMessage(append([]byte(nil), text...), &e)
		if e.Outcome != "" {
			if rest, ok := bytes.CutPrefix(text, []byte("Initial clock synchronization to ")); ok {
				if st, ok := systemdTime(bytes.TrimRight(rest, ".")); ok {
					e.set(st, &t.src)
				}
			}
			out.put(e)
		}
		return true
	}
	return false
}

// property reads a line of show-timesync.
func (t *timesyncText) property(key string, value []byte, at place) bool {
	switch key {
	case "ServerName":
		t.server = string(value)
	case "ServerAddress":
		t.server = string(value)
	case "Frequency":
		t.open(at)
		if n, ok := integer(value); ok { // the kernel's: ppm in 16.16
			t.frequency, t.hasFrequency = -float64(n)/65536, true
		}
	case "LinkNTPServers", "SystemNTPServers", "RuntimeNTPServers", "FallbackNTPServers", "RootDistanceMaxUSec", "PollIntervalMinUSec", "PollIntervalMaxUSec", "PollIntervalUSec":
	default:
		return false
	}
	return true
}

// properties reads "{ Leap=0, Version=4, …, DestinationTimestamp=Sun …, … }".
func (t *timesyncText) properties(b []byte) {
	var at [4]int64
	names := [4]string{"OriginateTimestamp", "ReceiveTimestamp", "TransmitTimestamp", "DestinationTimestamp"}
	var width int64
	known := 0
	r := t.event.Reading
	var rootDelay, rootDispersion int64
	for _, part := range bytes.Split(bytes.Trim(b, "{} "), []byte(", ")) {
		key, value, ok := cutAt(bytes.TrimSpace(part), '=')
		if !ok {
			continue
		}
		switch string(key) {
		case "Leap":
			t.leap = string(value) == "3"
		case "Stratum":
			n, _ := integer(value)
			r.Stratum = int(n)
		case "RootDelay":
			rootDelay, _, _ = span(value)
			t.hasDistance = true
		case "RootDispersion":
			rootDispersion, _, _ = span(value)
		}
		for i, name := range names {
			if string(key) != name {
				continue
			}
			if st, ok := systemdTime(value); ok && st.time > 0 {
				at[i], known, width = st.time, known+1, max(width, int64(st.width))
				if i == 3 {
					t.event.set(st, &t.src)
				}
			}
		}
	}
	t.distance = rootDelay/2 + rootDispersion
	if known < 4 {
		return
	}
	// Each instant is cut to its width: the halves of two differences.
	r.Offset, r.HasOffset = -((at[1]-at[0])+(at[2]-at[3]))/2, true
	t.delay = abs((at[3] - at[0]) - (at[2] - at[1]))
	t.half += width
}

// field reads a line of timesync-status, or of the debug text.
func (t *timesyncText) field(key string, value, line []byte, at place) bool {
	if strings.HasPrefix(key, "interval/") {
		return false
	}
	if t.response {
		if line[0] != ' ' {
			return false
		}
		return t.debug(key, value)
	}
	switch key {
	case "Server", "Poll interval", "Leap", "Version", "Stratum", "Reference", "Precision", "Root distance", "Offset", "Delay", "Jitter", "Packet count", "Frequency":
	default:
		return false
	}
	t.open(at)
	r := t.event.Reading
	switch key {
	case "Server":
		name, _, _ := cutAt(value, ' ')
		r.Source = string(name)
		if string(name) == "n/a" {
			r.Source = ""
		}
	case "Leap":
		t.leap = !bytes.HasPrefix(value, []byte("normal"))
	case "Stratum":
		n, _ := integer(value)
		r.Stratum = int(n)
	case "Root distance":
		text, _, _ := cutAt(value, '(')
		ns, half, ok := span(text)
		t.distance, t.hasDistance, t.half = abs(ns), ok, t.half+half
	case "Offset":
		if ns, half, ok := span(value); ok {
			r.Offset, r.HasOffset, t.half = -ns, true, t.half+half
		}
	case "Delay":
		if ns, half, ok := span(value); ok {
			t.delay, r.Delay, t.half = abs(ns), ns, t.half+half
		}
	case "Frequency":
		if v, ok := real(bytes.TrimSuffix(value, []byte("ppm"))); ok {
			t.frequency, t.hasFrequency = -v, true
		}
	}
	return true
}

// debug reads a line below "NTP response:".
func (t *timesyncText) debug(key string, value []byte) bool {
	r := t.event.Reading
	number := bytes.TrimSuffix(value, []byte(" sec"))
	switch key {
	case "leap":
		t.leap = string(value) == "3"
	case "stratum":
		n, _ := integer(value)
		r.Stratum = int(n)
	case "root distance":
		ns, half, ok := seconds(number)
		t.distance, t.hasDistance, t.half = abs(ns), ok, t.half+half
	case "reference", "version", "mode", "precision", "origin", "receive", "transmit", "packet count", "jitter", "poll interval", "adjust (slew)", "status", "time now", "constant", "freq offset":
	case "dest":
		if st, n := epochTime(value); n == len(value) && n > 0 {
			t.event.set(st, &t.src)
		}
	case "offset":
		// The second "offset" is of the kernel's call.
		if ns, half, ok := seconds(number); ok && !r.HasOffset {
			r.Offset, r.HasOffset, t.half = -ns, true, t.half+half
		}
	case "delay":
		if ns, half, ok := seconds(number); ok {
			t.delay, r.Delay, t.half = abs(ns), ns, t.half+half
		}
	case "adjust (jump)":
		r.Step, _, _ = seconds(number)
	default:
		return false
	}
	return true
}

// systemdTime reads "Sun 2026-11-22 10:15:52 UTC", with a fraction or without.
func systemdTime(b []byte) (st stamp, ok bool) {
	_, rest, found := cutAt(bytes.TrimSpace(b), ' ')
	if !found {
		return st, false
	}
	st, n := isoTime(rest)
	if n == 0 {
		return st, false
	}
	if word := bytes.TrimSpace(rest[n:]); len(word) > 0 && st.zone == ZoneUnknown {
		if east, known := zoneWord(word); known {
			st.time, st.zone, st.east = st.time-int64(east)*int64(time.Second), ZoneStated, east
		}
	}
	return st, true
}
