package correlate

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// ownJourneys are those journeys of one host that outputs of one kind may tell of,
// in order of start, by what outputs say of them: so that many outputs are not
// held against many journeys each. Places are indices into list, in order.
type ownJourneys struct {
	list     []*Journey
	places   []int // of all
	byClient map[netip.AddrPort][]int
	byServer map[serverPath][]int
	byName   map[namePath][]int
	byAddr   map[netip.Addr][]int    // the server's
	byLookup map[string][]int        // the names it asked for first and meant
	fitting  map[outputName]*fitting // those that were asked for
	names    resolved
	cut      int   // outputs that more journeys would fit than they were held against,
	most     int   // namely so many
	failed   []int // lookups that came to nothing: an output names the server it never reached
}

// A path is that of the request, noPath where the packets do not tell one, and
// anyPath for all together.
type serverPath struct {
	server netip.AddrPort
	path   string
}

type namePath struct{ name, path string }

const (
	noPath  = ""
	anyPath = "*"
)

func newOwnJourneys(own []*Journey, kind logparse.Kind) *ownJourneys {
	o := &ownJourneys{
		byClient: map[netip.AddrPort][]int{}, byServer: map[serverPath][]int{}, byName: map[namePath][]int{},
		byAddr: map[netip.Addr][]int{}, byLookup: map[string][]int{},
	}
	for _, j := range own {
		if fitsKind(kind, j) {
			o.places = append(o.places, len(o.list))
			o.list = append(o.list, j)
		}
	}
	for i, j := range o.list {
		switch kind {
		case logparse.ClientDNS:
			o.byLookup[j.Lookup.Name] = append(o.byLookup[j.Lookup.Name], i)
			if first := j.Lookup.Tries[0].Name; first != j.Lookup.Name {
				o.byLookup[first] = append(o.byLookup[first], i)
			}
		case logparse.ClientSSH:
			a := plainAddr(j.Server.Addr())
			o.byAddr[a] = append(o.byAddr[a], i)
		default:
			o.addTransfer(i, j)
		}
	}
	return o
}

func (o *ownJourneys) addTransfer(i int, j *Journey) {
	client, server, path := plain(j.Client), plain(j.Server), noPath
	if j.Exchange != nil {
		path = j.Exchange.Path
	}
	o.byClient[client] = append(o.byClient[client], i)
	for _, p := range []string{path, anyPath} {
		o.byServer[serverPath{server, p}] = append(o.byServer[serverPath{server, p}], i)
		o.byName[namePath{j.Name, p}] = append(o.byName[namePath{j.Name, p}], i)
	}
	if j.Service == "dns" && j.Outcome != pcapflow.Done {
		o.failed = append(o.failed, i)
	}
}

// candidates are the places of all journeys that e may tell of, in order: what it
// leaves out outputScore finds hopeless.
func (o *ownJourneys) candidates(e *logparse.Event) []int {
	switch e.Kind {
	case logparse.ClientDNS:
		return o.byLookup[e.Name]
	case logparse.ClientSSH:
		if a := e.Server.Addr(); a.IsValid() {
			return o.byAddr[plainAddr(a)]
		}
		return o.places
	}
	t := e.Timing
	if t == nil {
		return nil
	}
	if t.Local.Port() != 0 && t.Local.Addr().IsValid() {
		return o.byClient[plain(t.Local)]
	}
	paths := []string{anyPath}
	if e.Path != "" {
		paths = []string{e.Path, noPath}
	}
	r := t.Remote
	if !r.IsValid() {
		r = e.Server
	}
	var found []int
	if r.Addr().IsValid() {
		for _, p := range paths {
			found = append(found, o.byServer[serverPath{plain(r), p}]...)
		}
		found = append(found, o.failed...)
	} else {
		if _, err := netip.ParseAddr(e.Name); err == nil || e.Name == "" {
			return o.places
		}
		for _, p := range paths {
			for _, n := range []string{hostName(e.Name), ""} {
				found = append(found, o.byName[namePath{n, p}]...)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
