package pcapflow

import (
	"net/netip"
	"time"
)

// Requests of all flows that may be answered from an address or port they were not
// sent to, and how long they wait for that.
const (
	ntpElsewhereMax  = 64
	ntpElsewhereWait = int64(16 * time.Second)
)

// ntpAsked are the latest requests, a ring once it is full. A client takes no answer
// of another address or port than it asked (RFC 5905 section 9.2): it waits in vain,
// and only the origin stamp tells that an answer came.
type ntpAsked struct {
	list []ntpRequest
	next int
}

type ntpRequest struct {
	s      *ntpFlow // nil: answered, or its flow has ended
	sample int
	xmt    uint64
	asker  netip.Addr
	at     int64
}

// ask notes a request.
func (a *ntpAsked) ask(s *ntpFlow, sample int, m *NTPMessage) {
	asker := s.f.Client
	if m.From == Server {
		asker = s.f.Server
	}
	r := ntpRequest{s, sample, m.Xmt, asker.Addr(), m.Time}
	if len(a.list) < ntpElsewhereMax {
		a.list = append(a.list, r)
		return
	}
	a.list[a.next] = r
	a.next = (a.next + 1) % ntpElsewhereMax
}

// answer takes a response that answers nothing in its own flow.
func (a *ntpAsked) answer(f *Flow, m *NTPMessage) (found bool) {
	from, to := f.Server, f.Client
	if m.From == Client {
		from, to = to, from
	}
	for i := range a.list {
		r := &a.list[i]
		if r.s == nil || r.s.f == f || m.Org == 0 || r.xmt != m.Org || r.asker != to.Addr() || m.Time-r.at > ntpElsewhereWait {
			continue
		}
		x := &r.s.f.NTP[r.sample]
		if x.Response.Seen() {
			continue
		}
		x.Elsewhere, x.ElsewhereAt = from, m.Stamp
		r.s = nil
		return true
	}
	return false
}

// forget drops the requests of a flow that ends.
func (a *ntpAsked) forget(s *ntpFlow) {
	for i := range a.list {
		if a.list[i].s == s {
			a.list[i].s = nil
		}
	}
}
