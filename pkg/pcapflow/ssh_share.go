package pcapflow

// kexClient is what the client itself took for the key exchange, in ns: from what
// the server sent to what it answers to that, without the round trip between the
// capture and the client. false: a message, or that round trip (0), is not known.
func (s *SSH) kexClient(rtt int64) (int64, bool) {
	waits := [][2]Stamp{{s.KexInit[Server], s.KexRequest}, {s.KexReply, s.NewKeys[Client]}}
	if s.GroupRequest.Seen() { // RFC 4419: the server first names a group
		waits[0][1] = s.GroupRequest
		waits = append(waits, [2]Stamp{s.GroupReply, s.KexRequest})
	}
	share := int64(0)
	for _, w := range waits {
		if rtt == 0 || !w[0].Seen() || !w[1].Seen() {
			return 0, false
		}
		share += max(0, w[1].Time-w[0].Time-rtt)
	}
	return share, true
}

// kexRoundTrips counts the messages of the server that the client waited for before
// it went on with the key exchange; 0: the exchange was not seen to its reply. A
// request that comes sooner after the server's KEXINIT than the round trip between
// the capture and the client (0: not known) was sent on a guess (RFC 4253, section 7).
func (s *SSH) kexRoundTrips(rtt int64) int {
	first := s.KexRequest
	n := 1
	if s.GroupRequest.Seen() {
		first = s.GroupRequest
		n++
	}
	if !s.KexInit[Server].Seen() || !first.Seen() || !s.KexReply.Seen() {
		return 0
	}
	if first.Time-s.KexInit[Server].Time >= rtt {
		n++
	}
	return n
}
