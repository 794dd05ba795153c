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
	type answer struct {
		from, to netip.Addr
		received uint64
	}
	by := map[answer]*NTPSample{}
	each := func(use func(from, to netip.Addr, s *NTPSample)) {
		for _, f := range flows {
			for i := range f.NTP {
				s := &f.NTP[i]
				if !s.Interleaved || !s.Response.Seen() {
					continue
				}
				if s.Response.From == Client {
					use(f.Client.Addr(), f.Server.Addr(), s)
				} else {
					use(f.Server.Addr(), f.Client.Addr(), s)
				}
			}
		}
	}
	each(func(from, to netip.Addr, s *NTPSample) { by[answer{from, to, s.Response.Rec}] = s })
	each(func(from, to netip.Addr, s *NTPSample) {
		if before := by[answer{from, to, s.Request.Org}]; before != nil {
			s.leaveAt(before)
		}
	})
}
