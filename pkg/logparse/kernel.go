package logparse

import (
	"bytes"
	"net/netip"
)

// What the kernel says of the network, by a part of the text. Type takes the
// name of the condition.
var kernelNotices = []struct{ part, name string }{
	{"Possible SYN flooding on port ", "syn-flood"},
	{"nf_conntrack: table full", "conntrack-full"},
	{"nf_conntrack: nf_conntrack: table full", "conntrack-full"},
	{"ip_conntrack: table full", "conntrack-full"},
	{"TCP: out of memory", "tcp-memory"},
	{"TCP: too many orphaned sockets", "tcp-orphans"},
	{"TCP: time wait bucket table overflow", "tcp-time-wait"},
	{"TCP: drop open request from ", "listen-overflow"},
	{"listen queue overflow", "listen-overflow"},
	{"neighbor table overflow", "neighbour-table-full"},
	{"Neighbour table overflow", "neighbour-table-full"},
	{"neighbour table overflow", "neighbour-table-full"},
	{"duplicate address", "duplicate-address"},
	{"martian source ", "martian"},
	{"martian destination ", "martian"},
	{"Link is Down", "link-down"},
	{"link is not ready", "link-down"},
	{"link down", "link-down"},
	{"Lost carrier", "link-down"},
	{"Link is Up", "link-up"},
	{"link becomes ready", "link-up"},
	{"link up", "link-up"},
	{"NETDEV WATCHDOG", "transmit-timeout"},
	{"Out of memory: ", "out-of-memory"},
	{"Memory cgroup out of memory", "out-of-memory"},
	{"oom-kill:", "out-of-memory"},
	{"blocked for more than ", "hung-task"},
	{"soft lockup", "soft-lockup"},
	{"clocksource: ", "clock-source"},
	{"No buffer space available", "no-buffers"},
	{"page allocation failure", "out-of-memory"},
}

// kernelMessage reads a message of the kernel. The time since boot in brackets
// before it is printk's own and is left out.
func kernelMessage(msg []byte, e *Event) {
	e.Kind, e.Means = Message, Written
	if len(msg) > 0 && msg[0] == '[' {
		if end := bytes.IndexByte(msg, ']'); end > 0 {
			if _, ok := decimalOnly(bytes.TrimSpace(msg[1:end])); ok {
				msg = bytes.TrimLeft(msg[end+1:], " ")
			}
		}
	}
	e.Text = view(msg)
	if packetFilter(msg, e) {
		return
	}
	for i := range kernelNotices {
		n := &kernelNotices[i]
		at := bytes.Index(msg, []byte(n.part))
		if at < 0 {
			continue
		}
		e.Kind, e.Type = KernelNotice, n.name
		rest := msg[at+len(n.part):]
		switch n.name {
		case "syn-flood":
			kernelPort(rest, e)
		case "duplicate-address":
			for _, word := range bytes.Fields(rest) {
				if a, ok := address(bytes.Trim(word, ",.:!")); ok {
					e.Server = netip.AddrPortFrom(a, 0)
					break
				}
			}
		case "listen-overflow":
			peer, _, _ := cutAt(rest, ' ')
			if a, p, ok := cutAt(peer, '/'); ok {
				addr, _ := address(a)
				n, _ := port(p)
				e.Client = netip.AddrPortFrom(addr, n)
			}
		}
		return
	}
}

// decimalOnly tells whether b is digits and one point.
func decimalOnly(b []byte) (int, bool) {
	points := 0
	for _, c := range b {
		if c == '.' {
			points++
		} else if c < '0' || c > '9' {
			return 0, false
		}
	}
	return points, len(b) > 2 && points == 1
}

// kernelPort reads the port of a SYN flood: "443." or, since Linux 6.2,
// "0.0.0.0:443." and "[::]:443.".
func kernelPort(b []byte, e *Event) {
	word := bytes.TrimRight(upTo(b, ' '), ".")
	if p, ok := port(word); ok {
		e.Server = netip.AddrPortFrom(netip.Addr{}, p)
	} else if ap, ok := addressPort(word); ok {
		e.Server = ap
	}
}

// packetFilter reads a line of the LOG target of netfilter (nf_log_syslog.c):
// "PREFIX IN=eth0 OUT= MAC=… SRC=… DST=… … PROTO=TCP SPT=… DPT=… …".
func packetFilter(msg []byte, e *Event) bool {
	in := bytes.Index(msg, []byte("IN="))
	if in < 0 || in > 0 && msg[in-1] != ' ' && msg[in-1] != ']' && msg[in-1] != ':' {
		return false
	}
	var src, dst netip.Addr
	var from, to uint16
	for b := msg[in:]; len(b) > 0; {
		if b[0] == '[' { // of an ICMP error: the packet it quotes
			break
		}
		var word []byte
		word, b, _ = cutAt(b, ' ')
		name, value, ok := cutAt(word, '=')
		if !ok {
			continue
		}
		switch string(name) {
		case "SRC":
			src, _ = address(value)
		case "DST":
			dst, _ = address(value)
		case "SPT":
			from, _ = port(value)
		case "DPT":
			to, _ = port(value)
		case "PROTO":
			e.Proto = view(value)
		}
	}
	if !src.IsValid() || !dst.IsValid() {
		return false
	}
	e.Kind, e.Type = KernelNotice, "packet-filter"
	e.Client, e.Server = netip.AddrPortFrom(src, from), netip.AddrPortFrom(dst, to)
	e.Outcome = filterVerdict(msg[:in])
	return true
}

// filterVerdict is what the prefix of the rule says: "dropped", "accepted" or
// "" where it says neither.
func filterVerdict(prefix []byte) string {
	upper := bytes.ToUpper(prefix)
	for _, w := range [...]string{"DROP", "BLOCK", "REJECT", "DENY", "DENIED", "INVALID"} {
		if bytes.Contains(upper, []byte(w)) {
			return "dropped"
		}
	}
	for _, w := range [...]string{"ACCEPT", "ALLOW"} {
		if bytes.Contains(upper, []byte(w)) {
			return "accepted"
		}
	}
	return ""
}

// packetLog reads a line of pfSense's and OPNsense's filterlog, a packet in
// fields between commas.
func packetLog(msg []byte, e *Event) bool {
	var f [24][]byte
	n := 0
	for more := true; more && n < len(f); n++ {
		f[n], msg, more = cutAt(msg, ',')
	}
	src := 18
	if n > 8 && len(f[8]) == 1 && f[8][0] == '6' {
		src = 15
	}
	if n < src+2 {
		return false
	}
	from, ok := address(f[src])
	to, ok2 := address(f[src+1])
	if !ok || !ok2 {
		return false
	}
	var sport, dport uint16
	if n > src+3 {
		sport, _ = port(f[src+2])
		dport, _ = port(f[src+3])
	}
	e.Kind, e.Type = KernelNotice, "packet-filter"
	e.Client, e.Server = netip.AddrPortFrom(from, sport), netip.AddrPortFrom(to, dport)
	e.Proto = view(f[src-2])
	if src == 15 {
		e.Proto = view(f[12])
	}
	switch string(f[6]) {
	case "block", "reject":
		e.Outcome = "dropped"
	case "pass":
		e.Outcome = "accepted"
	}
	return true
}
