package pcapflow

import (
	"hash/maphash"
	"strconv"
	"time"
)

// What one flow or transaction remembers at most.
const (
	dnsTransactionsMax = 1 << 18
	dnsStampsMax       = 256 // Repeats, Extra
	dnsAnswersMax      = 256 // Addresses, CNAMEs, Targets
	dnsRepeatWindow    = int64(60 * time.Second)
)

// dnsFlow pairs the queries and answers of one flow.
type dnsFlow struct {
	f         *Flow
	env       *Env
	multicast bool
	keys      []uint64         // of f.DNS, in its order: dnsKey
	room      []Transaction    // for them, left by an ended flow
	latest    map[uint64]int32 // named key → index into f.DNS; only once there are many
	last      dnsPlace
	short     Stamp // of a message that ended early, until it is known whether the capture cut it
	dropped   bool
}

// dnsPlace is where the size of the latest message stands.
type dnsPlace struct {
	found bool
	index int // in f.DNS
	side  int // of Bytes

	answers int // records of its answer section, as its header says
}

// dnsLinear is how many transactions are searched one by one before an index
// pays: nearly every flow has one or two.
const dnsLinear = 16

var dnsSeed = maphash.MakeSeed()

// dnsKey is what identifies a transaction within a flow besides its name.
func dnsKey(id uint16, asker Dir, q dnsQuestion) uint64 {
	return uint64(id)<<48 | uint64(q.typ)<<32 | uint64(q.class&0x7fff)<<16 | uint64(asker) // mDNS uses the top bit of the class for itself
}

// named mixes a key with the hash of a name. It orders nothing and never leaves
// the process, so its seed may be random: no message can be built to collide.
func named(key, name uint64) uint64 {
	const m = 0x9e3779b97f4a7c15
	return (name ^ key*m) * m
}

// message takes one message of size octets, of which the capture may hold less.
// A problem in its question is returned: nothing was done then.
func (s *dnsFlow) message(d Dir, at Stamp, b []byte, size int) (dnsHeader, dnsProblem) {
	h, ok := parseDNSHeader(b)
	if !ok {
		s.malformed(at, dnsShort)
		return h, ""
	}
	var text [dnsNameText]byte
	name, q, off, bad := parseDNSQuestions(b, h.qd, text[:0])
	if bad != "" && !q.asked {
		return h, bad
	}
	if bad != "" {
		s.malformed(at, bad)
	}
	m := dnsMessage{header: h, question: q, name: name, body: b, records: off, size: size, whole: bad == ""}
	s.dispatch(d, at, &m)
	return h, ""
}

// headerOnly takes a message of which the capture holds no whole question: it
// is known by its ID alone.
func (s *dnsFlow) headerOnly(d Dir, at Stamp, h dnsHeader, size int) {
	s.dispatch(d, at, &dnsMessage{header: h, size: size})
}

func (s *dnsFlow) dispatch(d Dir, at Stamp, m *dnsMessage) {
	if m.header.response() {
		s.answer(d, at, m)
	} else {
		s.query(d, at, m)
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
	key := dnsKey(m.header.id, d, m.question)
	if i := s.find(key, m); i >= 0 {
		if t := &s.f.DNS[i]; !t.Answer.Seen() && at.Time-t.lastQuery().Time <= dnsRepeatWindow {
			t.Repeats = appendStamp(t.Repeats, at)
			return
		}
	}
	i := s.open(key, d, m)
	if i < 0 {
		return
	}
	t := &s.f.DNS[i]
	s.last = dnsPlace{found: true, index: i}
	t.Query, t.Bytes[0], t.Flags[0] = at, m.size, m.header.flags
	if m.whole {
		t.spelling, t.MixedCase = m.spelling()
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
	i := s.asked(d.Other(), m)
	if i < 0 {
		return
	}
	t := &s.f.DNS[i]
	s.last = dnsPlace{true, i, 1, int(m.header.an)}
	if t.Answer.Seen() {
		if t.Type == "AXFR" || t.Type == "IXFR" { // a transfer takes many messages (RFC 5936 §2.2)
			t.AnswerEnd = at
			t.Messages++
			t.Bytes[1] += m.size
			t.Records += s.countAnswers(m)
			return
		}
		s.last.found = false
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
		t.compareSpelling(m)
	}
	t.RCode = dnsRCodeName(rcode)
}

// asked returns the transaction that an answer belongs to, a new one for an
// answer that nobody asked for; -1 when there is no room for that.
func (s *dnsFlow) asked(asker Dir, m *dnsMessage) int {
	byID := s.findByID(m.header.id, asker)
	if !m.question.asked {
		if byID >= 0 {
			return byID
		}
		var text [dnsNameText]byte
		if m.whole { // as in multicast: the first record names it
			m.nameByRecord(text[:0])
		}
	}
	key := dnsKey(m.header.id, asker, m.question)
	if i := s.find(key, m); i >= 0 {
		return i
	}
	if byID >= 0 && s.f.DNS[byID].Type == "" { // the capture holds no more than its query's header
		t := &s.f.DNS[byID]
		t.Name, t.Type = string(m.name), dnsTypeName(m.question.typ)
		return byID
	}
	i := s.open(key, asker, m)
	if i >= 0 {
		s.f.DNS[i].Mismatch = m.question.asked && byID >= 0
	}
	return i
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

// open begins a transaction; -1 when the flow already holds too many.
func (s *dnsFlow) open(key uint64, asker Dir, m *dnsMessage) int {
	f := s.f
	if len(f.DNS) >= dnsTransactionsMax {
		if !s.dropped {
			s.dropped = true
			noteOnce(f, "dns: over "+strconv.Itoa(dnsTransactionsMax)+" transactions in one flow, the rest is not listed")
		}
		return -1
	}
	n := len(f.DNS)
	if n < cap(f.DNS) { // with the room that a transaction of an ended flow took for its addresses
		f.DNS = f.DNS[:n+1]
	} else {
		f.DNS = append(f.DNS, Transaction{})
	}
	t := &f.DNS[n]
	room := emptied(t.Addresses)
	*t = Transaction{}
	t.ID, t.Name, t.Asker, t.Opcode, t.EDE, t.Multicast, t.Addresses = m.header.id, s.env.text(m.name), asker, m.header.opcode(), -1, s.multicast, room
	if m.question.typ != 0 {
		t.Type = dnsTypeName(m.question.typ)
	}
	s.keys = append(s.keys, key)
	switch last := len(f.DNS) - 1; {
	case s.latest != nil:
		s.latest[named(key, maphash.String(dnsSeed, t.Name))] = int32(last)
	case last >= dnsLinear:
		s.latest = make(map[uint64]int32, 4*dnsLinear)
		for i, k := range s.keys {
			s.latest[named(k, maphash.String(dnsSeed, s.f.DNS[i].Name))] = int32(i)
		}
	}
	return len(f.DNS) - 1
}

// find returns the latest transaction with that key and name, -1 when there is
// none.
func (s *dnsFlow) find(key uint64, m *dnsMessage) int {
	if s.latest != nil {
		if i, ok := s.latest[named(key, maphash.Bytes(dnsSeed, m.name))]; ok && s.keys[i] == key && s.f.DNS[i].Name == string(m.name) {
			return int(i)
		}
		return -1
	}
	for i := len(s.keys) - 1; i >= 0; i-- {
		if s.keys[i] == key && s.f.DNS[i].Name == string(m.name) {
			return i
		}
	}
	return -1
}

// findByID returns the latest transaction with that ID, unanswered ones first,
// for servers that leave the question out of an error; -1 when there is none.
func (s *dnsFlow) findByID(id uint16, asker Dir) int {
	answered := -1
	for i := len(s.f.DNS) - 1; i >= 0 && i >= len(s.f.DNS)-dnsLinear; i-- {
		t := &s.f.DNS[i]
		if t.ID != id || t.Asker != asker || !t.Query.Seen() {
			continue
		}
		if !t.Answer.Seen() {
			return i
		}
		if answered < 0 {
			answered = i
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
	if p == dnsShort {
		s.short = at
		return
	}
	s.note(at, p)
}

// complain notes a message that ended early although the capture did not cut it.
func (s *dnsFlow) complain() {
	if s.short.Seen() {
		s.note(s.short, dnsShort)
		s.short = Stamp{}
	}
}

func (s *dnsFlow) note(at Stamp, p dnsProblem) {
	noteOnce(s.f, "dns: malformed message, "+string(p)+": first in frame "+strconv.Itoa(at.Frame), "dns: malformed message, "+string(p))
}

func appendStamp(to []Stamp, at Stamp) []Stamp {
	if len(to) >= dnsStampsMax {
		return to
	}
	return append(to, at)
}
