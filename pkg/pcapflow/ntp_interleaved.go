package pcapflow

import "net/netip"

// leaveAt takes from an interleaved sample when the response before it left: the
// one whose receive stamp the request repeats (RFC 9769 §2). It tells whether that
// is the response of before.
func (s *NTPSample) leaveAt(before *NTPSample) bool {
	if !s.Interleaved || !before.Response.Seen() || before.Response.Rec == 0 || s.Request.Org != before.Response.Rec || before.Response.From != s.Response.From {
		return false
	}
	if before.Interleaved {
		before.Left = s.Response.Xmt
	}
	return true
}

// ntpDepartures tells the interleaved samples of flows when their responses left: a
// client may ask from another port each time.
func ntpDepartures(flows []*Flow) {
	by := map[ntpAnswer]*NTPSample{}
	each := func(use func(from, to netip.Addr, s *NTPSample)) {
		for _, f := range flows {
			for i := range f.NTP {
				s := &f.NTP[i]
				if !s.Interleaved || !s.Response.Seen() {
					continue
				}
				from, to := s.between(f)
				use(from, to, s)
			}
		}
	}
	each(func(from, to netip.Addr, s *NTPSample) { by[ntpAnswer{from, to, s.Response.Rec}] = s })
	each(func(from, to netip.Addr, s *NTPSample) {
		if before := by[ntpAnswer{from, to, s.Request.Org}]; before != nil {
			s.leaveAt(before)
		}
	})
}

// ntpAnswer tells an answer by who sent it to whom, and when its request had come.
type ntpAnswer struct {
	from, to netip.Addr
	received uint64
}

// between is who answered whom.
func (s *NTPSample) between(f *Flow) (from, to netip.Addr) {
	if s.Response.From == Client {
		return f.Client.Addr(), f.Server.Addr()
	}
	return f.Server.Addr(), f.Client.Addr()
}

// ntpCrossedMax bounds the interleaved answers whose departure is not told yet.
const ntpCrossedMax = 256

// ntpCrossed keeps interleaved answers until one of another flow tells when they left: a
// flow may have been handed out by then.
type ntpCrossed struct {
	by    map[ntpAnswer]NTPSample
	order [ntpCrossedMax]ntpAnswer // a ring
	next  int
}

// take completes the exchange that an interleaved answer tells the departure of, unless
// it was told within the flow, and keeps the answer.
func (c *ntpCrossed) take(f *Flow, s *NTPSample, told bool) {
	from, to := s.between(f)
	if before, ok := c.by[ntpAnswer{from, to, s.Request.Org}]; ok && !told && s.leaveAt(&before) {
		s.Completes = &before
	}
	if c.by == nil {
		c.by = map[ntpAnswer]NTPSample{}
	}
	delete(c.by, c.order[c.next])
	key := ntpAnswer{from, to, s.Response.Rec}
	c.order[c.next] = key
	c.next = (c.next + 1) % len(c.order)
	kept := *s
	kept.Repeats, kept.Completes = nil, nil
	c.by[key] = kept
}
