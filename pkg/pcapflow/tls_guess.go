package pcapflow

// exchangeGuess reads requests and answers out of the directions, lengths and
// times of encrypted records (design: reading encrypted traffic without keys).
// All lengths are of the plaintext; -1 where the cipher is not known.
type exchangeGuess struct {
	f    *Flow
	list []guessedExchange

	off   bool // not HTTP, as far as can be told
	cur   bool // the last of list may still grow
	known bool // the handshake was followed: ordinals and lengths mean something
	exact bool // lengths are exact
	tls13 bool

	dns     bool // it is DNS over TLS, whose messages alternate likewise
	foreign bool // given up: what flows is not HTTP

	noTickets bool // records are padded: no length is a ticket's

	certain bool // decryption tells which records are data: no ticket is among them

	protocol guessProtocol
	trial    bool // HTTP/1.1 for the time being: early is kept on
	sampled  bool // the first record after the handshake has been used for rtt
	preface  bool // HTTP/2: the client's first record has passed
	settings bool // HTTP/2: the server's SETTINGS have passed

	rtt   int64                   // least round trip capture ↔ server seen, ns; 0: unknown
	rooms *rooms[guessedExchange] // for list; nil: it takes its own

	interim []guessedInterim // 1xx answers, in order

	block  int  // size of the open request's last record, unless that is its first: 0
	late   bool // the open request goes on though it was answered
	behind bool // it comes behind such a one, whose rest it may be

	early    []guessRecord       // records kept until the protocol is decided
	records  *rooms[guessRecord] // for early; nil: it takes its own
	finished Stamp               // the handshake's end

	ticketSizes [4]int // of records that were tickets, by size
	tickets     int
	tentative   guessRecord // the answer's first record, while it may turn out a ticket
	swallowed   guessRecord // the last record taken for a ticket since the request
	nSwallowed  int

	burst   []guessRecord // HTTP/2: the client records of the open exchange
	answers int           // HTTP/2: the server records of the open exchange
	parts   []guessRecord // HTTP/2: those behind a burst
	shared  []guessedAnswers
	pending guessRecord // HTTP/2: a client record that may be a request or not
}

const (
	guessUnknown guessProtocol = iota
	guessHTTP1
	guessHTTP2
)

type guessRecord struct {
	n           int
	first, last Stamp
	dir         Dir
	set         bool
}

// established comes with the handshake's end.
func (g *exchangeGuess) established(t *TLS, at Stamp) {
	g.finished, g.known = at, true
	if t.ClientHello.Seen() && t.ServerHelloFirst.Seen() && !t.HelloRetry {
		g.rtt = t.ServerHelloFirst.Time - t.ClientHello.Time
	}
	if rtt := g.f.roundTripToServer(); rtt > 0 && (g.rtt == 0 || rtt < g.rtt) {
		g.rtt = rtt
	}
}

// sampleRTT lowers the round trip by the first server record after the
// handshake: it answers the Finished, or left even earlier.
func (g *exchangeGuess) sampleRTT(r guessRecord) {
	if r.dir == Server && !g.sampled && g.finished.Seen() {
		g.sampled = true
		if d := r.first.Time - g.finished.Time; d >= 0 && (d < g.rtt || g.rtt == 0) {
			g.rtt = d
		}
	}
}

// client takes a record of client data, server one of server data.
func (g *exchangeGuess) client(n int, first, last Stamp) {
	g.record(guessRecord{dir: Client, n: n, first: first, last: last, set: true})
}

func (g *exchangeGuess) server(n int, first, last Stamp) {
	g.record(guessRecord{dir: Server, n: n, first: first, last: last, set: true})
}

// Bounds of the records kept until the protocol is decided, and beyond all doubt.
const (
	maxEarly = 12
	maxTrial = 64
)

func (g *exchangeGuess) record(r guessRecord) {
	if g.trial && !g.off {
		g.keepEarly(r)
		switch {
		case r.dir == Client && r.n == frameEmpty: // SETTINGS with ACK: HTTP/2 after all
			g.startOver()
			return
		case len(g.early) >= maxTrial:
			g.trial = false
			g.dropEarly()
		}
	}
	switch {
	case g.off:
	case g.protocol == guessUnknown:
		g.sampleRTT(r)
		g.keepEarly(r)
		if len(g.early) == maxEarly || r.dir == Server && g.early[0].dir == Client && !g.mayBeTicket(r.n) {
			g.decide()
		}
	case g.protocol == guessHTTP2:
		g.sampleRTT(r)
		g.record2(r)
	case r.dir == Client:
		g.request1(r)
	default:
		g.sampleRTT(r)
		g.answer1(r)
	}
}

func (g *exchangeGuess) keepEarly(r guessRecord) { g.early = append(g.records.grow(g.early), r) }

func (g *exchangeGuess) dropEarly() {
	g.records.giveBack(g.early)
	g.early = nil
}

// newExchange begins a request.
func (g *exchangeGuess) newExchange(r guessRecord) *guessedExchange {
	e := guessedExchange{RequestFirst: r.first, RequestLast: r.last, RequestBytes: int64(r.n), Exact: g.exact}
	if g.known || g.tls13 || g.f.TLS.ClientHello.Seen() {
		e.Ordinal = int32(len(g.list)) + 1
	}
	g.list = append(g.rooms.grow(g.list), e)
	g.cur = true
	g.block, g.behind, g.late = 0, g.late, false
	g.tentative, g.swallowed, g.nSwallowed = guessRecord{}, guessRecord{}, 0
	return g.last()
}

func (g *exchangeGuess) last() *guessedExchange { return &g.list[len(g.list)-1] }

// unanswered tells whether a request is open without an answer.
func (g *exchangeGuess) unanswered() bool {
	return g.cur && !g.last().ResponseFirst.Seen()
}

// shortestRequest is "GET / HTTP/1.0" and two line ends, less a little.
const shortestRequest = 16

// request1 takes a client record under HTTP/1: a request is a run of them.
func (g *exchangeGuess) request1(r guessRecord) {
	if g.tls13 && r.n == 5 && !g.unanswered() { // KeyUpdate: no request is that short
		return
	}
	if g.unanswered() && g.nSwallowed == 1 && g.laterTurn(r) {
		g.last().addResponse(g.swallowed) // it was the answer after all
		g.forgetTicket(g.swallowed.n)
	}
	if g.unanswered() {
		g.addRequest(r)
		return
	}
	if g.cur {
		if e := g.last(); g.tentative.set && (e.ResponseBytes == 25 || e.ResponseBytes == 17) {
			// "HTTP/1.1 100 Continue", or without its reason phrase
			g.interim = append(g.interim, guessedInterim{len(g.list) - 1, e.ResponseFirst})
			e.dropResponse()
			g.addRequest(r)
			return
		}
		if g.goesOn(r) {
			return
		}
	}
	if r.n > 1 && r.n < shortestRequest && !g.dns { // one byte: the 1/n-1 split against BEAST
		g.stop()
		return
	}
	g.newExchange(r)
}

// laterTurn tells whether a client record comes so long after the request's
// last that the server has been heard in between, and the request was no
// stream of full records.
func (g *exchangeGuess) laterTurn(r guessRecord) bool {
	e := g.last()
	return g.rtt > 0 && r.first.Time-e.RequestLast.Time >= g.rtt*9/10 && e.RequestBytes < 8192 &&
		g.swallowed.first.Time-e.RequestLast.Time >= g.rtt*7/10
}

// answer1 takes a server record under HTTP/1.
func (g *exchangeGuess) answer1(r guessRecord) {
	if !g.cur {
		if len(g.list) == 0 {
			g.ticket(r)
		}
		return
	}
	e := g.last()
	first := len(g.list) == 1 && g.tls13 // only before the first answer are there tickets
	if !e.ResponseFirst.Seen() {
		if r.n == 5 && g.tls13 { // KeyUpdate
			return
		}
		if first && g.isTicket(r) {
			g.swallow(r)
			return
		}
		g.tentative = r
		e.addResponse(r)
		return
	}
	if first && g.tentative.set && g.wasTicket(r) {
		e.dropResponse()
		g.swallow(g.tentative)
		same := r.n == g.tentative.n
		g.tentative = guessRecord{}
		if same {
			g.swallow(r)
			return
		}
	}
	g.tentative = guessRecord{}
	e.addResponse(r)
}

// stop gives up: what flows is not HTTP.
func (g *exchangeGuess) stop() {
	g.off, g.foreign = true, true
	g.cur = false
}

// gap notes that the capture lacks records of one side. What the server sent
// there still belongs to its answer: how much it was is not known, when is.
func (g *exchangeGuess) gap(d Dir, at Stamp) {
	if !g.cur {
		return
	}
	e := g.last()
	e.Gap, e.Exact = true, false
	if d == Server && e.ResponseFirst.Seen() {
		e.ResponseLast = at
		e.ResponseBytes = -1
	}
}

// closeNotify ends the open exchange.
func (g *exchangeGuess) closeNotify(d Dir, at Stamp) {
	if g.protocol == guessUnknown && len(g.early) > 0 {
		g.decide()
	}
	if d == Server {
		g.settle()
		g.joinRest()
		g.cur = false
	} else if g.protocol == guessHTTP2 {
		g.goodbye(at)
	}
}

// settle returns a swallowed record to an exchange that would end unanswered.
func (g *exchangeGuess) settle() {
	if g.unanswered() && g.nSwallowed == 1 && g.swallowed.set {
		g.last().addResponse(g.swallowed)
		g.forgetTicket(g.swallowed.n)
	}
}

// close comes with the end of the flow.
func (g *exchangeGuess) close() {
	if g.protocol == guessUnknown && len(g.early) > 0 {
		g.decide()
	}
	g.settle()
	g.joinRest()
	if n := len(g.list); g.noTickets && n > 0 && (g.unanswered() || n > 1 && g.last().ResponseBytes == g.last().RequestBytes) {
		g.list = g.list[:n-1] // padded, close_notify and its answer look like an exchange
	}
	g.split()
	g.cur = false
	for i := range g.list {
		e := &g.list[i]
		if !e.ResponseFirst.Seen() {
			e.ResponseBytes = -1
			e.Exact = false
		}
	}
	if g.protocol == guessHTTP2 && g.tls13 && len(g.list) > 0 {
		g.f.TLS.ALPN = "h2"
	}
	if g.tls13 && !g.certain {
		g.f.TLS.Tickets = g.tickets
	}
}
