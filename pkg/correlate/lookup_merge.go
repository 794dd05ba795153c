package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// lookups groups the transactions of every capture, and makes one of the same
// lookup seen at several points: as the capture nearest to its client saw it.
func lookups(inc *incident.Incident) []*Lookup {
	var all []*Lookup
	for _, c := range inc.Captures {
		tries := triesOf(c)
		list := lookupsOf(c, tries)
		judgeAnswers(c, tries, list)
		all = append(all, list...)
	}
	return mergeLookups(all)
}

// queryKey names one transaction wherever it is seen. Behind an address
// translation client is another; then the zero value stands for it.
type queryKey struct {
	client   netip.AddrPort
	resolver netip.AddrPort
	id       uint16
	typ      string
	name     string
}

func keyOf(t Try, withClient bool) queryKey {
	k := queryKey{resolver: t.Resolver, id: t.ID, typ: t.Type, name: t.Name}
	if withClient {
		k.client = t.Flow.Client
	}
	return k
}

func mergeLookups(all []*Lookup) []*Lookup {
	sets := newSets(len(all))
	joined := make([]bool, len(all))
	joinLookups(all, sets, true, joined)
	joinLookups(all, sets, false, joined)
	groups := map[int][]*Lookup{}
	for i, l := range all {
		root := sets.find(i)
		groups[root] = append(groups[root], l)
	}
	var merged []*Lookup
	for i := range all {
		group := groups[i] // only the smallest member of a set has one
		if len(group) < 2 {
			merged = append(merged, group...)
			continue
		}
		slices.SortStableFunc(group, lookupCloserToClient)
		// What the best capture tells apart stays apart.
		var primaries []*Lookup
		for _, l := range group {
			if l.source() == group[0].source() {
				primaries = append(primaries, l)
			} else {
				p := primaries[0]
				for _, q := range primaries {
					if sharesQuery(q, l) {
						p = q
						break
					}
				}
				p.Others = append(p.Others, l)
			}
		}
		merged = append(merged, primaries...)
	}
	return merged
}

// joinLookups joins lookups of different captures that share a transaction. The
// k-th use of an ID in one capture is the k-th in the other.
func joinLookups(all []*Lookup, sets *sets, withClient bool, joined []bool) {
	type use struct {
		source source
		key    queryKey
	}
	count := map[use]int{}
	type nth struct {
		key queryKey
		n   int
	}
	seen := map[nth]int{}
	for i, l := range all {
		for _, t := range l.Tries {
			key := keyOf(t, withClient)
			u := use{l.source(), key}
			k := nth{key, count[u]}
			count[u]++
			other, ok := seen[k]
			if !ok {
				seen[k] = i
				continue
			}
			if all[other].source() == l.source() {
				continue
			}
			// Behind an address translation the ID and the name must do: only for
			// lookups that no capture shows under the client's own address.
			if withClient || !joined[other] && !joined[i] && all[other].Client != l.Client {
				sets.join(other, i)
				joined[other], joined[i] = joined[other] || withClient, joined[i] || withClient
			}
		}
	}
}

func sharesQuery(a, b *Lookup) bool {
	for _, x := range a.Tries {
		for _, y := range b.Tries {
			if x.ID == y.ID && x.Type == y.Type && x.Name == y.Name && x.Resolver == y.Resolver {
				return true
			}
		}
	}
	return false
}

func lookupCloserToClient(a, b *Lookup) int {
	x, y := a.Tries[0].Flow, b.Tries[0].Flow
	return cmp.Or(
		cmp.Compare(vantageRank(Point{Capture: a.Capture, Flow: x}), vantageRank(Point{Capture: b.Capture, Flow: y})),
		cmp.Compare(y.TTL[pcapflow.Client], x.TTL[pcapflow.Client]),
	)
}
