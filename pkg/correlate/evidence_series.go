package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

const (
	seriesCaptures = 3 // captures offered to one log
	seriesServers  = 4 // servers of a capture offered to one log
	seriesLines    = 40_000
)

// numbers gives small numbers to the values of a key, in order of appearance.
type numbers[K comparable] map[K]int

func (n numbers[K]) of(k K) int {
	i, ok := n[k]
	if !ok {
		i = len(n)
		n[k] = i
	}
	return i
}

// httpSeries offers the request lines of a log that carry no port to the
// exchanges of the captures that saw most of their clients. Copies of lines are
// left out.
func (e *evidence) httpSeries(l *incident.Log) {
	groups, every := e.clientsOf(l)
	if len(groups) == 0 {
		return
	}
	lines, anchor := requestLines(l, groups, every)
	for _, i := range e.capturesOf(groups) {
		c := e.inc.Captures[i]
		if len(lines) < fewContentless && !showsRequests(c, groups) {
			continue
		}
		e.choices++
		for _, server := range e.serversOf(c, groups) {
			byClock := map[*Clock][]clock.Instant{}
			var order []*Clock
			for _, f := range c.Flows {
				k := e.byKey[captureKey(i, f.Clock)]
				if k == nil || e.machine(plain(f.Server).Addr()) != server {
					continue
				}
				partners := exchangeInstants(c, f, groups, anchor)
				if len(partners) > 0 && byClock[k] == nil {
					order = append(order, k)
				}
				byClock[k] = append(byClock[k], partners...)
			}
			for _, k := range order {
				e.offer(l, c, server, k, lines, byClock[k])
			}
		}
	}
}

// fewContentless is the number of lines below which connections that show no
// requests do not measure the clock of their log: those to another server do as well.
const fewContentless = 12

// showsRequests tells whether a capture shows what clients of a log asked for.
func showsRequests(c *incident.Capture, groups numbers[netip.Addr]) bool {
	return slices.ContainsFunc(c.Flows, func(f *pcapflow.Flow) bool {
		return len(f.HTTP) > 0 && requestsOf(c, f, groups) > 0
	})
}

// requestsOf is how many requests of a flow lines that name one of the clients may tell
// of: those of its client, or those that a proxy asked for one of them.
func requestsOf(c *incident.Capture, f *pcapflow.Flow, clients numbers[netip.Addr]) int {
	if _, direct := clients[plain(f.Client).Addr()]; direct {
		return requestsIn(c, f)
	}
	n := 0
	for i := range f.HTTP {
		if _, known := clients[f.HTTP[i].Forwarded]; known {
			n++
		}
	}
	return n
}

// exchangeInstants are the requests of a flow as lines may tell of them.
func exchangeInstants(c *incident.Capture, f *pcapflow.Flow, groups numbers[netip.Addr], anchor func(*pcapflow.Flow, *pcapflow.Exchange) (window, bool)) (out []clock.Instant) {
	group, direct := groups[plain(f.Client).Addr()]
	if contentless(c, f) {
		if w, ok := contentlessWindow(f); ok && direct {
			out = append(out, clock.Instant{Low: w.low, High: w.high, Group: group})
		}
		return out
	}
	for n := range f.HTTP {
		x := &f.HTTP[n]
		g, known := group, direct
		if !direct {
			g, known = groups[x.Forwarded]
		}
		if !known {
			continue
		}
		if w, ok := anchor(f, x); ok {
			out = append(out, clock.Instant{Low: w.low, High: w.high, Group: g, Ref: n, Size: bodySize(x)})
		}
	}
	return out
}

// clientsOf chooses the clients of a log whose lines are offered: those that a
// capture saw too, the rarest first, for they are the easiest to tell apart. If
// there are too many lines even so, every n-th block of them is taken.
func (e *evidence) clientsOf(l *incident.Log) (groups numbers[netip.Addr], every int) {
	var lines tally[netip.Addr]
	for i := range l.Events {
		if ev := &l.Events[i]; isRequest(ev) {
			lines.add(ev.Client.Addr().Unmap().WithZone(""))
		}
	}
	if len(lines.order) == 0 {
		return nil, 1
	}
	exchanges := map[netip.Addr]int{}
	for _, c := range e.inc.Captures {
		for _, f := range c.Flows {
			if a := plain(f.Client).Addr(); lines.count[a] > 0 {
				exchanges[a] += requestsIn(c, f)
			}
			for n := range f.HTTP {
				if a := f.HTTP[n].Forwarded; lines.count[a] > 0 && a != plain(f.Client).Addr() {
					exchanges[a]++
				}
			}
		}
	}
	both := slices.DeleteFunc(lines.order, func(a netip.Addr) bool { return exchanges[a] == 0 })
	slices.SortStableFunc(both, func(a, b netip.Addr) int { return cmp.Compare(exchanges[a], exchanges[b]) })
	groups, every = numbers[netip.Addr]{}, 1
	n := 0
	for _, a := range both {
		if n += lines.count[a]; n > seriesLines {
			if len(groups) > 0 {
				break
			}
			every = n/seriesLines + 1
		}
		groups.of(a)
	}
	return groups, every
}

// written is a log that may be of a server, named by one of its addresses.
type written struct {
	log    *incident.Log
	server netip.Addr
}

// offer adds a series.
func (e *evidence) offer(l *incident.Log, c *incident.Capture, server netip.Addr, k *Clock, lines, partners []clock.Instant) {
	e.series = append(e.series, clock.Series{A: k.ID, B: e.host(l).ID, Lines: lines, Partners: partners, Method: clock.Intervals, Choice: e.choices, Writer: e.writers.of(written{l, server}) + 1})
	e.origins = append(e.origins, origin{l, c, server})
}

// requestLines makes instants of a log's request lines, and says which instant
// of an exchange they stand for. With a duration beside the end, the start is
// the better anchor: the end comes when the last byte was handed to the kernel.
func requestLines(l *incident.Log, groups numbers[netip.Addr], every int) ([]clock.Instant, func(*pcapflow.Flow, *pcapflow.Exchange) (window, bool)) {
	timed, all := 0, 0
	means := logparse.Unspecified
	for i := range l.Events {
		ev := &l.Events[i]
		if isRequest(ev) {
			all++
			means = ev.Means
			if ev.Kind == logparse.AppRequest {
				means = logparse.Unspecified
			}
			if startsKnown(ev) {
				timed++
			}
		}
	}
	byStart := timed*10 >= all*9
	var out []clock.Instant
	const block = 500
	seen := 0
	for i := range l.Events {
		ev := &l.Events[i]
		if !isRequest(ev) || byStart && !startsKnown(ev) {
			continue
		}
		g, chosen := groups[ev.Client.Addr().Unmap().WithZone("")]
		if !chosen {
			continue
		}
		if seen++; seen/block%every != 0 {
			continue
		}
		low, high := stampOf(ev)
		if byStart {
			low, high = startOf(ev)
		}
		x := clock.Instant{Low: low, High: high, Group: g, Seldom: seldom(ev), Ref: i}
		if ev.Body > 0 {
			x.Size = [2]int64{ev.Body, ev.Body}
		}
		out = append(out, x)
	}
	if byStart {
		return out, startWindow
	}
	return out, func(f *pcapflow.Flow, x *pcapflow.Exchange) (window, bool) { return exchangeWindow(f, x, means) }
}

// isRequest tells a request line that does not name its flow.
func isRequest(ev *logparse.Event) bool {
	return ev.HasTime && isWebLine(ev) && ev.Client.Addr().IsValid() && ev.Client.Port() == 0
}

// bodySize is what an exchange tells of the size of its answer's body: a head
// has some hundred bytes.
func bodySize(x *pcapflow.Exchange) [2]int64 {
	switch {
	case x.BodyBytes > 0 && x.Exact && !x.Estimated:
		return [2]int64{x.BodyBytes, x.BodyBytes}
	case x.ResponseBytes > 0 && !x.Truncated && !x.Gap && !x.Multiplexed:
		return [2]int64{max(x.ResponseBytes-4096-x.ResponseBytes/50, 1), x.ResponseBytes + x.ResponseBytes/50 + 200}
	}
	return [2]int64{}
}

// capturesOf lists the captures that saw most exchanges of the clients, those
// nearest to the server first among equals.
func (e *evidence) capturesOf(groups numbers[netip.Addr]) []int {
	type rank struct{ i, n int }
	var ranks []rank
	for i, c := range e.inc.Captures {
		n := 0
		for _, f := range c.Flows {
			n += requestsOf(c, f, groups)
		}
		if n > 0 {
			ranks = append(ranks, rank{i, n})
		}
	}
	slices.SortStableFunc(ranks, func(a, b rank) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(nearServer(e.inc.Captures[b.i]), nearServer(e.inc.Captures[a.i])))
	})
	var out []int
	for _, r := range ranks[:min(seriesCaptures, len(ranks))] {
		out = append(out, r.i)
	}
	return out
}

func nearServer(c *incident.Capture) int {
	switch c.Vantage {
	case pcapflow.VantageServer:
		return 2
	case pcapflow.VantageMiddle:
		return 1
	}
	return 0
}

// serversOf lists the servers, each by one of its addresses, that the clients of a log spoke HTTP with.
func (e *evidence) serversOf(c *incident.Capture, groups numbers[netip.Addr]) []netip.Addr {
	var servers tally[netip.Addr]
	for _, f := range c.Flows {
		for range requestsOf(c, f, groups) {
			servers.add(e.machine(plain(f.Server).Addr()))
		}
	}
	return servers.top(seriesServers)
}

// question is what a DNS log without ports tells of a transaction.
type question struct {
	client netip.Addr
	name   string
	kind   string
}

// dnsSeries offers the lines of a DNS server that carry no port to the queries
// of every capture that saw them. Copies of lines are left out.
func (e *evidence) dnsSeries(l *incident.Log) {
	for _, kind := range []logparse.Kind{logparse.DNSQuery, logparse.DNSReply} {
		groups := numbers[question]{}
		var lines []clock.Instant
		for i := range l.Events {
			ev := &l.Events[i]
			if ev.Kind != kind || !ev.HasTime || ev.Client.Port() != 0 || !ev.Client.Addr().IsValid() || len(lines) == seriesLines {
				continue
			}
			low, high := stampOf(ev)
			lines = append(lines, clock.Instant{Low: low, High: high, Group: groups.of(question{plain(ev.Client).Addr(), ev.Name, ev.Type}), Seldom: seldom(ev), Ref: i})
		}
		if len(lines) > 0 {
			e.dnsPartners(l, kind, groups, lines)
		}
	}
}

func (e *evidence) dnsPartners(l *incident.Log, kind logparse.Kind, groups numbers[question], lines []clock.Instant) {
	for i, c := range e.inc.Captures {
		byServer := map[netip.Addr][]clock.Instant{}
		clocks := map[netip.Addr]*Clock{}
		var servers tally[netip.Addr]
		for _, f := range c.Flows {
			k := e.byKey[captureKey(i, f.Clock)]
			for n := range f.DNS {
				t := &f.DNS[n]
				g, known := groups[question{plain(f.Client).Addr(), t.Name, t.Type}]
				if !known || k == nil || !t.Query.Seen() || t.Multicast || f.Transport != pcapflow.UDP {
					continue
				}
				server := e.machine(plain(f.Server).Addr())
				if clocks[server] == nil {
					clocks[server] = k
				}
				if clocks[server] != k {
					continue
				}
				for _, w := range queryWindows(t, kind) {
					servers.add(server)
					byServer[server] = append(byServer[server], clock.Instant{Low: w.low, High: w.high, Group: g, Ref: n})
				}
			}
		}
		e.choices++
		for _, server := range servers.top(seriesServers) {
			e.offer(l, c, server, clocks[server], lines, byServer[server])
		}
	}
}

// queryWindows is where the server sees each attempt of a query: between the
// question and its answer, however long the first was on its way. Without an
// answer nothing but custom bounds it: half a second.
func queryWindows(t *pcapflow.Transaction, kind logparse.Kind) []window {
	const patience = int64(500 * time.Millisecond)
	w := transactionWindow(t, kind)
	if kind == logparse.DNSReply {
		if !t.Answer.Seen() {
			return nil
		}
		return []window{w}
	}
	out := []window{{w.low, min(w.high, w.low+patience)}}
	if t.Answer.Seen() && len(t.Repeats) == 0 {
		out[0].high = w.high
	}
	for _, r := range t.Repeats {
		out = append(out, window{r.Time, r.Time + patience})
	}
	return out
}
