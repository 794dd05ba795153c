package pcapflow

// After its client's Finished a TLS 1.3 server sends NewSessionTickets: records
// that look like data and come before any answer (RFC 8446 §4.6.1). OpenSSL
// sends two after a full handshake and one after a resumption, Go one inside
// its flight, BoringSSL two together with the first answer, Java one.

const (
	smallestTicket = 57   // OpenSSL's stateful ticket: 25 bytes and a 32-byte name
	largestTicket  = 2000 // a session with a client certificate
	maxTickets     = 8
)

// pad: lengths tell neither tickets nor the frames of HTTP/2.
func (g *exchangeGuess) pad() {
	g.exact, g.noTickets = false, true
	if g.protocol != guessHTTP1 {
		g.off = true
	}
}

// isTicket tells a ticket by what is known before the next record.
func (g *exchangeGuess) isTicket(r guessRecord) bool {
	switch {
	case g.certain || g.noTickets || r.n < smallestTicket || r.n > largestTicket || g.tickets >= maxTickets:
		return false
	case g.knownTicket(r.n):
		return true
	}
	return g.tickets == 0 && isOpenSSLTicket(r.n)
}

// mayBeTicket is isTicket by the length alone.
func (g *exchangeGuess) mayBeTicket(n int) bool {
	return !g.certain && !g.noTickets && (g.knownTicket(n) || g.tickets == 0 && isOpenSSLTicket(n))
}

// isOpenSSLTicket: 25 bytes of message around 16 of key name, 16 of IV, 32 of
// MAC and an encrypted session of full AES blocks; 8 more where early data is
// allowed.
func isOpenSSLTicket(n int) bool {
	return n == smallestTicket || n >= 25+64+32 && n <= largestTicket && ((n-25)%16 == 0 || (n-33)%16 == 0)
}

// wasTicket looks back at the answer's first record when the second comes: two
// of equal length, or a lone one as soon as a ticket would come and then a
// silence, were tickets, where none has been seen yet.
func (g *exchangeGuess) wasTicket(next guessRecord) bool {
	t := g.tentative
	if g.certain || g.noTickets || g.tickets > 0 || t.n < smallestTicket || t.n > largestTicket {
		return false
	}
	if t.n == next.n {
		return true
	}
	prompt := g.finished.Seen() && t.first.Time-g.finished.Time <= g.rtt*3/2+5e6
	return prompt && next.first.Time-t.last.Time >= max(20e6, 2*g.rtt)
}

// ticket counts a record as a ticket and learns its length.
func (g *exchangeGuess) ticket(r guessRecord) {
	if !g.tls13 || g.noTickets || r.n < smallestTicket {
		return
	}
	g.tickets++
	for i, n := range g.ticketSizes {
		if n == r.n {
			return
		}
		if n == 0 {
			g.ticketSizes[i] = r.n
			return
		}
	}
}

// swallow takes a record that came after the request for a ticket.
func (g *exchangeGuess) swallow(r guessRecord) {
	g.ticket(r)
	g.swallowed = r
	g.nSwallowed++
}

func (g *exchangeGuess) knownTicket(n int) bool {
	for _, size := range g.ticketSizes {
		if size == n && n > 0 {
			return true
		}
	}
	return false
}

// forgetTicket takes back a ticket that was an answer.
func (g *exchangeGuess) forgetTicket(n int) {
	g.tickets--
	for i, size := range g.ticketSizes {
		if size == n {
			g.ticketSizes[i] = 0
		}
	}
	g.swallowed, g.nSwallowed = guessRecord{}, 0
}
