package report

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// NeighbourSeries are the resolutions (ARP, neighbour discovery) of one host for
// one address in one capture.
type NeighbourSeries struct {
	Evidence      string      `json:"evidence"`
	Protocol      string      `json:"protocol"`        // arp | nd
	Asker         string      `json:"asker,omitempty"` // unspecified: it made sure that nobody has the address
	Target        string      `json:"target"`
	Frame         int         `json:"frame"` // its first
	Resolutions   int         `json:"resolutions"`
	Attempts      int         `json:"attempts"`
	Unicast       int         `json:"unicast_attempts,omitempty"` // of these: whether a known link address still holds
	Unanswered    int         `json:"unanswered"`
	Unseen        int         `json:"unseen_answers,omitempty"` // the capture is of another host, to which an answer would not come
	Unasked       int         `json:"unasked_answers,omitempty"`
	Announced     int         `json:"announcements,omitempty"`
	Time          *Statistics `json:"time,omitempty"` // from the first request to the answer
	LinkAddresses []string    `json:"link_addresses,omitempty"`
	Changed       bool        `json:"link_address_changed,omitempty"`
	Duplicate     bool        `json:"duplicate_address,omitempty"` // two link addresses answered one request
	Proxy         bool        `json:"proxy,omitempty"`             // a router answered in the target's name
	ProxyFrame    int         `json:"proxy_frame,omitempty"`       // its first such answer
}

// Gateway is a router on the link of a capture.
type Gateway struct {
	Evidence    string   `json:"evidence"`
	LinkAddress string   `json:"link_address"`
	Addresses   []string `json:"addresses,omitempty"` // its own on the link, where resolutions tell them
	By          []string `json:"by"`                  // how it is known: hop-limit | resolution | advertisement
	Hosts       []string `json:"hosts,omitempty"`     // that asked for it before they sent to other networks
	BehindCount int      `json:"behind_count"`
	Behind      []string `json:"behind,omitempty"` // some of the addresses whose packets it brought
	First       Instant  `json:"first"`
	Last        Instant  `json:"last"`
	Frames      []int    `json:"frames"`             // that show it: requests, answers, its first packet
	Replaces    string   `json:"replaces,omitempty"` // the link address that did the same before
}

const (
	mostNeighbours = 2000 // series in a report
	mostBehind     = 8    // addresses of a gateway
	mostShown      = 8    // resolutions of a gateway
)

func (b *builder) neighbourSeries(list []*correlate.NeighbourSeries) (out []NeighbourSeries) {
	for _, s := range list[:min(len(list), mostNeighbours)] {
		_, frame := b.file(s.Capture, s.First.Frame)
		proxyFrame := 0
		if s.Proxy.Seen() {
			_, proxyFrame = b.file(s.Capture, s.Proxy.Frame)
		}
		out = append(out, NeighbourSeries{
			Evidence: b.evidenceID(s.Capture, s.First), Protocol: s.Protocol, Asker: address(s.Asker), Target: address(s.Target), Frame: frame,
			Resolutions: s.Resolutions, Attempts: s.Attempts, Unicast: s.Unicast, Unanswered: s.Unanswered, Unseen: s.Unseen, Unasked: s.Unasked, Announced: s.Announced,
			Time: statistics(s.Took), LinkAddresses: linkAddresses(s.MACs), Changed: len(s.MACs) > 1 && !s.Both, Duplicate: s.Both,
			Proxy: s.Proxy.Seen(), ProxyFrame: proxyFrame,
		})
	}
	return out
}

func linkAddresses(list [][6]byte) (out []string) {
	for _, m := range list {
		out = append(out, pcapflow.LinkAddress(m))
	}
	return out
}

func (b *builder) gateways(list []*correlate.Gateway) (out []Gateway) {
	for _, g := range list {
		x := Gateway{
			Evidence: b.evidenceID(g.Capture, g.First), LinkAddress: pcapflow.LinkAddress(g.MAC), Addresses: addresses(g.Addresses), Hosts: addresses(g.Hosts),
			BehindCount: g.BehindCount, Behind: addresses(g.Behind[:min(len(g.Behind), mostBehind)]),
			First: Instant(g.First.Time), Last: Instant(g.Last.Time), By: append([]string{}, g.By()...),
		}
		for _, frame := range g.Shown(mostShown) {
			if frame > 0 {
				_, n := b.file(g.Capture, frame)
				x.Frames = append(x.Frames, n)
			}
		}
		if g.Before != nil {
			x.Replaces = pcapflow.LinkAddress(g.Before.MAC)
		}
		out = append(out, x)
	}
	return out
}

func addresses(list []netip.Addr) (out []string) {
	for _, a := range list {
		out = append(out, address(a))
	}
	return out
}

// fits tells whether the series is of an endpoint.
func (s *NeighbourSeries) fits(fits func(endpoint string) bool) bool {
	return fits(s.Asker) || fits(s.Target)
}

func (g *Gateway) fits(fits func(endpoint string) bool) bool {
	for _, list := range [][]string{g.Addresses, g.Hosts, g.Behind} {
		for _, a := range list {
			if fits(a) {
				return true
			}
		}
	}
	return false
}
