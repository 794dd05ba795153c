package correlate

// Bounded is a search that was not followed to its end, so that it takes bounded time
// and memory, and how often that came to pass.
type Bounded struct {
	Search Search
	Limit  int // what is looked at at most
	Times  int
}

// Search is one that may be bounded.
type Search string

const (
	SearchLookups  Search = "lookups"  // of a connection, among those before it
	SearchHosts    Search = "hosts"    // of which client programs printed
	SearchJourneys Search = "journeys" // of which one output tells
)

// boundedSearches are the searches of a build and its matching that were cut short.
func boundedSearches(k *linker, m *matcher) []Bounded {
	var list []Bounded
	add := func(s Search, limit, times int) {
		if times > 0 {
			list = append(list, Bounded{s, limit, times})
		}
	}
	add(SearchLookups, considered, k.cut)
	add(SearchHosts, someHosts, m.hostsCut)
	few, outputs := 0, 0
	for _, own := range m.own {
		outputs += own.cut
		few = max(few, own.most)
	}
	add(SearchJourneys, few, outputs)
	return list
}
