package correlate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// ResolverSeries are the transactions of one resolver in one capture.
type ResolverSeries struct {
	Capture    *incident.Capture
	Resolver   netip.AddrPort
	First      pcapflow.Stamp
	Asked      int // transactions
	Unanswered int
	RCodes     map[string]int
	Latency    Statistics // of those answered, from the first query
	Outliers   []DNSOutlier
}

// LookupSeries are the lookups of one client in one capture, as it waited.
type LookupSeries struct {
	Capture  *incident.Capture
	Client   netip.Addr
	First    pcapflow.Stamp
	Asked    int
	Failed   int
	Wait     Statistics // of those that ended, failed ones included
	Outliers []DNSOutlier
}

// DNSOutlier is a transaction or lookup that took far longer than the others.
type DNSOutlier struct {
	Name, Type string // Type "" of a lookup
	Begin      pcapflow.Stamp
	Took       time.Duration
	Cause      DNSCause
}

// DNSCause is why a transaction or lookup took long, as far as packets tell.
type DNSCause string

// Causes.
const (
	DNSRetry    DNSCause = "retry"           // a query went unanswered and was repeated
	DNSFailover DNSCause = "resolver-change" // a resolver stayed silent and another was asked
	DNSSuffixes DNSCause = "search-suffixes" // names of the search list were tried in vain
	DNSFallback DNSCause = "tcp-fallback"    // the answer did not fit into UDP
	DNSUpstream DNSCause = "upstream"        // the resolver asked another server meanwhile
	DNSFailure  DNSCause = "server-failure"  // the answer is an error of the server
	DNSPieces   DNSCause = "fragments"       // the answer comes in IP fragments, and the query had to be repeated
	DNSEDNS     DNSCause = "edns-rejected"   // the query was asked again without EDNS after an error
	DNSLame     DNSCause = "lame-delegation" // the resolver asked a server that does not serve the zone
	DNSPath     DNSCause = "path"            // another capture shows that the resolver answered promptly
	DNSFirst    DNSCause = "first-of-name"   // the first query for the name in this capture: perhaps not cached
	DNSUnknown  DNSCause = "unknown"
)

// resolverSeries gathers the transactions of each capture by resolver.
func resolverSeries(inc *incident.Incident, past histories) []*ResolverSeries {
	var all []*ResolverSeries
	for _, c := range inc.Captures {
		past := past[c]
		of := map[resolverClock]*ResolverSeries{}
		took := map[*ResolverSeries][]time.Duration{}
		for _, t := range past.tries {
			if !t.Query.Seen() || t.Type == "AXFR" || t.Type == "IXFR" {
				continue
			}
			s := of[resolverClock{t.Resolver, t.Flow.Clock}]
			if s == nil {
				s = &ResolverSeries{Capture: c, Resolver: t.Resolver, First: t.Query, RCodes: map[string]int{}}
				of[resolverClock{t.Resolver, t.Flow.Clock}] = s
				all = append(all, s)
			}
			s.Asked++
			if !t.Answer.Seen() {
				s.Unanswered++
				continue
			}
			s.RCodes[t.RCode]++
			took[s] = append(took[s], latency(t))
		}
		for s, list := range took {
			s.Latency = statisticsOf(list)
		}
		for _, t := range past.tries {
			s := of[resolverClock{t.Resolver, t.Flow.Clock}]
			if s == nil || !t.Query.Seen() || !t.Answer.Seen() || !s.Latency.outlier(latency(t)) || len(s.Outliers) == maxOutliers {
				continue
			}
			s.Outliers = append(s.Outliers, DNSOutlier{t.Name, t.Type, t.Query, latency(t), past.slowAnswer(t)})
		}
	}
	return all
}

// resolverClock tells the sightings of two interfaces apart.
type resolverClock struct {
	resolver netip.AddrPort
	clock    capture.ClockID
}

func latency(t Try) time.Duration { return time.Duration(t.Answer.Time - t.Query.Time) }

// dnsHistory is what one capture tells of DNS, to explain what took long.
type dnsHistory struct {
	tries []Try // in order of their queries
	place map[*pcapflow.Transaction]int
	first map[resolverName]pcapflow.Stamp // the first query of each name
	seen  map[txKey][]sameTry             // of all captures
}

type resolverName struct {
	resolver netip.Addr
	name     string
}

// txKey is what a transaction keeps from one capture to another.
type txKey struct {
	id         uint16
	name, kind string
	resolver   netip.AddrPort
}

type sameTry struct {
	in *dnsHistory
	Try
}

type histories map[*incident.Capture]*dnsHistory

func historiesOf(inc *incident.Incident) histories {
	all := histories{}
	seen := map[txKey][]sameTry{}
	for _, c := range inc.Captures {
		h := &dnsHistory{triesOf(c), map[*pcapflow.Transaction]int{}, map[resolverName]pcapflow.Stamp{}, seen}
		for i, t := range h.tries {
			h.place[t.Transaction] = i
			key := resolverName{t.Resolver.Addr(), t.Name}
			if _, known := h.first[key]; !known && t.Query.Seen() {
				h.first[key] = t.Query
			}
			q := txKey{t.ID, t.Name, t.Type, t.Resolver}
			seen[q] = append(seen[q], sameTry{h, t})
		}
		all[c] = h
	}
	return all
}

// slowAnswer tells why a transaction took long, by this capture or by another
// that saw it, too.
func (h *dnsHistory) slowAnswer(t Try) DNSCause {
	cause := h.slowHere(t)
	if cause != DNSFirst && cause != DNSUnknown {
		return cause
	}
	all := h.seen[txKey{t.ID, t.Name, t.Type, t.Resolver}]
	if len(all) != 2 { // an ID used again tells nothing
		return cause
	}
	other := all[0]
	if other.in == h {
		other = all[1]
	}
	if other.in == h || !other.Query.Seen() || !other.Answer.Seen() || other.Flow.Client.Addr() != t.Flow.Client.Addr() {
		return cause
	}
	if latency(other.Try) < latency(t)/4 {
		return DNSPath
	}
	if theirs := other.in.slowHere(other.Try); theirs == DNSUpstream && latency(other.Try) > latency(t)/2 {
		return theirs
	}
	return cause
}

// slowHere tells why a transaction took long by this capture alone.
func (h *dnsHistory) slowHere(t Try) DNSCause {
	switch t.RCode {
	case "SERVFAIL", "REFUSED", "NOTIMP", "FORMERR":
		return DNSFailure
	}
	if len(t.Repeats) > 0 && inPieces(t) {
		return DNSPieces
	}
	if len(t.Repeats) > 0 {
		return DNSRetry
	}
	if behind := h.behind(t); len(behind) > 0 {
		return reasonBehind(behind)
	}
	if h.first[resolverName{t.Resolver.Addr(), t.Name}] == t.Query {
		return DNSFirst
	}
	return DNSUnknown
}

// lookupSeries gathers the lookups of each capture by client.
func lookupSeries(c *Case, past histories) []*LookupSeries {
	var all []*LookupSeries
	type key struct {
		source source
		client netip.Addr
	}
	of := map[key]*LookupSeries{}
	waits := map[*LookupSeries][]time.Duration{}
	for _, l := range c.Lookups {
		k := key{l.source(), l.Client}
		s := of[k]
		if s == nil {
			s = &LookupSeries{Capture: l.Capture, Client: l.Client, First: l.Start}
			of[k] = s
			all = append(all, s)
		}
		s.Asked++
		if l.Outcome != pcapflow.Done {
			s.Failed++
		}
		if l.End.Seen() {
			waits[s] = append(waits[s], time.Duration(l.End.Time-l.Start.Time))
		}
	}
	for s, list := range waits {
		s.Wait = statisticsOf(list)
	}
	for _, l := range c.Lookups {
		s := of[key{l.source(), l.Client}]
		took := time.Duration(l.End.Time - l.Start.Time)
		if !l.End.Seen() || !s.Wait.outlier(took) || len(s.Outliers) == maxOutliers {
			continue
		}
		s.Outliers = append(s.Outliers, DNSOutlier{Name: l.Name, Begin: l.Start, Took: took, Cause: past[l.Capture].slowLookup(l, took)})
	}
	return all
}

// slowLookup tells what took most of a lookup's time.
func (h *dnsHistory) slowLookup(l *Lookup, took time.Duration) DNSCause {
	switch {
	case l.TCPCost > took/2:
		return DNSFallback
	case withoutEDNS(l.Tries):
		return DNSEDNS
	case l.RetryWait > took/2 && slices.ContainsFunc(l.Tries, inPieces):
		return DNSPieces
	case l.RetryWait > took/2 && len(l.Resolvers) > 1:
		return DNSFailover
	case l.RetryWait > took/2:
		return DNSRetry
	case l.Suffixes > 0:
		return DNSSuffixes
	}
	var slowest *Try
	for i := range l.Tries {
		if t := &l.Tries[i]; t.Query.Seen() && t.Answer.Seen() && (slowest == nil || latency(*t) > latency(*slowest)) {
			slowest = t
		}
	}
	if slowest == nil {
		return DNSUnknown
	}
	return h.slowAnswer(*slowest)
}
