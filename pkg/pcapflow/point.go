package pcapflow

import (
	"net/netip"
	"slices"
)

// capturePoint gathers where the capture was taken: on which host, if on one of
// those that speak.
type capturePoint struct {
	hosts   map[netip.Addr]*pointHost
	flows   int64 // looked at
	seen    int64 // ended
	sums    int64 // checksums verified
	middle  int64 // connections that say: neither side is near
	decided int64 // connections that say anything
}

// pointHost is what the flows say of one address.
type pointHost struct {
	addr    netip.Addr
	mac     [6]byte
	flows   int64
	asked   int64    // flows in which it was the client
	opened  [2]int64 // connections in which it was the client, the server
	hops    int64    // flows in which a router had touched its packets
	timed   int64    // flows in which its answering time is known
	prompt  int64    // of those: it answered as the capturing host itself does
	turns   []int64
	goodSum int64
	badSum  int64
	bigger  int64 // segments it sent that are larger than the MSS
}

const (
	maxPointHosts = 1 << 14
	allFlows      = 4096 // of the first flows and checksums all are looked at, then one in 16
	keptTurns     = 64
	// ownTurn is how soon the kernel of the capturing host answers; over a
	// network card and a switch it takes longer. ns
	ownTurn = 150e3
)

func (p *capturePoint) host(a netip.Addr) *pointHost {
	h := p.hosts[a]
	if h == nil {
		if len(p.hosts) >= maxPointHosts {
			return nil
		}
		if p.hosts == nil {
			p.hosts = map[netip.Addr]*pointHost{}
		}
		h = &pointHost{addr: a}
		p.hosts[a] = h
	}
	return h
}

// learn takes what an ended flow says.
func (p *capturePoint) learn(f *flow) {
	p.seen++
	if p.seen > allFlows && p.seen%16 != 0 {
		return
	}
	p.flows++
	o := f.out
	var turn [2]int64 // how soon each side answered; 0: unknown
	switch {
	case f.isTCP():
		switch o.Conn.Vantage {
		case VantageMiddle:
			p.middle++
			fallthrough
		case VantageClient, VantageServer:
			p.decided++
		}
		turn[Server] = o.Conn.RoundTripServer()
		turn[Client] = o.Conn.RoundTripClient()
	case o.FirstPayload[Client].Seen() && o.FirstPayload[Server].Seen():
		// A late answer is the application's, and tells nothing.
		if t := o.FirstPayload[Server].Time - o.FirstPayload[Client].Time; t > 0 && t <= ownTurn {
			turn[Server] = t
		}
	}
	for d, a := range [...]netip.Addr{o.Client.Addr(), o.Server.Addr()} {
		h := p.host(a)
		if h == nil {
			continue
		}
		h.flows++
		if f.isTCP() {
			h.opened[d]++
		}
		if Dir(d) == Client {
			h.asked++
		}
		if f.packets[d] > 0 {
			h.mac = o.MAC[d]
			if !initialTTL(o.TTL[d]) {
				h.hops++
			}
		}
		if turn[d] > 0 {
			h.timed++
			if turn[d] <= ownTurn {
				h.prompt++
			}
			if len(h.turns) < keptTurns {
				h.turns = append(h.turns, turn[d])
			}
		}
		if f.isTCP() {
			h.bigger += f.tcp.offload[d]
		}
	}
}

// sum notes a checksum that was verified.
func (p *capturePoint) sum(x *header, bad bool) {
	if p.sums++; p.sums > allFlows && p.sums%16 != 0 {
		return
	}
	h := p.host(x.src.netip(x.v6))
	switch {
	case h == nil:
	case bad:
		h.badSum++
	default:
		h.goodSum++
	}
}

// end tells the point.
func (p *capturePoint) end(r *Result) {
	var hosts []*pointHost // that may be near
	bigger := int64(0)     // segments of all others
	for _, h := range p.hosts {
		if h.hops == 0 {
			hosts = append(hosts, h)
		} else {
			bigger += h.bigger
		}
	}
	slices.SortFunc(hosts, func(a, b *pointHost) int {
		if a.flows != b.flows {
			return int(b.flows - a.flows)
		}
		return a.addr.Compare(b.addr)
	})
	own := p.own(hosts)
	if len(own) > 0 {
		r.Offload[1] += bigger
	} else {
		r.Offload[0] += bigger
	}
	for _, h := range hosts {
		side := 0
		if len(own) > 0 && !slices.Contains(own, h) {
			side = 1
		}
		r.Offload[side] += h.bigger
	}
	if len(own) == 0 {
		if p.decided > 0 && p.middle*10 >= p.decided*8 {
			r.Vantage = VantageMiddle
		}
		return
	}
	var as [2]int64 // connections, and where there are none flows, by its side
	for _, h := range own {
		r.Own = append(r.Own, h.addr)
		as[Client] += h.opened[Client]
		as[Server] += h.opened[Server]
	}
	if as == [2]int64{} {
		for _, h := range own {
			as[Client] += h.asked
			as[Server] += h.flows - h.asked
		}
	}
	r.VantageTurn = median(own[0].turns)
	slices.SortFunc(r.Own, netip.Addr.Compare)
	r.VantageHost = own[0].addr
	r.Vantage = VantageServer
	if as[Client] > as[Server] {
		r.Vantage = VantageClient
	}
}

// own are the addresses of the capturing host, the busiest first; none when it
// is not clear that it is one of those that speak.
func (p *capturePoint) own(hosts []*pointHost) []*pointHost {
	var found []*pointHost // one for each link address
	for _, h := range hosts {
		if h.isNear() && !slices.ContainsFunc(found, func(o *pointHost) bool { return o.mac == h.mac && h.mac != [6]byte{} }) {
			found = append(found, h)
		}
	}
	var best *pointHost
	for _, h := range found {
		if best == nil || h.nearerThan(best) {
			best = h
		}
	}
	if best == nil {
		return nil
	}
	for _, h := range found {
		if h != best && !best.nearerThan(h) {
			return nil // two that could be it
		}
	}
	list := []*pointHost{best}
	flows := best.flows
	if best.mac != [6]byte{} {
		for _, h := range hosts {
			if h != best && h.mac == best.mac && h.hops == 0 && h.flows > 0 {
				list = append(list, h)
				flows += h.flows
			}
		}
	}
	if flows*10 < p.flows*9 {
		return nil // it sees what others say to each other
	}
	return list
}

// isNear tells whether the address answers like the capturing host.
func (h *pointHost) isNear() bool {
	return h.hops == 0 && h.timed > 0 && h.prompt*2 >= h.timed
}

// nearerThan tells whether h is the capturing host rather than o, of two on one
// network: it takes part in clearly more, its checksums are still to be filled
// in, or it answers much sooner.
func (h *pointHost) nearerThan(o *pointHost) bool {
	if h.badSum > 0 && h.goodSum == 0 && o.badSum == 0 && o.goodSum > 0 {
		return true
	}
	if o.badSum > 0 && o.goodSum == 0 && h.badSum == 0 && h.goodSum > 0 {
		return false
	}
	if h.flows != o.flows && min(h.flows, o.flows)*4 <= max(h.flows, o.flows)*3 {
		return h.flows > o.flows
	}
	return median(h.turns)*3 <= median(o.turns)
}

func median(list []int64) int64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}
