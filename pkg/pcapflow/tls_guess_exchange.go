package pcapflow

// guessedExchange is what records without keys tell of an Exchange, as its fields
// of these names: a quarter of the bytes, for each request of every open
// connection, and none of them a pointer.
type guessedExchange struct {
	RequestFirst, RequestLast   Stamp
	ResponseFirst, ResponseLast Stamp
	ResponseReadable            Stamp
	RequestBytes, ResponseBytes int64
	Ordinal, Requests           int32
	Exact, Multiplexed, Gap     bool
}

// guessedInterim is a 1xx answer to the exchange of that place.
type guessedInterim struct {
	exchange int
	at       Stamp
}

// guessedAnswers are the records that answer n exchanges, from that place on.
type guessedAnswers struct {
	exchange, n int
	records     []AnswerRecord
}

// addRequest lets the request grow by a record.
func (e *guessedExchange) addRequest(r guessRecord) {
	e.RequestLast = r.last
	e.RequestBytes = addLength(e.RequestBytes, r.n)
}

// addResponse lets the answer grow by a record.
func (e *guessedExchange) addResponse(r guessRecord) {
	if !e.ResponseFirst.Seen() {
		e.ResponseFirst, e.ResponseReadable = r.first, r.last
		e.ResponseBytes = 0
	}
	e.ResponseLast = r.last
	e.ResponseBytes = addLength(e.ResponseBytes, r.n)
}

// dropResponse takes back what was taken for an answer.
func (e *guessedExchange) dropResponse() {
	e.ResponseFirst, e.ResponseReadable, e.ResponseLast, e.ResponseBytes = Stamp{}, Stamp{}, Stamp{}, 0
}

func addLength(sum int64, n int) int64 {
	if sum < 0 || n < 0 {
		return -1
	}
	return sum + int64(n)
}

// exchanges appends what was guessed to a flow's exchanges.
func (g *exchangeGuess) exchanges(to []Exchange) []Exchange {
	first := len(to)
	for i := range g.list {
		x := &g.list[i]
		to = append(to, Exchange{})
		e := &to[first+i]
		e.Ordinal, e.Requests, e.Estimated, e.Exact, e.Multiplexed, e.Gap = int(x.Ordinal), int(x.Requests), true, x.Exact, x.Multiplexed, x.Gap
		e.RequestFirst, e.RequestLast, e.RequestBytes = x.RequestFirst, x.RequestLast, x.RequestBytes
		e.ResponseFirst, e.ResponseReadable, e.ResponseLast, e.ResponseBytes = x.ResponseFirst, x.ResponseReadable, x.ResponseLast, x.ResponseBytes
		e.BodyBytes, e.ContentBytes = -1, -1
		if g.protocol == guessHTTP2 {
			e.Version = "HTTP/2"
		}
	}
	for _, x := range g.shared {
		for k := first + x.exchange; k < min(first+x.exchange+x.n, len(to)); k++ {
			to[k].Answers = x.records
		}
	}
	for _, x := range g.interim {
		if first+x.exchange < len(to) {
			e := &to[first+x.exchange]
			e.Interim = append(e.Interim, x.at)
		}
	}
	return to
}
