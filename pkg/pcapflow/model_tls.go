package pcapflow

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
	Parts                    [2][tlsParts]Stamp // the messages between hello and Finished, by their sender
	ClientFinished           Stamp
	ServerFinished           Stamp
	HandshakeEnd             Stamp // as the version and mode define it; estimated under 1.3 without keys
	FirstClientData          Stamp
	FirstServerData          Stamp
	Renegotiation            Stamp // the first record of a further handshake up to 1.2 (RFC 5246 §7.4.1)
	RenegotiationBy          Dir   // who sent it: the client its ClientHello, the server a HelloRequest
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
	DTLS         *DTLS  // over datagrams; nil: over TCP

	Unused bool // the client ended the connection by close_notify right after the handshake, without a request
}

// DTLS is what TLS over datagrams has of its own (RFC 6347, RFC 9147).
type DTLS struct {
	HelloVerify Stamp    // the server's HelloVerifyRequest: the client has to say hello again, with a cookie
	Hellos      int      // how often the first ClientHello was sent, until an answer
	Resent      []Resent // flights that were sent again, bounded
	IDs         bool     // connection IDs were agreed on (RFC 9146)
	IDBytes     [2]int   // octets of the ID in the records of each side; 0: those have none
	Fragmented  int      // handshake messages that came in several fragments
	Later       []*TLS   // further handshakes on the same ports, bounded; of the first one
	Turned      bool     // the side that sent first is the DTLS server; "client" and "server" are DTLS's
}

// Resent is the first datagram of a flight that a side sends again.
type Resent struct {
	Stamp
	Dir Dir
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

// Level is how an alert ends a connection or does not (RFC 5246, section 7.2):
// "fatal", "warning", "encrypted" where it cannot be read, "inferred" where the
// size and place of a record tell that it is a fatal one.
func (a *Alert) Level() string {
	switch {
	case a.Inferred:
		return "inferred"
	case a.Code < 0:
		return "encrypted"
	case a.Fatal:
		return "fatal"
	}
	return "warning"
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
