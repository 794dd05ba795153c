package diagnose

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// request is one whose last byte leaves at 1100 ms, whose answer begins and ends
// at ms.
func (w *world) request(first, last int) (*correlate.Journey, *pcapflow.Conn) {
	j, n := w.tcp(last - 1000)
	x := &pcapflow.Exchange{Ordinal: 1, Path: "/a", RequestFirst: w.at(1100), RequestLast: w.at(1100), ResponseBytes: 5000}
	if first > 0 {
		x.ResponseFirst, x.ResponseLast = w.at(first), w.at(last)
		j.End = x.ResponseLast
		w.phase(j, pcapflow.HTTPSend, x.RequestFirst, x.RequestLast)
		w.phase(j, pcapflow.HTTPWait, x.RequestLast, x.ResponseFirst)
		w.phase(j, pcapflow.HTTPReceive, x.ResponseFirst, x.ResponseLast)
	}
	j.Exchange, j.Points[0].Exchange = x, x
	j.Points[0].Flow.HTTP = []pcapflow.Exchange{*x}
	return j, n
}

func (w *world) phase(j *correlate.Journey, name pcapflow.PhaseName, begin, end pcapflow.Stamp) {
	p := pcapflow.Phase{Name: name, Begin: begin, End: end, Outcome: pcapflow.Done, Attempts: 1}
	j.Phases = append(j.Phases, correlate.Phase{Phase: p, Capture: w.k, Flow: j.Points[0].Flow})
}

// said links a line of the server's log to a journey.
func (w *world) said(j *correlate.Journey, e logparse.Event) {
	if e.Kind == "" {
		e.Kind = logparse.HTTPRequest
	}
	j.Lines = append(j.Lines, correlate.Line{Log: w.log("nginx-access", e), Status: "matched"})
}

// circle is a request that is sent there, back and there again, and at last answered with
// a status.
func (w *world) circle(status int) {
	var before *correlate.Journey
	for i, path := range []string{"/a", "/b", "/a", "/b"} {
		j, _ := w.request(1130, 1131)
		j.Exchange.Path, j.Exchange.Status = path, 302
		if i == 3 {
			j.Exchange.Status = status
		}
		if j.Exchange.Status == 302 {
			j.Exchange.Location = map[string]string{"/a": "/b", "/b": "/a"}[path]
		}
		if before != nil {
			j.Links = []correlate.Link{{Kind: "redirect", Journey: before}}
		}
		before = j
	}
}

// early is a second request on a connection that the server closes at once, with its
// last word before it.
func (w *world) early(said pcapflow.Stamp) {
	j, n := w.request(0, 2000)
	j.Ordinal, j.Exchange.Ordinal, j.Exchange.Estimated = 2, 2, true
	j.Points[0].Flow.LastPayload[sv] = said
	n.FIN[sv] = w.at(1110)
}

// unread is a request behind another, on a connection that was captured without content
// and passed data for 0.7 s, of which a log says how long its writer took.
func (w *world) unread(kind logparse.Kind, ms int) {
	j, _ := w.tcp(720)
	f := j.Points[0].Flow
	w.k.Snapped = 10
	f.FirstPayload[sv], f.LastPayload[sv] = w.at(1040), w.at(1722)
	w.said(j, logparse.Event{Kind: kind, Duration: time.Duration(ms) * time.Millisecond, Status: 200})
	w.request(1030, 1031)
}

func took(d time.Duration) logparse.Event { return logparse.Event{Duration: d, Status: 200} }

var webTrials = []trial{
	{"app-slow", "and the log agrees", func(w *world) {
		j, _ := w.request(1700, 1701)
		w.said(j, took(580*time.Millisecond))
	}, true, High},
	{"app-slow", "encrypted, and nothing says HTTP: it may be a tunnel", func(w *world) {
		j, _ := w.request(1700, 1701)
		j.Exchange.Estimated, j.Points[0].Flow.TLS = true, &pcapflow.TLS{ClientHello: w.at(1022)}
	}, true, Low},
	{"app-slow", "encrypted, and the client offers HTTP", func(w *world) {
		j, _ := w.request(1700, 1701)
		j.Exchange.Estimated, j.Points[0].Flow.TLS = true, &pcapflow.TLS{ClientHello: w.at(1022), Offered: []string{"http/1.1"}}
	}, true, Medium},
	{"app-slow", "slow by its own log, on a connection without content", func(w *world) { w.unread(logparse.AppRequest, 600) }, true, High},
	{"app-slow", "there only the web server's time is long", func(w *world) { w.unread(logparse.HTTPRequest, 600) }, false, 0},
	{"app-slow", "there the log's time is longer than the data passed", func(w *world) { w.unread(logparse.AppRequest, 900) }, false, 0},
	{"app-slow", "there something was sent twice", func(w *world) {
		w.unread(logparse.AppRequest, 600)
		w.conn().Count[sv].Retransmitted = 1
	}, false, 0},
	{"app-slow", "without a log", func(w *world) { w.request(1700, 1701) }, true, Medium},
	{"app-slow", "the log says it was quick", func(w *world) {
		j, _ := w.request(1700, 1701)
		w.said(j, took(time.Millisecond))
	}, false, 0},
	{"app-slow", "slow by the log, its answer is not told from those of parallel streams", func(w *world) {
		j, _ := w.request(1700, 1701)
		j.Exchange.Undecided = true
		w.said(j, took(580*time.Millisecond))
	}, true, High},
	{"app-slow", "parallel streams, and no log", func(w *world) {
		j, _ := w.request(1700, 1701)
		j.Exchange.Undecided = true
	}, false, 0},
	{"server-hung-up", "an encrypted answer that the client's program says was cut", func(w *world) { w.cutShort("") }, true, High},
	{"server-hung-up", "of an upstream that failed in the middle, by the error log", func(w *world) { w.cutShort("/report") }, false, 0},
	{"upstream-error", "an answer that was cut, with a word about it in the error log", func(w *world) { w.cutShort("/report") }, true, High},
	{"upstream-error", "such a word about another request", func(w *world) { w.cutShort("/other") }, false, 0},
	{"server-hung-up", "FIN instead of an answer", func(w *world) {
		_, n := w.request(0, 2000)
		n.FIN[sv] = w.at(1900)
	}, true, Medium},
	{"server-hung-up", "an answer broken off", func(w *world) {
		j, n := w.request(1700, 1900)
		j.Exchange.Truncated, j.Exchange.Aborted = true, sv
		n.FIN[sv] = w.at(1901)
	}, true, Medium},
	{"server-hung-up", "an answer that the client broke off", func(w *world) {
		j, n := w.request(1700, 1900)
		j.Exchange.Truncated, j.Exchange.Aborted = true, cl
		n.FIN[cl], n.FIN[sv] = w.at(1901), w.at(1920)
	}, false, 0},
	{"server-hung-up", "closed after the answer", func(w *world) {
		_, n := w.request(1700, 1900)
		n.FIN[sv] = w.at(1901)
	}, false, 0},
	{"server-hung-up", "the rest of a body that was answered before it was whole", func(w *world) { w.early(w.at(1090)) }, false, 0},
	{"stale-keepalive", "the rest of a body that was answered before it was whole", func(w *world) { w.early(w.at(1090)) }, false, 0},
	{"stale-keepalive", "the answer before it came long ago", func(w *world) { w.early(w.at(100)) }, true, Medium},
	{"app-slow", "the request was lost once", func(w *world) {
		_, n := w.request(1700, 1701)
		w.resend(n, cl, 1, 400, 1)
	}, false, 0},
	{"queue-before-app", "a long wait, a short request time", func(w *world) {
		j, _ := w.request(1700, 1701)
		w.said(j, took(time.Millisecond))
	}, true, High},
	{"queue-before-app", "the log agrees with the wait", func(w *world) {
		j, _ := w.request(1700, 1701)
		w.said(j, took(580*time.Millisecond))
	}, false, 0},
	{"upstream-error", "504", func(w *world) {
		j, _ := w.request(2100, 2101)
		j.Exchange.Status = 504
	}, true, Medium},
	{"upstream-error", "503 without a word about an upstream", func(w *world) {
		j, _ := w.request(2100, 2101)
		j.Exchange.Status = 503
	}, false, 0},
	{"websocket-idle", "closed after six seconds of silence", func(w *world) { w.websocket(6000) }, true, Medium},
	{"websocket-idle", "two after as long a silence", func(w *world) { w.websocket(6000); w.websocket(6020) }, true, High},
	{"websocket-idle", "after a last word", func(w *world) { n := w.websocket(6000); n.Idle[1] = w.at(7300) }, false, 0},
	{"websocket-idle", "TLS said that it closes, right before", func(w *world) {
		n := w.websocket(6000)
		w.first().Points[0].Flow.TLS, n.Idle[1] = &pcapflow.TLS{}, w.at(7399)
	}, true, Medium},
	{"websocket-idle", "after half a second", func(w *world) { w.websocket(500) }, false, 0},
	{"websocket-idle", "not a WebSocket", func(w *world) { w.websocket(6000); w.first().Exchange.Status = 200 }, false, 0},
	{"client-gave-up", "FIN before an answer", func(w *world) {
		_, n := w.request(0, 2000)
		n.FIN[cl] = w.at(1950)
	}, true, Medium},
	{"client-gave-up", "the server closed first", func(w *world) {
		_, n := w.request(0, 2000)
		n.FIN[sv], n.FIN[cl] = w.at(1900), w.at(1950)
	}, false, 0},
	{"client-gave-up", "the client acknowledged an answer that the capture lacks", func(w *world) {
		_, n := w.request(0, 2000)
		n.FIN[cl], n.Count[sv].AckedUnseen, n.Unseen[sv] = w.at(1950), 391, w.at(1700)
	}, false, 0},
	{"client-gave-up", "what the capture lacks was acknowledged before the request", func(w *world) {
		_, n := w.request(0, 2000)
		n.FIN[cl], n.Count[sv].AckedUnseen, n.Unseen[sv] = w.at(1950), 391, w.at(1021)
	}, true, Medium},
	{"client-gave-up", "the capture has one direction", func(w *world) {
		j, n := w.request(0, 2000)
		n.FIN[cl] = w.at(1950)
		j.Points[0].Flow.Packets[sv] = 0
	}, false, 0},
	{"client-gave-up", "the server spoke, in no form of HTTP", func(w *world) {
		j, n := w.request(0, 2000)
		n.FIN[cl], j.Points[0].Flow.LastPayload[sv] = w.at(1950), w.at(1200)
	}, false, 0},
	{"client-gave-up", "under TLS the server had spoken a ticket", func(w *world) {
		j, n := w.request(0, 2000)
		n.FIN[cl], j.Points[0].Flow.LastPayload[sv], j.Exchange.Estimated = w.at(1950), w.at(1200), true
	}, true, Medium},
	{"app-slow", "the capture lacks requests before it", func(w *world) {
		j, n := w.request(1700, 1701)
		j.Ordinal, n.Count[cl].AckedUnseen = 2, 1200
	}, false, 0},
	{"app-slow", "which side asks is a guess", func(w *world) {
		j, _ := w.request(1700, 1701)
		j.Points[0].Flow.Guessed, j.Exchange.Estimated = true, true
	}, true, Low},
	{"slow-body", "encrypted: one answer or several", func(w *world) {
		j, _ := w.request(1130, 3000)
		j.Exchange.Estimated = true
	}, true, Low},
	{"slow-body", "encrypted, and the log agrees", func(w *world) {
		j, _ := w.request(1130, 3000)
		j.Exchange.Estimated = true
		w.said(j, took(1900*ms))
	}, true, High},
	{"slow-upload", "the capture has one direction", func(w *world) {
		j, _ := w.upload()
		j.Points[0].Flow.Packets[sv] = 0
	}, false, 0},
	{"slow-upload", "encrypted, less than a few segments", func(w *world) {
		j, _ := w.upload()
		j.Exchange.Estimated, j.Exchange.RequestBytes = true, 140
	}, false, 0},
	{"slow-upload", "encrypted, many segments", func(w *world) {
		j, _ := w.upload()
		j.Exchange.Estimated, j.Exchange.RequestBytes = true, 50000
	}, true, Medium},
	{"slow-body", "trickles", func(w *world) { w.request(1130, 3000) }, true, Medium},
	{"slow-body", "trickles, and the log agrees", func(w *world) {
		j, _ := w.request(1130, 3000)
		w.said(j, took(1900*ms))
	}, true, High},
	{"slow-body", "full segments without a pause", func(w *world) {
		j, _ := w.request(1130, 3000)
		j.Points[0].Flow.Payload[sv] = 5 * 1400
	}, false, 0},
	{"slow-body", "full segments with a pause", func(w *world) {
		j, n := w.request(1130, 3000)
		j.Points[0].Flow.Payload[sv] = 5 * 1400
		n.Idle = [2]pcapflow.Stamp{w.at(1200), w.at(2900)}
	}, true, Medium},
	{"slow-body", "held up by loss", func(w *world) {
		_, n := w.request(1130, 3000)
		w.resend(n, sv, 1, 1448, 3)
	}, false, 0},
	{"slow-body", "the client's window was closed", func(w *world) { _, n := w.request(1130, 3000); n.Count[cl].ZeroWindow = 2 }, false, 0},
	{"slow-body", "a large one over a slow path", func(w *world) {
		j, n := w.request(1130, 3000)
		j.Exchange.ResponseBytes, n.RTT = 3e6, 60e6
	}, false, 0},
	{"slow-upload", "two seconds of sending", func(w *world) { w.upload() }, true, Medium},
	{"slow-upload", "and the log agrees", func(w *world) {
		j, _ := w.upload()
		w.said(j, took(2100*ms))
	}, true, High},
	{"slow-upload", "the server's window was closed", func(w *world) {
		_, n := w.upload()
		n.Stalls = []pcapflow.Stall{{Begin: w.at(1200), End: w.at(3000), Waiting: cl, Cause: pcapflow.StallZeroWindow}}
	}, false, 0},
	{"slow-delivery", "the log says quick, segments repeated", func(w *world) {
		j, n := w.request(1130, 2200)
		w.said(j, took(time.Millisecond))
		n.Retransmissions = []pcapflow.Retransmission{{Stamp: w.at(1500), Dir: sv, Kind: pcapflow.RetransmitFast, Wait: 1e6}}
		j.Points[0].Exchange = nil // loss-in-response would say it
	}, true, High},
	{"slow-delivery", "the log says slow", func(w *world) {
		j, n := w.request(1130, 2200)
		w.said(j, took(time.Second))
		n.Retransmissions = []pcapflow.Retransmission{{Stamp: w.at(1500), Dir: sv, Kind: pcapflow.RetransmitFast, Wait: 1e6}}
		j.Points[0].Exchange = nil
	}, false, 0},
	{"lingering-close", "five seconds too many", func(w *world) {
		j, _ := w.request(1130, 1200)
		w.said(j, took(5100*time.Millisecond))
	}, true, High},
	{"lingering-close", "the log agrees", func(w *world) {
		j, _ := w.request(1130, 1200)
		w.said(j, took(100*time.Millisecond))
	}, false, 0},
	{"server-limit", "no file descriptors", func(w *world) {
		w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Text: "accept4() failed (24: Too many open files)"})
	}, true, Medium},
	{"server-limit", "and connections ended without a word", func(w *world) {
		j, _ := w.request(1130, 1131)
		w.said(j, took(20*ms))
		file := j.Lines[0].Log.File
		l := w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Text: "512 worker_connections are not enough"})
		w.clock("web", "log", clock.Measured, known(0, 0, ms)).Files = []*incident.File{file, l.File}
		down, n := w.tcp(300)
		down.Points[0].Flow.Payload[sv] = 0
		n.FIN[sv] = w.at(1299)
	}, true, High},
	{"tls-silent", "no connections left explains it", func(w *world) {
		j, _ := w.request(1130, 1131)
		w.said(j, took(20*ms))
		file := j.Lines[0].Log.File
		l := w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Text: "512 worker_connections are not enough"})
		w.clock("web", "log", clock.Measured, known(0, 0, ms)).Files = []*incident.File{file, l.File}
		down, _ := w.tls(0)
		down.Points[0].Flow.Payload[sv] = 0
		down.Points[0].Flow.Conn.FIN[sv] = w.at(3000)
	}, false, 0},
	{"server-limit", "another error", func(w *world) {
		w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Text: "open() \"/x\" failed (2: No such file or directory)"})
	}, false, 0},
	{"cold-start", "only the first is slow", func(w *world) {
		w.request(3000, 3001)
		for range 4 {
			w.request(1130, 1131)
		}
	}, true, Medium},
	{"cold-start", "slow now and then", func(w *world) {
		w.request(3000, 3001)
		for range 3 {
			w.request(1130, 1131)
		}
		w.request(3000, 3001)
	}, false, 0},
	{"http2-head-of-line", "one loss, two streams", func(w *world) { w.streams(1500, 1500) }, true, Medium},
	{"http2-head-of-line", "one had ended before", func(w *world) { w.streams(1500, 1150) }, false, 0},
	{"redirects", "pointed elsewhere", func(w *world) {
		a, _ := w.request(1130, 1131)
		b, _ := w.request(1130, 1131)
		b.Links = []correlate.Link{{Kind: "redirect", Journey: a}}
	}, true, High},
	{"redirect-loop", "there and back", func(w *world) { w.circle(302) }, true, High},
	{"redirect-loop", "an answer in the end", func(w *world) { w.circle(200) }, false, 0},
	{"redirects", "in circles", func(w *world) { w.circle(302) }, false, 0},
	{"redirects", "two requests of their own", func(w *world) { w.request(1130, 1131); w.request(1130, 1131) }, false, 0},
	{"http-error", "three of three are 500", func(w *world) {
		e := logparse.Event{Kind: logparse.HTTPRequest, Status: 500, Path: "/a"}
		w.log("nginx-access", e, e, e)
	}, true, High},
	{"http-error", "a failed upstream says it", func(w *world) {
		e := logparse.Event{Kind: logparse.HTTPRequest, Status: 502, Path: "/a"}
		w.log("nginx-access", e, e, e)
	}, false, 0},
	{"stale-keepalive", "no request on it", func(w *world) { w.tcp(300) }, false, 0},
	{"slow-start", "four round trips of growth", func(w *world) {
		j, _ := w.request(1130, 1200)
		j.Exchange.ResponseBytes = 100e3
		j.Start = j.Exchange.RequestFirst
		j.Phases[3].End.Time = j.Phases[3].Begin.Time + 75e6
		j.End = j.Phases[3].End
	}, true, Medium},
	{"slow-start", "all in one round trip", func(w *world) { w.request(1130, 1135) }, false, 0},
	{"loss-in-response", "a segment of the answer repeated", func(w *world) {
		j, n := w.request(1130, 1500)
		w.again1(n, sv, 1300)
		j.Points[0].Flow.End = w.at(1600)
	}, true, Medium},
	{"loss-in-response", "after the answer was complete", func(w *world) {
		j, n := w.request(1130, 1200)
		w.again1(n, sv, 1900)
		n.Retransmissions[0].Original = w.at(1700)
		j.Points[0].Flow.End = w.at(2000)
	}, false, 0},
	{"happy-eyeballs", "IPv6 first, 250 ms, then IPv4", func(w *world) { w.families(0) }, true, Medium},
	{"happy-eyeballs", "IPv6 was answered", func(w *world) { w.families(1020) }, false, 0},
}

// cutShort is an encrypted answer that was cut; the error log says of a path, if any, that
// what stands behind it broke off.
func (w *world) cutShort(path string) {
	j, n := w.request(1130, 1400)
	x := j.Exchange
	x.Path, x.Estimated, x.Truncated, x.Aborted = "", true, true, sv
	n.FIN[sv] = w.at(1700)
	l := w.log("curl", logparse.Event{Kind: logparse.ClientHTTP, Timing: &logparse.Timing{Exit: 18}})
	a := w.log("nginx-access", logparse.Event{Kind: logparse.HTTPRequest, Client: client, Path: "/report", Status: 200, Duration: -1})
	j.Lines = []correlate.Line{{Log: l, Status: "matched"}, {Log: a, Status: "matched"}}
	if path != "" {
		w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Client: client, Path: path, UpstreamTo: "127.0.0.1:80", Text: "upstream prematurely closed connection"})
	}
}

// upload is a request of two seconds.
func (w *world) upload() (*correlate.Journey, *pcapflow.Conn) {
	j, n := w.request(3200, 3210)
	j.Exchange.RequestLast = w.at(3100)
	j.Phases[1].End = j.Exchange.RequestLast
	return j, n
}

// streams are two of one HTTP/2 connection whose answers end at ms, with a
// repetition at 1400 that cost 200 ms.
func (w *world) streams(first, second int) {
	a, n := w.request(1130, first)
	b, _ := w.request(1130, second)
	for i, j := range []*correlate.Journey{a, b} {
		j.Exchange.StreamID = 2*i + 1
		j.Points[0].Flow = a.Points[0].Flow
		j.Points[0].Exchange = nil
	}
	w.again1(n, sv, 1400)
}

// again1 is one repetition at ms after 200 ms of waiting.
func (w *world) again1(n *pcapflow.Conn, d pcapflow.Dir, ms int) {
	n.Retransmissions = append(n.Retransmissions, pcapflow.Retransmission{Stamp: w.at(ms), Dir: d, Len: 1000, Original: w.at(ms - 200), Wait: 200e6})
	n.Count[d].Retransmitted++
}

// families tries IPv6, answered at ms or not, and IPv4 250 ms later.
func (w *world) families(answered int) {
	six, n := w.tcp(3000)
	six.Server, six.Client = netip.MustParseAddrPort("[fd00::10]:443"), netip.MustParseAddrPort("[fd00::1]:40000")
	n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
	if answered > 0 {
		n.SYNACK = []pcapflow.Stamp{w.at(answered)}
	}
	four, m := w.tcp(500)
	m.SYN[0] = w.at(1250)
	four.Links = []correlate.Link{{Kind: "address", Journey: six}}
}

// refusing is a handshake without an alert, and what the client's program said when
// it failed.
func (w *world) refusing(text string) {
	j, _ := w.tls(1050)
	log := w.log("curl", logparse.Event{Kind: logparse.ClientHTTP, Timing: &logparse.Timing{Exit: 60, Error: text}})
	j.Lines = append(j.Lines, correlate.Line{Log: log, Status: "matched"})
}

// websocket is a connection that changed its protocol and that the server closes
// after so many ms of silence.
func (w *world) websocket(silent int) *pcapflow.Conn {
	j, n := w.request(1130, 1131)
	j.Exchange.Upgrade, j.Exchange.Status = true, 101
	n.FIN[sv] = w.at(1400 + silent)
	n.Idle = [2]pcapflow.Stamp{w.at(1400), n.FIN[sv]}
	return n
}

// TestMostlyRefused: the same refusal of at least half of the requests, with a reason in
// the error log, is a warning; of fewer, or without a reason, it is a note.
func TestMostlyRefused(t *testing.T) {
	for _, x := range []struct {
		others int
		reason bool
		want   Severity
	}{{3, true, Warning}, {4, true, Note}, {3, false, Note}} {
		w := newWorld()
		refused := logparse.Event{Kind: logparse.HTTPRequest, Status: 413, Path: "/upload", Client: client}
		events := []logparse.Event{refused, refused, refused}
		for range x.others {
			events = append(events, logparse.Event{Kind: logparse.HTTPRequest, Status: 200, Path: "/", Client: client})
		}
		access := w.log("nginx-access", events...)
		k := w.clock("web", "host", clock.Measured, known(0, 0, ms))
		k.Files = append(k.Files, access.File)
		if x.reason {
			k.Files = append(k.Files, w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Level: "error", Path: "/upload", Client: client, Text: "too large body"}).File)
		}
		if f := of(Run(w.c, Options{}), "http-error"); len(f) != 1 || f[0].Severity != x.want {
			t.Errorf("3 of %d, reason %v: %+v, want %s", 3+x.others, x.reason, f, x.want)
		}
	}
}
