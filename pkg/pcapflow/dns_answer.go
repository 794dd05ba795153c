package pcapflow

import (
	"encoding/binary"
	"net/netip"
)

// readAnswer takes from an answer's records what a transaction keeps, and
// returns the upper bits of an extended response code (RFC 6891 §6.1.3). A
// record that cannot be read ends the reading; what came before stays.
func (s *dnsFlow) readAnswer(at Stamp, m *dnsMessage, t *Transaction) (extended uint16) {
	transfer := t.Type == "AXFR" || t.Type == "IXFR"
	answers := int(m.header.an)
	off := m.records
	for i := range answers + int(m.header.ns) + int(m.header.ar) {
		var r dnsRecord
		var bad dnsProblem
		if off, bad = nextDNSRecord(m.body, off, &r); bad != "" {
			s.malformed(at, bad)
			return extended
		}
		switch {
		case r.typ == dnsOPT:
			extended = uint16(r.ttl>>24) << 4
			t.EDE = ednsError(m.body[r.data:r.end], t.EDE)
		case i < answers:
			if !t.HasTTL || r.ttl < t.TTL {
				t.TTL, t.HasTTL = r.ttl, true
			}
			t.Records++
			if !transfer {
				t.take(m.body, &r, answers)
			}
		case r.typ == dnsSOA && i < answers+int(m.header.ns) && answers == 0:
			t.NegativeTTL = negativeTTL(m.body, &r)
		}
	}
	return extended
}

// NoData tells an answer that the name exists and has nothing of the type that was asked
// (RFC 2308 §2.2), from a server that says so by an SOA record or looks names up itself;
// else it may be a referral.
func (t *Transaction) NoData() bool {
	const available = 0x0080 // RA
	if !t.Answer.Seen() || t.RCode != "NOERROR" || t.Truncated || t.Unread > 0 || t.Opcode != 0 || t.Multicast || t.NegativeTTL == 0 && t.Flags[1]&available == 0 {
		return false
	}
	switch t.Type {
	case "A", "AAAA": // behind a CNAME there may be nothing
		return len(t.Addresses) == 0
	}
	return t.Records == 0
}

// countAnswers counts the records of the answer section that can be read.
func (s *dnsFlow) countAnswers(m *dnsMessage) (n int) {
	var r dnsRecord
	var bad dnsProblem
	for off := m.records; n < int(m.header.an); n++ {
		if off, bad = nextDNSRecord(m.body, off, &r); bad != "" {
			break
		}
	}
	return n
}

// take keeps an address or a name of the answer section.
func (t *Transaction) take(b []byte, r *dnsRecord, expect int) {
	data := b[r.data:r.end]
	switch {
	case r.typ == dnsA && len(data) == 4:
		t.addAddress(netip.AddrFrom4([4]byte(data)), expect)
	case r.typ == dnsAAAA && len(data) == 16:
		t.addAddress(netip.AddrFrom16([16]byte(data)), expect)
	case r.typ == dnsCNAME || r.typ == dnsDNAME:
		if r.typ == dnsCNAME {
			t.CNAMEs = appendTarget(t.CNAMEs, b, r, 0)
		}
	case r.typ == dnsPTR || r.typ == dnsNS || r.typ == dnsSOA:
		t.Targets = appendTarget(t.Targets, b, r, 0)
	case r.typ == dnsMX:
		t.Targets = appendTarget(t.Targets, b, r, 2)
	case r.typ == dnsSRV:
		t.Targets = appendTarget(t.Targets, b, r, 6)
	}
}

func (t *Transaction) addAddress(a netip.Addr, expect int) {
	if len(t.Addresses) >= dnsAnswersMax {
		return
	}
	if t.Addresses == nil {
		t.Addresses = make([]netip.Addr, 0, min(expect, 8))
	}
	t.Addresses = append(t.Addresses, a)
}

// appendTarget appends the name that begins skip octets into the record's data.
func appendTarget(to []string, b []byte, r *dnsRecord, skip int) []string {
	if len(to) >= dnsAnswersMax || r.data+skip >= r.end {
		return to
	}
	var text [dnsNameText]byte
	name, bad := appendDNSName(text[:0], b, r.data+skip)
	if bad != "" {
		return to
	}
	return append(to, string(name))
}

// ednsError returns the first extended error among the options (RFC 8914 §2),
// or what was known before.
func ednsError(options []byte, before int) int {
	for len(options) >= 4 {
		code, n := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		options = options[4:]
		if n > len(options) {
			break
		}
		if code == ednsEDE && n >= 2 {
			return int(binary.BigEndian.Uint16(options))
		}
		options = options[n:]
	}
	return before
}

// negativeTTL is how long the absence may be remembered: the lesser of the SOA
// record's TTL and its last field (RFC 2308 §5).
func negativeTTL(b []byte, r *dnsRecord) uint32 {
	if r.end-r.data < 22 {
		return r.ttl
	}
	return min(r.ttl, binary.BigEndian.Uint32(b[r.end-4:]))
}
