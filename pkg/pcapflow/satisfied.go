package pcapflow

// Satisfied: every question has its answer, and one for each time it was asked. A client
// that asks more than once from the same port may well ask again.
func (s *dnsDatagrams) Satisfied() bool {
	if len(s.f.DNS) > 2 {
		return false
	}
	for i := range s.f.DNS {
		if t := &s.f.DNS[i]; t.Multicast || !t.Answer.Seen() || !t.Query.Seen() || len(t.Extra) < len(t.Repeats) {
			return false
		}
	}
	return len(s.f.DNS) > 0
}

// Satisfied: the one request has its answer.
func (s *ntpFlow) Satisfied() bool {
	return len(s.f.NTP) == 1 && s.f.NTP[0].Response.Seen() && s.f.NTP[0].Request.Seen()
}
