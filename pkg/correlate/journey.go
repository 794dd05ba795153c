package correlate

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// journeysOf makes the journeys of one conversation: one for each exchange, or
// one for the conversation as a whole. None for what only carries lookups.
func journeysOf(j *joint) []*Journey {
	f := j.flow()
	switch {
	case len(f.NTP) > 0:
		return nil // by exchange, in ntpJourneys
	case f.Transport == pcapflow.UDP:
		if f.QUIC == nil && f.TLS == nil {
			return nil
		}
		return []*Journey{wholeJourney(j)}
	case len(f.DNS) > 0:
		return nil
	}
	if view := exchangeView(j); view >= 0 {
		return exchangeJourneys(j, view)
	}
	return []*Journey{wholeJourney(j)}
}

// exchangeView picks the point whose exchanges are taken: the best for the
// client's view that shows any and holds whole packets. Of captures that cut
// theirs, the one that shows most. −1: no point shows one.
func exchangeView(j *joint) int {
	best, most := -1, 0
	for i, p := range j.points {
		if len(p.Flow.HTTP) == 0 {
			continue
		}
		if p.Capture.Snapped == 0 {
			return i
		}
		if len(p.Flow.HTTP) > most {
			best, most = i, len(p.Flow.HTTP)
		}
	}
	return best
}

func exchangeJourneys(j *joint, view int) []*Journey {
	points := append([]Point{j.points[view]}, j.points[:view]...)
	points = append(points, j.points[view+1:]...)
	j.points = points
	own := points[0].Flow.HTTP
	partners := make([][]int, len(points))
	for i, p := range points[1:] {
		partners[i+1] = exchangePartners(own, p.Flow.HTTP, points[0].Flow, p.Flow)
	}
	list := make([]*Journey, 0, len(own))
	for n := range own {
		e := &own[n]
		jn := &Journey{
			Service: httpService(j.flow()), Client: j.client, Server: j.server, ClientSeen: j.seen,
			Ordinal: e.Ordinal, Exchange: e, Name: exchangeName(e, j),
		}
		if jn.Ordinal == 0 {
			jn.Ordinal = n + 1
		}
		for i, p := range points {
			k := n
			if i > 0 {
				k = partners[i][n]
			}
			if k >= 0 {
				p.Exchange = &p.Flow.HTTP[k]
			}
			jn.Points = append(jn.Points, p)
		}
		list = append(list, jn)
	}
	return list
}

// mostCompared bounds the exchanges by whose sizes two views of a connection are laid
// over one another.
const mostCompared = 512

// exchangeShift tells which exchange of other is own[0]: 0 where both captures
// saw the connection begin, else where sizes agree best.
func exchangeShift(own, other []pcapflow.Exchange, a, b *pcapflow.Flow) int {
	if sawOpening(a) && sawOpening(b) || len(own) == len(other) || len(other) == 0 {
		return 0
	}
	best, at := -1, 0
	every := len(own)/mostCompared + 1
	for shift := len(other) - len(own); ; {
		n := 0
		for i := 0; i < len(own); i += every {
			if k := i + shift; k >= 0 && k < len(other) && own[i].RequestBytes == other[k].RequestBytes && own[i].ResponseBytes == other[k].ResponseBytes {
				n++
			}
		}
		if n > best {
			best, at = n, shift
		}
		if shift == 0 {
			return at
		}
		if shift < 0 {
			shift++
		} else {
			shift--
		}
	}
}

func httpService(f *pcapflow.Flow) string {
	if f.TLS != nil {
		return "https"
	}
	return "http"
}

func exchangeName(e *pcapflow.Exchange, j *joint) string {
	if e.Host != "" {
		return hostName(e.Host)
	}
	return flowName(j)
}

// hostName is a Host header without its port.
func hostName(host string) string {
	host = strings.ToLower(host)
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i > 0 {
			return host[1:i]
		}
		return host
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host, ':') == i {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// flowName is the name a conversation shows by itself.
func flowName(j *joint) string {
	for _, p := range j.points {
		if p.Flow.TLS != nil && p.Flow.TLS.SNI != "" {
			return strings.ToLower(p.Flow.TLS.SNI)
		}
		if p.Flow.QUIC != nil && p.Flow.QUIC.SNI != "" {
			return strings.ToLower(p.Flow.QUIC.SNI)
		}
	}
	return ""
}

func wholeJourney(j *joint) *Journey {
	f := j.flow()
	jn := &Journey{
		Service: wholeService(j), Client: j.client, Server: j.server, ClientSeen: j.seen,
		Ordinal: 1, Points: j.points, Name: flowName(j), SSH: f.SSH,
	}
	for _, p := range j.points {
		if jn.SSH == nil {
			jn.SSH = p.Flow.SSH
		}
	}
	return jn
}

// wholeService names a conversation without exchanges: by what it spoke, and
// where it never came to speak by the port it went to.
func wholeService(j *joint) string {
	for _, p := range j.points {
		f := p.Flow
		switch {
		case f.QUIC != nil:
			return "quic"
		case f.SSH != nil:
			return "ssh"
		case f.TLS != nil && f.TLS.DTLS != nil:
			return "dtls"
		case f.TLS != nil:
			if webALPN(f.TLS) || f.Server.Port() == 443 {
				return "https"
			}
			return "tls"
		case f.Service == "http" || f.Service == "ssh":
			return f.Service
		}
	}
	f := j.flow()
	if f.Payload[pcapflow.Server] == 0 {
		return portService(f.Server.Port())
	}
	return "tcp"
}

func webALPN(t *pcapflow.TLS) bool {
	if t.StartTLS != "" {
		return false
	}
	for _, name := range append([]string{t.ALPN}, t.Offered...) {
		if name == "h2" || strings.HasPrefix(name, "http/") {
			return true
		}
	}
	return false
}

// portService is what a port is meant for; used only where nothing was said.
func portService(port uint16) string {
	switch port {
	case 443, 8443:
		return "https"
	case 80, 8000, 8080:
		return "http"
	case 22:
		return "ssh"
	}
	return "tcp"
}

// ntpJourneys makes one journey for each NTP exchange; seen at several points
// it is one. An answer to nothing that was asked is none.
func ntpJourneys(inc *incident.Incident) []*Journey {
	type key struct {
		xmt    uint64
		server netip.Addr
	}
	seen := map[key][]*Journey{}
	type view struct {
		key
		source source
	}
	shown := map[view]int{} // how many of those from the first on the source has shown
	var list []*Journey
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			for i := range f.NTP {
				s := &f.NTP[i]
				if s.Poll || s.BogusOrigin {
					continue // no action of anybody: the request that drew such an answer has it
				}
				p := Point{Capture: c, Flow: f}
				k := key{s.Request.Xmt, f.Server.Addr()}
				v := view{k, sourceOf(p)}
				n := shown[v]
				for n < len(seen[k]) && seen[k][n].shownBy(v.source) {
					n++
				}
				shown[v] = n
				if s.Request.Seen() && n < len(seen[k]) {
					seen[k][n].addNTPPoint(p, s)
					continue
				}
				j := &Journey{Service: "ntp", Client: f.Client, Server: f.Server, Ordinal: 1, Points: []Point{p}, NTP: s}
				list = append(list, j)
				seen[k] = append(seen[k], j)
			}
		}
	}
	return list
}

// shownBy tells whether a capture, or the clock within it, has shown the journey.
func (j *Journey) shownBy(s source) bool {
	return slices.ContainsFunc(j.Points, func(p Point) bool { return sourceOf(p) == s })
}

// addNTPPoint adds a view of the same exchange and keeps the best one first.
func (j *Journey) addNTPPoint(p Point, s *pcapflow.NTPSample) {
	j.Points = append(j.Points, p)
	if closerToClient(p, j.Points[0]) < 0 {
		last := len(j.Points) - 1
		j.Points[0], j.Points[last] = j.Points[last], j.Points[0]
		if j.Client != p.Flow.Client {
			j.ClientSeen = j.Client
		}
		j.NTP, j.Client, j.Server = s, p.Flow.Client, p.Flow.Server
	} else if p.Flow.Client != j.Client {
		j.ClientSeen = p.Flow.Client
	}
}
