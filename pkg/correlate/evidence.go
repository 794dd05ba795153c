package correlate

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// evidence gathers what relates the clocks of an incident.
type evidence struct {
	inc *incident.Incident
	*domains
	constraints []clock.Constraint
	series      []clock.Series
	steps       []clock.Step
	refs        int
	names       map[string][]netip.Addr   // names as DNS answers of the captures give them
	machines    map[netip.Addr]netip.Addr // an address of each host that has several
	hosted      int                       // clocks known by packets alone
	choices     int                       // alternatives offered so far: Series.Choice
	origins     []origin                  // by Series index
	writers     numbers[written]          // Series.Writer less one
	keyedHosts  []keyedHost
	answers     []map[digKey][]answered            // by capture; see answersIn
	served      map[netip.Addr]map[*Clock]servedBy // whose lines tell of what an address served
	mistaken    map[netip.Addr]bool                // NTP servers that most of the others contradict
	paths       map[*incident.Capture]askedPaths
	ids         map[*incident.Capture]map[string]carried
}

// origin tells what a series was made of.
type origin struct {
	log     *incident.Log
	capture *incident.Capture
	server  netip.Addr // whose exchanges were offered
}

// keyedHost tells that a host's lines name flows of one of its addresses in a
// capture.
type keyedHost struct {
	capture, host *Clock
	where         *incident.Capture
	address       netip.Addr
}

func (e *evidence) nameHost(k keyedHost) {
	if !slices.Contains(e.keyedHosts, k) {
		e.keyedHosts = append(e.keyedHosts, k)
	}
}

// captureNoise is how much a capture's stamp may be out of order with the
// events it shows: interrupts are gathered, and packets stamped in software.
const captureNoise = int64(100 * time.Microsecond)

// add notes low ≤ b − a ≤ high at the instant at of clock a.
func (e *evidence) add(a, b *Clock, at, low, high int64, m clock.Method) {
	e.refs++
	e.constraints = append(e.constraints, clock.Constraint{A: a.ID, B: b.ID, At: at, Low: low, High: high, Method: m, Ref: e.refs})
}

// gather collects everything that relates the clocks.
func gather(inc *incident.Incident, d *domains) *evidence {
	e := &evidence{inc: inc, domains: d, mistaken: falsetickers(inc), names: answeredNames(inc), machines: machinesOf(inc), served: map[netip.Addr]map[*Clock]servedBy{}, writers: numbers[written]{}}
	for i, c := range inc.Captures {
		e.ntp(i, c)
		e.ntpClients(i, c)
		e.dates(i, c)
		e.told(i, c)
		e.timestamps(i, c)
	}
	e.captures()
	for _, l := range inc.Logs {
		e.readings(l)
		e.jumps(l)
		e.transcripts(l)
	}
	e.programs()
	e.lines()
	e.lookupsAndConnections()
	return e
}

// answeredNames maps names to the addresses that DNS answers gave them.
func answeredNames(inc *incident.Incident) map[string][]netip.Addr {
	names := map[string][]netip.Addr{}
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			for i := range f.DNS {
				if t := &f.DNS[i]; len(t.Addresses) > 0 && len(names[t.Name]) == 0 {
					names[t.Name] = t.Addresses
				}
			}
		}
	}
	return names
}

// machine names a host by one of its addresses.
func (e *evidence) machine(a netip.Addr) netip.Addr {
	if m, ok := e.machines[a]; ok {
		return m
	}
	return a
}

// machinesOf joins the addresses of hosts: those that the captures show on one
// host, and the IPv4 and the IPv6 address of a name that has one of each.
func machinesOf(inc *incident.Incident) map[netip.Addr]netip.Addr {
	families := map[string][2]map[netip.Addr]bool{}
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			for i := range f.DNS {
				for _, a := range f.DNS[i].Addresses {
					name := f.DNS[i].Name
					if families[name][0] == nil {
						families[name] = [2]map[netip.Addr]bool{{}, {}}
					}
					families[name][a.BitLen()/128][plainAddr(a)] = true
				}
			}
		}
	}
	h := hostsOf(inc)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		four, six := families[name][0], families[name][1]
		if len(four) != 1 || len(six) != 1 {
			continue
		}
		for a := range four {
			for b := range six {
				h.same(a, b)
			}
		}
	}
	first := map[int]netip.Addr{}
	for a := range h.number {
		if old, ok := first[h.id(a)]; !ok || a.Less(old) {
			first[h.id(a)] = a
		}
	}
	out := map[netip.Addr]netip.Addr{}
	for a := range h.number {
		out[a] = first[h.id(a)]
	}
	return out
}
