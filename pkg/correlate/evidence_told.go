package correlate

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// maxHosts bounds the hosts that are known by their packets alone.
const maxHosts = 64

// hostAt is the system clock of a host that packets tell of, by its address; nil
// beyond maxHosts.
func (e *evidence) hostAt(a netip.Addr) *Clock {
	m := e.machine(plainAddr(a)).String()
	return e.toldHost("addr:"+m, m)
}

// toldHost is a clock that packets tell of.
func (e *evidence) toldHost(key, name string) *Clock {
	if e.byKey[key] == nil {
		if e.hosted == maxHosts {
			return nil
		}
		e.hosted++
	}
	return e.get(key, kindHost, name)
}

// told turns what packets of a capture tell of their senders' clocks into bounds:
// SMB, NTLM, Kerberos, ICMP timestamps, syslog. A sender read its clock before
// its packet left it, and after the packet it answers had arrived.
func (e *evidence) told(i int, c *incident.Capture) {
	relays := map[netip.Addr]map[string]bool{} // names in the syslog messages of an address
	each := func(use func(k *Clock, from netip.Addr, r *pcapflow.Reading)) {
		for _, f := range c.Flows {
			k := e.byKey[captureKey(i, f.Clock)]
			if k == nil {
				continue
			}
			ends := [2]netip.Addr{f.Client.Addr(), f.Server.Addr()}
			for n := range f.Readings {
				use(k, ends[f.Readings[n].From], &f.Readings[n])
			}
		}
		if k := e.byKey[captureKey(i, 0)]; k != nil {
			for n := range c.Readings {
				use(k, c.Readings[n].Addr, &c.Readings[n].Reading)
			}
		}
	}
	each(func(_ *Clock, from netip.Addr, r *pcapflow.Reading) {
		if r.Host != "" {
			if relays[from] == nil {
				relays[from] = map[string]bool{}
			}
			relays[from][r.Host] = true
		}
	})
	each(func(k *Clock, from netip.Addr, r *pcapflow.Reading) {
		if r.Local || !r.Before.Seen() {
			return // of a stamp without a zone one side alone tells nothing
		}
		host := e.byKey[hostKey(r.Host)]
		switch {
		case r.Host != "" && host != nil:
		case len(relays[from]) > 1: // it passes on what others stamped
			return
		default:
			if host = e.hostAt(from); host == nil {
				return
			}
		}
		high := clock.Infinity
		if r.After.Seen() {
			high = r.Time + r.Width - r.After.Time + captureNoise
		}
		low := r.Time - r.Before.Time - captureNoise
		e.add(k, host, r.Before.Time, low, max(low, high), clock.PacketTimes)
	})
}

// serve notes that lines of a host tell of what an address served.
func (e *evidence) serve(host *Clock, address netip.Addr, where *incident.Capture) {
	m := e.machine(plainAddr(address))
	by := e.served[m]
	if by == nil {
		by = map[*Clock]servedBy{}
		e.served[m] = by
	}
	s := by[host]
	by[host] = servedBy{s.lines + 1, where}
}

// servedBy is how many lines of a host tell of an address, as a capture saw it.
type servedBy struct {
	lines int
	where *incident.Capture
}

// sameAddresses gives what packets tell of a host's clock to that of its logs,
// where one host's lines alone tell of what the address served and the tracks
// agree. It tells whether there was any.
func (e *evidence) sameAddresses(s *clock.Solution) bool {
	const few = 3 // lines
	joined := map[clock.ID]clock.ID{}
	for _, k := range e.clocks {
		addr, err := netip.ParseAddr(k.Name)
		if k.Kind != kindHost || err != nil || len(e.served[addr]) != 1 {
			continue
		}
		for host, by := range e.served[addr] {
			a, b := &s.Tracks[k.ID], &s.Tracks[host.ID]
			if by.lines >= few && known(b) && (!known(a) || meet(a, b, by.where)) {
				joined[k.ID] = host.ID
			}
		}
	}
	for i := range e.constraints {
		c := &e.constraints[i]
		if to, ok := joined[c.A]; ok {
			c.A = to
		}
		if to, ok := joined[c.B]; ok {
			c.B = to
		}
	}
	return len(joined) > 0
}
