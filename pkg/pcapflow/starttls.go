package pcapflow

import "bytes"

// startTLSDissector waits, behind the clear beginning of a protocol that may
// turn to TLS, for the ClientHello. Of what comes before it follows nothing.
var startTLSDissector = &Dissector{
	Name:      "starttls",
	Transport: TCP,
	Probe:     func(first [2][]byte, port uint16) Verdict { _, v := greeting(first, port); return v },
	Open:      func(f *Flow, env *Env) Stream { return &startTLSStream{f: f, env: env} },
}

// greetings are how such protocols begin.
var greetings = []struct {
	by       Dir
	prefix   string
	protocol string
}{
	{Server, "* OK", "imap"},                                   // RFC 9051 §7.1.5
	{Server, "* PREAUTH", "imap"},                              //
	{Server, "+OK", "pop3"},                                    // RFC 1939 §4
	{Server, "220", "smtp"},                                    // RFC 5321 §4.2, and FTP: told apart by the client
	{Server, "200 ", "nntp"},                                   // RFC 3977 §5.1
	{Server, "201 ", "nntp"},                                   //
	{Server, "\"IMPLEMENTATION\"", "sieve"},                    // RFC 5804 §1.7
	{Client, "CAP LS", "irc"},                                  // ircv3.net/specs/extensions/capability-negotiation
	{Client, "<?xml", "xmpp"},                                  // RFC 6120 §4.2
	{Client, "<stream:", "xmpp"},                               //
	{Client, "\x00\x00\x00\x08\x04\xd2\x16\x2f", "postgresql"}, // SSLRequest
	{Client, "\x03\x00\x00", "rdp"},                            // TPKT, RFC 1006, with an X.224 connection request
}

// greeting recognises a protocol by its first bytes.
func greeting(first [2][]byte, port uint16) (protocol string, v Verdict) {
	for _, g := range greetings {
		b := first[g.by]
		n := min(len(b), len(g.prefix))
		if n == 0 || string(b[:n]) != g.prefix[:n] {
			continue
		}
		if n < len(g.prefix) {
			v = Maybe
			continue
		}
		switch g.protocol {
		case "smtp":
			return smtpOrFTP(first, port)
		case "rdp":
			if len(b) < 6 {
				v = Maybe
				continue
			}
			if b[5] != 0xe0 {
				continue
			}
		}
		return g.protocol, Yes
	}
	if b := first[Server]; len(b) >= 5 && b[1] == 0 && b[2] == 0 && b[3] == 0 && b[4] == 10 { // protocol version 10
		return "mysql", Yes
	}
	if w := probeLDAP(first[Client]); w == Yes {
		return "ldap", Yes
	} else if w == Maybe {
		v = Maybe
	}
	if w := probeSOCKS(first); w == Yes {
		return "socks", Yes
	} else if w == Maybe {
		v = Maybe
	}
	return "", v
}

// probeLDAP recognises a bind, a search or an extended request (RFC 4511 §4.1.1):
// a sequence of a small number and an operation.
func probeLDAP(b []byte) Verdict {
	if len(b) == 0 || b[0] != 0x30 {
		return No
	}
	n := 2
	if len(b) > 1 && b[1] >= 0x80 { // a long length
		if b[1] < 0x81 || b[1] > 0x84 {
			return No
		}
		n += int(b[1] & 0x7f)
	}
	if len(b) < n+4 {
		return Maybe
	}
	if b[n] != 2 || b[n+1] != 1 {
		return No
	}
	switch b[n+3] {
	case 0x60, 0x63, 0x77:
		return Yes
	}
	return No
}

// probeSOCKS recognises both sides of version 5 (RFC 1928 §3) and 4.
func probeSOCKS(first [2][]byte) Verdict {
	client, server := first[Client], first[Server]
	if len(client) == 0 || client[0] != 5 && client[0] != 4 {
		return No
	}
	if len(client) < 3 {
		return Maybe
	}
	switch {
	case client[0] == 5 && (client[1] == 0 || len(client) > 2+int(client[1])), client[0] == 4 && client[1] != 1 && client[1] != 2:
		return No
	case len(server) < 2:
		return Maybe
	case client[0] == 5 && server[0] == 5 && server[1] <= 2, client[0] == 4 && server[0] == 0 && server[1] >= 0x5a && server[1] <= 0x5d:
		return Yes
	}
	return No
}

// smtpOrFTP tells them apart by the client's first command, or by the port.
func smtpOrFTP(first [2][]byte, port uint16) (string, Verdict) {
	if b := first[Server]; len(b) > 3 && b[3] != ' ' && b[3] != '-' {
		return "", No
	}
	client := bytes.ToUpper(first[Client][:min(len(first[Client]), 4)])
	switch {
	case bytes.Equal(client, []byte("EHLO")), bytes.Equal(client, []byte("HELO")):
		return "smtp", Yes
	case bytes.Equal(client, []byte("USER")), bytes.Equal(client, []byte("AUTH")), bytes.Equal(client, []byte("FEAT")):
		return "ftp", Yes
	case port == 21:
		return "ftp", Yes
	case port == 25 || port == 587 || len(client) == 4:
		return "smtp", Yes
	}
	return "", Maybe
}

// mysqlSSLRequest is the length of the packet by which a MySQL client asks for
// TLS, its header included.
const mysqlSSLRequest = 4 + 32

// maxClear is how many bytes are waited for the upgrade.
const maxClear = 256 << 10

// startTLSStream follows one such connection.
type startTLSStream struct {
	f        *Flow
	env      *Env
	tls      *tlsStream
	first    [2][]byte // the first bytes, until the protocol is told
	protocol string

	turn   bool    // the server spoke last: a ClientHello may come
	head   [6]byte // the client's first bytes of its turn
	nHead  int
	headAt Stamp
	sent   int // bytes of a MySQL client's first packet
	count  int64
}

// Data implements Stream.
func (s *startTLSStream) Data(d Dir, at Stamp, b []byte) {
	if s.tls != nil {
		s.tls.Data(d, at, b)
		return
	}
	s.count += int64(len(b))
	s.name(d, b)
	if d == Server {
		s.turn, s.nHead = true, 0
		return
	}
	if s.protocol == "mysql" && s.sent < mysqlSSLRequest { // the hello follows it at once
		n := min(len(b), mysqlSSLRequest-s.sent)
		s.sent += n
		s.turn, s.nHead = s.sent == mysqlSSLRequest, 0
		b = b[n:]
	}
	if !s.turn || len(b) == 0 {
		return
	}
	if s.nHead == 0 {
		s.headAt = at
	}
	n := copy(s.head[s.nHead:], b)
	s.nHead += n
	switch probeHello(s.head[:s.nHead], msgClientHello) {
	case No:
		s.turn = false
	case Yes:
		s.tls = openTLS(s.f, s.env)
		s.tls.upgraded(s.protocol)
		s.tls.Data(Client, s.headAt, s.head[:s.nHead-n])
		s.tls.Data(Client, at, b)
	}
}

// name tells the protocol as soon as it can be told.
func (s *startTLSStream) name(d Dir, b []byte) {
	const enough = 16
	if s.protocol != "" || len(s.first[d]) >= enough {
		return
	}
	s.first[d] = append(s.first[d], b[:min(len(b), enough-len(s.first[d]))]...)
	if protocol, v := greeting(s.first, s.f.Server.Port()); v == Yes {
		s.protocol, s.f.Service = protocol, protocol
	}
}

// Gap implements Stream.
func (s *startTLSStream) Gap(d Dir, at Stamp, n int64) {
	if s.tls != nil {
		s.tls.Gap(d, at, n)
		return
	}
	s.turn = d == Server
	s.nHead = 0
}

// Idle implements Idler: without an upgrade there is nothing more to learn.
func (s *startTLSStream) Idle() bool { return s.tls == nil && s.count > maxClear }

// Close implements Stream.
func (s *startTLSStream) Close(at Stamp) {
	if s.tls != nil {
		s.tls.Close(at)
	}
}
