package pcapflow

// Lengths of HTTP/2 frames (RFC 9113 §4.1, §6): a header of nine bytes, then
// nothing in SETTINGS with ACK and in an empty DATA, 4 in WINDOW_UPDATE and
// RST_STREAM, 8 in PING and in a GOAWAY without text, 6 per SETTINGS entry.
const (
	frameEmpty  = 9
	frameWindow = 13
	framePing   = 17
	prefaceLen  = 24
	maxSettings = 8 // entries

	// maxFirstControl is less than the first answer of a connection can be,
	// whose fields the client does not know yet.
	maxFirstControl = 35
)

// isPreface tells whether a client's first record can be preface, SETTINGS and
// perhaps WINDOW_UPDATE.
func isPreface(n int) bool {
	k := n - prefaceLen - frameEmpty
	return k >= 0 && k <= 6*maxSettings+frameWindow && (k%6 == 0 || k >= frameWindow && (k-frameWindow)%6 == 0)
}

// isSettings tells whether a server's first record can be SETTINGS, perhaps
// with WINDOW_UPDATE and the acknowledgement of the client's.
func isSettings(n int) bool {
	for _, more := range [4]int{0, frameWindow, frameEmpty, frameWindow + frameEmpty} {
		if k := n - frameEmpty - more; k >= 0 && k <= 6*maxSettings && k%6 == 0 {
			return true
		}
	}
	return false
}

// isControl tells the lengths of single frames that are neither request nor answer.
func isControl(n int) bool { return n == frameEmpty || n == frameWindow || n == framePing }

// record2 takes a record under HTTP/2.
func (g *exchangeGuess) record2(r guessRecord) {
	if r.n < 0 {
		g.off = true // without lengths control frames cannot be told from requests
		return
	}
	if r.dir == Client {
		g.request2(r)
	} else {
		g.answer2(r)
	}
}

func (g *exchangeGuess) request2(r guessRecord) {
	g.pending = guessRecord{} // another record behind it: it was no request
	switch {
	case !g.preface && g.known:
		g.preface = true
		if isPreface(r.n) || r.n < prefaceLen+frameEmpty {
			return
		}
		e := g.newExchange(r)
		e.RequestBytes, e.Exact = -1, false
		return
	case isControl(r.n):
		return
	case r.n == 2*frameWindow && g.cur && g.last().ResponseBytes >= windowStep && !g.pending.set:
		g.pending = r // windows of stream and connection, or a short request: see resolve
		return
	case g.tls13 && r.n == 5: // KeyUpdate
		return
	case g.cur && !g.unanswered() && g.goesOn(r):
		return
	case !g.unanswered():
		g.begin2(r)
		return
	}
	// A second record before any answer: a body, or another request.
	e := g.last()
	g.addRequest(r)
	e.Requests = max(e.Requests, 1) + 1
	e.Multiplexed = true
	if len(g.burst) < maxBurst {
		g.burst = append(g.burst, r)
	}
}

const (
	maxBurst     = 256
	largestHPACK = 9 + 100 // a HEADERS frame whose fields the peer knows already
)

// split turns a burst of client records into as many requests, where that is
// beyond doubt: at least three, each after the first as short as HEADERS are
// once the peer knows the fields, and no fewer records in answer. Which answer
// belongs to which request cannot be told: the instants of all of them are
// bounds.
func (g *exchangeGuess) split() {
	burst := g.burst
	g.burst = g.burst[:0]
	if len(burst) < 2 || len(g.list) == 0 {
		return
	}
	defer g.keepAnswers(len(g.list) - 1)
	if len(burst) < 3 || g.answers < len(burst) {
		return
	}
	for _, r := range burst[1:] {
		if r.n > largestHPACK {
			return
		}
	}
	e := *g.last()
	g.list = g.list[:len(g.list)-1]
	e.Requests, e.ResponseBytes = 0, -1
	for i, r := range burst {
		e.RequestFirst, e.RequestLast, e.RequestBytes = r.first, r.last, int64(r.n)
		if i > 0 && e.Ordinal > 0 {
			e.Ordinal++
		}
		g.list = append(g.rooms.grow(g.list), e)
	}
}

// keepAnswers keeps the records that answer the exchanges from place from on, if
// all of them were seen.
func (g *exchangeGuess) keepAnswers(from int) {
	if len(g.parts) == 0 || len(g.parts) != g.answers || g.list[from].Gap {
		return
	}
	records := make([]AnswerRecord, len(g.parts))
	for i, r := range g.parts {
		records[i] = AnswerRecord{First: r.first, Last: r.last, Bytes: r.n}
	}
	g.shared = append(g.shared, guessedAnswers{from, len(g.list) - from, records})
}

// windowStep is the least a client takes in before it widens its windows: Go's 4 KiB.
const windowStep = 4096

// resolve decides about a pending client record when the server is heard
// again: a request where that comes no sooner than an answer could, and no
// window can have been exhausted; else the windows of a download.
func (g *exchangeGuess) resolve(r guessRecord) {
	p := g.pending
	g.pending = guessRecord{}
	if g.rtt > 1e6 && r.first.Time-p.last.Time >= g.rtt*6/10 && g.last().ResponseBytes < 1<<16-1 {
		g.begin2(p)
	}
}

// begin2 begins a request under HTTP/2.
func (g *exchangeGuess) begin2(r guessRecord) {
	g.split()
	g.newExchange(r).Exact = false
	g.burst, g.parts, g.answers = append(g.burst[:0], r), g.parts[:0], 0
}

func (g *exchangeGuess) answer2(r guessRecord) {
	if g.pending.set && g.cur {
		g.resolve(r)
	}
	switch {
	case g.tls13 && g.isEarlyTicket(r):
		g.ticket(r)
		return
	case !g.settings && isSettings(r.n):
		g.settings = true
		return
	case len(g.list) <= 1 && (!g.cur || g.unanswered()) && r.n <= maxFirstControl && isSettings(r.n):
		g.settings = true // further control frames before the first answer
		return
	case isControl(r.n):
		g.settings = true
		if r.n == frameEmpty && g.cur && g.last().ResponseFirst.Seen() {
			g.last().addResponse(r) // an empty DATA that ends the stream
		}
		return
	case !g.cur:
		return
	}
	e := g.last()
	if !g.settings { // SETTINGS and the answer's beginning in one record
		g.settings = true
		e.addResponse(r)
		e.ResponseBytes = -1
		return
	}
	if !e.ResponseFirst.Seen() && len(g.list) > 1 && g.tooSoon(r) {
		before := &g.list[len(g.list)-2]
		before.addResponse(r)
		before.Multiplexed, e.Multiplexed = true, true
		return
	}
	g.answers++
	if len(g.burst) > 1 && len(g.parts) < maxBurst {
		g.parts = append(g.parts, r)
	}
	e.addResponse(r)
}

// tooSoon tells a record that cannot answer the request: light is not that
// fast. Round trips of a few milliseconds are more noise than distance.
func (g *exchangeGuess) tooSoon(r guessRecord) bool {
	return g.rtt > 5e6 && r.first.Time-g.last().RequestFirst.Time < g.rtt/2
}

// isEarlyTicket tells a ticket among the server's first records.
func (g *exchangeGuess) isEarlyTicket(r guessRecord) bool {
	if g.certain || len(g.list) > 1 || len(g.list) == 1 && g.last().ResponseFirst.Seen() || r.n < smallestTicket || g.tickets >= maxTickets {
		return false
	}
	return g.knownTicket(r.n) || g.tickets == 0 && isOpenSSLTicket(r.n) && !(isSettings(r.n) && !g.settings)
}

// goodbyeWithin is how soon before its close_notify a client says GOAWAY, ns.
const goodbyeWithin = 2e6

// goodbye takes back what a client sent last when it closes at once, sooner than an
// answer could have come: GOAWAY, with or without a text, and no request.
func (g *exchangeGuess) goodbye(at Stamp) {
	n := len(g.list)
	if n <= 1 || !g.unanswered() || at.Time-g.last().RequestFirst.Time > max(goodbyeWithin, g.rtt/2) {
		return
	}
	g.list, g.burst, g.cur = g.list[:n-1], g.burst[:0], false
}
