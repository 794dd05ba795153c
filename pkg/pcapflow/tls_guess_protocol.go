package pcapflow

import "slices"

type guessProtocol uint8

// otherTLSPorts are those where TLS carries no HTTP (IANA); there nothing is
// read into the records.
var otherTLSPorts = []uint16{465, 563, 587, 636, 989, 990, 992, 993, 994, 995, 1433, 1883, 3306, 3389, 4560, 5061, 5223, 5269, 5349, 5432, 5671, 6379, 6514, 6697, 8883, 9093, 27017}

func (g *exchangeGuess) open(f *Flow) {
	g.f = f
	g.off = slices.Contains(otherTLSPorts, f.Server.Port())
	g.dns = f.Server.Port() == portDNSOverTLS
}

// offered takes the ALPN list of the ClientHello, and whether all of it was there.
func (g *exchangeGuess) offered(alpn []string, whole bool) {
	if !whole && len(alpn) == 0 {
		return
	}
	if len(alpn) == 0 {
		g.protocol = guessHTTP1 // or no HTTP: the records will tell
		return
	}
	g.dns = g.dns || slices.Contains(alpn, "dot")
	if g.dns {
		g.protocol = guessHTTP1 // questions and answers take turns as requests and responses do
		return
	}
	h2, h1 := slices.Contains(alpn, "h2"), slices.Contains(alpn, "http/1.1") || slices.Contains(alpn, "http/1.0")
	switch {
	case !h1 && !h2:
		g.off = true
	case !h2:
		g.protocol = guessHTTP1
	case !h1:
		g.protocol = guessHTTP2
	}
}

// chosen takes what the ServerHello tells.
func (g *exchangeGuess) chosen(alpn string, tls13, exact bool) {
	g.tls13, g.exact = tls13, exact
	if tls13 {
		return
	}
	g.negotiated(alpn)
}

// encryptedExtensions takes the plaintext length of the first encrypted record
// of a 1.3 server. Alone in its record, the message is 6 bytes and its
// extensions: 4 each for server_name and early_data, 9 for ALPN "h2", 15 for
// "http/1.1" (RFC 8446 §4.3.1, RFC 7301 §3.1).
func (g *exchangeGuess) encryptedExtensions(n int) {
	if g.protocol != guessUnknown || g.off {
		return
	}
	switch n - 6 {
	case 9, 13, 17, 21:
		g.protocol = guessHTTP2
	case 15, 19, 23:
		g.protocol = guessHTTP1
		g.f.TLS.ALPN = "http/1.1"
	case 0, 4, 8:
		g.protocol = guessHTTP1 // no ALPN chosen
	}
}

// negotiated takes the protocol that was read, not inferred.
func (g *exchangeGuess) negotiated(alpn string) {
	switch alpn {
	case "h2":
		g.protocol = guessHTTP2
		g.off = g.off || !g.tls13 && !g.exact // CBC's padding, which RFC 9113 §9.2.2 forbids, hides which records are control frames
	case "", "http/1.1", "http/1.0", "dot":
		g.protocol = guessHTTP1
	default:
		g.off = true
	}
}

// decide settles between HTTP/1.1 and HTTP/2 by the records so far, and reads
// them: an HTTP/2 client begins with preface and SETTINGS, and a record of nine
// bytes (SETTINGS with ACK) is nothing HTTP/1.1 would send. That one may still
// come where the server's first record holds an answer too.
func (g *exchangeGuess) decide() {
	client, sure := -1, false
	for _, r := range g.early {
		if r.dir == Client && client < 0 {
			client = r.n
		}
		sure = sure || r.n == frameEmpty || r.dir == Server && isSettings(r.n)
	}
	g.protocol = guessHTTP1
	if isPreface(client) {
		if sure {
			g.protocol = guessHTTP2
		} else {
			g.trial = true
		}
	}
	g.replay(g.trial)
}

// replay reads the records kept, and keeps them on where asked to.
func (g *exchangeGuess) replay(keep bool) {
	early := g.early
	g.early, g.trial = nil, false
	for _, r := range early {
		g.record(r)
	}
	if keep {
		g.early, g.trial = early, true
	} else {
		g.records.giveBack(early)
	}
}

// startOver reads the records kept as HTTP/2.
func (g *exchangeGuess) startOver() {
	g.list, g.interim, g.cur = nil, nil, false
	g.tickets, g.ticketSizes = 0, [4]int{}
	g.tentative, g.swallowed, g.nSwallowed = guessRecord{}, guessRecord{}, 0
	g.protocol = guessHTTP2
	g.replay(false)
}
