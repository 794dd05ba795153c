package pcapflow

import (
	"net/netip"
	"strings"
)

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
	Unread    int    // of these, so many that the snap length cut off: what they hold is not known
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
	Fields             uint8  // extension fields (RFC 7822)
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
	Refused           Stamp // of a request: the ICMP error that turned it away
	Mistaken          Stamp // of a request: a response with BogusOrigin that came while it waited
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
	ChannelOpen, ChannelConfirmed  Stamp  // the client's first request for a session's channel, and its grant, by their sizes
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
	DisconnectReason               string // what its code means, "HOST_KEY_NOT_VERIFIABLE"; "": unknown
	DisconnectText                 string // what it says beside that, quoted
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

// PlainName is a DNS name as Transaction.Name has it: in lower case, without the
// final dot.
func PlainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
