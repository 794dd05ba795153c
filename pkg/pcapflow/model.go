// Package pcapflow rebuilds flows with their phases from packets, in one pass.
//
// What it yields is data: a Flow a transport conversation, with the stamps and
// frames of everything that happened in it. It keeps no payload.
package pcapflow

import (
	"net"
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Stamp is one instant of a capture: when, and in which frame. Frame 0 means
// "not seen"; then Time means nothing.
type Stamp struct {
	Time  int64 // nanoseconds since the Unix epoch, by the capturing clock
	Frame int
}

// Seen tells whether the instant was observed.
func (s Stamp) Seen() bool { return s.Frame != 0 }

// Dir is the side that sent something.
type Dir uint8

const (
	Client Dir = iota // the side that opened the flow
	Server
)

// Other is the opposite side.
func (d Dir) Other() Dir { return d ^ 1 }

func (d Dir) String() string {
	if d == Client {
		return "client"
	}
	return "server"
}

// Outcome of a phase. Unknown is a value.
type Outcome uint8

const (
	Unseen Outcome = iota // not observed: the capture does not tell
	Done
	Failed     // answered with an error
	Refused    // RST or ICMP
	Unanswered // nothing came back
	Estimated  // done, with instants inferred from sizes and order (no keys)
)

var outcomeNames = [...]string{"unseen", "done", "failed", "refused", "unanswered", "estimated"}

func (o Outcome) String() string { return outcomeNames[o] }

// PhaseName is a name of the public vocabulary: "dns.lookup", "tcp.connect", …
type PhaseName string

const (
	DNSLookup     PhaseName = "dns.lookup"
	L2Resolve     PhaseName = "l2.resolve"
	TCPConnect    PhaseName = "tcp.connect"
	TLSHandshake  PhaseName = "tls.handshake"
	HTTPSend      PhaseName = "http.send"
	HTTPWait      PhaseName = "http.wait"
	HTTPReceive   PhaseName = "http.receive"
	SSHBanner     PhaseName = "ssh.banner"
	SSHKex        PhaseName = "ssh.kex"
	SSHAuth       PhaseName = "ssh.auth"
	SSHSession    PhaseName = "ssh.session"
	NTPExchange   PhaseName = "ntp.exchange"
	QUICHandshake PhaseName = "quic.handshake"
)

// Phase is one named stretch of a flow.
type Phase struct {
	Name       PhaseName
	Begin, End Stamp // End unseen: it never ended in this capture
	Outcome    Outcome
	Attempts   int   // 1 when it worked at once; 0: does not apply
	RTT        int64 // loss-free round trip beside a phase that may contain losses, ns; 0: unknown
	Frames     []int // the frames that show it, ascending
	Note       string
}

// Transport of a flow, in the words of the report.
type Transport uint8

const (
	TCP Transport = iota + 1
	UDP
	ICMP
	SCTP
	OtherTransport
)

var transportNames = [...]string{"", "tcp", "udp", "icmp", "sctp", "other"}

func (t Transport) String() string { return transportNames[t] }

// Flow is one transport conversation, finished or cut off by the capture's end.
type Flow struct {
	Transport     Transport
	Guessed       bool // no SYN seen: which side is the client is a guess (lower port, known service)
	Stream        int  // tcp.stream / udp.stream, as Wireshark numbers them
	Client        netip.AddrPort
	Server        netip.AddrPort
	Encapsulation string
	Clock         capture.ClockID
	MAC           [2][6]byte // link addresses seen in frames sent by Client, by Server; zero: none
	TTL           [2]uint8   // of the first packet of each side

	Start, End   Stamp
	Packets      [2]int64 // by sender; capture duplicates left out
	Bytes        [2]int64 // frame lengths on the wire
	Payload      [2]int64 // transport payload, repeated bytes included
	Duplicates   int64    // copies made by the capture (SPAN, any-interface), removed before counting
	FirstPayload [2]Stamp
	LastPayload  [2]Stamp

	Service string // "http", "tls", "ssh", "dns", "ntp", "quic", …; "": not recognised
	Phases  []Phase

	Conn *Conn         // TCP only
	TLS  *TLS          // where recognised
	HTTP []Exchange    // requests and answers, in the clear or estimated under TLS
	Away [2]*GoAway    // the first GOAWAY of each side of an HTTP/2 connection; nil: none was read
	SSH  *SSH          //
	QUIC *QUIC         //
	DNS  []Transaction // queries and answers carried by this flow
	NTP  []NTPSample   //

	Readings []Reading // of either side's clock, as other protocols tell it

	Frames []int32 // of all its packets, ascending; only where asked for

	ICMP  []ICMPError // errors that quote this flow
	Marks []Mark      // of a flow without a Conn: some of its packets
	Notes []string    // what was not understood, said once each

	// As long as the flow is open and Conn may be missing, what dissectors ask of it:
	fin      [2]bool // the side has sent its FIN
	toClient int32   // round trip of the handshake, µs; 0: unknown
	toServer int64   // the same, ns

	lean bool // the phases of exchanges are not wanted yet
	owed bool // and there are such
}

// Mark is one packet remembered of a flow, so that the same packet can be found
// in another capture, through address translation or with another clock.
type Mark struct {
	Stamp
	Dir   Dir
	Seq   uint32 // TCP: absolute sequence number; UDP: hash of the payload
	Ack   uint32
	Len   uint32 // payload bytes
	Flags uint8
	TTL   uint8
	ID    uint16 // IPv4 identification; 0 in IPv6
	Sum   uint32 // hash of the first 16 bytes of the payload, fewer if there are fewer; 0 when empty or cut by the snap length
	TSVal uint32 // TCP: the sender's time stamp (RFC 7323 section 3); 0: none
}

// ICMPError is an ICMP or ICMPv6 error that quotes a packet.
type ICMPError struct {
	Stamp
	From       netip.Addr
	To         netip.Addr
	Type, Code uint8
	MTU        int        // of frag-needed and packet-too-big; 0: none
	Better     netip.Addr // that a redirect names: the router, or the neighbour itself, to send to; invalid: none
	Text       string     // "port unreachable", …
	Transport  Transport
	Source     netip.AddrPort // of the quoted packet
	Target     netip.AddrPort
	V6         bool
	Possible   int // flows in other encapsulations between these endpoints, where it is tied to none because several fit; 0: no such choice
}

// Resolution is one neighbour resolution: ARP or ND.
type Resolution struct {
	Protocol      string // "arp" or "nd"
	Asker         netip.Addr
	AskerMAC      [6]byte
	Target        netip.Addr
	Requests      []Stamp
	Unicast       int // of the requests, those to one link address alone: they ask whether it still holds, and nobody waits meanwhile (RFC 1122 section 2.3.2.1, RFC 4861 section 7.3.1)
	Reply         Stamp
	MAC           [6]byte   // of the answer
	Others        [][6]byte // further, different answers: a duplicate address
	Released      Released  // what had to wait for the answer
	Gratuitous    bool
	Encapsulation string
	Clock         capture.ClockID
}

// Released is the first packet of IP from the asker to the link address that
// answered, if it came soon behind the answer.
type Released struct {
	Stamp               // unseen: there was none
	Transport Transport // of its flow; 0: not followed
	Stream    int
	Place     int64 // which of its flow's packets it is, both sides counted, from 1
}

// LinkAddress writes a link address as hexadecimal octets with colons.
func LinkAddress(m [6]byte) string { return net.HardwareAddr(m[:]).String() }

// Echo is one ICMP echo with its reply.
type Echo struct {
	Asker, Target  netip.Addr
	Request, Reply Stamp
	ID, Seq        uint16
}
