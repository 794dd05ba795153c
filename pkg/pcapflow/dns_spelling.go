package pcapflow

// spelling hashes the name of the first question as it was sent, and tells
// whether it has letters of both cases: resolvers that choose the case at random
// recognise forged answers by it (draft-vixie-dnsext-dns0x20).
func (m *dnsMessage) spelling() (hash uint32, mixed bool) {
	const offset, prime = 2166136261, 16777619 // FNV-1a
	hash = offset
	upper, lower := false, false
	for _, c := range m.body[dnsHeaderLen:m.nameEnd()] {
		upper = upper || c >= 'A' && c <= 'Z'
		lower = lower || c >= 'a' && c <= 'z'
		hash = (hash ^ uint32(c)) * prime
	}
	return hash, upper && lower
}

// nameEnd is the offset behind the first question's name, of a question that
// could be read.
func (m *dnsMessage) nameEnd() int {
	if !m.question.asked {
		return dnsHeaderLen
	}
	end, _ := skipDNSName(m.body, dnsHeaderLen)
	return end
}

// compareSpelling holds an answer's question against its query's.
func (t *Transaction) compareSpelling(m *dnsMessage) {
	if t.MixedCase && m.question.asked {
		hash, _ := m.spelling()
		t.CaseChanged = hash != t.spelling
	}
}

// Authoritative tells that the answer comes from a server of the zone itself,
// not from a cache (the AA bit, RFC 1035 §4.1.1).
func (t *Transaction) Authoritative() bool { return t.Flags[1]&dnsAA != 0 }
