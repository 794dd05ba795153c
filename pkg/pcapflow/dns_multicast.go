package pcapflow

import (
	"net/netip"
	"time"
)

// Questions that may wait for an answer by multicast at once, those of one message
// that count, and how long they wait: a responder answers within half a second
// (RFC 6762 §6, RFC 4795 §2.6), one that asks again does so each second at first.
const (
	multicastOpen      = 64
	multicastQuestions = 8
	multicastWait      = int64(5 * time.Second)
)

// multicastAsked are the questions that were put to a group. Their answers come
// from hosts that the question does not name, hence in other flows: to the group
// (mDNS), or to the asker alone (LLMNR, and mDNS on request).
type multicastAsked struct {
	list []multicastQuestion // a ring once it is full
	next int
}

// multicastQuestion is a question of the transaction f.DNS[index] of a flow.
type multicastQuestion struct {
	s     *dnsDatagrams // nil: answered, or its flow has ended
	index int
	id    uint16
	typ   uint16
	name  string
	at    Stamp
	asker netip.Addr
}

// pair takes a message of a multicast flow that has been read: what it asks
// waits, what it answers answers what waited.
func (s *dnsDatagrams) pair(d Dir, at Stamp, b []byte) {
	h, ok := parseDNSHeader(b)
	if !ok {
		return
	}
	from := s.f.Client
	if d == Server {
		from = s.f.Server
	}
	if !h.response() {
		if s.last.found && h.opcode() == 0 {
			s.env.multicast.ask(s, h, at, b, from.Addr())
		}
		return
	}
	llmnr := s.f.Client.Port() == portLLMNR || s.f.Server.Port() == portLLMNR
	var text [dnsNameText]byte
	_, _, off, bad := parseDNSQuestions(b, h.qd, text[:0])
	for i := 0; bad == "" && i < int(h.an) && i < dnsAnswersMax; i++ {
		var r dnsRecord
		if off, bad = nextDNSRecord(b, off, &r); bad != "" {
			return
		}
		for k := range s.env.multicast.list {
			q := &s.env.multicast.list[k]
			if q.s == nil || q.typ != r.typ && q.typ != dnsANY || llmnr && q.id != h.id || q.asker == from.Addr() || at.Time-q.at.Time > multicastWait {
				continue
			}
			if name, bad := appendDNSName(text[:0], b, r.owner); bad == "" && string(name) == q.name {
				q.answered(h, at, b, &r)
			}
		}
	}
}

// answered gives a question's transaction a record of the message that answers it.
// Records of later messages are further answers.
func (q *multicastQuestion) answered(h dnsHeader, at Stamp, b []byte, r *dnsRecord) {
	t := &q.s.f.DNS[q.index]
	if t.Answer.Seen() && t.Answer != at {
		if n := len(t.Extra); n == 0 || t.Extra[n-1] != at {
			t.Extra = appendStamp(t.Extra, at)
		}
		return
	}
	if !t.HasTTL || r.ttl < t.TTL {
		t.TTL, t.HasTTL = r.ttl, true
	}
	t.Answer, t.AnswerEnd, t.Messages = at, at, 1
	t.Bytes[1], t.Flags[1], t.RCode = len(b), h.flags, dnsRCodeName(h.rcode())
	t.Records++
	t.take(b, r, int(h.an))
}

// ask notes the questions of a message that begins a transaction.
func (a *multicastAsked) ask(s *dnsDatagrams, h dnsHeader, at Stamp, b []byte, from netip.Addr) {
	off := dnsHeaderLen
	for i := 0; i < int(h.qd) && i < multicastQuestions; i++ {
		var text [dnsNameText]byte
		name, bad := appendDNSName(text[:0], b, off)
		if bad != "" {
			return
		}
		if off, _ = skipDNSName(b, off); off+4 > len(b) {
			return
		}
		q := multicastQuestion{s, s.last.index, h.id, be16(b[off:]), s.env.text(name), at, from}
		off += 4
		if len(a.list) < multicastOpen {
			a.list = append(a.list, q)
			continue
		}
		a.list[a.next] = q
		a.next = (a.next + 1) % multicastOpen
	}
}

// forget drops the questions of a flow that ends.
func (a *multicastAsked) forget(s *dnsDatagrams) {
	for i := range a.list {
		if a.list[i].s == s {
			a.list[i] = multicastQuestion{}
		}
	}
}
