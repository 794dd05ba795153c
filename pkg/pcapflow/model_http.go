package pcapflow

import "net/netip"

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
	EndOpen                     bool           // of a multiplexed one, or one that the server's close ended: only its answer's end is a bound
	Malformed                   bool           // the request is not HTTP; Method and Path are empty
	PortWantsTLS                bool           // the answer says that this port speaks TLS and the request was clear
	StreamID                    int            // HTTP/2

	Date       int64  // Unix seconds of the Date header; 0: none
	ServerName string // Server header: whose meaning of Date applies
	Age        bool   // an Age, Via or X-Cache header: Date may be another clock's
	RetryAfter int64  // seconds that the server asks the client to wait (RFC 9110 §10.2.3); 0: not said
	RetryAt    int64  // the same as an instant, Unix seconds; 0: not said
	RequestID  string
	Forwarded  netip.Addr // for whom the client says that it asks (X-Forwarded-For and the like): the first; invalid: not said
	Location   string
	Timing     []ServerTiming // what the server says of its own time
	Truncated  bool           // the capture or the peer ended it early; of an estimated one, as lines or unheard repetitions tell
	Aborted    Dir            // who ended it, where Truncated
	Reset      bool           // HTTP/2 stream reset
	ResetCode  string         // its reason, where Reset: "CANCEL", …
	Gap        bool           // capture lost bytes inside
	ChunkError bool           // a chunk's size is no number, or a chunk does not end where its size says
	AuthRounds int            // answers 401 or 407 to the same request, right before it on the connection
	Looped     bool           // a redirect of a chain in which the same request was sent the same way before
	Upgrade    bool           // the request asks for another protocol; Status 101: it was taken up
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

// GoAway is how one side of an HTTP/2 connection ends it (RFC 9113 §6.8).
type GoAway struct {
	Stamp
	Code string // "NO_ERROR", "ENHANCE_YOUR_CALM", …
	Last int    // the last of the other side's streams that it may have acted on
}
