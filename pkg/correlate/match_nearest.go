package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Many outputs of one server and one path fit many journeys alike. Where pairs would
// be too many, an output is held against those journeys alone that stand where it
// does in their order, and those whose duration is nearest to the one it states.
const (
	mostPairs = 4_000_000 // of a series
	fewestFor = 16        // journeys for one output, all the same
	mostFor   = 256
)

// pairsFor is how many journeys each of so many outputs is held against at most.
func pairsFor(outputs int) int {
	return min(max(mostPairs/max(outputs, 1), fewestFor), mostFor)
}

// outputName is what tells of the journeys that an output may be of.
type outputName struct {
	local, server netip.AddrPort
	name, path    string
	id            int
}

// nameOf leaves out what candidates does not look at.
func nameOf(e *logparse.Event) outputName {
	switch e.Kind {
	case logparse.ClientDNS:
		n := outputName{name: e.Name, id: -1}
		if e.Lookup != nil {
			n.id = e.Lookup.ID
		}
		return n
	case logparse.ClientSSH:
		return outputName{server: netip.AddrPortFrom(e.Server.Addr(), 0)}
	}
	if e.Timing == nil {
		return outputName{}
	}
	n := outputName{server: e.Timing.Remote, name: e.Name, path: e.Path}
	if !n.server.IsValid() {
		n.server = e.Server
	}
	if e.Timing.Local.Port() != 0 && e.Timing.Local.Addr().IsValid() {
		n = outputName{local: e.Timing.Local}
	}
	return n
}

// fitting are the journeys that outputs of one name may be of.
type fitting struct {
	places []int // in order
	byTook []lasting
}

type lasting struct {
	time  time.Duration
	place int
}

// nearest are at most so many of the candidates of e, which stands at a share of the
// way through its series, in order.
func (o *ownJourneys) nearest(e *logparse.Event, at float64, most int) []int {
	n := nameOf(e)
	a := o.fitting[n]
	if a == nil {
		a = &fitting{places: o.candidates(e)}
		if n.id >= 0 && e.Kind == logparse.ClientDNS {
			a.places = slices.DeleteFunc(slices.Clone(a.places), func(i int) bool { return !asksWith(o.list[i].Lookup, n.id) })
		}
		if o.fitting == nil {
			o.fitting = map[outputName]*fitting{}
		}
		o.fitting[n] = a
	}
	if len(a.places) <= most {
		return a.places
	}
	o.cut, o.most = o.cut+1, max(o.most, most)
	if a.byTook == nil {
		for _, i := range a.places {
			a.byTook = append(a.byTook, lasting{tookOf(e.Kind, o.list[i]), i})
		}
		slices.SortStableFunc(a.byTook, func(x, y lasting) int { return cmp.Compare(x.time, y.time) })
	}
	half := most / 2
	from := min(max(int(at*float64(len(a.places)))-half/2, 0), len(a.places)-half)
	found := slices.Clone(a.places[from : from+half])
	if said := saidOf(e); said >= 0 {
		high := sort.Search(len(a.byTook), func(i int) bool { return a.byTook[i].time >= said })
		low := high
		for high-low < half {
			if low > 0 && (high == len(a.byTook) || said-a.byTook[low-1].time <= a.byTook[high].time-said) {
				low--
			} else {
				high++
			}
		}
		for _, t := range a.byTook[low:high] {
			found = append(found, t.place)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func asksWith(l *Lookup, id int) bool {
	return slices.ContainsFunc(l.Tries, func(t Try) bool { return int(t.ID) == id })
}

// saidOf is the duration that an output tells its journey by best; −1: none.
func saidOf(e *logparse.Event) time.Duration {
	switch {
	case e.Kind == logparse.ClientDNS && e.Lookup != nil:
		return e.Lookup.QueryTime
	case e.Kind != logparse.ClientHTTP:
		return e.Duration
	}
	if wait, ok := spans(e)[pcapflow.HTTPWait]; ok {
		return wait
	}
	return -1
}

// tookOf is that duration of a journey, by its packets.
func tookOf(k logparse.Kind, j *Journey) time.Duration {
	switch k {
	case logparse.ClientDNS:
		return time.Duration(j.Lookup.End.Time - j.Lookup.Start.Time)
	case logparse.ClientHTTP:
		for i := range j.Phases {
			if p := &j.Phases[i]; p.Name == pcapflow.HTTPWait {
				return time.Duration(p.End.Time - p.Begin.Time)
			}
		}
	}
	return j.Total()
}

// paired is how many outputs have a journey, by their probabilities.
func paired(found []series) float64 {
	sum := 0.0
	for _, s := range found {
		for _, e := range s.edges {
			sum += e.p
		}
	}
	return sum
}

// fitOf is the logarithm of how well some series are explained.
func fitOf(found []series) float64 {
	sum := 0.0
	for _, s := range found {
		sum += s.fit
	}
	return sum
}

// Of many outputs and many hosts, some outputs choose the hosts that all are held
// against.
const (
	someOutputs = 64
	someHosts   = 64
)

// likelyHosts lists the hosts, as indices into journeysByHost, that so many outputs
// may be of.
func (m *matcher) likelyHosts(divided [][]output, outputs int) []int {
	hosts := make([]int, len(m.journeysByHost()))
	for i := range hosts {
		hosts[i] = i
	}
	if len(hosts) <= someHosts || outputs <= someOutputs {
		return hosts
	}
	var some [][]output
	for _, run := range divided {
		var part []output
		every := len(run)/someOutputs + 1
		for i := every / 2; i < len(run); i += every {
			part = append(part, run[i])
		}
		if len(part) > 0 {
			some = append(some, part)
		}
	}
	fit := make([]float64, len(hosts))
	for i := range fit {
		fit[i] = paired(m.fitOutputs(some, i))
	}
	slices.SortStableFunc(hosts, func(a, b int) int { return cmp.Compare(fit[b], fit[a]) })
	m.hostsCut += len(hosts) - someHosts
	hosts = hosts[:someHosts]
	slices.Sort(hosts)
	return hosts
}
