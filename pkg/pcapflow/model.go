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
	Stream        int // tcp.stream / udp.stream, as Wireshark numbers them
	Client        netip.AddrPort
	Server        netip.AddrPort
	Guessed       bool // no SYN seen: which side is the client is a guess (lower port, known service)
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
	toServer int64   // round trip of the handshake, ns; 0: unknown

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

// Conn is what TCP itself tells.
type Conn struct {
	SYN       []Stamp // every attempt, first to last
	SYNACK    []Stamp
	ACK       Stamp // the client's ACK that completes the handshake
	ISN       [2]uint32
	MSS       [2]int    // 0: option not seen
	Scale     [2]int    // window scale; -1: option not seen
	Offers    [2]Offers // what else SYN and SYN-ACK offer
	TSVal     [2]uint32 // of SYN and SYN-ACK
	RTT       int64     // loss-free handshake round trip as seen from the capture: last SYN → SYN-ACK → ACK, ns; 0: unknown
	RTTServer int64     // SYN → SYN-ACK: capture ↔ server, ns; 0: unknown
	RTTClient int64     // SYN-ACK → ACK: capture ↔ client, ns; 0: unknown
	Samples   [2]RTTStats

	Retransmissions []Retransmission // capped at 4096; Count says how many there were
	Count           [2]Counters
	Stalls          []Stall
	FIN             [2]Stamp
	RST             []Reset
	Vantage         Vantage

	State        string // Zeek's conn_state
	History      string // Zeek's history
	Completeness uint8  // Wireshark's tcp.completeness bits

	Marks []Mark // bounded: handshake, first data, and a spread of the rest

	AckedTo  [2]uint32  // how far each side's bytes were acknowledged, relative to the ISN as Wireshark shows it; 0: not at all
	Holes    [2]Hole    // the first stretch of each side's bytes that never came
	Rerouted [2]Reroute // a change of each side's TTL
	Idle     [2]Stamp   // begin and end of the longest silence of both sides; unseen: none of 100 ms or more

	EarlyBytes, EarlyAccepted int // payload of the first SYN (RFC 7413), and how much of it the SYN-ACK took
}

// Hole is a stretch of one side's bytes that neither came nor was acknowledged
// before the flow, or the capture, ended.
type Hole struct {
	Since Stamp  // of the packet that showed that bytes were missing; unseen: there is no hole
	Quiet int64  // ns since that side's packet before it
	Seq   uint32 // of its first byte, relative to the ISN
	Bytes int64
}

// Reroute is a change of the TTL of one side's packets other than RST: another
// path, or another device that answers in its name.
type Reroute struct {
	Stamp    // of the first packet with another TTL; unseen: it never changed
	From, To uint8
	Changes  int // how often it changed
}

// RTTStats summarises data→ACK samples by Karn's rule, towards one side.
type RTTStats struct {
	N             int
	Min, P50, P95 int64 // ns
}

// Counters of one direction.
type Counters struct {
	Retransmitted, Fast, Timeout, TailProbe, Spurious int64
	OutOfOrder, Duplicates, KeepAlives                int64 // Duplicates: made by the network, not by the capture
	Probes                                            int64 // of a closed window
	AckedUnseen                                       int64 // bytes acknowledged though the capture never held them
	ZeroWindow, WindowFull                            int64
	ZeroWindowTime                                    int64 // ns
	MaxInFlight                                       int64
	RetransmittedBytes                                int64
	Largest                                           int64 // largest payload of one segment; before segmentation where the card does that
	LargestAcked                                      int64 // the same of segments that were sent once and acknowledged
	DupACKs                                           int64 // acknowledgements of this side that repeated the one before while bytes were outstanding
}

// RetransmissionKind as far as packets tell it.
type RetransmissionKind uint8

const (
	RetransmitTimeout  RetransmissionKind = iota // after about an RTO of silence
	RetransmitFast                               // after duplicate ACKs or SACK
	RetransmitTail                               // tail-loss probe
	RetransmitSpurious                           // data had been acknowledged, or its original came late
	RetransmitSYN
	RetransmitSYNACK
)

var retransmissionNames = [...]string{"timeout", "fast", "tail-loss-probe", "spurious", "syn", "syn-ack"}

func (k RetransmissionKind) String() string { return retransmissionNames[k] }

// Retransmission is one repeated segment.
type Retransmission struct {
	Stamp
	Dir      Dir
	Kind     RetransmissionKind
	Seq      uint32 // relative to the ISN, as Wireshark shows it
	Len      int
	Original Stamp // unseen: lost before the capture point, or not remembered
	Passed   bool  // these bytes had passed the capture point before
	Wait     int64 // ns since these bytes were sent last, or, where that was not seen, since they were missed; 0: unknown
}

// Stall is a pause of a flow with its cause.
type Stall struct {
	Begin, End Stamp
	Waiting    Dir    // the side whose bytes were awaited
	Cause      string // StallTimeout, StallZeroWindow, …
}

// Reset is one RST segment.
type Reset struct {
	Stamp
	Dir    Dir
	TTL    uint8
	ID     uint16
	Answer bool // answers a SYN
	Odd    bool // TTL or IP ID unlike the peer's other packets
}

// Vantage is where the capture was taken, as this flow shows it.
type Vantage uint8

const (
	VantageUnknown Vantage = iota
	VantageClient
	VantageServer
	VantageMiddle
)

var vantageNames = [...]string{"unknown", "client", "server", "middle"}

func (v Vantage) String() string { return vantageNames[v] }

// TLS is what a TLS conversation shows in the clear, or with its keys.
type TLS struct {
	Version    string // "TLSv1.3"
	Cipher     string // IANA name
	Group      string
	SNI        string
	Offered    []string // ALPN the client offered
	ALPN       string   // chosen, where seen; under TLS 1.3 only with keys or inferred
	Resumed    bool
	HelloRetry bool
	EarlyData  bool
	ECH        bool
	StartTLS   string // protocol that was upgraded
	Decrypted  bool

	ClientHello, ServerHello Stamp // last byte of the record that ends each: then its receiver reads it
	ClientHelloFirst         Stamp // first byte
	ServerHelloFirst         Stamp // first byte
	HelloRetryAt             Stamp // the HelloRetryRequest
	SecondHello              Stamp // the ClientHello after it
	ServerFlightEnd          Stamp
	ClientFinished           Stamp
	ServerFinished           Stamp
	HandshakeEnd             Stamp // as the version and mode define it; estimated under 1.3 without keys
	FirstClientData          Stamp
	FirstServerData          Stamp
	Ticket                   Stamp // the first NewSessionTicket, where it could be read

	ClientHelloBytes, CertificateBytes int
	ServerFlightBytes                  int // of the records from the ServerHello to the end of its flight, headers included
	Certificates                       []Certificate
	Staple                             *Staple // nil: none was seen
	ClientCertificate                  bool
	Alerts                             []Alert
	CloseNotify                        [2]Stamp
	Tickets                            int
	RoundTrips                         int // flights used until the handshake ended
	JA3, JA4                           string

	ClearRequest bool   // the client spoke clear HTTP, and the server answered with a TLS alert
	PlainAnswer  string // what the server spoke in the clear instead of TLS: "http", "ssh", "other"; "": it spoke TLS or nothing
	Unused       bool   // the client ended the connection by close_notify right after the handshake, without a request
}

// Certificate of a chain, leaf first.
type Certificate struct {
	Subject, Issuer     string
	Names               []string
	NotBefore, NotAfter int64 // Unix seconds
	Bytes               int
}

// Staple is what the server hands out of its certificate's revocation (OCSP,
// RFC 6960).
type Staple struct {
	Status               string // "good", "revoked", "unknown"
	Produced, NextUpdate int64  // Unix seconds; NextUpdate 0: not said
}

// Alert is a TLS alert.
type Alert struct {
	Stamp
	Dir         Dir
	Fatal       bool
	Code        int    // -1: encrypted, not readable
	Description string // RFC name, "encrypted" where not readable
	Inferred    bool   // guessed from size and order
}

// Exchange is one request and its answer.
type Exchange struct {
	Ordinal int    // n-th of the connection, from 1
	Version string // "HTTP/1.1", "HTTP/2", …; "": not known (no keys)
	Method  string
	Host    string
	Path    string // with its query
	Status  int    // 0: not seen

	RequestFirst, RequestLast   Stamp
	ResponseFirst, ResponseLast Stamp
	ResponseReadable            Stamp   // the first record of the answer was complete: what the client can call its first byte; in the clear ResponseFirst
	Interim                     []Stamp // 1xx answers

	RequestBytes, ResponseBytes int64          // HTTP bytes, head and body, without TLS; -1: unknown
	BodyBytes                   int64          // of the response as it passed, chunk framing included; -1: unknown
	ContentBytes                int64          // of the response's body without chunk framing; -1: unknown
	Exact                       bool           // the byte counts are exact
	Estimated                   bool           // no keys: instants and sizes from record arithmetic
	Multiplexed                 bool           // other streams overlapped: instants are bounds
	Requests                    int            // at most so many requests stand behind a multiplexed one; 0: one
	Answers                     []AnswerRecord // of a multiplexed one: the records that answer it and the others, which share them; nil: not known
	Undecided                   bool           // of a multiplexed one: nothing tells which answers are its own; all instants of its answer are bounds
	EndOpen                     bool           // of a multiplexed one: only its answer's end is a bound
	Malformed                   bool           // the request is not HTTP; Method and Path are empty
	PortWantsTLS                bool           // the answer says that this port speaks TLS and the request was clear
	StreamID                    int            // HTTP/2

	Date       int64  // Unix seconds of the Date header; 0: none
	ServerName string // Server header: whose meaning of Date applies
	Age        bool   // an Age, Via or X-Cache header: Date may be another clock's
	RequestID  string
	Location   string
	Timing     []ServerTiming // what the server says of its own time
	Truncated  bool           // the capture or the peer ended it early
	Aborted    Dir            // who ended it, where Truncated
	Reset      bool           // HTTP/2 stream reset
	ResetCode  string         // its reason, where Reset: "CANCEL", …
	Gap        bool           // capture lost bytes inside
	Unsent     bool           // the request never came to its end: RequestLast is the last that was seen of it

	FlowControlWait int64 // HTTP/2: time the sender's window was closed before the last byte, ns
	HeadOfLineWait  int64 // HTTP/2: time other answers held the connection between this one's own frames, ns
	Concurrent      int   // HTTP/2: streams open when the request began, itself included; 0: it was alone
}

// AnswerRecord is one encrypted record of the answers to overlapping streams.
type AnswerRecord struct {
	First, Last Stamp // of its bytes
	Bytes       int   // of plaintext
}

// ServerTiming is one metric of a Server-Timing header (W3C Server Timing §2),
// without its description.
type ServerTiming struct {
	Name     string
	Duration int64 // ns; -1: none given
}

// Transaction is one DNS query with its answer.
type Transaction struct {
	ID        uint16
	Name      string // lower case, without the final dot; of the case sent, see MixedCase
	Type      string // "A", "AAAA", "PTR", …
	Query     Stamp
	Repeats   []Stamp // same ID, question and ports again
	Answer    Stamp
	Extra     []Stamp // further answers
	RCode     string  // "NOERROR", …; "": unanswered
	Truncated bool
	Addresses []netip.Addr
	CNAMEs    []string
	Records   int
	TTL       uint32 // smallest of the answer section, where HasTTL
	HasTTL    bool   // a record of the answer section was read; its header alone tells how many there are
	EDNS      int    // advertised UDP size of the query; 0: no OPT record
	EDE       int    // extended error (RFC 8914); -1: none
	Bytes     [2]int
	Multicast bool // mDNS or LLMNR
	Late      bool // after a repeat two answers came: the first belongs to an attempt before the last, which was slow, not lost

	Asker       Dir       // the side that asked
	Opcode      uint8     // 0 query, 4 notify, 5 update (RFC 1035, 1996, 2136)
	Flags       [2]uint16 // the header's flag word of the query, of the answer; 0: not seen
	AnswerEnd   Stamp     // last message of the answer; differs from Answer in zone transfers only
	Messages    int       // of the answer; over 1 in zone transfers only
	Targets     []string  // names in PTR, NS, SOA, MX and SRV answers
	NegativeTTL uint32    // seconds an empty answer may be remembered (RFC 2308); 0: no SOA seen
	Mismatch    bool      // unsolicited answer: a query with this ID was there, but it asked something else
	MixedCase   bool      // the query's name mixes cases, which some resolvers do against forged answers (dns0x20)
	CaseChanged bool      // the answer does not repeat that name letter by letter
	PieceLost   bool      // the first fragment of an answer came, and not all of them before the query was repeated, or at all
	Pieces      uint16    // IP fragments of the answer; 0: it came whole
	spelling    uint32    // hash of the name as the query spells it, where MixedCase
}

// NTPMessage is one NTP packet; times are 32.32 fixed point since 1900.
type NTPMessage struct {
	Stamp
	LI, Version, Mode  uint8
	Stratum            uint8
	Poll, Precision    int8
	RootDelay          uint32 // 16.16 s
	RootDispersion     uint32
	RefID              uint32
	Ref, Org, Rec, Xmt uint64
	Kiss               string // KoD code; "": none
	From               Dir    // who sent it
	NTS                bool   // carries an NTS authenticator (RFC 8915)
	MAC                bool   // carries a message digest (RFC 5905 §7.3)
}

// NTPSample is a request with its answer; either may be missing (Frame 0).
type NTPSample struct {
	Request, Response NTPMessage
	Repeats           []Stamp        // the same request again
	Interleaved       bool           // RFC 9769: Response.Xmt is when the response before this one left
	Completes         *NTPSample     // where Interleaved: the exchange before of another flow, whose Left this response told
	Left              uint64         // where Interleaved: when Response left, as the next one says; 0: not known
	Poll              bool           // symmetric mode: Response is that peer's own next poll; it bounds its clock, but nobody waited for it
	BogusOrigin       bool           // a response whose origin answers none of the open requests
	Elsewhere         netip.AddrPort // of a request: where an answer came from that its client does not take, the address or port being another; invalid: none
	ElsewhereAt       Stamp
}

// SSH is what an SSH conversation shows.
type SSH struct {
	Version                        int // 1 or 2; 0: no identification seen
	ServerBanner, ClientBanner     Stamp
	ClientSoftware, ServerSoftware string
	Kex, HostKey, Cipher, MAC      string
	HASSH, HASSHServer             string
	KexInit                        [2]Stamp
	KexInitBytes                   [2]int
	KexRequest, KexReply           Stamp
	NewKeys                        [2]Stamp
	NoCommon                       string // the class without a common algorithm: "kex", "host key", …
	ServiceRequest, ServiceAccept  Stamp
	Rounds                         []AuthRound
	Auth                           string // "success", "failure", "unknown"
	AuthAttempts                   int    // answered by success or failure; the method "none" that fails is none
	AuthEnd                        Stamp
	SessionStart                   Stamp  // first server bytes after authentication's channel requests
	WrongProtocol                  string // first bytes, quoted, of a client that did not speak SSH

	Turned                         bool      // the side that opened the connection is the SSH server; "client" and "server" here are SSH's
	ServerText                     string    // first line, quoted, that the server sent before or instead of its identification
	CipherToClient, MACToClient    string    // where they differ from Cipher and MAC, which are towards the server
	Compression                    string    // towards the server
	HostKeySHA256                  string    // fingerprint of the server's key as OpenSSH writes it, "SHA256:…"; "": not seen
	Echo                           RTTStats  // keystroke → its echo, seen at the capture; N 0: not interactive, or not evaluable
	EchoObscured                   bool      // the client sends at a steady pace whatever is typed (OpenSSH ≥ 9.5): no echo is evaluable
	NoCommonOffers                 [2]string // what each side offered in the class NoCommon names, client first
	GroupRequest, GroupReply       Stamp     // the extra exchange of RFC 4419; KexRequest and KexReply come after it
	Disconnect                     Stamp     // a DISCONNECT message in the clear
	DisconnectBy                   Dir
	ClientProtocol, ServerProtocol string // as the identifications say it: "2.0", "1.99", "1.5"
	Strict                         bool   // both sides offer OpenSSH's strict key exchange
	Desynchronised                 bool   // bytes were missing, or lengths made no sense: sizes below are less sure
}

// AuthRound is one encrypted request of the authentication with its answer.
type AuthRound struct {
	Request, Reply           Stamp
	RequestBytes, ReplyBytes int
	Result                   string // "success", "failure", "continue", "unknown"
	ReplyFirst               Stamp  // first bytes of the answer, where a banner came before Reply
	None                     bool   // the first request, by its size the method "none" that only asks for the others; no attempt
}

// QUIC is what the Initial packets show, which anybody can open (RFC 9001 §5.2).
type QUIC struct {
	Version      string // "1", "2", "draft-29", "Q046", "0x…"; of the connection that went on
	SNI, ALPN    string // ALPN: the first the client offered; which one was chosen is not visible
	Retry        bool
	Negotiated   bool // a Version Negotiation packet was seen
	EarlyData    bool // the client sent 0-RTT packets
	HandshakeEnd Stamp

	Offered      []string // ALPN
	Versions     []string // offered by Version Negotiation, bounded
	Cipher       string   // of the ServerHello, IANA name
	Group        string
	JA4          string
	ECH          bool
	HelloRetry   bool
	Resumed      bool
	Opened       [2]bool // an Initial packet of that side could be decrypted
	Initial      Stamp   // first packet of the client
	ClientHello  Stamp   // last byte of the first
	SecondHello  Stamp   // last byte of the latest further one: after a Retry, a Version Negotiation or a HelloRetryRequest
	Answer       Stamp   // first packet of the server, Retry and Version Negotiation included
	HelloRetryAt Stamp   // the HelloRetryRequest
	ServerHello  Stamp
	ServerFlight Stamp // last Handshake packet of the server before HandshakeEnd
	RetryAt      Stamp
	Attempts     int       // how often the ClientHello's beginning was sent, not counting after a Retry
	Again        Stamp     // the client's last Initial packet before an answer that brought nothing new: its timer had run out
	Sums         [2]uint32 // CRC-32 of each side's first datagram: what tells it again in another capture
	SpinRTT      RTTStats  // from the latency spin bit (RFC 9000 §17.4), where it spins; N 0: it does not
	Close        Stamp     // a CONNECTION_CLOSE in an Initial packet
	CloseBy      Dir
	CloseCode    uint64 // transport error (RFC 9000 §20.1); 0x100 + alert: TLS
}

// ICMPError is an ICMP or ICMPv6 error that quotes a packet.
type ICMPError struct {
	Stamp
	From       netip.Addr
	To         netip.Addr
	Type, Code uint8
	MTU        int    // of frag-needed and packet-too-big; 0: none
	Text       string // "port unreachable", …
	Transport  Transport
	Source     netip.AddrPort // of the quoted packet
	Target     netip.AddrPort
	V6         bool
}

// Resolution is one neighbour resolution: ARP or ND.
type Resolution struct {
	Protocol      string // "arp" or "nd"
	Asker         netip.Addr
	AskerMAC      [6]byte
	Target        netip.Addr
	Requests      []Stamp
	Reply         Stamp
	MAC           [6]byte   // of the answer
	Others        [][6]byte // further, different answers: a duplicate address
	Gratuitous    bool
	Encapsulation string
	Clock         capture.ClockID
}

// LinkAddress writes a link address as hexadecimal octets with colons.
func LinkAddress(m [6]byte) string { return net.HardwareAddr(m[:]).String() }

// Echo is one ICMP echo with its reply.
type Echo struct {
	Asker, Target  netip.Addr
	Request, Reply Stamp
	ID, Seq        uint16
}
