package logparse

import "bytes"

// kernelCounters reads nstat, netstat -s and the files /proc/net/snmp and
// /proc/net/netstat: one HostState for all counters of an output, by the names
// of nstat.
type kernelCounters struct {
	event   Event
	open    bool
	section string // of netstat -s: "Tcp", "TcpExt"
	names   []byte // of /proc/net: the line of names
}

func (k *kernelCounters) line(line, text []byte, at place, out *outbox) bool {
	var f [4][]byte
	n := words(text, f[:])
	switch {
	case string(text) == "#kernel" || bytes.HasPrefix(text, []byte("#")) && n >= 1 && bytes.HasPrefix(text, []byte("#1")):
		k.finish(out)
		k.start(at)
		k.section = ""
		return true
	case n == 1 && text[len(text)-1] == ':' && line[0] != ' ' && kernelSections[string(text[:len(text)-1])]:
		if !k.open {
			k.start(at)
		}
		k.section = string(text[:len(text)-1])
		k.event.reach(at)
		return true
	case n > 4 && line[0] != ' ' && k.proc(text, at):
		return true
	case k.open && k.section != "" && (line[0] == ' ' || line[0] == '\t'):
		k.event.reach(at)
		return k.sentence(text)
	case n == 3 && (k.open || bytes.HasPrefix(f[0], []byte("Tcp")) || bytes.HasPrefix(f[0], []byte("Ip"))) && isCounterName(f[0]):
		if _, ok := real(f[1]); !ok {
			return false
		}
		if _, ok := real(f[2]); !ok {
			return false
		}
		if !k.open {
			k.start(at)
		}
		k.event.reach(at)
		return k.event.number(f[0], f[1], "")
	}
	return false
}

// kernelSections are the headings of netstat -s.
var kernelSections = map[string]bool{"Ip": true, "Ip6": true, "Icmp": true, "Icmp6": true, "IcmpMsg": true, "Tcp": true, "Udp": true, "Udp6": true, "UdpLite": true, "UdpLite6": true, "TcpExt": true, "IpExt": true, "MPTcpExt": true, "Sctp": true}

func isCounterName(b []byte) bool {
	if len(b) < 4 || b[0] < 'A' || b[0] > 'Z' {
		return false
	}
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (k *kernelCounters) start(at place) {
	k.event = begin(HostState, at)
	k.event.Process = "nstat"
	k.open = true
}

// pause ends nothing: netstat -s has empty lines between its sections.
func (k *kernelCounters) pause(*outbox) { k.names = nil }

func (k *kernelCounters) finish(out *outbox) {
	if k.open {
		if len(k.event.Values) == 0 { // nstat shows what has changed: nothing had
			k.event.Values = append(k.event.Values, Value{Name: "counters"})
		}
		out.put(k.event)
	}
	*k = kernelCounters{}
}

// kernelSentences are what netstat -s says for the counters that matter here,
// and their names.
var kernelSentences = []struct{ text, name string }{
	{"times the listen queue of a socket overflowed", "TcpExtListenOverflows"},
	{"SYNs to LISTEN sockets dropped", "TcpExtListenDrops"},
	{"SYNs to LISTEN sockets ignored", "TcpExtListenDrops"},
	{"SYN cookies sent", "TcpExtSyncookiesSent"},
	{"SYN cookies received", "TcpExtSyncookiesRecv"},
	{"invalid SYN cookies received", "TcpExtSyncookiesFailed"},
	{"resets received for embryonic SYN_RECV sockets", "TcpExtEmbryonicRsts"},
	{"segments retransmitted", "TcpRetransSegs"},
	{"segments retransmited", "TcpRetransSegs"},
	{"segments sent out", "TcpOutSegs"},
	{"segments received", "TcpInSegs"},
	{"bad segments received", "TcpInErrs"},
	{"failed connection attempts", "TcpAttemptFails"},
	{"connection resets received", "TcpEstabResets"},
	{"resets sent", "TcpOutRsts"},
	{"active connection openings", "TcpActiveOpens"},
	{"active connections openings", "TcpActiveOpens"},
	{"passive connection openings", "TcpPassiveOpens"},
	{"connections established", "TcpCurrEstab"},
	{"packets to unknown port received", "UdpNoPorts"},
	{"packet receive errors", "UdpInErrors"},
	{"receive buffer errors", "UdpRcvbufErrors"},
	{"send buffer errors", "UdpSndbufErrors"},
	{"fast retransmits", "TcpExtTCPFastRetrans"},
	{"other TCP timeouts", "TcpExtTCPTimeouts"},
	{"outgoing packets dropped", "IpOutDiscards"},
	{"incoming packets discarded", "IpInDiscards"},
	{"packet reassembles failed", "IpReasmFails"},
	{"packet reassembly failures", "IpReasmFails"},
}

// sentence reads "    12 SYNs to LISTEN sockets dropped" and "    TCPTimeouts:
// 5"; other sentences keep their own words as the name.
func (k *kernelCounters) sentence(text []byte) bool {
	if key, value, ok := bytes.Cut(text, []byte(": ")); ok && bytes.IndexByte(key, ' ') < 0 {
		name := append([]byte(k.section), key...)
		return k.event.number(name, bytes.TrimSpace(value), "")
	}
	number, rest, ok := cutAt(text, ' ')
	if !ok {
		return bytes.HasSuffix(text, []byte{':'})
	}
	if _, ok := integer(number); !ok {
		// "Forwarding: 1", "ICMP input histogram:", "Quick ack mode was activated 3 times"
		return true
	}
	name := rest
	for _, s := range kernelSentences {
		if string(rest) == s.text {
			name = []byte(s.name)
			break
		}
	}
	return k.event.number(name, number, "")
}

// proc reads a pair of lines of /proc/net/snmp: "Tcp: Name Name …", "Tcp: 1 2
// …".
func (k *kernelCounters) proc(text []byte, at place) bool {
	section, rest, ok := bytes.Cut(text, []byte(": "))
	if !ok || !kernelSections[string(section)] {
		return false
	}
	if first, _, _ := cutAt(rest, ' '); len(first) > 0 && isCounterName(first) {
		k.names = append(k.names[:0], rest...)
		if !k.open {
			k.start(at)
		}
		return true
	}
	names, values := bytes.Fields(k.names), bytes.Fields(rest)
	if len(names) != len(values) || len(names) == 0 {
		return false
	}
	for i := range names {
		if !k.event.number(append(append([]byte(nil), section...), names[i]...), values[i], "") {
			return false
		}
	}
	k.event.reach(at)
	k.names = nil
	return true
}
