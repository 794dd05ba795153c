package correlate

import "slices"

// behind are the transactions of a resolver of its own while it took t.
func (h *dnsHistory) behind(t Try) (list []Try) {
	for _, u := range h.tries[h.place[t.Transaction]+1:] {
		if asked(u) > t.Answer.Time {
			break
		}
		if u.Flow.Client.Addr() == t.Resolver.Addr() && u.Query.Seen() && u.Flow.Clock == t.Flow.Clock {
			list = append(list, u)
		}
	}
	return list
}

// reasonBehind tells what kept a resolver busy that asked others: that it asked is
// all that is known of most.
func reasonBehind(list []Try) DNSCause {
	switch {
	case withoutEDNS(list):
		return DNSEDNS
	case retriedPieces(list):
		return DNSPieces
	case lame(list):
		return DNSLame
	}
	return DNSUpstream
}

// withoutEDNS tells whether a question that a server had answered by an error of
// format was put to it again without EDNS and answered then (RFC 6891 §6.2.2, §7).
// Silence is no rejection: resolvers leave EDNS out after plain losses, too.
func withoutEDNS(list []Try) bool {
	for i, first := range list {
		if first.EDNS == 0 || first.RCode != "FORMERR" && first.RCode != "NOTIMP" && first.RCode != "BADVERS" {
			continue
		}
		for _, again := range list[i+1:] {
			if again.EDNS == 0 && again.Answer.Seen() && again.RCode != first.RCode && sameQuestion(again, first) && again.Resolver.Addr() == first.Resolver.Addr() && again.Query.Time >= first.Answer.Time {
				return true
			}
		}
	}
	return false
}

// inPieces tells whether an answer came in IP fragments, or one of them was lost.
func inPieces(t Try) bool { return t.PieceLost || t.Pieces > 0 }

func retriedPieces(list []Try) bool {
	return slices.ContainsFunc(list, func(t Try) bool { return t.PieceLost || len(t.Repeats) > 0 && inPieces(t) })
}

// lame tells whether a server that was asked without recursion, as those of a zone
// are, refused, failed or answered from elsewhere, and another server was asked the
// same for it (RFC 1912 §2.8, RFC 8499 "lame delegation").
func lame(list []Try) bool {
	const recursionDesired, authoritative = 1 << 8, 1 << 10
	for i, first := range list {
		if !first.Answer.Seen() || first.Flags[0]&recursionDesired != 0 {
			continue
		}
		declined := first.RCode == "REFUSED" || first.RCode == "SERVFAIL" || first.RCode == "NOTAUTH"
		secondHand := first.RCode == "NOERROR" && first.Records > 0 && first.Flags[1]&authoritative == 0
		if !declined && !secondHand {
			continue
		}
		for _, next := range list[i+1:] {
			if sameQuestion(next, first) && next.Resolver.Addr() != first.Resolver.Addr() && next.Query.Time >= first.Answer.Time {
				return true
			}
		}
	}
	return false
}

func sameQuestion(a, b Try) bool { return a.Name == b.Name && a.Type == b.Type }
