package logparse

import (
	"bytes"
	"io"
	"strings"
	"time"
)

// What ntpq prints: -p (the peers) and -c rv (the system's or a peer's
// variables). Its delay, offset, jitter and dispersion are in milliseconds;
// an offset is positive when the local clock is slow. The list of peers has no
// stamp; among the variables, "clock" is the system clock when it was asked.

var ntpq = &Format{
	Name: "ntpq",
	Score: func(head []byte) int {
		for _, sign := range []string{"st t when poll reach", "associd=", "ntpq ", "ntpq: read: ", "***Request timed out"} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 96, &snapshots{t: &ntpqText{}})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &ntpqText{}, src) },
	Hints: []string{"ntpq"},
}

type ntpqText struct {
	table     bool
	skip      bool // what follows tells nothing of a clock: -c as, kerninfo, sysinfo
	variables map[string]string
	event     Event
}

func (q *ntpqText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "ntpq"); ok {
		q.finish(out)
		q.table, q.skip = false, false
		return true
	}
	text := bytes.TrimSpace(line)
	switch {
	case len(text) == 0:
		return true
	case bytes.HasPrefix(text, []byte("remote ")):
		q.finish(out)
		q.table, q.skip = true, false
		return true
	case bytes.HasPrefix(text, []byte("ind assid status")):
		q.finish(out)
		q.table, q.skip = false, true
		return true
	case bytes.HasPrefix(text, []byte("====")):
		return true
	case bytes.HasPrefix(line, []byte("associd=")), bytes.HasPrefix(line, []byte("assID=")):
		q.finish(out)
		q.table, q.skip = false, false
		q.event = begin(ClockReading, at)
		q.event.Process, q.event.Means = "ntpd", Updated
		q.variables = map[string]string{}
		q.add(text)
		return true
	case q.skip:
		return true
	case q.variables != nil:
		if name, _, ok := bytes.Cut(text, []byte(":  ")); ok && !bytes.Contains(name, []byte{'='}) || bytes.HasPrefix(text, []byte("calibration interval")) {
			q.variables, q.skip = nil, true
			return true
		}
		if !bytes.Contains(text, []byte{'='}) {
			return false
		}
		q.event.reach(at)
		q.add(text)
		return true
	case q.table:
		return ntpqPeer(line, at, out)
	}
	for _, s := range []string{"ntpq: read: Connection refused", "No association ID's returned", "timed out, nothing received", "***Request timed out", "localhost: timed out"} {
		if bytes.Contains(text, []byte(s)) {
			e := begin(Message, at)
			e.Process, e.Outcome, e.Text = "ntpq", "failed", string(text)
			out.put(e)
			return true
		}
	}
	return false
}

func (q *ntpqText) end(out *outbox) { q.finish(out) }

// add reads "version="ntpd 4.2.8p15", processor="x86_64", …": a comma inside
// quotes separates nothing, and a clock's date has commas of its own.
func (q *ntpqText) add(text []byte) {
	const most = 200
	quoted, from := false, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] == '"' {
			quoted = !quoted
		}
		if i < len(text) && (text[i] != ',' || quoted) {
			continue
		}
		key, value, ok := cutAt(bytes.TrimSpace(text[from:i]), '=')
		if ok && len(q.variables) < most {
			q.variables[string(key)] = string(bytes.Trim(value, `"`))
		} else if word := strings.TrimSpace(string(text[from:i])); strings.HasPrefix(word, "leap_") {
			q.variables["leap_word"] = word
		}
		from = i + 1
	}
}

// finish makes a reading of the variables.
func (q *ntpqText) finish(out *outbox) {
	if q.variables == nil {
		return
	}
	v := q.variables
	q.variables = nil
	r := &Reading{Source: v["srcadr"]}
	q.event.Reading = r
	if r.Source == "" {
		r.Source = v["refid"]
	}
	ms := func(name string) (ns, half int64, ok bool) { return decimal([]byte(v[name]), 6) }
	if n, ok := integer([]byte(v["stratum"])); ok {
		r.Stratum = int(n)
	}
	offset, half, ok := ms("offset")
	if ok {
		r.Offset, r.HasOffset = -offset, true
	}
	if frequency, ok := real([]byte(v["frequency"])); ok {
		r.Frequency, r.HasFrequency = -frequency, true
	}
	root, h1, ok1 := ms("rootdelay")
	dispersion, h2, ok2 := ms("rootdisp")
	delay, h3, peer := ms("delay")
	own, _, _ := ms("dispersion")
	if peer {
		r.Delay = delay
	}
	r.Bound, r.Unbounded = rootBound(abs(root)+abs(delay), abs(dispersion)+abs(own), half+h1+h2+h3), !ok1 || !ok2
	leap := v["leap"]
	if leap == "" {
		leap = v["leap_word"]
	}
	r.Synchronised = r.HasOffset && leap != "11" && leap != "leap_alarm" && r.Stratum > 0 && r.Stratum < 16
	if ns, ok := ntpHexTime(v["clock"]); ok {
		q.event.Time, q.event.HasTime, q.event.Width = ns, true, time.Nanosecond
	}
	out.put(q.event)
}

// ntpHexTime reads "e8c9a1b2.12345678" (seconds since 1900 and their fraction;
// RFC 5905 section 6), in the era that gives a time after 1970.
func ntpHexTime(text string) (int64, bool) {
	word, _, _ := strings.Cut(text, " ")
	high, low, found := strings.Cut(word, ".")
	s, ok1 := hex([]byte(high))
	f, ok2 := hex([]byte(low))
	if !found || !ok1 || !ok2 || len(high) != 8 || len(low) != 8 {
		return 0, false
	}
	sec := int64(s) - ntpUnixEpoch
	if sec < 0 {
		sec += ntpEra
	}
	return sec*1e9 + int64(f*1e9>>32), true
}

// ntpqPeer reads a line of the list: a tally, the peer, its reference, stratum,
// type, when, poll, reach (octal), delay, offset, jitter. A long name stands
// on a line of its own.
func ntpqPeer(line []byte, at place, out *outbox) bool {
	tally := line[0]
	if strings.IndexByte(" x.-+#*o", tally) < 0 {
		return false
	}
	var f [12][]byte
	n := words(line[1:], f[:])
	if n == 1 || n == 2 {
		return true
	}
	if n == 9 { // the name was on the line before
		copy(f[1:], f[:9])
		f[0] = f[1]
		n = 10
	}
	if n != 10 {
		return false
	}
	delay, h1, ok1 := decimal(f[7], 6)
	offset, h2, ok2 := decimal(f[8], 6)
	jitter, _, ok3 := decimal(f[9], 6)
	stratum, ok4 := integer(f[2])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(f[3]) != 1 {
		return false
	}
	e := begin(ClockReading, at)
	e.Process, e.Means = "ntpd", Updated
	e.Outcome = map[byte]string{' ': "rejected", 'x': "falseticker", '.': "excess", '-': "outlier", '+': "candidate", '#': "backup", '*': "system-peer", 'o': "pps-peer"}[tally]
	r := &Reading{Source: string(f[0]), Stratum: int(stratum), Offset: -offset, Delay: delay}
	// Stratum 16 and no reach: zeros that nothing was measured for.
	r.HasOffset = stratum < 16 && string(f[6]) != "0"
	r.Bound, r.Unbounded = rootBound(abs(delay), abs(jitter), h1+h2), true
	r.Synchronised = r.HasOffset && tally != ' ' && tally != 'x'
	e.Reading = r
	out.put(e)
	return true
}
