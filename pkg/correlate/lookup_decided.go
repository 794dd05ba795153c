package correlate

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TimedTypes are the types of questions whose times are told one by one.
var TimedTypes = []string{"A", "AAAA", "HTTPS", "PTR"}

// OfType is the first answered try of a type; nil: there is none.
func (l *Lookup) OfType(typ string) *Try {
	for i := range l.Tries {
		if t := &l.Tries[i]; t.Type == typ && t.Query.Seen() && t.Answer.Seen() && !t.Truncated {
			return t
		}
	}
	return nil
}

// Decided is the try whose answer the lookup ended with; nil: none was answered.
func (l *Lookup) Decided() *Try {
	var last *Try
	for _, typ := range TimedTypes {
		if t := l.OfType(typ); t != nil && (last == nil || t.Answer.Time >= last.Answer.Time && t.Records > 0) {
			last = t
		}
	}
	return last
}

// judgeAnswers tells of the lookups of a capture, and so of tries, how long the
// resolver took for the answer that decided, and whether it came from a cache.
func judgeAnswers(c *incident.Capture, tries []Try, list []*Lookup) {
	trips := RoundTrips(c)
	caches := map[cacheKey]*cached{}
	ages := map[*pcapflow.Transaction]time.Duration{}
	for _, t := range tries {
		if t.Answer.Seen() && t.HasTTL && t.RCode == "NOERROR" && !t.Authoritative() {
			k := cacheKey{t.Resolver.Addr(), t.Name, t.Type, t.Flow.Clock}
			if caches[k] == nil {
				caches[k] = &cached{}
			}
			if age, ok := caches[k].answer(t.Transaction); ok {
				ages[t.Transaction] = age
			}
		}
	}
	for _, l := range list {
		t := l.Decided()
		if t == nil {
			continue
		}
		if trip, ok := trips[Remote{t.Resolver.Addr(), t.Flow.Clock}]; ok {
			l.Processing = max(0, latency(*t)-trip)
			l.ProcessingKnown = true
		}
		l.Cached = ages[t.Transaction]
	}
}

// Remote is an address as an interface of a capture sees it.
type Remote struct {
	Addr  netip.Addr
	Clock capture.ClockID
}

// RoundTrips are the least round trips between a capture and every address that TCP
// or an echo tells of.
func RoundTrips(c *incident.Capture) map[Remote]time.Duration {
	trips := map[Remote]time.Duration{}
	take := func(to netip.Addr, clock capture.ClockID, ns int64) {
		k := Remote{to, clock}
		if old, known := trips[k]; ns > 0 && (!known || time.Duration(ns) < old) {
			trips[k] = time.Duration(ns)
		}
	}
	for _, f := range c.Flows {
		take(f.Server.Addr(), f.Clock, f.Conn.RoundTripServer())
	}
	for _, x := range c.Echoes {
		if x.Request.Seen() && x.Reply.Seen() {
			take(x.Target, 0, x.Reply.Time-x.Request.Time)
		}
	}
	return trips
}

type cacheKey struct {
	resolver  netip.Addr
	name, typ string
	clock     capture.ClockID
}

// cached follows the time to live of one answer of one resolver.
type cached struct {
	first   pcapflow.Stamp // the answer with the longest time to live of the current ones
	ttl     uint32
	expires int64
}

// answer takes a further answer and tells, where its time to live has gone down
// as the clock has gone on since an earlier one, by how much: then it comes from
// a cache (RFC 1035 section 7.3). Whole seconds may be cut or rounded.
func (x *cached) answer(t *pcapflow.Transaction) (age time.Duration, ok bool) {
	const rounding = int64(1100 * time.Millisecond)
	at := t.Answer.Time
	left := int64(t.TTL) * int64(time.Second)
	if x.first.Seen() && t.TTL < x.ttl && at > x.first.Time {
		if off := at + left - x.expires; -rounding <= off && off <= rounding {
			return time.Duration(x.ttl-t.TTL) * time.Second, true
		}
	}
	x.first, x.ttl, x.expires = t.Answer, t.TTL, at+left
	return 0, false
}
