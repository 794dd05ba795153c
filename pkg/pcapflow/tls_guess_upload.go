package pcapflow

// smallestBlock is less than programs cut bodies into, and more than nearly all heads of
// requests are.
const smallestBlock = 4096

// addRequest lets the open request grow by a record.
func (g *exchangeGuess) addRequest(r guessRecord) {
	g.last().addRequest(r)
	g.block = r.n
}

// goesOn takes a client record that belongs to a request which was answered before all of
// it was sent, as uploads that a server turns down are: it began before the answer did, or
// is one more of the equal blocks that a body is cut into. The body's end has another size
// than these, and may as well be the next request: see joinRest.
func (g *exchangeGuess) goesOn(r guessRecord) bool {
	e := g.last()
	if r.n < smallestBlock || r.n != g.block && r.first.Time >= e.ResponseFirst.Time {
		return false
	}
	g.addRequest(r)
	g.late, e.Exact = true, false
	return true
}

// joinRest makes what came behind a request that was answered early, and drew no answer, a
// part of that request: it may be the end of its body, a further request that the server no
// longer read, or both.
func (g *exchangeGuess) joinRest() {
	n := len(g.list)
	if !g.behind || n < 2 || g.last().ResponseFirst.Seen() {
		return
	}
	rest, e := &g.list[n-1], &g.list[n-2]
	e.RequestLast = rest.RequestLast
	if e.RequestBytes >= 0 && rest.RequestBytes >= 0 {
		e.RequestBytes += rest.RequestBytes
	} else {
		e.RequestBytes = -1
	}
	g.list, g.burst, g.cur, g.behind = g.list[:n-1], g.burst[:0], false, false
}
