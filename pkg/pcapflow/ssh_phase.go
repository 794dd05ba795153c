package pcapflow

import "slices"

// Close puts what was learnt into the flow: SSH's sides, whichever opened the
// connection, and the phases.
func (s *sshStream) Close(end Stamp) {
	s.release()
	o, client, server := s.ssh, &s.side[s.role(Client)], &s.side[s.role(Server)]
	if r := s.round(); r != nil && r.Result == "" {
		if r.Reply.Seen() {
			s.judge(r, 0)
		} else {
			r.Result = "unknown"
		}
	}
	o.Version, o.Turned = s.version, s.turned
	o.ClientBanner, o.ClientSoftware, o.ClientProtocol = client.banner, client.software, client.protocol
	o.ServerBanner, o.ServerSoftware, o.ServerProtocol = server.banner, server.software, server.protocol
	for d := range s.side {
		role := s.role(Dir(d))
		o.KexInit[role], o.KexInitBytes[role], o.NewKeys[role] = s.side[d].kexInit, s.side[d].kexBytes, s.side[d].newKeys
	}
	if client.known > 0 && !client.banner.Seen() {
		o.WrongProtocol = quoteFirst(client.firsts[:client.known])
	}
	if first := server.firsts[:server.known]; server.known > 0 && !sshIdentification(first) {
		o.ServerText = quoteFirst(first)
	}
	s.closeKex()
	s.closeAuth()
	o.Echo, o.EchoObscured = s.echo.stats(client.software)
	s.phases()
	for d := range s.side {
		s.side[d] = sshSide{}
	}
}

func (s *sshStream) closeKex() {
	o, k := s.ssh, &s.kex
	o.KexRequest, o.KexReply, o.GroupRequest, o.GroupReply = k.request, k.reply, k.groupRequest, k.groupReply
	o.HASSH, o.HASSHServer = k.hassh[s.role(Client)], k.hassh[s.role(Server)]
	if !k.agreed {
		return
	}
	c := &k.chosen
	o.Kex, o.HostKey = c[sshListKex], c[sshListHostKey]
	o.Cipher, o.MAC, o.Compression = c[sshListCipherUp], c[sshListMACUp], c[sshListCompressionUp]
	if c[sshListCipherDown] != o.Cipher {
		o.CipherToClient = c[sshListCipherDown]
	}
	if c[sshListMACDown] != o.MAC {
		o.MACToClient = c[sshListMACDown]
	}
	o.NoCommon, o.NoCommonOffers = k.noCommon, k.offers
	o.Strict, o.HostKeySHA256 = k.strict, k.hostKey
}

func (s *sshStream) closeAuth() {
	o := s.ssh
	if !o.ServiceAccept.Seen() { // the server's side is missing
		o.Rounds = nil
	}
	var failed Stamp // the last time
	for i := range o.Rounds {
		switch r := &o.Rounds[i]; r.Result {
		case "success":
			o.AuthAttempts++
			o.Auth = "success"
		case "failure":
			if !r.None {
				o.AuthAttempts++
			}
			failed = r.Reply
		}
	}
	switch {
	case o.Auth == "success":
	case s.auth.undecided:
		o.Auth, o.AuthAttempts = "unknown", 0
	case failed.Seen() && ended(s.f):
		o.Auth, o.AuthEnd = "failure", failed
	case o.ServiceRequest.Seen() || len(o.Rounds) > 0:
		o.Auth = "unknown"
	}
}

// ended tells that the connection was seen to end.
func ended(f *Flow) bool {
	c := f.Conn
	return c != nil && (c.FIN[Client].Seen() || c.FIN[Server].Seen() || len(c.RST) > 0)
}

// broken is the outcome of a phase that never came to its end, and why.
func (s *sshStream) broken() (Outcome, string) {
	c := s.f.Conn
	if c == nil {
		return Unseen, ""
	}
	server := s.role(Server)
	if len(c.RST) > 0 && c.RST[0].Dir == server {
		return Refused, "reset by the server"
	} else if len(c.RST) > 0 {
		return Unanswered, "reset by the client"
	}
	first, by := c.FIN[server], Failed
	note := "closed by the server"
	if other := c.FIN[server.Other()]; other.Seen() && (!first.Seen() || other.Time < first.Time) {
		first, by, note = other, Unanswered, "closed by the client"
	}
	if !first.Seen() {
		return Unseen, ""
	}
	return by, note
}

// phases appends the phases that were reached, each once.
func (s *sshStream) phases() {
	o, f := s.ssh, s.f
	begin := f.Start
	if c := f.Conn; c != nil && c.ACK.Seen() {
		begin = c.ACK
	}
	if !begin.Seen() {
		begin = earliest(o.ClientBanner, o.ServerBanner)
	}
	if !begin.Seen() {
		return
	}
	banner := Phase{Name: SSHBanner, Begin: begin, End: o.ServerBanner, Outcome: Done, Note: o.ServerText}
	if !banner.End.Seen() {
		banner.Outcome, banner.Note = s.broken()
		if o.ServerText != "" {
			banner.Outcome, banner.Note = Failed, "the server said "+o.ServerText
		}
	}
	f.addPhase(banner, o.ClientBanner)

	exchange := earliest(o.ClientBanner, o.KexInit[Client], o.KexInit[Server])
	if exchange.Seen() && o.ServerBanner.Seen() && exchange.Time < o.ServerBanner.Time {
		exchange = o.ServerBanner // until then the phase was the banner's
	}
	if exchange.Seen() && (o.ServerBanner.Seen() || o.KexInit[Server].Seen()) && o.WrongProtocol == "" {
		s.kexPhase(exchange)
	}
	if auth := o.ServiceRequest; auth.Seen() {
		s.authPhase(auth)
	} else if len(o.Rounds) > 0 {
		s.authPhase(o.Rounds[0].Request)
	}
	if o.Auth == "success" {
		session := Phase{Name: SSHSession, Begin: o.AuthEnd, End: o.SessionStart, Outcome: Done}
		if !session.End.Seen() {
			session.Outcome = Unseen
		}
		f.addPhase(session)
	}
}

func (s *sshStream) kexPhase(begin Stamp) {
	o := s.ssh
	p := Phase{Name: SSHKex, Begin: begin, Outcome: Done, Note: o.Kex}
	if s.version == 1 && o.KexReply.Seen() {
		p.End = o.KexReply
	} else if o.NewKeys[Client].Seen() && o.NewKeys[Server].Seen() {
		p.End = latest(o.NewKeys[Client], o.NewKeys[Server], o.Disconnect)
	}
	switch {
	case p.End.Seen():
	case o.NoCommon != "":
		p.Outcome, p.Note = Failed, "no common "+o.NoCommon
	case o.Disconnect.Seen():
		p.Outcome, p.Note = Failed, "disconnected by the "+o.DisconnectBy.String()
	default:
		p.Outcome, p.Note = s.broken()
		if o.ServiceRequest.Seen() || len(o.Rounds) > 0 { // it ended, but not before the capture
			p.Outcome, p.Note = Unseen, ""
		}
	}
	s.f.addPhase(p, o.KexInit[Client], o.KexInit[Server], o.GroupRequest, o.GroupReply, o.KexRequest, o.KexReply, o.NewKeys[Client], o.NewKeys[Server], o.Disconnect)
}

func (s *sshStream) authPhase(begin Stamp) {
	o := s.ssh
	p := Phase{Name: SSHAuth, Begin: begin, End: o.AuthEnd, Attempts: o.AuthAttempts}
	switch o.Auth {
	case "success":
		p.Outcome = Done
	case "failure":
		p.Outcome = Failed
	}
	const most = 16 // without taking room from the heap
	stamps := append(make([]Stamp, 0, most), o.ServiceAccept)
	for i := range o.Rounds {
		stamps = append(stamps, o.Rounds[i].Request, o.Rounds[i].Reply)
	}
	s.f.addPhase(p, stamps...)
}

// addPhase adds a phase with the frames of its ends and of more instants.
func (f *Flow) addPhase(p Phase, more ...Stamp) {
	to := f.newPhase()
	p.Frames = to.Frames
	for _, at := range more {
		p.addFrame(at)
	}
	p.addFrame(p.Begin)
	p.addFrame(p.End)
	slices.Sort(p.Frames)
	p.Frames = slices.Compact(p.Frames)
	*to = p
}

func (p *Phase) addFrame(at Stamp) {
	if at.Seen() {
		p.Frames = append(p.Frames, at.Frame)
	}
}

func earliest(stamps ...Stamp) (first Stamp) {
	for _, at := range stamps {
		if at.Seen() && (!first.Seen() || at.Time < first.Time) {
			first = at
		}
	}
	return first
}

func latest(stamps ...Stamp) (last Stamp) {
	for _, at := range stamps {
		if at.Seen() && (!last.Seen() || at.Time > last.Time) {
			last = at
		}
	}
	return last
}
