package pcapflow

import "math"

// Seconds of the NTP era (RFC 5905 §6): era 0 began in 1900.
const (
	ntpToUnix = 2_208_988_800 // seconds from 1900 to 1970
	ntpEra    = 1 << 32       // seconds
	second    = 1_000_000_000 // ns
)

// NTPUnix converts a 32.32 time stamp to nanoseconds since the Unix epoch, in
// the era that brings it nearest to pivot (ns since the Unix epoch; a capture
// stamp). It is not ok for zero, which means "unknown" (RFC 5905 §6).
func NTPUnix(stamp uint64, pivot int64) (ns int64, ok bool) {
	if stamp == 0 {
		return 0, false
	}
	return ntpSeconds(stamp, pivot)*second + int64((stamp&math.MaxUint32)*second>>32), true
}

// NTPUnixNano is NTPUnix for clients that write plain nanoseconds into the
// fraction (some releases of systemd-timesyncd). It is not ok for a fraction
// that no count of nanoseconds can be.
func NTPUnixNano(stamp uint64, pivot int64) (ns int64, ok bool) {
	fraction := int64(stamp & math.MaxUint32)
	if stamp == 0 || fraction >= second {
		return 0, false
	}
	return ntpSeconds(stamp, pivot)*second + fraction, true
}

// ntpSeconds unfolds the era around pivot.
func ntpSeconds(stamp uint64, pivot int64) int64 {
	at := pivot / second
	seconds := int64(stamp>>32) - ntpToUnix
	eras := at - seconds + ntpEra/2
	if eras < 0 {
		eras -= ntpEra - 1 // towards minus infinity
	}
	seconds += eras / ntpEra * ntpEra
	const limit = math.MaxInt64/second - 1
	return max(-limit, min(limit, seconds))
}

// NTPShort converts a 16.16 duration (root delay, root dispersion) to
// nanoseconds.
func NTPShort(v uint32) int64 { return int64(uint64(v) * second >> 16) }

// Unsynchronised tells that the sender says its own clock is not set: leap
// indicator 3, or stratum 0 or above 15 (RFC 5905 §7.3). Its stamps are
// readings of its clock all the same.
func (m *NTPMessage) Unsynchronised() bool {
	return m.LI == 3 || m.Stratum == 0 || m.Stratum > 15
}

// Bounds returns low ≤ offset ≤ high, in ns, of the answering clock minus the
// capturing clock: it stamped the request after the capture saw it, and the
// response before. No bounds are known without both packets and for a
// kiss-o'-death, whose stamps mean nothing. When an interleaved response left, only
// the next one says (RFC 9769 §2); without that it is certain alone that it left
// after the request had come, so that the bounds are further apart by the server's
// dwell.
func (s *NTPSample) Bounds() (low, high int64, ok bool) {
	received, sent, ok := s.served()
	if !ok {
		return 0, 0, false
	}
	return sent - s.Response.Time, received - s.Request.Time, true
}

// served is when the server had the request, and when at the earliest it sent the
// response, by its own clock.
func (s *NTPSample) served() (received, sent int64, ok bool) {
	if !s.Request.Seen() || !s.Response.Seen() || s.Response.Kiss != "" {
		return 0, 0, false
	}
	left := s.Response.Xmt
	if s.Interleaved {
		if left = s.Left; left == 0 {
			left = s.Response.Rec
		}
	}
	received, ok2 := NTPUnix(s.Response.Rec, s.Request.Time)
	sent, ok3 := NTPUnix(left, s.Response.Time)
	return received, sent, ok2 && ok3
}

// departure tells whether it is known when the server sent the response.
func (s *NTPSample) departure() bool { return !s.Interleaved || s.Left != 0 }

// Dwell is how long the server says it held the request, in ns.
func (s *NTPSample) Dwell() (ns int64, ok bool) {
	received, sent, ok := s.served()
	return sent - received, ok && s.departure()
}

// RootDistance is how far the sender may be from UTC by its own account, in ns:
// half its root delay and its root dispersion (RFC 5905 §11.1).
func (m *NTPMessage) RootDistance() int64 {
	return NTPShort(m.RootDelay)/2 + NTPShort(m.RootDispersion)
}

// Delay is the time between request and response at the capture without the
// time the server held the request, in ns: the round trip between the two.
func (s *NTPSample) Delay() (ns int64, ok bool) {
	low, high, ok := s.Bounds()
	return high - low, ok && s.departure()
}
