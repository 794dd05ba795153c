package pcapflow

import (
	"bytes"
	"crypto/sha256"
)

// sessions remembers, up to TLS 1.2, which master secret a session identifier or
// ticket stands for: a resumed connection uses it again (RFC 5246 §7.3, RFC 5077
// §3.4), and some clients log it at the first connection only.
type sessions struct {
	masters map[[32]byte][]byte // hash of identifier or ticket → master secret
	offered map[[32]byte]offer  // client random → what the client would resume
}

// offer is the session a ClientHello would resume.
type offer struct {
	id     []byte // that the server repeats if it agrees
	master []byte
}

// maxSessions bounds what is remembered.
const maxSessions = 1 << 16

// offer notes what a ClientHello would resume, where its secret is known.
func (k *sessions) offer(h *clientHello) {
	master := k.masters[sha256.Sum256(h.ticketBytes)]
	if len(h.ticketBytes) == 0 || master == nil {
		master = k.masters[sha256.Sum256(h.session)]
	}
	if len(h.session) == 0 || master == nil || len(k.offered) >= maxSessions {
		return
	}
	if k.offered == nil {
		k.offered = map[[32]byte]offer{}
	}
	k.offered[h.random] = offer{bytes.Clone(h.session), master}
}

// resumed is the master secret of a connection whose server agreed to resume;
// nil: it did not, or the secret is not known.
func (k *sessions) resumed(random [32]byte, id []byte) []byte {
	o := k.offered[random]
	delete(k.offered, random)
	if len(id) == 0 || !bytes.Equal(o.id, id) {
		return nil
	}
	return o.master
}

// remember ties an identifier or ticket to a master secret.
func (k *sessions) remember(name, master []byte) {
	if len(name) == 0 || len(master) == 0 {
		return
	}
	if k.masters == nil {
		k.masters = map[[32]byte][]byte{}
	}
	if len(k.masters) < maxSessions {
		k.masters[sha256.Sum256(name)] = master
	}
}

// master finds the secret of a connection up to 1.2 by its key log or by the session
// it resumes, and remembers the session it begins.
func (k *KeyLog) master(client [32]byte, h serverHello) []byte {
	master := k.secret(client, labelMaster)
	if old := k.sessions.resumed(client, h.session); master == nil {
		master = old
	}
	k.sessions.remember(h.session, master)
	return master
}

// ticketPrefix are four octets of lifetime and two of length before a session ticket
// (RFC 5077 §3.3).
const ticketPrefix = 6

// ticket12 takes a session ticket that passes in the clear.
func (s *tlsStream) ticket12(m tlsMessage) {
	if s.dec == nil || s.dec.master == nil || len(m.body) < ticketPrefix {
		return
	}
	s.keys().sessions.remember(m.body[ticketPrefix:], s.dec.master)
}
