package pcapflow

import "net/netip"

// echoes pairs ICMP echo requests with their replies.
type echoes struct {
	list []*Echo
	open map[echoKey]*Echo

	clocks map[echoKey]clockAsk // timestamp requests
}

type echoKey struct {
	asker, target address
	id, seq       uint16
	encap         uint32
}

const (
	maxEchoes     = 1 << 16
	maxFlowErrors = 64 // ICMP errors kept of one flow
	maxICMP       = 4096
)

// icmp takes ICMP (RFC 792).
func (e *engine) icmp() {
	h := e.h
	b := h.body
	if len(b) < 8 {
		e.undecoded("packet cut within its ICMP header")
		return
	}
	switch b[0] {
	case 8, 0:
		e.echo(b, b[0] == 8)
	case 13, 14:
		e.timestamp(b, b[0] == 13)
	case 3, 4, 5, 11, 12:
		e.icmpError(b)
	default:
		e.undecoded("ICMP of another type")
	}
}

// icmpv6 takes ICMPv6 (RFC 4443, RFC 4861).
func (e *engine) icmpv6() {
	h := e.h
	b := h.body
	if len(b) < 8 {
		e.undecoded("packet cut within its ICMP header")
		return
	}
	switch b[0] {
	case 128, 129:
		e.echo(b, b[0] == 128)
	case 1, 2, 3, 4, ndRedirect:
		e.icmpError(b)
	case ndSolicitation, ndAdvertisement:
		e.neighbourDiscovery(b)
	case ndRouterSolicitation, ndRouterAdvertisement:
		e.routerDiscovery(b)
	default:
		e.undecoded("ICMPv6 of another type")
	}
}

func (e *engine) echo(b []byte, request bool) {
	h := e.h
	id, seq := be16(b[4:]), be16(b[6:])
	x := &e.echoes
	k := echoKey{h.src, h.dst, id, seq, h.encap}
	if !request {
		k.asker, k.target = h.dst, h.src
	}
	o := x.open[k]
	switch {
	case o != nil && request && !o.Reply.Seen() && h.stamp.Time-o.Request.Time <= copyDelay:
		return // a copy of the capture
	case o != nil && !request:
		if !o.Reply.Seen() {
			o.Reply = h.stamp
		}
		return
	}
	if len(x.list) >= maxEchoes {
		e.undecoded("ICMP echoes beyond the limit")
		return
	}
	if x.open == nil {
		x.open = map[echoKey]*Echo{}
	}
	o = &Echo{Asker: k.asker.netip(h.v6), Target: k.target.netip(h.v6), ID: id, Seq: seq}
	if request {
		o.Request = h.stamp
	} else {
		o.Reply = h.stamp
	}
	x.open[k] = o
	x.list = append(x.list, o)
}

func (x *echoes) end(r *Result) { r.Echoes = x.list }

// icmpError ties an error to the flow whose packet it quotes.
func (e *engine) icmpError(b []byte) {
	h := e.h
	x := ICMPError{
		Stamp: h.stamp, From: h.src.netip(h.v6), To: h.dst.netip(h.v6),
		Type: b[0], Code: b[1], V6: h.v6, Text: icmpText(h.v6, b[0], b[1]),
	}
	switch {
	case !h.v6 && b[0] == 3 && b[1] == 4: // RFC 1191 section 4
		x.MTU = int(be16(b[6:]))
	case !h.v6 && b[0] == 5: // RFC 792
		x.Better = addressV4(b[4:]).netip(false)
	case h.v6 && b[0] == 2:
		x.MTU = int(min(be32(b[4:]), 1<<30))
	}
	quote := b[8:]
	if h.v6 && b[0] == ndRedirect {
		quote = redirected(b, &x)
	}
	f, within := e.quotedFlow(quote, &x), quote
	for n := 0; f == nil && n < maxQuotedTunnels; n++ {
		if within = tunnelled(within); within == nil {
			break
		}
		y := x
		if f = e.quotedFlow(within, &y); f != nil || y.Possible > 0 {
			y.MTU = max(0, y.MTU-(len(quote)-len(within))) // what is left for this packet (RFC 2003 section 5.1)
			x = y
			break
		}
	}
	if f != nil {
		if o := e.record(f); len(o.ICMP) < maxFlowErrors {
			o.ICMP = append(o.ICMP, x)
		}
		return
	}
	if len(e.res.ICMP) < maxICMP {
		e.res.ICMP = append(e.res.ICMP, x)
	} else {
		e.undecoded("ICMP errors beyond the limit")
	}
}

// quotedFlow is the flow that an error quotes a packet of; nil: there is none, or several
// fit. A router's error may come in another VLAN or outside of the tunnel that the packet
// took: then the only flow between these endpoints is meant.
func (e *engine) quotedFlow(quote []byte, x *ICMPError) *flow {
	key, ok := e.quoted(quote, x)
	if !ok {
		return nil
	}
	hash := e.table.hash(&key)
	if f := e.table.find(&key, hash); f != nil {
		return f
	}
	f, n := e.table.elsewhere(&key, hash)
	if n > 1 {
		x.Possible = n
		return nil
	}
	return f
}

// maxQuotedTunnels is how many tunnels deep a quoted packet is looked for.
const maxQuotedTunnels = 2

// tunnelled is the packet within a quoted one of a tunnel, IP in IP (RFC 2003, RFC 4213,
// RFC 2473), or in GRE (RFC 2784); nil: it is none, or the quote does not reach it.
func tunnelled(b []byte) []byte {
	proto, head := byte(0), 0
	switch {
	case len(b) >= 20 && b[0]>>4 == 4 && be16(b[6:])&0x1fff == 0:
		proto, head = b[9], max(20, int(b[0]&15)*4)
	case len(b) >= 40 && b[0]>>4 == 6:
		proto, head = behindExtensions(b)
	}
	switch {
	case len(b) <= head:
		return nil
	case proto == protoIPv4 || proto == protoIPv6:
		return b[head:]
	case proto == protoGRE && len(b) >= head+4:
		flags, inner := be16(b[head:]), be16(b[head+2:])
		if flags&0x4fff != 0 || inner != etherIPv4 && inner != etherIPv6 { // routing, or another version
			return nil
		}
		head += 4
		for _, optional := range [...]uint16{0x8000, 0x2000, 0x1000} { // checksum, key, sequence
			if flags&optional != 0 {
				head += 4
			}
		}
		if len(b) > head {
			return b[head:]
		}
	}
	return nil
}

// behindExtensions gives what a quoted IPv6 packet of 40 octets and more carries behind its
// extension headers, and where that begins, which may be beyond the quote (RFC 8200
// section 4). A tunnel's packets have options of their own (RFC 2473 section 4.1.1).
// A later fragment is left as protoFragment: its beginning is not there.
func behindExtensions(b []byte) (proto byte, head int) {
	proto, head = b[6], 40
	for len(b) >= head+8 {
		switch proto {
		case protoHopByHop, protoRouting, protoOptions:
			proto, head = b[head], head+8+8*int(b[head+1])
		case protoFragment:
			if be16(b[head+2:])&^7 != 0 {
				return proto, head
			}
			proto, head = b[head], head+8
		default:
			return proto, head
		}
	}
	return proto, head
}

const (
	ndRedirect         = 137
	ndRedirectedHeader = 4
)

// redirected reads a redirect of neighbour discovery (RFC 4861 section 4.5), and gives
// the packet that it quotes, if it does.
func redirected(b []byte, x *ICMPError) (quote []byte) {
	if len(b) < 40 {
		return nil
	}
	x.Better = addressV6(b[8:]).netip(true)
	x.Target = netip.AddrPortFrom(addressV6(b[24:]).netip(true), 0)
	for b = b[40:]; len(b) >= 8; {
		n := int(b[1]) * 8
		if n == 0 || n > len(b) {
			n = len(b) // cut
		}
		if b[0] == ndRedirectedHeader {
			return b[8:n]
		}
		b = b[n:]
	}
	return nil
}

// quoted reads the packet that an error quotes, as far as it goes.
func (e *engine) quoted(b []byte, x *ICMPError) (key flowKey, ok bool) {
	q := header{section: e.h.section, encap: e.h.encap}
	var src, dst netip.Addr
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		head := int(b[0]&15) * 4
		if head < 20 || len(b) < head+4 {
			return key, false
		}
		q.src, q.dst, q.proto = addressV4(b[12:]), addressV4(b[16:]), b[9]
		if be16(b[6:])&0x1fff != 0 {
			q.proto = protoFragment // a later one: what stands here are no ports
		}
		b = b[head:]
	case len(b) >= 44 && b[0]>>4 == 6:
		q.src, q.dst, q.v6 = addressV6(b[8:]), addressV6(b[24:]), true
		proto, head := behindExtensions(b)
		if q.proto = proto; len(b) < head+4 {
			return key, false
		}
		b = b[head:]
	default:
		return key, false
	}
	src, dst = q.src.netip(q.v6), q.dst.netip(q.v6)
	switch q.proto {
	case protoTCP:
		x.Transport = TCP
	case protoUDP:
		x.Transport = UDP
	case protoSCTP:
		x.Transport = SCTP
	case protoICMP, protoICMPv6:
		x.Transport = ICMP
	default:
		x.Transport = OtherTransport
	}
	if x.Transport == ICMP || x.Transport == OtherTransport {
		x.Source, x.Target = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
		return key, false
	}
	q.sport, q.dport = be16(b), be16(b[2:])
	x.Source, x.Target = netip.AddrPortFrom(src, q.sport), netip.AddrPortFrom(dst, q.dport)
	key, _ = e.keyOf(&q)
	return key, true
}

// Expired tells whether a packet's time to live ran out on its way (RFC 792, RFC 4443
// section 3.3).
func (x *ICMPError) Expired() bool {
	return x.Code == 0 && (!x.V6 && x.Type == 11 || x.V6 && x.Type == 3)
}

// icmpTexts of the errors that tell why (RFC 792, RFC 1122, RFC 1812).
var icmpTexts = map[[2]uint8]string{
	{3, 0}: "network unreachable", {3, 1}: "host unreachable", {3, 2}: "protocol unreachable",
	{3, 3}: "port unreachable", {3, 4}: "fragmentation needed", {3, 5}: "source route failed",
	{3, 6}: "network unknown", {3, 7}: "host unknown", {3, 9}: "network prohibited", {3, 10}: "host prohibited",
	{3, 11}: "network unreachable for this service", {3, 12}: "host unreachable for this service",
	{3, 13}: "administratively prohibited", {3, 14}: "host precedence violation", {3, 15}: "precedence cutoff",
	{4, 0}: "source quench", {5, 0}: "redirect of network", {5, 1}: "redirect of host",
	{11, 0}: "TTL exceeded", {11, 1}: "reassembly time exceeded",
}

// icmpTexts6 of ICMPv6 (RFC 4443 section 3).
var icmpTexts6 = map[[2]uint8]string{
	{1, 0}: "no route", {1, 1}: "administratively prohibited", {1, 2}: "beyond scope of source address",
	{1, 3}: "address unreachable", {1, 4}: "port unreachable", {1, 5}: "source address failed policy",
	{1, 6}: "route rejected", {2, 0}: "packet too big",
	{3, 0}: "hop limit exceeded", {3, 1}: "reassembly time exceeded",
	{4, 0}: "erroneous header", {4, 1}: "unrecognised next header", {4, 2}: "unrecognised option",
}

func icmpText(v6 bool, kind, code uint8) string {
	texts, general := icmpTexts, "destination unreachable"
	if v6 {
		texts = icmpTexts6
	}
	if s, ok := texts[[2]uint8{kind, code}]; ok {
		return s
	}
	switch {
	case !v6 && kind == 5, v6 && kind == ndRedirect:
		return "redirect"
	case !v6 && kind == 11, v6 && kind == 3:
		return "time exceeded"
	case !v6 && kind == 12, v6 && kind == 4:
		return "parameter problem"
	}
	return general
}
