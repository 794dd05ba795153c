package pcapflow

// Ports where DNS is expected; elsewhere a message must be beyond doubt.
const (
	portDNS     = 53
	portNetBIOS = 137 // its name service has the same layout and is not DNS
	portMDNS    = 5353
	portLLMNR   = 5355
)

// dnsDissector is DNS over UDP, multicast DNS (RFC 6762) and LLMNR (RFC 4795)
// included: a datagram is a message.
var dnsDissector = &Dissector{
	Name:      "dns",
	Transport: UDP,
	Probe: func(first [2][]byte, port uint16) Verdict {
		verdict := No
		for _, b := range first {
			if len(b) == 0 {
				continue
			}
			if verdict = probeDNS(b, port, len(b)); verdict == Yes {
				return Yes
			}
		}
		return verdict
	},
	Open: func(f *Flow, env *Env) Stream {
		s := take(&env.pools.dns)
		if s == nil {
			s = &dnsDatagrams{}
		}
		s.f, s.env, s.multicast = f, env, dnsMulticast(f)
		f.DNS = s.room
		return s
	},
}

// probeDNS judges a message of size octets of which b is the beginning.
func probeDNS(b []byte, port uint16, size int) Verdict {
	h, ok := parseDNSHeader(b)
	if !ok || port == portNetBIOS || h.opcode() == 3 || h.opcode() > 6 {
		return No
	}
	expected := port == portDNS || port == portMDNS || port == portLLMNR
	if !expected && h.flags&dnsZ != 0 {
		return No
	}
	if !expected && size < dnsHeaderLen+5*int(h.qd)+11*(int(h.an)+int(h.ns)+int(h.ar)) {
		return No // the counts promise more than fits
	}
	if !expected && h.qd != 1 || h.qd == 0 && !h.response() {
		return No
	}
	if !h.response() && !expected && (h.an != 0 || h.ns != 0 || h.ar > 2 || h.rcode() != 0 || h.flags&(dnsTC|dnsAA) != 0) {
		return No
	}
	if expected && h.qd == 1 && isPlainQuestion(b) {
		return Yes
	}
	var text [dnsNameText]byte
	name, q, off, bad := parseDNSQuestions(b, h.qd, text[:0])
	if expected && (bad == "" || bad == dnsShort) { // short: cut by the snap length
		return Yes
	}
	if bad == dnsShort && len(b) < size {
		return Maybe
	}
	if bad != "" {
		return No
	}
	if !dnsTypeKnown(q.typ) || q.class != 1 && q.class != 3 && q.class != 255 || len(name) == 0 {
		return No
	}
	for range int(h.an) + int(h.ns) + int(h.ar) {
		var r dnsRecord
		if off, bad = nextDNSRecord(b, off, &r); bad != "" {
			if bad == dnsShort && len(b) < size {
				return Maybe
			}
			return No
		}
	}
	if off != size {
		return No
	}
	return Yes
}

func dnsMulticast(f *Flow) bool {
	switch {
	case f.Server.Port() == portMDNS, f.Server.Port() == portLLMNR, f.Client.Port() == portMDNS, f.Client.Port() == portLLMNR:
		return true
	}
	return f.Server.Addr().IsMulticast() || f.Client.Addr().IsMulticast()
}

// dnsDatagrams is the Stream over UDP.
type dnsDatagrams struct {
	dnsFlow
	cut   dnsCut
	piece Stamp // the first fragment of the latest answer that was not whole by then
}

// whole takes an answer that came in fragments. What was missing before is worth
// knowing where the query was repeated for it.
func (s *dnsDatagrams) whole(t *Transaction) {
	t.Pieces = uint16(s.env.pieces)
	t.PieceLost = t.PieceLost && t.lastQuery().Time > s.piece.Time
}

// firstPiece takes the first fragment of a datagram that may never be whole.
func (s *dnsDatagrams) firstPiece(d Dir, at Stamp, b []byte) {
	h, ok := parseDNSHeader(b)
	if !ok || !h.response() {
		return
	}
	if i := s.findByID(h.id, d.Other()); i >= 0 && !s.f.DNS[i].Answer.Seen() && !s.f.DNS[i].PieceLost {
		s.f.DNS[i].PieceLost, s.piece = true, at
	}
}

// reuse implements reusable.
func (s *dnsDatagrams) reuse(env *Env) {
	*s = dnsDatagrams{dnsFlow: dnsFlow{keys: s.keys[:0], room: emptied(s.f.DNS)}}
	if cap(s.keys) <= dnsLinear {
		layBy(&env.pools.dns, s)
	}
}

// dnsCut is a message that ended within its question. A gap in the same frame
// tells that the snap length did it.
type dnsCut struct {
	header dnsHeader
	d      Dir
	at     Stamp
	size   int
}

func (s *dnsDatagrams) Data(d Dir, at Stamp, b []byte) {
	s.settle()
	s.last = dnsPlace{}
	if h, bad := s.message(d, at, b, len(b)); bad == dnsShort {
		s.cut = dnsCut{h, d, at, len(b)}
	} else if bad != "" {
		s.malformed(at, bad)
	} else if s.multicast {
		s.pair(d, at, b)
	}
	if s.env.pieces > 0 && s.last.found && s.last.side == 1 {
		s.whole(&s.f.DNS[s.last.index])
	}
}

// Gap tells how much of the datagram the snap length cut off.
func (s *dnsDatagrams) Gap(d Dir, at Stamp, n int64) {
	missing := int(min(n, 1<<16))
	if c := s.cut; c.at == at && c.d == d {
		s.headerOnly(d, at, c.header, c.size)
	}
	s.cut, s.short = dnsCut{}, Stamp{}
	if s.last.found {
		t := &s.f.DNS[s.last.index]
		t.Bytes[s.last.side] += missing
		const least = 11 // octets of a record
		if unread := s.last.answers - t.Records; s.last.side == 1 && unread > 0 && unread*least <= missing+t.Bytes[1] {
			t.Records, t.Unread = s.last.answers, unread
		}
	}
}

func (s *dnsDatagrams) Close(Stamp) {
	s.settle()
	if s.multicast {
		s.env.multicast.forget(s)
	}
}

// settle: no gap followed, so the latest message was sent as short as it is.
func (s *dnsDatagrams) settle() {
	if s.cut.at.Seen() {
		s.short, s.cut = s.cut.at, dnsCut{}
	}
	s.complain()
}
