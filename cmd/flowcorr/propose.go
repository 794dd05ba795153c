package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// proposeCase makes a case file of what the evidence shows.
func proposeCase(c *correlate.Case) *casefile.Proposal {
	p := &proposer{hosts: map[string]*proposedHost{}}
	for _, l := range c.Incident.Logs {
		p.log(l)
	}
	for _, capt := range c.Incident.Captures {
		p.capture(capt)
	}
	nat := map[[2]netip.Addr]bool{}
	for _, j := range c.Journeys {
		p.journey(j)
		if pair := [2]netip.Addr{j.Client.Addr(), j.ClientSeen.Addr()}; pair[1].IsValid() && pair[0] != pair[1] {
			nat[pair] = true
		}
	}
	p.settle()
	out := &casefile.Proposal{}
	for name, h := range p.hosts {
		out.Hosts = append(out.Hosts, h.propose(name, c.Clocks))
	}
	slices.SortFunc(out.Hosts, func(a, b casefile.ProposedHost) int { return strings.Compare(a.Name, b.Name) })
	for pair := range nat {
		out.NAT = append(out.NAT, pair)
	}
	slices.SortFunc(out.NAT, func(a, b [2]netip.Addr) int {
		if n := a[0].Compare(b[0]); n != 0 {
			return n
		}
		return a[1].Compare(b[1])
	})
	out.Formats = doubtful(c.Incident.Files)
	return out
}

// proposer gathers what is known of each folder, which most often is a host.
type proposer struct{ hosts map[string]*proposedHost }

type proposedHost struct {
	addresses map[netip.Addr]int // how often each was seen to be its own
	names     map[string]bool    // in its lines
	zones     map[int]int        // lines by seconds east
	guessed   map[int]int
	as        [2]int // journeys in which it is client or server
	resolver  int    // lookups it answered
}

func (p *proposer) host(folder string) *proposedHost {
	h := p.hosts[folder]
	if h == nil {
		h = &proposedHost{addresses: map[netip.Addr]int{}, names: map[string]bool{}, zones: map[int]int{}, guessed: map[int]int{}}
		p.hosts[folder] = h
	}
	return h
}

func (p *proposer) log(l *incident.Log) {
	if l.Folder == "" {
		return
	}
	h := p.host(l.Folder)
	for i := range l.Events {
		e := &l.Events[i]
		if e.Host != "" && !strings.EqualFold(e.Host, l.Folder) {
			h.names[e.Host] = true
		}
		switch {
		case !e.HasTime:
		case e.Zone == logparse.ZoneStated && e.ZoneSeconds != 0:
			h.zones[e.ZoneSeconds]++
		case e.Zone == logparse.ZoneInferred:
			h.guessed[e.ZoneSeconds]++
		}
	}
}

func (p *proposer) capture(c *incident.Capture) {
	folder, _, below := strings.Cut(c.Files[0].Path, "/")
	if !below || c.Vantage == pcapflow.VantageMiddle {
		return
	}
	h := p.host(folder)
	for _, a := range c.Own {
		h.addresses[a] += 1 + len(c.Flows)
	}
}

// journey learns from lines that were matched whose host it reached.
func (p *proposer) journey(j *correlate.Journey) {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status != "matched" || l.Log.Folder == "" {
			continue
		}
		h := p.host(l.Log.Folder)
		switch e.Kind {
		case logparse.ClientHTTP, logparse.ClientDNS, logparse.ClientSSH:
			h.addresses[j.Client.Addr()]++
			h.as[pcapflow.Client]++
		case logparse.DNSQuery, logparse.DNSReply:
			if k := j.Lookup; k != nil && len(k.Resolvers) == 1 {
				h.addresses[k.Resolvers[0]]++
				h.resolver++
			}
		case logparse.HTTPRequest, logparse.SSHConnection, logparse.SSHAccepted, logparse.SSHFailed:
			h.addresses[j.Server.Addr()]++
			h.as[pcapflow.Server]++
		}
	}
}

// settle leaves each address to the host that claims it most, and to none of
// two that claim it equally.
func (p *proposer) settle() {
	best := map[netip.Addr]int{}
	for _, h := range p.hosts {
		for a, n := range h.addresses {
			best[a] = max(best[a], n)
		}
	}
	owners := map[netip.Addr]int{}
	for _, h := range p.hosts {
		for a, n := range h.addresses {
			if n == best[a] {
				owners[a]++
			}
		}
	}
	for _, h := range p.hosts {
		for a, n := range h.addresses {
			if n < best[a] || owners[a] > 1 {
				delete(h.addresses, a)
			}
		}
	}
}

func (h *proposedHost) propose(name string, clocks []*correlate.Clock) casefile.ProposedHost {
	out := casefile.ProposedHost{Name: name}
	for a := range h.addresses {
		out.Addresses = append(out.Addresses, a)
	}
	slices.SortFunc(out.Addresses, netip.Addr.Compare)
	if len(h.names) == 1 { // several: a file that gathers hosts
		for n := range h.names {
			out.Aliases = append(out.Aliases, n)
		}
	}
	switch {
	case h.resolver > h.as[pcapflow.Server]:
		out.Role = "resolver"
	case h.as[pcapflow.Server] > h.as[pcapflow.Client]:
		out.Role = "server"
	case h.as[pcapflow.Client] > 0:
		out.Role = "client"
	}
	if zones := h.zones; len(zones) > 0 {
		out.Zone = casefile.FormatZone(most(zones))
	} else if len(h.guessed) > 0 {
		out.Zone, out.Guessed = casefile.FormatZone(most(h.guessed)), true
	}
	for _, k := range clocks {
		if k.Kind == "log" && strings.EqualFold(k.Name, name) && k.Status == clock.Measured && len(k.Segments) > 0 {
			s := k.Segments[0]
			out.Offset = fmt.Sprintf("%+.3fs   # measured: between %+.3f and %+.3f s", float64(s.Offset)/1e9, float64(s.Low)/1e9, float64(s.High)/1e9)
		}
	}
	return out
}

// most is the value with the most lines, the smaller of two.
func most(count map[int]int) int {
	best, n := 0, 0
	for v, k := range count {
		if k > n || k == n && v < best {
			best, n = v, k
		}
	}
	return best
}

// doubtful lists the files of which a word would help: not recognised, or taken
// for something general.
func doubtful(files []*incident.File) (list []casefile.ProposedFormat) {
	for _, f := range files {
		switch f.Kind {
		case incident.Unrecognised:
			if f.Bytes > 0 {
				list = append(list, casefile.ProposedFormat{File: f.Path})
			}
		case "custom-access", "text-log", "access-log":
			list = append(list, casefile.ProposedFormat{File: f.Path, Format: f.Kind, Other: f.RunnerUp})
		}
	}
	return list
}
