package pcapflow

// openTLS begins to follow f, in the room of an ended connection if there is one.
func openTLS(f *Flow, env *Env) *tlsStream {
	var s *tlsStream
	if env != nil {
		s = take(&env.pools.tls)
	}
	if s == nil {
		s = &tlsStream{t: &TLS{}}
	}
	s.f, s.env = f, env
	f.TLS = s.t
	s.guess.open(f)
	if env != nil {
		s.guess.rooms, s.guess.records = &env.pools.guesses, &env.pools.guessed
	}
	return s
}

// reuse implements reusable.
func (s *tlsStream) reuse(env *Env) {
	g := &s.guess
	s.dropHandshake()
	*s.t = TLS{Alerts: emptied(s.t.Alerts)}
	for d := range s.side {
		side := &s.side[d]
		*side = tlsSide{}
	}
	env.pools.guesses.giveBack(g.list)
	g.dropEarly()
	*g = exchangeGuess{burst: emptied(g.burst), parts: emptied(g.parts)}
	*s = tlsStream{t: s.t, side: s.side, guess: *g}
	layBy(&env.pools.tls, s)
}

// keys are the secrets known; nil: none.
func (s *tlsStream) keys() *KeyLog {
	if s.env == nil {
		return nil
	}
	return s.env.Keys
}
