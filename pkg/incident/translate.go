package incident

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// Translation is an address that a router replaces by another.
type Translation struct{ Inside, Outside netip.Addr }

// Proxy asks Backends from Address on behalf of others.
type Proxy struct {
	Address  netip.Addr
	Backends []netip.Addr // empty: any
}

// clients gives lines the client as the captures show it, where what was told
// says how the two differ.
type clients struct {
	told *Told
	seen map[netip.Addr]bool // clients in the captures
	as   map[netip.Addr]netip.Addr
}

// newClients is nil where nothing was told of addresses on the way.
func newClients(told *Told, captures []*Capture) *clients {
	if len(told.NAT)+len(told.Proxies) == 0 {
		return nil
	}
	c := &clients{told: told, seen: map[netip.Addr]bool{}, as: map[netip.Addr]netip.Addr{}}
	for _, k := range captures {
		for _, f := range k.Flows {
			c.seen[f.Client.Addr().Unmap()] = true
		}
	}
	several := map[netip.Addr]bool{}
	for _, t := range told.NAT {
		for _, pair := range [][2]netip.Addr{{t.Outside, t.Inside}, {t.Inside, t.Outside}} {
			if c.seen[pair[0]] || !c.seen[pair[1]] {
				continue
			}
			if other, ok := c.as[pair[0]]; ok && other != pair[1] {
				several[pair[0]] = true // which of them, the line does not tell
			}
			c.as[pair[0]] = pair[1]
		}
	}
	for a := range several {
		delete(c.as, a)
	}
	return c
}

// set replaces the client of an event of a log by the one that the captures
// show. What the line says of who is behind a proxy joins Peers.
func (c *clients) set(e *logparse.Event, host string) {
	client := e.Client.Addr().Unmap()
	if c == nil || !client.IsValid() || c.seen[client] {
		return
	}
	if a, ok := c.as[client]; ok {
		e.Client = netip.AddrPortFrom(a, e.Client.Port())
		return
	}
	if e.Kind != logparse.HTTPRequest && e.Kind != logparse.AppRequest {
		return
	}
	if p := c.proxy(host); p.IsValid() && !slices.ContainsFunc(e.Peers, func(a netip.Addr) bool { return c.seen[a.Unmap()] }) {
		e.Peers = append([]netip.Addr{client}, e.Peers...)
		e.Client, e.Peer = netip.AddrPortFrom(p, 0), netip.AddrPortFrom(p, 0)
	}
}

// proxy is the only one that asks the host in the captures.
func (c *clients) proxy(host string) (found netip.Addr) {
	for _, p := range c.told.Proxies {
		own := c.told.Addresses[host]
		serves := len(p.Backends) == 0 || len(own) == 0 || slices.ContainsFunc(own, func(a netip.Addr) bool { return slices.Contains(p.Backends, a) })
		switch {
		case !c.seen[p.Address] || !serves:
		case found.IsValid():
			return netip.Addr{}
		default:
			found = p.Address
		}
	}
	return found
}

// strangersTo tells events of clients that none of the captures shows, neither
// themselves nor a proxy before them; nil where there is no capture. The addresses
// are gathered when first asked for: few logs are so long.
func strangersTo(captures []*Capture) func(*logparse.Event) bool {
	if len(captures) == 0 {
		return nil
	}
	shown := sync.OnceValue(func() map[netip.Addr]bool {
		all := map[netip.Addr]bool{}
		for _, k := range captures {
			for _, f := range k.Flows {
				all[f.Client.Addr().Unmap()] = true
			}
		}
		return all
	})
	return func(e *logparse.Event) bool {
		a := e.Client.Addr()
		return e.Kind == logparse.HTTPRequest && a.IsValid() && !shown()[a.Unmap()] &&
			!slices.ContainsFunc(e.Peers, func(p netip.Addr) bool { return shown()[p.Unmap()] })
	}
}
