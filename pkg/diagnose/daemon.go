package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// How it is known that a request reached the daemon.
const (
	ReachedLog     = "log"     // its own log has a line of it
	ReachedCapture = "capture" // a capture taken at it holds it
	ReachedAnswer  = "answer"  // an answer came that only it could give
	ReachedKernel  = "kernel"  // the host took the connection; nothing tells of the daemon
	ReachedNot     = "no"      // a capture taken at it does not hold it
	ReachedUnknown = "unknown"
)

// Daemon is how a journey stood to the program that served it: what passed
// before that had the request, on the network, in it, and after it had begun to
// answer. The four add up to the journey, as far as they are known; -1: unknown.
type Daemon struct {
	Reached string
	Before  time.Duration // until the request was sent: names, connections, encryption, upload
	Network time.Duration // a round trip between the capture and the server
	Queue   time.Duration // before the daemon began to count, as its log shows; 0: none that shows
	In      time.Duration // in the daemon
	After   time.Duration // from the first byte of the answer to the last
	Waited  string        // for whom the daemon itself waited: an upstream, a lookup; "": not known
	Text    string
}

// DaemonOf tells a journey of the web, SSH, DNS or NTP before, in and after its
// daemon; nil for others, and for those that never came so far.
func (d *Diagnosis) DaemonOf(c *correlate.Case, j *correlate.Journey, l lang.Lang) *Daemon {
	var at *Daemon
	switch {
	case j.Exchange != nil:
		at = webDaemon(d.set, j)
	case j.SSH != nil:
		at = sshDaemon(j)
	case j.NTP != nil:
		at = ntpDaemon(j)
	case j.Service == "dns" && j.Lookup != nil:
		at = dnsDaemon(d.late, j)
	}
	if at != nil {
		if at.Reached == ReachedUnknown && missedAtServer(c, j) {
			at.Reached = ReachedNot
		}
		at.Text = at.sentence(l)
	}
	return at
}

// webDaemon: the request is what the daemon was asked, the log's duration what
// it counted itself.
func webDaemon(set settings, j *correlate.Journey) *Daemon {
	x := j.Exchange
	if !x.RequestFirst.Seen() {
		return nil
	}
	sent := x.RequestLast
	if !sent.Seen() {
		sent = x.RequestFirst
	}
	d := &Daemon{Reached: reached(j, x.ResponseFirst.Seen()), Before: time.Duration(max(sent.Time-j.Start.Time, 0)), Network: toServer(j), In: -1, After: -1}
	if x.ResponseFirst.Seen() && x.ResponseLast.Seen() && !x.Undecided && !x.EndOpen {
		d.After = time.Duration(x.ResponseLast.Time - x.ResponseFirst.Time)
	}
	if t, ok := think(j); ok {
		d.In = t
		const rule = "queue-before-app"
		own, ok := loggedDuration(j)
		if ok && float64(own) < set.or(rule, ownShare)*float64(t) && (t-own).Seconds() > set.or(rule, ownLeast) {
			d.Queue, d.In = t-own, own
		}
	}
	for _, line := range j.Lines {
		e := &line.Log.Events[line.Event]
		var behind time.Duration
		for _, u := range e.Upstream {
			behind += max(u, 0)
		}
		if line.Status == "matched" && behind > 0 {
			d.Waited = fmt.Sprintf("%s (%s)", cmp.Or(e.UpstreamTo, "upstream"), span(behind))
		}
	}
	return d
}

// sshDaemon: in the daemon is what it took for its banner, the key exchange and
// each answer of the authentication.
func sshDaemon(j *correlate.Journey) *Daemon {
	f := flow(j)
	if f == nil || f.Conn == nil || !f.Conn.ACK.Seen() {
		return nil
	}
	s, rtt := j.SSH, toServer(j)
	d := &Daemon{Reached: reached(j, s.ServerBanner.Seen()), Before: time.Duration(f.Conn.ACK.Time - j.Start.Time), Network: rtt, In: -1, After: -1}
	if !s.ServerBanner.Seen() {
		return d
	}
	// The banner needs no question: half the handshake's round trip lies between.
	d.In = max(time.Duration(s.ServerBanner.Time-f.Conn.ACK.Time)-rtt, 0)
	if t, ok := kexTime(j); ok {
		d.In += max(t, 0)
	}
	for _, x := range s.Rounds {
		if x.Request.Seen() && x.Reply.Seen() {
			d.In += max(time.Duration(x.Reply.Time-x.Request.Time)-rtt, 0)
		}
	}
	if s.AuthEnd.Seen() && s.SessionStart.Seen() {
		d.After = time.Duration(s.SessionStart.Time - s.AuthEnd.Time)
	}
	for _, l := range j.SideLookups {
		d.Waited = fmt.Sprintf("DNS %s (%s)", l.Name, span(lookupTime(l)))
	}
	return d
}

// dnsDaemon: before the resolver is what was asked in vain.
func dnsDaemon(late lateAnswers, j *correlate.Journey) *Daemon {
	l := j.Lookup
	d := &Daemon{Reached: reached(j, anyAnswer(l)), Before: -1, Network: -1, In: -1, After: -1}
	if t := late.slowest(l); l.End.Seen() && t != nil {
		d.In = late.time(t)
		d.Before = max(lookupTime(l)-d.In, 0)
	}
	for _, u := range j.SideLookups {
		d.Waited = fmt.Sprintf("%s (%s)", names(u.Resolvers), span(lookupTime(u)))
	}
	return d
}

// ntpDaemon: the answer's own stamps say how long the server held it (RFC 5905,
// section 8: T3 − T2).
func ntpDaemon(j *correlate.Journey) *Daemon {
	s := j.NTP
	d := &Daemon{Reached: reached(j, s.Response.Seen()), Before: 0, Network: -1, In: -1, After: -1}
	if s.Request.Seen() && s.Response.Seen() && s.Response.Kiss == "" && !s.Interleaved {
		held := time.Duration(float64(int64(s.Response.Xmt-s.Response.Rec)) / (1 << 32) * float64(time.Second))
		if whole := time.Duration(s.Response.Time - s.Request.Time); held >= 0 && held <= whole {
			d.In, d.Network, d.After = held, whole-held, 0
		}
	}
	return d
}

// toServer is the round trip between the capture and the server; 0: unknown.
func toServer(j *correlate.Journey) time.Duration {
	if f := flow(j); f != nil && f.Conn != nil {
		return time.Duration(f.Conn.RTTServer)
	}
	return 0
}

// reached tells how it is known that the daemon got what was asked.
func reached(j *correlate.Journey, answered bool) string {
	if slices.ContainsFunc(j.Lines, func(l correlate.Line) bool { return l.Status == "matched" && serverSide(l.Log) }) {
		return ReachedLog
	}
	if answered {
		return ReachedAnswer
	}
	at := ReachedUnknown
	for _, p := range j.Points {
		if atServer(p) {
			return ReachedCapture
		}
		if p.Flow.Conn != nil && p.Flow.Conn.ACK.Seen() {
			at = ReachedKernel
		}
	}
	return at
}

// atServer tells whether a point was taken at the flow's server, by the flow or,
// where that does not show it, by the rest of the capture.
func atServer(p correlate.Point) bool {
	return p.Flow.Conn != nil && p.Flow.Conn.Vantage == pcapflow.VantageServer || p.Capture.VantageHost.IsValid() && p.Capture.VantageHost == p.Flow.Server.Addr()
}

// missedAtServer tells whether a capture taken at the server holds other traffic
// of the journey's client and not the journey.
func missedAtServer(c *correlate.Case, j *correlate.Journey) bool {
	return len(j.Points) == 1 && capturedAt(c, j)
}

// capturedAt tells whether another capture was taken at a journey's server, at
// the time of the journey, as that holds other traffic of the client and packets
// from later than the journey's begin.
func capturedAt(c *correlate.Case, j *correlate.Journey) bool {
	mine := clockOf(c, j.Points[0].Capture.Files[0])
	return slices.ContainsFunc(c.Incident.Captures, func(k *incident.Capture) bool {
		return k != j.Points[0].Capture && k.VantageHost == j.Server.Addr() &&
			slices.ContainsFunc(k.Flows, func(f *pcapflow.Flow) bool { return f.Client.Addr() == j.Client.Addr() }) &&
			!over(k, clockOf(c, k.Files[0]), mine, j.Start.Time)
	})
}

// over tells whether a capture's last packet came before an instant of another clock:
// nobody knows then whether it was still taken. Without clocks that is not known.
func over(k *incident.Capture, own, other *correlate.Clock, at int64) bool {
	if own == nil || other == nil {
		return false
	}
	_, _, high, known := own.Correct(k.Last.Time)
	_, low, _, also := other.Correct(at)
	return known && also && high < low
}

// serverSide tells whether a log is a server's own, not what a client printed.
func serverSide(l *incident.Log) bool {
	return len(l.Events) > 0 && !slices.Contains([]logparse.Kind{logparse.ClientHTTP, logparse.ClientDNS, logparse.ClientSSH}, l.Events[0].Kind)
}

var reachedTexts = map[string]lang.Text{
	ReachedLog:     {EN: "reached the daemon (its log has it)", ES: "llegó al demonio (está en su registro)"},
	ReachedCapture: {EN: "reached the daemon's host (its capture has it)", ES: "llegó al equipo del demonio (está en su captura)"},
	ReachedAnswer:  {EN: "reached the daemon (it answered)", ES: "llegó al demonio (respondió)"},
	ReachedKernel:  {EN: "was taken by the host; nothing shows that the daemon got it", ES: "lo tomó el equipo; nada muestra que el demonio lo recibiera"},
	ReachedNot:     {EN: "never reached the daemon", ES: "nunca llegó al demonio"},
	ReachedUnknown: {EN: "is not known to have reached the daemon", ES: "no se sabe si llegó al demonio"},
}

// sentence tells the parts that are known.
func (d *Daemon) sentence(l lang.Lang) string {
	text := reachedTexts[d.Reached].In(l)
	for _, part := range []struct {
		took time.Duration
		zero bool // worth telling though 0
		text lang.Text
	}{
		{d.Before, true, lang.Text{EN: "%s before it", ES: "%s antes de él"}},
		{d.Network, false, lang.Text{EN: "%s of network", ES: "%s de red"}},
		{d.Queue, false, lang.Text{EN: "%s in a queue before it", ES: "%s en una cola ante él"}},
		{d.In, true, lang.Text{EN: "%s in it", ES: "%s en él"}},
		{d.After, true, lang.Text{EN: "%s after it", ES: "%s después de él"}},
	} {
		if part.took > 0 || part.zero && part.took == 0 {
			text += "; " + fill(part.text.In(l), part.took)
		}
	}
	if d.Waited != "" {
		text += "; " + fill(lang.Text{EN: "it waited for %s", ES: "esperó a %s"}.In(l), d.Waited)
	}
	return text
}

// reachedClause says, from sshd's own line about a connection and the clocks,
// whether it reached the daemon at once or late.
func (c *Case) reachedClause(j *correlate.Journey) string {
	n := connection(j)
	for _, line := range j.Lines {
		e := &line.Log.Events[line.Event]
		if n == nil || line.Status != "matched" || e.Kind != logparse.SSHConnection {
			continue
		}
		log, capture := c.clockOf(line.Log.File), c.clockOf(j.Points[0].Capture.Files[0])
		if log == nil || capture == nil {
			return ""
		}
		_, low, high, ok := log.Correct(e.Time)
		at, _, _, known := capture.Correct(n.ACK.Time)
		switch {
		case !ok || !known:
			return ""
		case time.Duration(low-at) > c.limit(c.rules["ssh-late-banner"], reachedLate):
			return c.say(lang.Text{EN: "; its log says that the attempt reached the daemon %s late: it waited before it", ES: "; su registro dice que el intento llegó al demonio %s tarde: esperó ante él"}, time.Duration(low-at))
		case time.Duration(high+int64(e.Width)-at) < c.limit(c.rules["ssh-late-banner"], lateBanner):
			return c.say(lang.Text{EN: "; its log says that the daemon took it at once and delayed the banner itself", ES: "; su registro dice que el demonio lo tomó enseguida y fue él quien retrasó la identificación"})
		}
	}
	return ""
}

// clockOf is the clock that wrote a file's stamps.
func (c *Case) clockOf(f *incident.File) *correlate.Clock { return clockOf(c.Case, f) }

func clockOf(c *correlate.Case, f *incident.File) *correlate.Clock {
	for _, k := range c.Clocks {
		if slices.Contains(k.Files, f) {
			return k
		}
	}
	return nil
}
