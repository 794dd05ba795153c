package logparse

import (
	"bytes"
	"net/netip"
)

// What sshd says, by the beginning of its messages (OpenSSH 5 to 10; log.c,
// auth.c, sshd.c, packet.c, monitor.c). The first that fits counts. Programs:
// sshd, since 9.8 also sshd-session, since 10.0 sshd-auth.
var sshdMessages = []struct {
	prefix  string
	kind    Kind
	means   Moment
	outcome string
	style   sshdStyle
}{
	{"Server listening on ", Message, Written, "listening", sshdListening},
	{"Accepted key ", Message, Written, "key-found", sshdNoPeer},
	{"Accepted certificate ", Message, Written, "key-found", sshdNoPeer},
	{"Accepted ", SSHAccepted, AuthResult, "ok", sshdMethod},
	{"Failed ", SSHFailed, AuthResult, "failed", sshdMethod},
	{"Partial ", Message, AuthResult, "partial", sshdMethod},
	{"Postponed ", Message, Written, "postponed", sshdMethod},
	{"Invalid user ", SSHInvalidUser, Written, "failed", sshdUserFrom},
	{"Illegal user ", SSHInvalidUser, Written, "failed", sshdUserFrom},
	{"input_userauth_request: invalid user ", SSHInvalidUser, Written, "failed", sshdUserFrom},
	{"Connection from ", SSHConnection, Accepted, "", sshdConnection},
	{"Connection closed by ", SSHClosed, Written, "closed", sshdUserPeer},
	{"Connection reset by ", SSHClosed, Written, "reset", sshdUserPeer},
	{"Closing connection to ", SSHClosed, Written, "closed", sshdPeer},
	{"Received disconnect from ", SSHClosed, Written, "disconnect", sshdUserPeer},
	{"Disconnected from ", SSHClosed, Written, "closed", sshdUserPeer},
	{"Disconnecting", SSHClosed, Written, "failed", sshdUserPeer},
	{"Read error from remote host ", SSHClosed, Written, "error", sshdPeer},
	{"Read from socket failed", SSHClosed, Written, "error", sshdNoPeer},
	{"Write failed", SSHClosed, Written, "error", sshdNoPeer},
	{"Timeout, client not responding", SSHClosed, Written, "timeout", sshdUserPeer},
	{"Timeout before authentication for connection from ", SSHClosed, Written, "timeout", sshdFromTo},
	{"Timeout before authentication for ", SSHClosed, Written, "timeout", sshdPeer},
	{"ssh_dispatch_run_fatal: ", SSHClosed, Written, "error", sshdPeer},
	{"Corrupted MAC on input", SSHClosed, Written, "error", sshdNoPeer},
	{"maximum authentication attempts exceeded for ", SSHFailed, AuthResult, "max-attempts", sshdUserFrom},
	{"ROOT LOGIN REFUSED FROM ", SSHFailed, AuthResult, "not-allowed", sshdPeer},
	{"Authentication tried for ", SSHFailed, AuthResult, "not-allowed", sshdNoPeer},
	{"User child is on pid ", SSHSession, Written, "child", sshdChild},
	{"Starting session: ", SSHSession, Written, "started", sshdForUser},
	{"Close session: user ", SSHSession, Written, "closed", sshdUserFrom},
	{"Unable to negotiate with ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Unable to negotiate", SSHNegotiation, Written, "failed", sshdPeer},
	{"kex_exchange_identification: ", SSHNegotiation, Written, "failed", sshdPeer},
	{"kex_protocol_error: ", SSHNegotiation, Written, "failed", sshdPeer},
	{"banner exchange: ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Bad protocol version identification ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Did not receive identification string from ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Protocol major versions differ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Bad packet length ", SSHNegotiation, Written, "failed", sshdPeer},
	{"Bad remote protocol version identification", SSHNegotiation, Written, "failed", sshdPeer},
	{"Magic value check failed ", SSHNegotiation, Written, "failed", sshdPeer},
	{"no matching ", SSHNegotiation, Written, "failed", sshdNoPeer},
	{"drop connection #", SSHDropped, Written, "dropped", sshdDropped},
	{"beginning MaxStartups throttling", SSHDropped, Written, "throttling", sshdNoPeer},
	{"exited MaxStartups throttling", SSHDropped, Written, "throttling-ended", sshdNoPeer},
	{"srclimit_penalise: ", SSHDropped, Written, "penalty", sshdPenalty},
	{"refused connect from ", SSHDropped, Accepted, "refused", sshdParenthesis},
	{"Address ", Message, Written, "reverse-dns", sshdPeer},
	{"reverse mapping checking getaddrinfo for ", Message, Written, "reverse-dns", sshdBracket},
	{"User ", SSHFailed, AuthResult, "not-allowed", sshdNotAllowed},
}

type sshdStyle uint8

const (
	sshdNoPeer      sshdStyle = iota
	sshdMethod                // METHOD for [invalid user ]USER from ADDRESS port PORT ssh2…
	sshdUserFrom              // [invalid user ]USER from ADDRESS [port PORT]…
	sshdUserPeer              // [authenticating user USER |invalid user USER |user USER ]ADDRESS [port PORT]…
	sshdForUser               // … for USER from ADDRESS port PORT…
	sshdPeer                  // an address, with a port most often, somewhere
	sshdConnection            // ADDRESS port PORT on ADDRESS port PORT…
	sshdFromTo                // ADDRESS to ADDRESS, pid = PID
	sshdDropped               // … from [ADDRESS]:PORT on [ADDRESS]:PORT …
	sshdPenalty               // ipv4: new ADDRESS/32 …
	sshdParenthesis           // NAME (ADDRESS)
	sshdBracket               // NAME [ADDRESS] …
	sshdListening             // ADDRESS port PORT.
	sshdNotAllowed            // USER from HOST not allowed because …
	sshdChild                 // PID
)

// isSSHD knows sshd by its three names.
func isSSHD(program string) bool {
	return program == "sshd" || program == "sshd-session" || program == "sshd-auth"
}

// sshdMessage reads a message of sshd, as syslog or the journal hands it on.
func sshdMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	msg = bytes.TrimSuffix(msg, []byte(" [preauth]"))
	for _, level := range [...]string{"error: ", "fatal: ", "info: ", "debug1: ", "debug2: ", "debug3: ", "warning: "} {
		if rest, ok := bytes.CutPrefix(msg, []byte(level)); ok {
			e.Level = level[:len(level)-2]
			msg = rest
			break
		}
	}
	for i := range sshdMessages {
		m := &sshdMessages[i]
		if !bytes.HasPrefix(msg, []byte(m.prefix)) {
			continue
		}
		if m.style == sshdNotAllowed && !bytes.Contains(msg, []byte(" not allowed because ")) {
			break
		}
		e.Kind, e.Means, e.Outcome = m.kind, m.means, m.outcome
		sshdParts(m.style, msg[len(m.prefix):], e)
		return
	}
	if bytes.Contains(msg, []byte(" port ")) {
		if ap, ok := peerIn(msg); ok && ap.Port() != 0 {
			e.Client = ap
		}
	}
	pamMessage(msg, e)
}

func sshdParts(style sshdStyle, b []byte, e *Event) {
	switch style {
	case sshdMethod:
		method, rest, ok := bytes.Cut(b, []byte(" for "))
		if ok {
			e.Type = view(method)
			sshdUserFromText(rest, e)
		}
	case sshdUserFrom:
		sshdUserFromText(b, e)
	case sshdForUser:
		if _, rest, ok := bytes.Cut(b, []byte(" for ")); ok {
			sshdUserFromText(rest, e)
		}
	case sshdUserPeer:
		sshdUserPeerText(b, e)
	case sshdPeer:
		e.Client, _ = peerIn(b)
	case sshdConnection:
		before, after, _ := bytes.Cut(b, []byte(" on "))
		e.Client, _ = peerIn(before)
		e.Server, _ = peerIn(after)
		if i := bytes.IndexByte(before, ':'); i >= 0 && !e.Client.IsValid() || bytes.HasSuffix(before, []byte(": invalid format")) {
			e.Kind, e.Outcome, e.Means = SSHNegotiation, "failed", Written
		}
	case sshdListening:
		e.Server, _ = peerIn(b)
	case sshdFromTo:
		from, rest, _ := bytes.Cut(b, []byte(" to "))
		e.Client, _ = addressPort(from)
		e.Server, _ = addressPort(upTo(rest, ','))
		if _, pid, ok := bytes.Cut(rest, []byte("pid = ")); ok {
			e.Child = max(firstInteger(pid), 0)
		}
	case sshdDropped:
		if _, rest, ok := bytes.Cut(b, []byte(" from ")); ok {
			from, rest, _ := cutAt(rest, ' ')
			e.Client, _ = addressPort(from)
			if to, ok := bytes.CutPrefix(rest, []byte("on ")); ok {
				to, _, _ = cutAt(to, ' ')
				e.Server, _ = addressPort(to)
			}
		}
	case sshdPenalty:
		for _, word := range bytes.Fields(b) {
			if a, ok := address(upTo(word, '/')); ok {
				e.Client = netip.AddrPortFrom(a, 0)
			}
		}
	case sshdParenthesis, sshdBracket:
		open, end := byte('('), byte(')')
		if style == sshdBracket {
			open, end = '[', ']'
		}
		if i := bytes.LastIndexByte(b, open); i >= 0 {
			a, _ := address(upTo(b[i+1:], end))
			e.Client = netip.AddrPortFrom(a, 0)
		}
	case sshdNotAllowed:
		user, _, _ := bytes.Cut(b, []byte(" not allowed because "))
		if name, host, ok := lastCut(user, " from "); ok {
			user = name
			e.Client, _ = addressPort(host)
		}
		e.User = view(user)
	case sshdChild:
		if n, ok := integer(b); ok && n > 0 && n < 1<<31 {
			e.Child = int(n)
		}
	}
}

// upTo is what lies before the first c, all of b without one.
func upTo(b []byte, c byte) []byte {
	before, _, _ := cutAt(b, c)
	return before
}

// lastCut cuts at the last sep.
func lastCut(b []byte, sep string) (before, after []byte, found bool) {
	if i := bytes.LastIndex(b, []byte(sep)); i >= 0 {
		return b[:i], b[i+len(sep):], true
	}
	return b, nil, false
}

// sshdUserFromText reads "[invalid user ]USER from ADDRESS port PORT ssh2: …".
// The name is chosen by the client and may hold all of that itself: the address
// that counts is the one after which the message goes on as sshd writes it,
// else the last one.
func sshdUserFromText(b []byte, e *Event) {
	from := []byte(" from ")
	if bytes.HasPrefix(b, from[1:]) { // an empty name
		b = append(append(make([]byte, 0, len(b)+1), ' '), b...)
	}
	user, found := b, false
	for at := 0; ; {
		i := bytes.Index(b[at:], from)
		if i < 0 {
			break
		}
		i += at
		at = i + 1
		ap, n := peerAt(b[i+len(from):])
		if n == 0 {
			if !found {
				user = b[:i]
			}
			continue
		}
		user, found, e.Client = b[:i], true, ap
		rest := b[i+len(from)+n:]
		if bytes.HasPrefix(rest, []byte(" ssh2:")) || bytes.HasPrefix(rest, []byte(" ssh1:")) {
			break
		}
	}
	for _, prefix := range [...]string{"invalid user ", "illegal user "} {
		user = bytes.TrimPrefix(user, []byte(prefix))
	}
	e.User = view(bytes.Trim(user, " "))
}

// sshdUserPeerText reads "[… user USER ]ADDRESS[ port PORT][: reason]".
func sshdUserPeerText(b []byte, e *Event) {
	if i := bytes.Index(b, []byte("user ")); i >= 0 && i <= len("authenticating ") {
		rest := b[i+len("user "):]
		// The name may hold spaces: the last address with a port ends it.
		for at := len(rest); at >= 0; {
			j := bytes.LastIndexByte(rest[:at], ' ')
			if ap, n := peerAt(rest[j+1:]); n > 0 {
				e.Client = ap
				e.User = view(rest[:max(j, 0)])
				if ap.Port() != 0 || j < 0 {
					break
				}
			}
			at = j
		}
		return
	}
	e.Client, _ = peerIn(b)
}

// peerAt reads "ADDRESS", "ADDRESS port PORT" or "ADDRESS:PORT" at b[0] and
// how many bytes that took.
func peerAt(b []byte) (ap netip.AddrPort, n int) {
	word := upTo(b, ' ')
	n = len(word)
	trimmed := bytes.TrimRight(word, ":,;.")
	ap, ok := addressPort(trimmed)
	if !ok {
		return netip.AddrPort{}, 0
	}
	if len(trimmed) < len(word) {
		return ap, len(trimmed)
	}
	if rest, ok := bytes.CutPrefix(b[n:], []byte(" port ")); ok {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if p, ok := port(rest[:i]); ok {
			return netip.AddrPortFrom(ap.Addr(), p), n + len(" port ") + i
		}
	}
	return ap, n
}

// peerIn finds the last address with a port in b, or else the last address.
func peerIn(b []byte) (ap netip.AddrPort, ok bool) {
	for at := len(b); at >= 0; {
		i := bytes.LastIndexByte(b[:at], ' ')
		if found, n := peerAt(b[i+1:]); n > 0 {
			if found.Port() != 0 {
				return found, true
			}
			if !ok {
				ap, ok = found, true
			}
		}
		at = i
	}
	return ap, ok
}
