package pcapflow

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strconv"
	"time"
)

// Ports where DNS is expected; elsewhere a message must be beyond doubt.
const (
	portDNS     = 53
	portNetBIOS = 137 // its name service has the same layout and is not DNS
	portMDNS    = 5353
	portLLMNR   = 5355
)

// What one flow or transaction remembers at most.
const (
	dnsTransactionsMax = 1 << 18
	dnsStampsMax       = 256 // Repeats, Extra
	dnsAnswersMax      = 256 // Addresses, CNAMEs, Targets
	dnsRepeatWindow    = int64(60 * time.Second)
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
	Open: func(f *Flow, _ *Env) Stream { return &dnsDatagrams{dnsFlow{f: f, multicast: dnsMulticast(f)}} },
}

// probeDNS judges a message of size octets of which b is the beginning.
func probeDNS(b []byte, port uint16, size int) Verdict {
	h, ok := parseDNSHeader(b)
	if !ok || port == portNetBIOS || h.flags&dnsZ != 0 || h.opcode() == 3 || h.opcode() > 6 {
		return No
	}
	expected := port == portDNS || port == portMDNS || port == portLLMNR
	if !expected && size < dnsHeaderLen+5*int(h.qd)+11*(int(h.an)+int(h.ns)+int(h.ar)) {
		return No // the counts promise more than fits
	}
	if !expected && h.qd != 1 || h.qd == 0 && !h.response() {
		return No
	}
	if !h.response() && !expected && (h.an != 0 || h.ns != 0 || h.ar > 2 || h.rcode() != 0 || h.flags&(dnsTC|dnsAA) != 0) {
		return No
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
	if _, known := dnsTypes[q.typ]; !known || q.class != 1 && q.class != 3 && q.class != 255 || len(name) == 0 {
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
	for _, a := range [...]netip.AddrPort{f.Client, f.Server} {
		if a.Addr().IsMulticast() || a.Port() == portMDNS || a.Port() == portLLMNR {
			return true
		}
	}
	return false
}

// dnsDatagrams is the Stream over UDP.
type dnsDatagrams struct{ dnsFlow }

func (s *dnsDatagrams) Data(d Dir, at Stamp, b []byte) { s.message(d, at, b, len(b)) }
func (s *dnsDatagrams) Gap(Dir, Stamp, int64)          {}
func (s *dnsDatagrams) Close(Stamp)                    {}

// dnsFlow pairs the queries and answers of one flow.
type dnsFlow struct {
	f         *Flow
	multicast bool
	keys      []uint64         // of f.DNS, in its order
	latest    map[uint64]int32 // key → index into f.DNS; only once there are many
	dropped   bool
}

// dnsLinear is how many transactions are searched one by one before an index
// pays: nearly every flow has one or two.
const dnsLinear = 16

var dnsSeed = maphash.MakeSeed()

// dnsKey identifies a transaction within a flow. It orders nothing and never
// leaves the process, so its seed may be random: no message can be built to
// collide.
func dnsKey(id uint16, asker Dir, q dnsQuestion, name []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(dnsSeed)
	var fixed [7]byte
	binary.BigEndian.PutUint16(fixed[:], id)
	binary.BigEndian.PutUint16(fixed[2:], q.typ)
	binary.BigEndian.PutUint16(fixed[4:], q.class&0x7fff) // mDNS uses the top bit for itself
	fixed[6] = byte(asker)
	h.Write(fixed[:])
	h.Write(name)
	return h.Sum64()
}

// message takes one message of size octets, of which the capture may hold less.
func (s *dnsFlow) message(d Dir, at Stamp, b []byte, size int) {
	h, ok := parseDNSHeader(b)
	if !ok {
		s.malformed(at, dnsShort)
		return
	}
	var text [dnsNameText]byte
	name, q, off, bad := parseDNSQuestions(b, h.qd, text[:0])
	if bad != "" {
		s.malformed(at, bad)
		if !q.asked {
			return
		}
	}
	m := dnsMessage{header: h, question: q, name: name, body: b, records: off, size: size, whole: bad == ""}
	if h.response() {
		s.answer(d, at, &m)
	} else {
		s.query(d, at, &m)
	}
}

// dnsMessage is a message as far as it was read.
type dnsMessage struct {
	header   dnsHeader
	question dnsQuestion
	name     []byte // of the question, lower case
	body     []byte
	records  int // offset of the first record
	size     int
	whole    bool // the question section was read to its end
}

func (s *dnsFlow) query(d Dir, at Stamp, m *dnsMessage) {
	key := dnsKey(m.header.id, d, m.question, m.name)
	if t := s.find(key, m); t != nil && !t.Answer.Seen() && at.Time-t.lastQuery().Time <= dnsRepeatWindow {
		t.Repeats = appendStamp(t.Repeats, at)
		return
	}
	t := s.open(key, d, m)
	if t == nil {
		return
	}
	t.Query, t.Bytes[0], t.Flags[0] = at, m.size, m.header.flags
	if m.whole {
		s.readQueryOptions(at, m, t)
	}
}

// readQueryOptions looks for the OPT record of a query (RFC 6891 §6.1).
func (s *dnsFlow) readQueryOptions(at Stamp, m *dnsMessage, t *Transaction) {
	off := m.records
	for range int(m.header.an) + int(m.header.ns) + int(m.header.ar) {
		var r dnsRecord
		var bad dnsProblem
		if off, bad = nextDNSRecord(m.body, off, &r); bad != "" {
			s.malformed(at, bad)
			return
		}
		if r.typ == dnsOPT {
			t.EDNS = int(r.class)
		}
	}
}

func (s *dnsFlow) answer(d Dir, at Stamp, m *dnsMessage) {
	asker := d.Other()
	var t *Transaction
	if m.question.asked {
		t = s.find(dnsKey(m.header.id, asker, m.question, m.name), m)
	} else {
		t = s.findByID(m.header.id, asker)
	}
	if t == nil {
		mismatch := m.question.asked && s.findByID(m.header.id, asker) != nil
		var text [dnsNameText]byte
		if !m.question.asked { // as in multicast: the first record names it
			m.nameByRecord(text[:0])
		}
		if t = s.open(dnsKey(m.header.id, asker, m.question, m.name), asker, m); t == nil {
			return
		}
		t.Mismatch = mismatch
	}
	if t.Answer.Seen() {
		if t.Type == "AXFR" || t.Type == "IXFR" { // a transfer takes many messages (RFC 5936 §2.2)
			t.AnswerEnd = at
			t.Messages++
			t.Bytes[1] += m.size
			t.Records += s.countAnswers(m)
			return
		}
		t.Extra = appendStamp(t.Extra, at)
		t.Late = len(t.Repeats) > 0 && t.Repeats[0].Time <= t.Answer.Time
		return
	}
	t.Answer, t.AnswerEnd, t.Messages = at, at, 1
	t.Bytes[1], t.Flags[1] = m.size, m.header.flags
	t.Truncated = m.header.flags&dnsTC != 0
	rcode := m.header.rcode()
	if m.whole {
		rcode |= s.readAnswer(at, m, t)
	}
	t.RCode = dnsRCodeName(rcode)
}

// nameByRecord takes name and type of the first record for a message without a
// question.
func (m *dnsMessage) nameByRecord(dst []byte) {
	var r dnsRecord
	if _, bad := nextDNSRecord(m.body, m.records, &r); bad != "" || r.typ == dnsOPT {
		return
	}
	if name, bad := appendDNSName(dst, m.body, r.owner); bad == "" {
		m.name, m.question = name, dnsQuestion{typ: r.typ, class: r.class}
	}
}

// open begins a transaction; nil when the flow already holds too many.
func (s *dnsFlow) open(key uint64, asker Dir, m *dnsMessage) *Transaction {
	f := s.f
	if len(f.DNS) >= dnsTransactionsMax {
		if !s.dropped {
			s.dropped = true
			noteOnce(f, "dns: over "+strconv.Itoa(dnsTransactionsMax)+" transactions in one flow, the rest is not listed")
		}
		return nil
	}
	t := Transaction{
		ID: m.header.id, Name: string(m.name), Asker: asker, Opcode: m.header.opcode(), EDE: -1, Multicast: s.multicast,
	}
	if m.question.typ != 0 {
		t.Type = dnsTypeName(m.question.typ)
	}
	f.DNS = append(f.DNS, t)
	s.keys = append(s.keys, key)
	switch last := len(f.DNS) - 1; {
	case s.latest != nil:
		s.latest[key] = int32(last)
	case last >= dnsLinear:
		s.latest = make(map[uint64]int32, 4*dnsLinear)
		for i, k := range s.keys {
			s.latest[k] = int32(i)
		}
	}
	return &f.DNS[len(f.DNS)-1]
}

// find returns the latest transaction with that key, nil when there is none.
func (s *dnsFlow) find(key uint64, m *dnsMessage) *Transaction {
	i := -1
	if s.latest != nil {
		if at, ok := s.latest[key]; ok {
			i = int(at)
		}
	} else {
		for i = len(s.keys) - 1; i >= 0 && s.keys[i] != key; i-- {
		}
	}
	if i < 0 || s.f.DNS[i].ID != m.header.id || s.f.DNS[i].Name != string(m.name) {
		return nil
	}
	return &s.f.DNS[i]
}

// findByID returns the latest transaction with that ID: unanswered ones first,
// for servers that leave the question out of an error.
func (s *dnsFlow) findByID(id uint16, asker Dir) *Transaction {
	var answered *Transaction
	for i := len(s.f.DNS) - 1; i >= 0 && i >= len(s.f.DNS)-dnsLinear; i-- {
		t := &s.f.DNS[i]
		if t.ID != id || t.Asker != asker || !t.Query.Seen() {
			continue
		}
		if !t.Answer.Seen() {
			return t
		}
		if answered == nil {
			answered = t
		}
	}
	return answered
}

func (t *Transaction) lastQuery() Stamp {
	if n := len(t.Repeats); n > 0 {
		return t.Repeats[n-1]
	}
	return t.Query
}

func (s *dnsFlow) malformed(at Stamp, p dnsProblem) {
	noteOnce(s.f, "dns: malformed message, "+string(p)+": first in frame "+strconv.Itoa(at.Frame), "dns: malformed message, "+string(p))
}

func appendStamp(to []Stamp, at Stamp) []Stamp {
	if len(to) >= dnsStampsMax {
		return to
	}
	return append(to, at)
}
