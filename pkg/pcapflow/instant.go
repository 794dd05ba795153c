package pcapflow

import "slices"

// Instant is a named instant of a flow.
type Instant struct {
	Name string // "tls.client-hello", …
	Stamp
	From   string // the side that sent it: "client", "server", "neighbour"; "": not known
	Detail string
}

// instants appends those that were seen.
type instants []Instant

func (l *instants) client(name string, s Stamp, detail string) { l.add(name, "client", s, detail) }
func (l *instants) server(name string, s Stamp, detail string) { l.add(name, "server", s, detail) }

func (l *instants) add(name, from string, s Stamp, detail string) {
	if s.Seen() {
		*l = append(*l, Instant{name, s, from, detail})
	}
}

// Begin is the first that was seen of a transaction: its query, or of an answer
// without one the answer.
func (t *Transaction) Begin() Stamp {
	if t.Query.Seen() {
		return t.Query
	}
	return t.Answer
}

// AppendInstants adds every query and answer of a transaction.
func (t *Transaction) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	l.add("dns.query", "", t.Query, "")
	for _, s := range t.Repeats {
		l.add("dns.retry", "", s, "")
	}
	l.add("dns.answer", "", t.Answer, "")
	for _, s := range t.Extra {
		l.add("dns.further-answer", "", s, "")
	}
	return l
}

// AppendInstants adds how a connection was made and ended by both sides; where its
// SYNs went to is their detail.
func (c *Conn) AppendInstants(list []Instant, to string) []Instant {
	l := instants(list)
	for i, s := range c.SYN {
		name := "tcp.syn"
		if i > 0 {
			name = "tcp.syn-retry"
		}
		l.client(name, s, to)
	}
	for i, s := range c.SYNACK {
		name := "tcp.syn-ack"
		if i > 0 {
			name = "tcp.syn-ack-retry"
		}
		l.server(name, s, "")
	}
	l.client("tcp.established", c.ACK, "")
	for d, at := range c.FIN {
		l.add("tcp.fin", Dir(d).String(), at, "")
	}
	return l
}

// AppendInstants adds the instants of a TLS handshake and of its end.
func (t *TLS) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	if t.ClientHelloFirst.Frame != t.ClientHello.Frame {
		l.client("tls.client-hello-first", t.ClientHelloFirst, "")
	}
	l.client("tls.client-hello", t.ClientHello, t.SNI)
	if x := t.DTLS; x != nil {
		l.server("tls.hello-verify", x.HelloVerify, "")
		for _, r := range x.Resent {
			l.add("tls.flight-again", r.Dir.String(), r.Stamp, "")
		}
	}
	l.server("tls.hello-retry", t.HelloRetryAt, "")
	l.client("tls.second-client-hello", t.SecondHello, "")
	l.server("tls.server-hello", t.ServerHello, t.Version)
	l.parts(t, Server)
	l.server("tls.server-flight-end", t.ServerFlightEnd, "")
	l.parts(t, Client)
	l.server("tls.server-finished", t.ServerFinished, "")
	l.client("tls.client-finished", t.ClientFinished, "")
	l.add("tls.established", t.finisher(), t.HandshakeEnd, "")
	for _, a := range t.Alerts {
		l.add("tls.alert", a.Dir.String(), a.Stamp, a.Description)
	}
	l.add("tls.renegotiation", t.RenegotiationBy.String(), t.Renegotiation, "")
	l.server("tls.ticket", t.Ticket, "")
	l.client("tls.client-data", t.FirstClientData, "")
	l.server("tls.server-data", t.FirstServerData, "")
	l.client("tls.client-close", t.CloseNotify[Client], "")
	l.server("tls.server-close", t.CloseNotify[Server], "")
	return l
}

// finisher is who sent the handshake's last message; "": not known.
func (t *TLS) finisher() string {
	switch {
	case !t.HandshakeEnd.Seen():
	case t.HandshakeEnd == t.ServerFinished:
		return "server"
	case t.HandshakeEnd == t.ClientFinished || t.Version == "TLSv1.3" || t.Version == "DTLSv1.3": // RFC 8446, section 2: the client's Finished is last
		return "client"
	}
	return ""
}

// AppendInstants adds the instants of an SSH login.
func (s *SSH) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	l.server("ssh.banner", s.ServerBanner, s.ServerSoftware)
	l.client("ssh.client-banner", s.ClientBanner, s.ClientSoftware)
	l.client("ssh.client-kexinit", s.KexInit[Client], "")
	l.server("ssh.kexinit", s.KexInit[Server], "")
	l.client("ssh.group-request", s.GroupRequest, "")
	l.server("ssh.group-reply", s.GroupReply, "")
	l.client("ssh.kex-request", s.KexRequest, s.Kex)
	l.server("ssh.kex-reply", s.KexReply, "")
	l.client("ssh.client-newkeys", s.NewKeys[Client], "")
	l.server("ssh.newkeys", s.NewKeys[Server], s.Kex)
	l.client("ssh.service-request", s.ServiceRequest, "")
	l.server("ssh.service-accept", s.ServiceAccept, "")
	for _, r := range s.Rounds {
		l.client("ssh.auth-request", r.Request, "")
		l.server("ssh.auth-reply", r.Reply, r.Result)
	}
	l.client("ssh.channel-open", s.ChannelOpen, "")
	l.server("ssh.channel-confirmed", s.ChannelConfirmed, "")
	l.server("ssh.session", s.SessionStart, "")
	l.add("ssh.disconnect", s.DisconnectBy.String(), s.Disconnect, "")
	return l
}

// AppendInstants adds the instants of a QUIC handshake.
func (q *QUIC) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	l.client("quic.initial", q.Initial, q.Version)
	l.client("quic.client-hello", q.ClientHello, q.SNI)
	l.client("quic.initial-again", q.Again, "")
	l.client("quic.second-client-hello", q.SecondHello, "")
	l.server("quic.answer", q.Answer, "")
	l.server("quic.retry", q.RetryAt, "")
	l.server("quic.hello-retry", q.HelloRetryAt, "")
	l.server("quic.server-hello", q.ServerHello, "")
	l.server("quic.server-flight-end", q.ServerFlight, "")
	l.add("quic.established", "", q.HandshakeEnd, "")
	l.add("quic.close", q.CloseBy.String(), q.Close, q.CloseReason())
	return l
}

// AppendInstants adds the first and last bytes of a request and of its answers; a last
// one in the frame of the first is left out.
func (e *Exchange) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	l.client("http.request", e.RequestFirst, "")
	if e.RequestLast.Frame != e.RequestFirst.Frame {
		l.client("http.request-end", e.RequestLast, "")
	}
	for _, s := range e.Interim {
		l.server("http.interim", s, "")
	}
	if e.Undecided {
		return l
	}
	l.server("http.response", e.ResponseFirst, "")
	if !e.EndOpen && e.ResponseLast.Frame != e.ResponseFirst.Frame {
		l.server("http.response-end", e.ResponseLast, "")
	}
	return l
}

// AppendInstants adds every request for a link address, the answer, and the packet that
// had waited for it.
func (r *Resolution) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	for _, s := range r.Requests {
		l.client(r.Protocol+".request", s, "")
	}
	l.add(r.Protocol+".reply", "neighbour", r.Reply, "")
	l.client(r.Protocol+".released", r.Released.Stamp, "")
	return l
}

// SortInstants puts instants in order of time.
func SortInstants(list []Instant) {
	slices.SortStableFunc(list, func(a, b Instant) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return a.Frame - b.Frame
	})
}
