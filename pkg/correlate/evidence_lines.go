package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// window is the stretch of a capture's time in which an instant of the server
// lies; math.MinInt64 and MaxInt64: open.
type window struct{ low, high int64 }

// How far a server's stamp may lie from the packets that bound it, beyond what
// causality gives (measured with real daemons).
const (
	turn       = int64(3 * time.Millisecond)  // a turn of an event loop
	afterwards = int64(5 * time.Millisecond)  // a line written right after the last packet
	syslogLate = int64(20 * time.Millisecond) // a line that another process writes down
)

// maxTransactions of a flow that one line is compared with; a flow with more
// repeats its questions and tells little.
const maxTransactions = 1000

// lines relates log lines to the flows of every capture: by key where the line
// has one, else as series.
func (e *evidence) lines() {
	byClient := make([]map[netip.AddrPort][]*pcapflow.Flow, len(e.inc.Captures))
	for i, c := range e.inc.Captures {
		byClient[i] = map[netip.AddrPort][]*pcapflow.Flow{}
		for _, f := range c.Flows {
			key := plain(f.Client)
			byClient[i][key] = append(byClient[i][key], f)
		}
	}
	for _, l := range e.inc.Logs {
		for i := range e.inc.Captures {
			e.keyed(l, i, byClient[i])
		}
		e.requestIDs(l)
		e.proxied(l)
		e.httpSeries(l)
		e.dnsSeries(l)
	}
}

func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// writer is the clock that wrote an event, as far as the folders tell.
func (e *evidence) writer(l *incident.Log, ev *logparse.Event) *Clock {
	if ev.Host != "" {
		if k := e.byKey[hostKey(ev.Host)]; k != nil && len(k.Hosts) > 0 {
			return k
		}
	}
	return e.host(l)
}

// stampOf is the stretch of its clock in which a line's instant lies.
func stampOf(ev *logparse.Event) (low, high int64) {
	return ev.Time - int64(ev.Slack), ev.Time + int64(ev.Width) + int64(ev.Lag) + int64(ev.Slack)
}

// seldom is the part of a coarse clock's lag that hardly any reading has: the
// lag allows for a tick of 10 ms (HZ=100), and distributions ship kernels of
// HZ=250 and more.
func seldom(ev *logparse.Event) int64 { return int64(ev.Lag) * 6 / 10 }

// keyed adds a bound for every line that names its client's port.
func (e *evidence) keyed(l *incident.Log, i int, byClient map[netip.AddrPort][]*pcapflow.Flow) {
	const enough = 20_000 // lines of a log
	all := 0
	for n := range l.Events {
		if namesFlow(&l.Events[n]) {
			all++
		}
	}
	every, seen := all/enough+1, 0
	for n := range l.Events {
		ev := &l.Events[n]
		if !namesFlow(ev) {
			continue
		}
		if seen++; seen%every != 0 {
			continue
		}
		flows := byClient[plain(ev.Client)]
		f, w, ok := theOne(flows, ev)
		if !ok {
			continue
		}
		capture, host := e.byKey[captureKey(i, f.Clock)], e.writer(l, ev)
		e.bound(capture, host, w, ev, clock.Keyed)
		e.serve(host, f.Server.Addr(), e.inc.Captures[i])
		e.nameHost(keyedHost{capture, host, e.inc.Captures[i], f.Server.Addr()})
	}
}

// namesFlow tells a line with a stamp and its client's port.
func namesFlow(ev *logparse.Event) bool {
	return ev.HasTime && ev.Client.Port() != 0 && ev.Reading == nil
}

// bound adds what a line, of an instant in window w of a capture, tells of the
// two clocks.
func (e *evidence) bound(capture, writer *Clock, w window, ev *logparse.Event, m clock.Method) {
	if capture == nil || writer == nil || w.low > w.high || w.low == math.MinInt64 && w.high == math.MaxInt64 {
		return
	}
	low, high := stampOf(ev)
	if startsKnown(ev) {
		low, high = startOf(ev)
	}
	at, lo, hi := w.low, -clock.Infinity, clock.Infinity
	if w.high < math.MaxInt64 {
		lo = low - w.high
		at = w.high
	}
	if w.low > math.MinInt64 {
		hi = high - w.low
		at = w.low
	}
	e.add(capture, writer, at, lo, hi, m)
	e.constraints[len(e.constraints)-1].Seldom = seldom(ev)
}

// startsKnown tells a line stamped at a request's end that says how long it
// took: its start is the better anchor, for the end comes when the last byte
// was handed to the kernel.
func startsKnown(ev *logparse.Event) bool {
	return ev.Kind == logparse.HTTPRequest && ev.Means == logparse.RequestEnd && ev.Duration >= 0
}

// startOf is the stretch of its clock in which such a request began.
func startOf(ev *logparse.Event) (low, high int64) {
	const rounding = int64(time.Millisecond)
	low, high = stampOf(ev)
	return low - int64(ev.Duration) - max(rounding, int64(ev.DurationWidth)), high - int64(ev.Duration) + rounding
}

// theOne finds the flow that a line with a port tells of, and the window of the
// line's instant; not ok where several flows would do.
func theOne(flows []*pcapflow.Flow, ev *logparse.Event) (found *pcapflow.Flow, w window, ok bool) {
	n := 0
	for _, f := range flows {
		if x, fits := windowOf(f, ev); fits {
			found, w = f, x
			n++
		}
	}
	return found, w, n == 1
}

// windowOf says where in a flow the instant of a line lies; false where the
// line cannot tell of the flow.
func windowOf(f *pcapflow.Flow, ev *logparse.Event) (window, bool) {
	switch ev.Kind {
	case logparse.SSHConnection, logparse.SSHAccepted, logparse.SSHFailed, logparse.SSHInvalidUser, logparse.SSHClosed, logparse.SSHNegotiation:
		if f.Transport != pcapflow.TCP || f.SSH == nil && f.Service != "ssh" {
			return window{}, false
		}
		return sshWindow(f, ev.Kind)
	case logparse.DNSQuery, logparse.DNSReply, logparse.DNSError:
		if len(f.DNS) > maxTransactions {
			return window{}, false
		}
		return dnsWindow(f, ev)
	case logparse.HTTPRequest, logparse.AppRequest:
		if f.Transport == pcapflow.TCP && len(f.HTTP) == 1 {
			return lineWindow(f, &f.HTTP[0], ev)
		}
	case logparse.HTTPError:
		if f.Transport == pcapflow.TCP && (ev.Server.Port() == 0 || ev.Server.Port() == f.Server.Port()) {
			return wholeWindow(f), true
		}
	}
	return window{}, false
}

// distance is the round trip between the capture and the server, where packets
// of the side that is named went straight through; 0: unknown, or some were lost
// or held up on the way, so that when one passed the capture does not tell when
// it arrived or left.
func distance(f *pcapflow.Flow, from pcapflow.Dir) int64 {
	c := f.Conn
	if c == nil {
		return 0
	}
	n := &c.Count[from]
	if n.Retransmitted > 0 || n.OutOfOrder > 0 || n.AckedUnseen > 0 || from == pcapflow.Client && len(c.SYN) > 1 {
		return 0
	}
	return c.RTTServer
}

// wholeWindow is where a line about a connection as a whole lies: from its beginning to
// its end, as far as the capture holds them. What began before it, or goes on behind
// it, is open there.
func wholeWindow(f *pcapflow.Flow) window {
	w := window{f.Start.Time, f.End.Time + syslogLate}
	c := f.Conn
	if c == nil {
		return w
	}
	if len(c.SYN)+len(c.SYNACK) == 0 {
		w.low = math.MinInt64
	}
	if !c.FIN[pcapflow.Client].Seen() && !c.FIN[pcapflow.Server].Seen() && len(c.RST) == 0 {
		w.high = math.MaxInt64
	}
	return w
}

// sshWindow is where sshd writes its lines, by the packets around them.
func sshWindow(f *pcapflow.Flow, kind logparse.Kind) (window, bool) {
	s, w := f.SSH, wholeWindow(f)
	if s == nil {
		return w, true
	}
	last := func(x pcapflow.Stamp, d int64) {
		if x.Seen() {
			w.high = min(w.high, x.Time+d)
		}
	}
	first := func(x pcapflow.Stamp) {
		if x.Seen() {
			w.low = max(w.low, x.Time)
		}
	}
	switch kind {
	case logparse.SSHConnection:
		last(s.KexReply, syslogLate)
	case logparse.SSHAccepted:
		first(s.NewKeys[pcapflow.Client])
		last(s.SessionStart, syslogLate)
		for _, r := range s.Rounds {
			if r.Result == "success" {
				first(r.Request)
				last(r.Reply, afterwards)
				if rtt := distance(f, pcapflow.Server); r.Reply.Seen() && rtt > 0 {
					w.low = max(w.low, r.Reply.Time-rtt-afterwards)
				}
			}
		}
	case logparse.SSHFailed, logparse.SSHInvalidUser:
		first(s.NewKeys[pcapflow.Client])
		for _, r := range s.Rounds[:min(1, len(s.Rounds))] {
			first(r.Request)
		}
	case logparse.SSHClosed:
		first(f.LastPayload[pcapflow.Client])
	case logparse.SSHNegotiation:
		first(f.FirstPayload[pcapflow.Client])
	}
	return w, w.low <= w.high
}

// dnsWindow is the stretch between a query and its answer.
func dnsWindow(f *pcapflow.Flow, ev *logparse.Event) (window, bool) {
	var w window
	n := 0
	for i := range f.DNS {
		t := &f.DNS[i]
		if t.Name != ev.Name || ev.Type != "" && t.Type != ev.Type || !t.Query.Seen() {
			continue
		}
		n++
		w = transactionWindow(t, ev.Kind)
		if len(t.Repeats) > 0 {
			n++
		}
	}
	return w, n == 1
}

func transactionWindow(t *pcapflow.Transaction, kind logparse.Kind) window {
	w := window{t.Query.Time, math.MaxInt64}
	if t.Answer.Seen() {
		w.high = t.Answer.Time
		if kind != logparse.DNSQuery {
			w.high += afterwards
		}
	}
	return w
}

// exchangeWindow is where in an exchange the instant of a line lies.
func exchangeWindow(f *pcapflow.Flow, x *pcapflow.Exchange, means logparse.Moment) (window, bool) {
	if !x.RequestFirst.Seen() || unseen(f, x) {
		return window{}, false
	}
	if w, ok := halfWindow(f, x); ok {
		return w, true
	}
	w := window{x.RequestFirst.Time, math.MaxInt64}
	switch means {
	case logparse.RequestStart:
		if x.ResponseFirst.Seen() {
			w.high = x.ResponseFirst.Time
		}
		if rtt := distance(f, pcapflow.Client); x.RequestLast.Seen() && rtt > 0 {
			w.high = min(w.high, x.RequestLast.Time+rtt+afterwards)
		}
	case logparse.RequestEnd:
		if rtt := distance(f, pcapflow.Server); x.ResponseFirst.Seen() && rtt > 0 {
			w.low = max(w.low, x.ResponseFirst.Time-rtt-turn)
		}
		if x.ResponseLast.Seen() {
			w.high = x.ResponseLast.Time + afterwards
		}
	default:
		if x.ResponseLast.Seen() {
			w.high = x.ResponseLast.Time + afterwards
		}
	}
	return w, w.high < math.MaxInt64 && w.low <= w.high
}

// unseen tells a request of which the capture may lack the beginning: it lacks
// bytes of the client, or began in the middle of the connection. What it saw first
// is too late to bound the server's stamp from below.
func unseen(f *pcapflow.Flow, x *pcapflow.Exchange) bool {
	c := f.Conn
	return c != nil && (c.Count[pcapflow.Client].AckedUnseen > 0 || len(c.SYN) == 0 && x == &f.HTTP[0])
}

// lineWindow is where in an exchange the anchor of a request line lies.
func lineWindow(f *pcapflow.Flow, x *pcapflow.Exchange, ev *logparse.Event) (window, bool) {
	if startsKnown(ev) {
		return startWindow(f, x)
	}
	if ev.Kind == logparse.AppRequest {
		return exchangeWindow(f, x, logparse.Unspecified)
	}
	return exchangeWindow(f, x, ev.Means)
}

// startWindow is where a server begins to read a request: at its first byte, or
// behind TLS once the first record is whole, which may take segments that were
// long apart.
func startWindow(f *pcapflow.Flow, x *pcapflow.Exchange) (window, bool) {
	if !x.RequestFirst.Seen() || unseen(f, x) {
		return window{}, false
	}
	if w, ok := halfWindow(f, x); ok {
		return w, true
	}
	w := window{x.RequestFirst.Time - int64(time.Millisecond), math.MaxInt64}
	if x.ResponseFirst.Seen() {
		w.high = x.ResponseFirst.Time
	}
	if rtt := distance(f, pcapflow.Client); rtt > 0 {
		readable := x.RequestFirst
		if f.TLS != nil && x.RequestLast.Seen() {
			readable = x.RequestLast
		}
		w.high = min(w.high, readable.Time+rtt+turn)
	}
	return w, w.high < math.MaxInt64 && w.low <= w.high
}

// tally orders keys by how often they occur.
type tally[K comparable] struct {
	count map[K]int
	order []K
}

func (t *tally[K]) add(k K) {
	if t.count == nil {
		t.count = map[K]int{}
	}
	if t.count[k] == 0 {
		t.order = append(t.order, k)
	}
	t.count[k]++
}

// top lists the n most frequent keys, the earliest first among equals.
func (t *tally[K]) top(n int) []K {
	out := slices.Clone(t.order)
	slices.SortStableFunc(out, func(a, b K) int { return cmp.Compare(t.count[b], t.count[a]) })
	return out[:min(n, len(out))]
}
