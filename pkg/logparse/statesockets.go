package logparse

import (
	"bytes"
	"net/netip"
)

// socketTable reads ss and netstat -t: a line a socket, and with ss -i a line
// of its figures after it.
type socketTable struct {
	event Event
	open  bool
	empty bool // a table has begun, and no row of it has come: event tells of it
}

// socketStates are the states of a TCP socket as ss and netstat name them.
var socketStates = map[string]string{
	"LISTEN": "LISTEN", "ESTAB": "ESTAB", "ESTABLISHED": "ESTAB", "SYN-SENT": "SYN-SENT", "SYN_SENT": "SYN-SENT", "SYN-RECV": "SYN-RECV", "SYN_RECV": "SYN-RECV",
	"FIN-WAIT-1": "FIN-WAIT-1", "FIN_WAIT1": "FIN-WAIT-1", "FIN-WAIT-2": "FIN-WAIT-2", "FIN_WAIT2": "FIN-WAIT-2", "TIME-WAIT": "TIME-WAIT", "TIME_WAIT": "TIME-WAIT",
	"CLOSE-WAIT": "CLOSE-WAIT", "CLOSE_WAIT": "CLOSE-WAIT", "LAST-ACK": "LAST-ACK", "LAST_ACK": "LAST-ACK", "CLOSING": "CLOSING", "UNCONN": "UNCONN", "CLOSED": "CLOSED",
}

func (s *socketTable) line(line, text []byte, at place, out *outbox) bool {
	if bytes.Contains(text, []byte("Recv-Q")) && bytes.Contains(text, []byte("Send-Q")) || bytes.HasPrefix(text, []byte("Active Internet connections")) {
		if !s.empty {
			s.finish(out)
			s.event, s.empty = begin(HostState, at), true
			s.event.Process = "ss"
			s.event.Values = append(s.event.Values, Value{Name: "sockets"})
		}
		s.event.reach(at)
		return true
	}
	if s.open && (line[0] == ' ' || line[0] == '\t') {
		s.event.reach(at)
		s.figures(text)
		return true
	}
	if s.summary(text, at, out) {
		return true
	}
	var f [8][]byte
	n := min(words(text, f[:]), len(f))
	i := 0
	state, ok := socketStates[string(f[0])]
	if !ok && n > 1 {
		if state, ok = socketStates[string(f[1])]; ok { // Netid first
			i = 1
		}
	}
	if ok && n >= i+5 {
		return s.socket(state, f[i+1], f[i+2], f[i+3], f[i+4], text, at, out)
	}
	if n >= 5 && (bytes.HasPrefix(f[0], []byte("tcp")) || bytes.HasPrefix(f[0], []byte("udp"))) { // netstat
		return s.socket(socketStates[string(f[5])], f[1], f[2], f[3], f[4], text, at, out)
	}
	return false
}

// summary reads ss -s: "TCP:   24 (estab 0, closed 24, orphaned 2, timewait 17)";
// its table of transports says no more.
func (s *socketTable) summary(text []byte, at place, out *outbox) bool {
	name, rest, ok := cutAt(text, ':')
	if ok && string(name) == "TCP" {
		rest = bytes.TrimSpace(rest)
		all, parts, _ := cutAt(rest, ' ')
		e := begin(HostState, at)
		e.Process = "ss -s"
		if !e.number([]byte("sockets"), all, "") {
			return false
		}
		for _, part := range bytes.Split(bytes.Trim(parts, "()"), []byte(", ")) {
			if name, number, ok := cutAt(part, ' '); ok {
				e.number(name, number, "")
			}
		}
		out.put(e)
		return true
	}
	if ok && string(name) == "Total" {
		return true
	}
	var f [4][]byte
	if words(text, f[:]) != 4 {
		return false
	}
	switch string(f[0]) {
	case "Transport", "RAW", "UDP", "TCP", "INET", "FRAG":
		_, number := integer(f[1])
		return number || string(f[1]) == "Total"
	}
	return false
}

func (s *socketTable) socket(state string, received, sent, local, peer, text []byte, at place, out *outbox) bool {
	here, ok1 := socketAddress(local)
	there, ok2 := socketAddress(peer)
	e := begin(HostState, at)
	if !ok1 || !ok2 || !e.number([]byte("recv-q"), received, "") || !e.number([]byte("send-q"), sent, "") {
		return false
	}
	if s.empty = false; s.open {
		s.finish(out)
	}
	e.Process, e.Outcome, e.Server, e.Client = "ss", state, here, there
	s.event, s.open = e, true
	// "users:((…))" and, with -O, the figures go on in the line.
	if i := bytes.Index(text, peer); i >= 0 {
		s.figures(text[i+len(peer):])
	}
	return true
}

// finish gives the last socket, or says that there was none: that is a finding.
func (s *socketTable) finish(out *outbox) {
	if s.open || s.empty {
		out.put(s.event)
		s.open, s.empty = false, false
	}
}

// figures reads "cubic rto:204 rtt:3.1/1.2 mss:1448 retrans:0/3 unacked:2 …"
// of ss -i: of a pair both numbers, the second as "name2" (for retrans: those
// under way, and all).
func (s *socketTable) figures(text []byte) {
	for len(text) > 0 {
		var word []byte
		word, text, _ = cutAt(bytes.TrimLeft(text, " \t"), ' ')
		name, value, ok := cutAt(word, ':')
		if !ok || len(name) == 0 || string(name) == "users" || string(name) == "timer" {
			continue
		}
		first, second, pair := cutAt(value, '/')
		if !pair {
			first, second, pair = cutAt(value, ',')
		}
		unit := ""
		switch string(name) {
		case "rtt", "rto", "ato", "minrtt", "rcv_rtt", "lastsnd", "lastrcv", "lastack", "busy":
			unit = "ms"
			first = bytes.TrimSuffix(first, []byte("ms"))
		}
		s.event.number(name, first, unit)
		if pair {
			s.event.number(append(append([]byte(nil), name...), '2'), second, unit)
		}
	}
}

// socketAddress reads "10.20.0.10:443", "[::]:22", "*:80", "0.0.0.0:*",
// "127.0.0.53%lo:53".
func socketAddress(b []byte) (netip.AddrPort, bool) {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return netip.AddrPort{}, false
	}
	host, number := b[:i], b[i+1:]
	var p uint16
	ok := true
	if string(number) != "*" {
		if p, ok = port(number); !ok {
			return netip.AddrPort{}, false
		}
	}
	if string(host) == "*" || len(host) == 0 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), p), true
	}
	host = bytes.Trim(host, "[]")
	host, _, _ = cutAt(host, '%')
	a, ok := address(host)
	if !ok {
		if a, ok = address(append(append([]byte("["), host...), ']')); !ok {
			return netip.AddrPort{}, false
		}
	}
	return netip.AddrPortFrom(a, p), true
}
