package diagnose

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	resolver = netip.MustParseAddrPort("10.2.0.53:53")
	second   = netip.MustParseAddrPort("10.2.0.54:53")
)

// lookup is one that somebody waited for, of tries in order; a printed answer
// of dig tells that somebody did.
func (w *world) lookup(name string, tries ...correlate.Try) *correlate.Lookup {
	l := &correlate.Lookup{Capture: w.k, Client: client.Addr(), Name: name, Tries: tries, Start: tries[0].Query, Attempts: len(tries), Outcome: pcapflow.Unanswered}
	for _, t := range tries {
		if n := len(l.Resolvers); n == 0 || l.Resolvers[n-1] != t.Resolver.Addr() {
			l.Resolvers = append(l.Resolvers, t.Resolver.Addr())
		}
		l.Attempts += len(t.Repeats)
		if t.Answer.Seen() {
			l.End, l.Outcome, l.RCode = t.Answer, pcapflow.Done, t.RCode
		}
	}
	w.c.Lookups = append(w.c.Lookups, l)
	end := l.End
	if !end.Seen() {
		end = w.at(9000)
	}
	j := &correlate.Journey{ID: "d", Service: "dns", Client: client, Server: tries[0].Resolver, Name: name, Lookup: l, Start: l.Start, End: end,
		Points: []correlate.Point{{Capture: w.k, Flow: tries[0].Flow}}}
	log := w.log("dig", logparse.Event{Kind: logparse.ClientDNS})
	j.Lines = []correlate.Line{{Log: log, Status: "matched"}}
	w.c.Journeys = append(w.c.Journeys, j)
	return l
}

// try is one question at ms, answered at ms; 0: not.
func (w *world) try(kind, name string, sent, answered int, rcode string) correlate.Try {
	t := &pcapflow.Transaction{Name: name, Type: kind, Query: w.at(sent), EDNS: 1232}
	if answered > 0 {
		t.Answer, t.RCode = w.at(answered), rcode
		if rcode == "NOERROR" {
			t.Addresses = []netip.Addr{server.Addr()}
		}
	}
	f := &pcapflow.Flow{Transport: pcapflow.UDP, Client: client, Server: resolver, Service: "dns"}
	return correlate.Try{Transaction: t, Flow: f, Resolver: resolver}
}

// inPart is a lookup of whose first answer one fragment came.
func (w *world) inPart() {
	t := w.again(w.try("TXT", "big.example", 1000, 2010, "NOERROR"), 2000)
	t.PieceLost = true
	w.lookup("big.example", t)
}

// ordinary is a lookup that shows the resolver at 10 ms.
func (w *world) ordinary() {
	w.lookup("near.example", w.try("A", "near.example", 100, 110, "NOERROR"))
	w.lookup("near.example", w.try("A", "near.example", 200, 210, "NOERROR"))
}

// atResolver adds the view of a capture taken at the resolver of a lookup.
func (w *world) atResolver(l *correlate.Lookup, queries int, answered bool) {
	file := &incident.File{Path: "dns.pcap", Kind: "pcap", Records: 100}
	k := &incident.Capture{Files: []*incident.File{file}, Frames: []int{1000}}
	k.VantageHost = resolver.Addr()
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	if queries == 0 {
		return
	}
	t := w.try(l.Tries[0].Type, l.Tries[0].Name, 1010, 0, "")
	for range queries - 1 {
		t.Repeats = append(t.Repeats, w.at(2010))
	}
	if answered {
		t.Answer = w.at(2011)
	}
	l.Others = []*correlate.Lookup{{Capture: k, Tries: []correlate.Try{t}}}
}

// late is a lookup of which both queries were answered after the second.
func (w *world) late() {
	w.ordinary()
	t := w.again(w.try("A", "app.example", 1000, 2020, "NOERROR"), 2000)
	t.Late, t.Extra = true, []pcapflow.Stamp{w.at(2021)}
	w.lookup("app.example", t)
}

// again repeats the question of a try at ms.
func (w *world) again(t correlate.Try, ms ...int) correlate.Try {
	for _, at := range ms {
		t.Repeats = append(t.Repeats, w.at(at))
	}
	return t
}

// pair are A and AAAA of one socket, together at ms; the second is answered at
// its repetition only.
func (w *world) pair(name string, ms int) {
	a, b := w.try("A", name, ms, ms+10, "NOERROR"), w.try("AAAA", name, ms, 0, "")
	b.Flow, b.Query.Time = a.Flow, a.Query.Time
	b = w.again(b, ms+5000)
	b.Answer, b.RCode = w.at(ms+5010), "NOERROR"
	w.lookup(name, a, b)
}

// retried is a lookup whose first query of two has no answer, between two
// ordinary ones.
func (w *world) retried() (before, l, behind *correlate.Lookup) {
	before = w.lookup("before.example", w.try("A", "before.example", 100, 110, "NOERROR"))
	l = w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 6010, "NOERROR"), 6000))
	behind = w.lookup("behind.example", w.try("A", "behind.example", 8000, 8010, "NOERROR"))
	return before, l, behind
}

// midway is a capture between client and resolver that has so many of the two
// queries.
func (w *world) midway(queries int) {
	before, l, _ := w.retried()
	k := &incident.Capture{Files: []*incident.File{{Path: "router.pcap"}}, Frames: []int{1000}}
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	before.Others = []*correlate.Lookup{{Capture: k}}
	t := w.try("A", "app.example", 1005, 6008, "NOERROR")
	for range queries - 1 {
		t.Repeats = append(t.Repeats, w.at(6005))
	}
	l.Others = []*correlate.Lookup{{Capture: k, Tries: []correlate.Try{t}}}
}

// elsewhere is a capture on the way to the resolver that lookups asked second; the
// queries to the first do not pass there.
func (w *world) elsewhere() {
	before, _, _ := w.retried()
	k := &incident.Capture{Files: []*incident.File{{Path: "second.pcap"}}, Frames: []int{1000}}
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	second := netip.MustParseAddr("192.0.2.54")
	before.Resolvers = append(before.Resolvers, second)
	before.Others = []*correlate.Lookup{{Capture: k, Resolvers: []netip.Addr{second}}}
}

// queryLog is a resolver's log that has so many of the two queries.
func (w *world) queryLog(queries int) {
	w.retried()
	line := func(name string) logparse.Event {
		return logparse.Event{Kind: logparse.DNSQuery, Client: client, Name: name, Type: "A"}
	}
	events := []logparse.Event{line("before.example"), line("behind.example")}
	for range queries {
		events = append(events, line("app.example"))
	}
	w.log("dns-log", events...)
}

var dnsTrials = []trial{
	{"dns-retry", "the first query has no answer", func(w *world) {
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2010, "NOERROR"), 2000))
	}, true, High},
	{"dns-retry", "both queries answered, after the repetition", func(w *world) { w.late() }, false, 0},
	{"dns-slow-resolver", "both queries answered, after the repetition", func(w *world) { w.late() }, true, High},
	{"dns-retry", "an answer sooner after the repetition than the path takes", func(w *world) {
		w.ordinary()
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2003, "NOERROR"), 2000))
	}, false, 0},
	{"dns-slow-resolver", "an answer sooner after the repetition than the path takes", func(w *world) {
		w.ordinary()
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2003, "NOERROR"), 2000))
	}, true, High},
	{"dns-slow-resolver", "both queries reached the resolver, which answered once", func(w *world) {
		w.ordinary()
		w.atResolver(w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2020, "NOERROR"), 2000)), 2, true)
	}, true, High},
	{"dns-retry", "the resolver received them and did not answer", func(w *world) {
		w.atResolver(w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 0, ""), 2000)), 2, false)
	}, false, 0},
	{"dns-retry", "answered at once", func(w *world) { w.ordinary() }, false, 0},
	{"dns-never-reached-resolver", "two left, one arrived", func(w *world) {
		w.atResolver(w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2012, "NOERROR"), 2000)), 1, true)
	}, true, High},
	{"dns-never-reached-resolver", "both arrived", func(w *world) {
		w.atResolver(w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2012, "NOERROR"), 2000)), 2, true)
	}, false, 0},
	{"dns-slow-resolver", "one slow answer", func(w *world) {
		w.ordinary()
		w.lookup("far.example", w.try("A", "far.example", 1000, 1400, "NOERROR"))
	}, true, High},
	{"dns-slow-resolver", "received and ignored", func(w *world) {
		w.atResolver(w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 0, ""), 2000)), 2, false)
	}, true, High},
	{"dns-slow-resolver", "the path to it is as slow", func(w *world) {
		w.lookup("a.example", w.try("A", "a.example", 100, 450, "NOERROR"))
		w.lookup("b.example", w.try("A", "b.example", 1000, 1400, "NOERROR"))
	}, false, 0},
	{"dns-slow-aaaa", "AAAA five seconds behind A", func(w *world) {
		w.lookup("six.example", w.try("A", "six.example", 1000, 1010, "NOERROR"), w.again(w.try("AAAA", "six.example", 1000, 0, ""), 6000))
	}, true, High},
	{"dns-slow-aaaa", "the SYN left before AAAA was answered", func(w *world) {
		l := w.lookup("six.example", w.try("A", "six.example", 1000, 1010, "NOERROR"), w.again(w.try("AAAA", "six.example", 1000, 0, ""), 6000))
		j, n := w.tcp(300)
		j.Lookup, n.SYN[0].Time = l, l.Start.Time+20e6
	}, true, Medium},
	{"dns-slow-aaaa", "both at once", func(w *world) {
		w.lookup("six.example", w.try("A", "six.example", 1000, 1010, "NOERROR"), w.try("AAAA", "six.example", 1000, 1012, "NOERROR"))
	}, false, 0},
	{"dns-parallel-query-lost", "the same half lost twice", func(w *world) { w.pair("a.example", 1000); w.pair("b.example", 8000) }, true, Medium},
	{"dns-parallel-query-lost", "one lost packet", func(w *world) { w.pair("a.example", 1000) }, true, Low},
	{"dns-slow-resolver", "the capture began between query and answer", func(w *world) {
		w.ordinary()
		t := w.try("A", "app.example", 1000, 1010, "NOERROR")
		t.Query = pcapflow.Stamp{}
		w.lookup("app.example", t)
	}, false, 0},
	{"dns-parallel-query-lost", "and neither reached the resolver", func(w *world) {
		w.pair("a.example", 1000)
		w.pair("b.example", 8000)
		w.atResolver(w.c.Lookups[0], 1, true)
	}, true, High},
	{"dns-never-reached-resolver", "a capture on the way lacks it", func(w *world) { w.midway(1) }, true, High},
	{"dns-never-reached-resolver", "a capture of the way to the second resolver lacks it", func(w *world) { w.elsewhere() }, false, 0},
	{"dns-never-reached-resolver", "a capture on the way has both queries", func(w *world) { w.midway(2) }, false, 0},
	{"dns-slow-resolver", "each line of its log is of one of two lookups, all queries have theirs", func(w *world) { w.askedTwice(2) }, true, Medium},
	{"dns-retry", "each line of its log is of one of two lookups, all queries have theirs", func(w *world) { w.askedTwice(2) }, false, 0},
	{"dns-retry", "of one of two lookups the log has one query", func(w *world) { w.askedTwice(1) }, true, High},
	{"dns-never-reached-resolver", "the query log lacks it", func(w *world) { w.queryLog(1) }, true, High},
	{"dns-never-reached-resolver", "the query log has both queries", func(w *world) { w.queryLog(2) }, false, 0},
	{"dns-parallel-query-lost", "the resolver's capture tells of them", func(w *world) {
		w.pair("a.example", 1000)
		w.atResolver(w.c.Lookups[0], 1, true)
	}, false, 0},
	{"dns-tcp-fallback", "and TCP port 53 is filtered", func(w *world) {
		l := w.lookup("big.example", w.try("A", "big.example", 1000, 1010, "NOERROR"))
		_, n := w.tcp(3000)
		n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
		l.TCPFlows = []*pcapflow.Flow{w.k.Flows[0]}
	}, true, High},
	{"dns-tcp-fallback", "a larger EDNS size was enough", func(w *world) {
		w.lookup("big.example", w.try("A", "big.example", 1000, 1010, "NOERROR"))
	}, false, 0},
	{"dns-search-list", "a suffix first", func(w *world) {
		l := w.lookup("app", w.try("A", "app.corp.example", 1000, 1010, "NXDOMAIN"), w.try("A", "app.example", 1020, 1030, "NOERROR"))
		l.Suffixes = 1
	}, true, High},
	{"dns-search-list", "the full name with a final dot", func(w *world) { w.ordinary() }, false, 0},
	{"dns-nxdomain", "the name meant does not exist", func(w *world) { w.lookup("no.example", w.try("A", "no.example", 1000, 1010, "NXDOMAIN")) }, true, High},
	{"dns-nxdomain", "only a suffix does not exist", func(w *world) {
		w.lookup("app.example", w.try("A", "app.example.corp", 1000, 1010, "NXDOMAIN"), w.try("A", "app.example", 1020, 1030, "NOERROR"))
	}, false, 0},
	{"dns-servfail", "the resolver fails", func(w *world) { w.lookup("bad.example", w.try("A", "bad.example", 1000, 1010, "SERVFAIL")) }, true, High},
	{"dns-servfail", "NOERROR", func(w *world) { w.ordinary() }, false, 0},
	{"dns-transfer-refused", "a zone that is kept", func(w *world) {
		w.lookup("zone.example", w.try("AXFR", "zone.example", 1000, 1010, "REFUSED"))
	}, true, High},
	{"dns-transfer-refused", "given when asked again", func(w *world) {
		w.lookup("zone.example", w.try("IXFR", "zone.example", 1000, 1010, "NOTAUTH"), w.try("AXFR", "zone.example", 1020, 1030, "NOERROR"))
	}, false, 0},
	{"dns-servfail", "a zone that is kept", func(w *world) {
		w.lookup("zone.example", w.try("AXFR", "zone.example", 1000, 1010, "REFUSED"))
	}, false, 0},
	{"dns-failover", "the first resolver is silent", func(w *world) {
		a, b := w.try("A", "app.example", 1000, 0, ""), w.try("A", "app.example", 6000, 6010, "NOERROR")
		b.Resolver = second
		w.lookup("app.example", a, b)
	}, true, High},
	{"dns-failover", "the first resolver answers others", func(w *world) {
		w.ordinary()
		a, b := w.try("A", "app.example", 1000, 0, ""), w.try("A", "app.example", 6000, 6010, "NOERROR")
		b.Resolver = second
		w.lookup("app.example", a, b)
	}, true, Medium},
	{"dns-failover", "the second is silent too", func(w *world) {
		a, b := w.try("A", "app.example", 1000, 0, ""), w.try("A", "app.example", 6000, 0, "")
		b.Resolver = second
		w.lookup("app.example", a, b)
	}, false, 0},
	{"dns-unreachable", "nobody answers", func(w *world) { w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 0, ""), 6000)) }, true, High},
	{"dns-unreachable", "nothing listens there, says ICMP", func(w *world) {
		t := w.try("A", "app.example", 1000, 0, "")
		t.Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1001), Type: 3, Code: 3, From: resolver.Addr(), Source: client, Target: resolver, Text: "port unreachable"}}
		w.lookup("app.example", t)
	}, true, High},
	{"dns-slow-resolver", "received, and turned away by ICMP", func(w *world) {
		t := w.again(w.try("A", "app.example", 1000, 0, ""), 2000)
		t.Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1001), Type: 3, Code: 3, From: resolver.Addr(), Source: client, Target: resolver}}
		w.atResolver(w.lookup("app.example", t), 2, false)
	}, false, 0},
	{"dns-unreachable", "the resolver answers others", func(w *world) {
		w.ordinary()
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 0, ""), 6000))
	}, false, 0},
	{"dns-large-answer-lost", "a large EDNS size is not answered, a small one is", func(w *world) {
		a, b := w.try("A", "big.example", 1000, 0, ""), w.try("A", "big.example", 6000, 6010, "NOERROR")
		a.EDNS, b.EDNS = 4096, 512
		w.lookup("big.example", a, b)
	}, true, Medium},
	{"dns-large-answer-lost", "large answers arrive", func(w *world) {
		a, b := w.try("A", "big.example", 1000, 0, ""), w.try("A", "big.example", 6000, 6010, "NOERROR")
		a.EDNS, b.EDNS = 4096, 512
		w.lookup("big.example", a, b)
		t := w.try("TXT", "txt.example", 100, 120, "NOERROR")
		t.Bytes[1] = 2000
		w.lookup("txt.example", t)
	}, true, Low},
	{"dns-large-answer-lost", "of an answer one fragment came", func(w *world) { w.inPart() }, true, High},
	{"dns-retry", "of an answer one fragment came", func(w *world) { w.inPart() }, false, 0},
	{"dns-retry", "a SERVFAIL long after the repetition", func(w *world) {
		w.ordinary()
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 5000, "SERVFAIL"), 2000))
	}, false, 0},
	{"dns-retry", "a SERVFAIL at once", func(w *world) {
		w.ordinary()
		w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 2010, "SERVFAIL"), 2000))
	}, true, High},
	{"dns-large-answer-lost", "small sizes only", func(w *world) { w.ordinary() }, false, 0},
	{"dns-not-observed", "a name without a query", func(w *world) {
		j, _ := w.tcp(300)
		j.Name = "app.example"
	}, true, NotEvaluable},
	{"dns-not-observed", "an address needs no query", func(w *world) {
		j, _ := w.tcp(300)
		j.Name = "10.1.0.80"
		j, _ = w.tcp(300)
		j.Name = "[2001:db8::80]"
	}, false, 0},
	{"dns-not-observed", "the query is there", func(w *world) {
		j, _ := w.tcp(300)
		j.Name, j.Lookup = "app.example", w.lookup("app.example", w.try("A", "app.example", 900, 910, "NOERROR"))
	}, false, 0},
}

// askedTwice are two lookups of one name, each asked again after five seconds, and
// lines of the resolver's log that are known to be of them: so many queries each.
func (w *world) askedTwice(queries int) {
	for _, at := range []int{1000, 20000} {
		t := w.try("A", "app.example", at, at+6000, "NOERROR")
		t.Repeats = []pcapflow.Stamp{w.at(at + 5000)}
		w.lookup("app.example", t)
		j := w.c.Journeys[len(w.c.Journeys)-1]
		for range queries {
			log := w.log("dns-log", logparse.Event{Kind: logparse.DNSQuery, Client: client, Name: "app.example", Type: "A"})
			j.Lines = append(j.Lines, correlate.Line{Log: log, Status: "matched"})
		}
		log := w.log("dns-log", logparse.Event{Kind: logparse.DNSReply, Client: client, Name: "app.example", Type: "A"})
		j.Lines = append(j.Lines, correlate.Line{Log: log, Status: "matched"})
	}
}
