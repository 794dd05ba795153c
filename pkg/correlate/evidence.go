package correlate

import (
	"net/netip"
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
	names       map[string][]netip.Addr // names as DNS answers of the captures give them
	choices     int                     // alternatives offered so far: Series.Choice
	origins     []origin                // by Series index
	keyedHosts  []keyedHost
}

// origin tells what a series was made of.
type origin struct {
	log     *incident.Log
	capture *incident.Capture
	server  netip.Addr // whose exchanges were offered
}

// keyedHost tells that a host's lines name flows of a server in a capture.
type keyedHost struct {
	capture, host *Clock
	where         *incident.Capture
	server        netip.Addr
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
	e := &evidence{inc: inc, domains: d, names: answeredNames(inc)}
	for i, c := range inc.Captures {
		e.ntp(i, c)
	}
	e.captures()
	for _, l := range inc.Logs {
		e.readings(l)
		e.jumps(l)
	}
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
