package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
)

// Sight is what the beginning of a capture shows of where it was made. Lists are in
// order, each name once.
type Sight struct {
	Stated  []string `json:"stated,omitempty"` // of interfaces and sections: host, name, comments
	Own     []string `json:"own,omitempty"`    // link addresses of what was sent, where a cooked capture says so
	Links   Ends     `json:"links"`            // link addresses of single stations
	Network Ends     `json:"network"`          // IP addresses of single hosts
}

// Ends are the addresses that packets go between.
type Ends struct {
	All     []string `json:"all,omitempty"`     // the first in order where there are very many
	Central []string `json:"central,omitempty"` // that nearly every packet goes from or to
	Few     bool     `json:"few,omitempty"`     // packets, too few to tell of a centre
}

const (
	mostEnds    = 64  // kept of one capture
	fewPackets  = 8   // tell of no centre
	nearlyEvery = .95 // of the packets
)

// ends counts addresses.
type ends struct {
	count   map[string]int
	packets int
}

func (e *ends) add(a, b string) {
	if a == "" || b == "" {
		return
	}
	e.packets++
	e.count[a]++
	if a != b {
		e.count[b]++
	}
}

func (e *ends) summed() (out Ends) {
	out.Few = e.packets < fewPackets
	for a, n := range e.count {
		out.All = append(out.All, a)
		if !out.Few && float64(n) >= nearlyEvery*float64(e.packets) {
			out.Central = append(out.Central, a)
		}
	}
	slices.Sort(out.All)
	slices.Sort(out.Central)
	out.All = out.All[:min(len(out.All), mostEnds)]
	return out
}

// SightOf looks at the packets of a capture's head.
func SightOf(head []byte) *Sight {
	r, err := NewReader(bytes.NewReader(head), Options{})
	if err != nil {
		return nil
	}
	links, network, own := ends{count: map[string]int{}}, ends{count: map[string]int{}}, map[string]bool{}
	var p Packet
	for r.Next(&p) == nil {
		to, from, sent, ip := linkOf(p.Link, p.Data)
		links.add(to, from)
		if sent && from != "" {
			own[from] = true
		}
		network.add(hostsOf(ip))
	}
	s := &Sight{Links: links.summed(), Network: network.summed()}
	for a := range own {
		s.Own = append(s.Own, a)
	}
	for _, i := range r.Interfaces() {
		for _, text := range []string{i.Host, i.Name} {
			if text != "" {
				s.Stated = append(s.Stated, text)
			}
		}
	}
	for _, c := range r.Comments() {
		if c.Frame == 0 {
			s.Stated = append(s.Stated, c.Text)
		}
	}
	slices.Sort(s.Own)
	slices.Sort(s.Stated)
	s.Own, s.Stated = slices.Compact(s.Own), slices.Compact(s.Stated)
	return s
}

// linkOf takes the stations of a frame: "" for what is none, as of groups and of links
// that name none. sent: the capturing host sent it (LINKTYPE_LINUX_SLL, _SLL2). ip is
// what follows; nil: it is not IP, or of a link that is not looked into.
func linkOf(link LinkType, b []byte) (to, from string, sent bool, ip []byte) {
	station := func(b []byte) string {
		if b[0]&1 != 0 || bytes.Equal(b[:6], make([]byte, 6)) {
			return ""
		}
		return hex.EncodeToString(b[:6])
	}
	const outgoing = 4
	switch {
	case link == 1 && len(b) >= 14:
		to, from = station(b), station(b[6:])
		at := 12
		for len(b) >= at+6 && (b[at] == 0x81 && b[at+1] == 0 || b[at] == 0x88 && b[at+1] == 0xa8) {
			at += 4
		}
		return to, from, false, isIP(binary.BigEndian.Uint16(b[at:]), b[at+2:])
	case link == 113 && len(b) >= 16:
		if binary.BigEndian.Uint16(b[4:]) == 6 {
			from = station(b[6:])
		}
		return "", from, binary.BigEndian.Uint16(b) == outgoing, isIP(binary.BigEndian.Uint16(b[14:]), b[16:])
	case link == 276 && len(b) >= 20:
		if b[11] == 6 {
			from = station(b[12:])
		}
		return "", from, b[10] == outgoing, isIP(binary.BigEndian.Uint16(b), b[20:])
	case link == 101 || link == 228 || link == 229:
		return "", "", false, b
	case (link == 0 || link == 108) && len(b) > 4:
		return "", "", false, b[4:]
	}
	return "", "", false, nil
}

func isIP(ether uint16, b []byte) []byte {
	if ether == 0x0800 || ether == 0x86dd {
		return b
	}
	return nil
}

// hostsOf takes the addresses of an IP packet that are of single hosts.
func hostsOf(b []byte) (from, to string) {
	var x, y netip.Addr
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		x, y = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	case len(b) >= 40 && b[0]>>4 == 6:
		x, y = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	default:
		return "", ""
	}
	if !x.IsGlobalUnicast() || !y.IsGlobalUnicast() {
		return "", ""
	}
	return x.String(), y.String()
}

// Likeness is what two captures tell of whether they were made at one place.
type Likeness uint8

const (
	Unknown   Likeness = iota // nothing in them tells
	Same                      // they were
	Elsewhere                 // they were not, as far as the beginnings of both tell
	Stated                    // they were not: they say so themselves
)

// Likeness compares where two captures were made. nil: nothing is known.
func (s *Sight) Likeness(o *Sight) Likeness {
	switch {
	case s == nil || o == nil:
		return Unknown
	case shared(s.Own, o.Own), len(s.Links.Central) > 0 && slices.Equal(s.Links.Central, o.Links.Central):
		return Same
	case len(s.Stated) > 0 && len(o.Stated) > 0 && !slices.Equal(s.Stated, o.Stated):
		return Stated
	case apart(s.Own, o.Own), apart(s.Links.All, o.Links.All), apart(s.Network.Central, o.Network.Central):
		return Elsewhere
	case len(s.Network.Central) > 0 && slices.Equal(s.Network.Central, o.Network.Central):
		return Same
	case len(s.Network.Central) > 0, len(o.Network.Central) > 0, s.Network.Few, o.Network.Few:
		return Unknown
	case shared(s.Links.All, o.Links.All), shared(s.Network.All, o.Network.All):
		return Same
	case apart(s.Network.All, o.Network.All):
		return Elsewhere
	}
	return Unknown
}

func shared(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func apart(a, b []string) bool { return len(a) > 0 && len(b) > 0 && !shared(a, b) }
