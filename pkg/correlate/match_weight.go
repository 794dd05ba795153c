package correlate

import (
	"math"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// line is a log line on the reference clock.
type line struct {
	event  *logparse.Event
	index  int   // into Log.Events
	at     int64 // corrected stamp
	slack  int64 // the correction may be off by this much, for all lines alike
	width  int64 // the instant lies in [at, at+width)
	timed  bool  // its clock is known against the reference, or its root
	root   root
	placed bool // it is not; where the lines lie was found by what they say
	clock  *Clock
}

func lineOf(l *incident.Log, i int, tb timebase) line {
	e := &l.Events[i]
	sp, ok := tb.line(l, i, 0)
	if e.Width >= 100*time.Millisecond {
		// Near a step the beginning of a long second may be corrected otherwise
		// than its end: then both may be right.
		if end, ok2 := tb.line(l, i, int64(e.Width)); ok && ok2 {
			sp.low, sp.high = min(sp.low, end.low-int64(e.Width)), max(sp.high, end.high-int64(e.Width))
		}
	}
	k, base := tb.lineClock(l, i), root(0)
	if !ok && e.HasTime {
		sp, base, ok = aside(k, e.Time)
	}
	return line{event: e, index: i, at: sp.at, slack: max(sp.at-sp.low, sp.high-sp.at), width: int64(e.Width + e.Lag), timed: ok && e.HasTime, root: base, clock: k}
}

const (
	msec = int64(time.Millisecond)
	// lingering is how long a server may wait for a client to close before it
	// writes the line (nginx lingering_timeout, 5 s).
	lingering = 5500 * msec
	// tail is the scale on which a stamp may miss the instant it should denote.
	tail = 2 * msec
	// farthest is where the tail ends.
	farthest = 30 * msec
)

// hopeless ends the consideration of a pair.
const hopeless = -1e9

// timeScore is the logarithm of the density (per second) of the line's stamp,
// if it tells of t.
func timeScore(l *line, t *target, slack int64) float64 {
	switch {
	case l.event.Kind == logparse.DNSQuery:
		return startScore(l.at, l, t, slack)
	case l.event.Kind == logparse.DNSReply:
		return endScore(l, t, slack)
	case l.event.Kind == logparse.AppRequest:
		return appScore(l, t, slack)
	case l.event.Means == logparse.RequestStart:
		return startScore(l.at, l, t, slack)
	case l.event.Means == logparse.RequestEnd && l.event.Duration >= 0 && !l.event.CoarselyTimed():
		// The start is the reliable anchor: the end may lie in the client's hands.
		s := startScore(l.at-int64(l.event.Duration), l, t, slack)
		if readLate(l, t) {
			s = max(s, lateScore(l, t, slack))
		}
		return s
	case l.event.Means == logparse.RequestEnd:
		return endScore(l, t, slack)
	}
	return anyScore(l, t, slack)
}

// overlap is how far two intervals are apart; 0 where they touch.
func overlap(fromA, toA, fromB, toB int64) int64 { return max(fromB-toA, fromA-toB, 0) }

func perSecond(width int64) float64 { return -math.Log(float64(max(width, msec)) / 1e9) }

func misses(dist int64) float64 {
	if dist > farthest {
		return hopeless
	}
	return -float64(dist) / float64(tail)
}

// startScore: from denotes the instant the server had the first byte, or the
// request line.
func startScore(from int64, l *line, t *target, slack int64) float64 {
	width := l.width + msec
	dist := overlap(from-slack-msec, from+width+slack, t.first, t.sent+t.way+msec)
	return perSecond(width+2*slack+t.way+t.sent-t.first) + misses(dist)
}

// readLate tells whether the request of a line lay unread before its server took
// it up, in the kernel's queue behind others, if the line tells of t: the server
// says that it took less than the packets show, by more than stamps miss.
func readLate(l *line, t *target) bool {
	return l.event.Duration >= 0 && l.event.Kind == logparse.HTTPRequest && !t.open && !t.behind && int64(l.event.Duration) < t.reply-t.sent-t.way-farthest
}

// late is the logarithm of the odds that a request lies unread.
const late = -4

// lateScore: the server took the request up between its last byte and the answer.
func lateScore(l *line, t *target, slack int64) float64 {
	from := l.at - int64(l.event.Duration)
	dist := overlap(from-slack-msec, from+l.width+msec+slack, t.sent, t.reply)
	return perSecond(l.width+msec+2*slack+t.reply-t.sent) + misses(dist)
}

func endScore(l *line, t *target, slack int64) float64 {
	from, to := l.at-slack, l.at+l.width+slack
	width := to - from + t.way + msec
	if t.open {
		if overlap(from, to, t.first, t.last+lingering) > 0 {
			return hopeless
		}
		return perSecond(t.last-t.first+lingering) - 1
	}
	begin := t.place
	if t.floats {
		begin = t.reply
		width += t.reach()
	}
	dist := overlap(from, to, begin-t.way/2, t.place+t.way/2+3*msec)
	if dist == 0 {
		return perSecond(width)
	}
	if s := misses(dist); s > -4 {
		return perSecond(width) + s
	}
	if to >= t.reply-t.way && from <= t.last { // written while the client was still taking it
		return perSecond(width+t.reach()) - 3
	}
	if from <= t.last+lingering && to >= t.last {
		if mayLinger(t) {
			return perSecond(lingering) - 2
		}
		return perSecond(lingering) - 6
	}
	return misses(dist)
}

// mayLinger: servers wait for the close where a body was sent that they did not read.
func mayLinger(t *target) bool {
	e := t.point.Exchange
	return sendsBody(e.Method) || e.Method == "" && e.RequestBytes > 4096
}

func sendsBody(method string) bool { return method == "POST" || method == "PUT" || method == "PATCH" }

// appScore: an application behind the server is done before the first byte of
// the answer, or streams it until the last.
func appScore(l *line, t *target, slack int64) float64 {
	from, to := l.at-slack, l.at+l.width+slack
	if d := int64(l.event.Duration); l.event.Duration > 0 && overlap(from-d, to-d, t.first-2*msec, t.last+2*msec) > 0 {
		return hopeless
	}
	near := overlap(from, to, t.reply-t.way-3*msec, t.reply+2*msec)
	width := to - from + t.way + 5*msec
	if t.open {
		near = overlap(from, to, t.first, t.last+lingering)
		width = t.last - t.first + lingering
	}
	if s := misses(near); s > -4 {
		return perSecond(width) + s
	}
	if overlap(from, to, t.first-2*msec, t.last+5*msec) == 0 {
		return perSecond(to-from+t.last-t.first) - 3
	}
	return misses(near)
}

// anyScore: nobody knows what the stamp denotes.
func anyScore(l *line, t *target, slack int64) float64 {
	dist := overlap(l.at-slack, l.at+l.width+slack, t.first, t.last+5*msec)
	return perSecond(l.width+2*slack+t.last-t.first+5*msec) + misses(dist)
}

// durationScore compares how long the server says it took with what the packets
// show, against durations of other requests with mean typical (ns).
func durationScore(l *line, t *target, typical float64) float64 {
	if l.event.Duration < 0 || l.event.Kind == logparse.AppRequest {
		return 0
	}
	d, coarse := int64(l.event.Duration), max(int64(l.event.DurationWidth), msec)
	low, high := t.reply-t.first-t.way, t.last-t.first
	if t.behind {
		low = 0 // the kernel had the answer behind those of other streams
	}
	other := math.Exp(-float64(d)/typical) / typical
	if l.event.CoarselyTimed() {
		room := float64(max(high-low+6*msec, coarse))
		return -math.Log(room) - min(float64(overlap(d-msec, d+coarse, low-2*msec, high+2*msec))/float64(tail), 12) - math.Log(other)
	}
	s := 0.0
	switch dist := overlap(d-msec, d+coarse, low-2*msec, high+2*msec); {
	case t.open && d < high+lingering:
		// It took what others take, or as long as something kept it open.
		return math.Log(0.5 + 0.5/float64(high+lingering)/other)
	case dist == 0 && t.reach() > early:
		// Its kernel took the answer from it at once, or as slowly as the client did.
		return math.Log(0.5 + 0.5*math.Exp(withinScore(low-2*msec, high+4*msec, typical)))
	case dist == 0:
		return withinScore(low-2*msec, high+4*msec, typical)
	case d > high && d < high+lingering:
		s = max(-math.Log(float64(lingering))-4, -math.Log(float64(high-low+6*msec))-float64(dist)/float64(tail))
	default:
		s = -math.Log(float64(high-low+6*msec)) - min(float64(dist)/float64(tail), 12)
		if readLate(l, t) {
			s = max(s, late+math.Log(other)) // then it took what others take
		}
	}
	return s - math.Log(other)
}

// withinScore is the logarithm of how much likelier a duration between two others is if
// the packets ask for one there: as much as durations of other requests, of mean
// typical, are seldom there. Where in between it lies says nothing.
func withinScore(low, high int64, typical float64) float64 {
	low = max(low, 0)
	return float64(low)/typical - math.Log(-math.Expm1(-float64(high-low)/typical))
}

// keyScore compares what both the line and the packets say in clear; rare is how
// rarely lines say what this one says.
func keyScore(l *line, t *target, rare rarities) float64 {
	e, x := l.event, t.point.Exchange
	s := 0.0
	if t.bare {
		// Only what no server takes for a request fits a connection without one,
		// and within TLS that failed nobody asks for anything.
		tls := t.point.Flow.TLS != nil && !strings.HasPrefix(e.Text, "\x16\x03")
		if e.Method != "" && e.Status != 400 && e.Status != 408 || tls {
			return -8
		}
		s++
	}
	if e.Method == "" && e.Text != "" && (x.Method != "" || x.Status != 0 && x.Status != e.Status) {
		s -= 6
	}
	if strings.HasPrefix(e.Text, "\x16\x03") { // a ClientHello taken for a request
		switch f := t.point.Flow; {
		case f.TLS != nil && f.TLS.PlainAnswer == "http":
			s += 4
		case f.TLS == nil || f.FirstPayload[pcapflow.Server].Seen():
			s -= 6
		}
	}
	compare := func(kind saying, said, seen string, same bool, miss float64) {
		switch {
		case said == "" || seen == "":
		case same:
			s += rare[kind]
		default:
			s += miss
		}
	}
	if e.RequestID != "" && x.RequestID != "" {
		if e.RequestID == x.RequestID {
			return 20
		}
		s -= 6
	}
	compare(ofMethod, e.Method, x.Method, e.Method == x.Method, -12)
	if cut := t.point.Capture.Snapped > 0; cut && x.Path != e.Path && strings.HasPrefix(e.Path, x.Path) {
		s += 0.1 // the capture cut it
	} else {
		compare(ofPath, e.Path, x.Path, e.Path == x.Path || samePath(e.Path, x.Path), -12)
	}
	if e.Status > 0 && x.Status > 0 {
		compare(ofStatus, statusText(e.Status), statusText(x.Status), e.Status == x.Status, -12)
	} else if e.Status == 499 && !t.open {
		s -= 6
	} else if !t.bare && t.open && t.reply == t.sent && e.Status != 499 && e.Status != 408 && e.Status != 0 && e.Status != 400 {
		s -= 3
	}
	if e.Proto != "" && x.Version != "" {
		compare(ofVersion, majorVersion(e.Proto), majorVersion(x.Version), majorVersion(e.Proto) == majorVersion(x.Version), -8)
	}
	if name := hostName(e.Name); strings.IndexByte(name, '.') > 0 && t.journey.Name != "" {
		compare(ofHost, name, t.journey.Name, name == t.journey.Name, -2)
	}
	if p := e.Server.Port(); p != 0 && p != t.journey.Server.Port() {
		s -= 6
	}
	if e.Body >= 0 && x.BodyBytes >= 0 && x.Exact && !x.Truncated && x.Status != 0 {
		if e.Body == x.BodyBytes {
			s += 0.5
		} else if x.Method != "HEAD" {
			s -= 5
		}
	}
	return s
}

// samePath: a server may log the path without its query.
func samePath(said, seen string) bool {
	path, _, query := strings.Cut(seen, "?")
	return query && said == path
}

func statusText(n int) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

// majorVersion maps "HTTP/1.1", "HTTP/2.0", "HTTP/2", "HTTP/3" to a digit.
func majorVersion(v string) string {
	v = strings.TrimPrefix(strings.ToUpper(v), "HTTP/")
	if v == "" {
		return ""
	}
	return v[:1]
}
