package correlate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// NeighbourSeries are the neighbour resolutions of one host for one address in
// one capture.
type NeighbourSeries struct {
	Capture  *incident.Capture
	Protocol string     // "arp" or "nd"
	Asker    netip.Addr // unspecified: a host that makes sure nobody has the address; invalid: not known
	Target   netip.Addr
	First    pcapflow.Stamp

	Resolutions int // that began with a request
	Attempts    int // requests
	Unicast     int // of these, those that asked whether a known link address still holds
	Unanswered  int
	Unseen      int // requests of others than the capturing host: an answer goes to them alone, and may have come
	Unasked     int // answers to no request that was seen
	Announced   int // gratuitous ARP, advertisements to all
	Took        Statistics
	MACs        [][6]byte      // that answered, in order; more than one: it changed, or two machines claim it
	Both        bool           // two answered one request
	Proxy       pcapflow.Stamp // of the first answer by a router in the target's name; unseen: none
}

// linkSeries are the resolutions of all captures, in order of capture and first
// packet.
func linkSeries(inc *incident.Incident) []*NeighbourSeries {
	var out []*NeighbourSeries
	for _, c := range inc.Captures {
		type key struct {
			protocol      string
			asker, target netip.Addr
		}
		by := map[key]*NeighbourSeries{}
		took := map[*NeighbourSeries][]time.Duration{}
		beyond := BeyondOf(c)
		for _, r := range c.Neighbours {
			k := key{r.Protocol, r.Asker, r.Target}
			s := by[k]
			if s == nil {
				s = &NeighbourSeries{Capture: c, Protocol: r.Protocol, Asker: r.Asker, Target: r.Target, First: r.Begin()}
				by[k] = s
				out = append(out, s)
			}
			theirs := len(c.Own) > 0 && !slices.Contains(c.Own, r.Asker) && !slices.Contains(c.Own, r.Target)
			if !s.Proxy.Seen() && beyond.Proxied(r) {
				s.Proxy = r.Reply
			}
			if d, ok := s.add(r, theirs); ok {
				took[s] = append(took[s], d)
			}
		}
		for s, list := range took {
			s.Took = statisticsOf(list)
		}
	}
	return out
}

// add counts a resolution, and tells how long it took from its first request.
// theirs: neither side is the capturing host.
func (s *NeighbourSeries) add(r *pcapflow.Resolution, theirs bool) (time.Duration, bool) {
	for _, mac := range append([][6]byte{r.MAC}, r.Others...) {
		if mac != ([6]byte{}) && len(s.MACs) < maxWaited && !slices.Contains(s.MACs, mac) {
			s.MACs = append(s.MACs, mac)
		}
	}
	s.Both = s.Both || len(r.Others) > 0
	switch {
	case r.Gratuitous:
		s.Announced++
		return 0, false
	case len(r.Requests) == 0:
		s.Unasked++
		return 0, false
	}
	s.Resolutions++
	s.Attempts += len(r.Requests)
	s.Unicast += r.Unicast
	if !r.Reply.Seen() {
		if theirs {
			s.Unseen++
		} else {
			s.Unanswered++
		}
		return 0, false
	}
	return time.Duration(r.Reply.Time - r.Requests[0].Time), true
}
