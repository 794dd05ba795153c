// Package logparse turns log lines and the output of client programs into
// events, and knows which instant each format's stamp denotes.
package logparse

import (
	"net/netip"
	"time"
)

// Moment is the instant a stamp denotes.
type Moment uint8

const (
	Unspecified   Moment = iota // the moment the line was written, as far as known
	RequestStart                // Apache %t: the request line has been read
	RequestEnd                  // nginx: the last byte was handed to the kernel
	Accepted                    // the daemon took the connection
	AuthResult                  // authentication was decided
	QueryReceived               // a DNS server received the query
	AnswerSent                  // a DNS server sent the answer
	Written                     // an error or notice, when it happened
	Updated                     // a clock reading was taken
	ClientStart                 // a client program began
	ClientEnd                   // a client program ended
)

var momentNames = [...]string{"unspecified", "request-start", "request-end", "accepted", "auth-result", "query-received", "answer-sent", "written", "updated", "client-start", "client-end"}

func (m Moment) String() string { return momentNames[m] }

// ZoneState says how the zone of a stamp is known.
type ZoneState uint8

const (
	ZoneStated   ZoneState = iota // the line carries it, or the format is defined in UTC
	ZoneInferred                  // from neighbours; flagged wherever it is shown
	ZoneUnknown                   // read as if UTC
)

// Kind of an event.
type Kind string

const (
	HTTPRequest    Kind = "http-request"   // access log line
	HTTPError      Kind = "http-error"     // error log line of a web server
	AppRequest     Kind = "app-request"    // application log line of a request
	SSHConnection  Kind = "ssh-connection" // "Connection from"
	SSHAccepted    Kind = "ssh-accepted"   //
	SSHFailed      Kind = "ssh-failed"     //
	SSHInvalidUser Kind = "ssh-invalid-user"
	SSHClosed      Kind = "ssh-closed"      // disconnects and closes, of the client's port
	SSHSession     Kind = "ssh-session"     // session opened / closed
	SSHNegotiation Kind = "ssh-negotiation" // no common algorithm, bad protocol version, identification errors
	SSHDropped     Kind = "ssh-dropped"     // MaxStartups, penalties
	PAM            Kind = "pam"
	DNSQuery       Kind = "dns-query" // server log
	DNSReply       Kind = "dns-reply"
	DNSError       Kind = "dns-error"
	ClockReading   Kind = "clock-reading" // Reading is set
	ClockStep      Kind = "clock-step"    // Reading is set
	ClientHTTP     Kind = "client-http"   // curl: Timing is set
	ClientDNS      Kind = "client-dns"    // dig and friends: Lookup is set
	ClientSSH      Kind = "client-ssh"
	KernelNotice   Kind = "kernel"
	HostState      Kind = "host-state" // ss, nstat, vmstat, …
	Message        Kind = "message"    // a line with a stamp and nothing we know
)

// Event is one line (or one record) as its format tells it.
//
// String fields may be views into the decoder's buffer: they are valid until
// the next event is read; Keep makes them lasting.
type Event struct {
	Line   int   // from 1
	Lines  int   // how many lines the record takes; 0 or 1: one
	Offset int64 // byte offset of its first byte in the unpacked file

	Kind         Kind
	Time         int64         // nanoseconds since the Unix epoch as written, zone applied as ZoneState tells
	HasTime      bool          //
	Width        time.Duration // the clock showed a value in [Time, Time+Width)
	Lag          time.Duration // a coarse clock may have been read this much too early
	Means        Moment
	Zone         ZoneState
	ZoneSeconds  int  // offset east of UTC that was applied
	YearInferred bool // the line has no year
	// NoDate: the text has a time of day only (curl --trace-time, ts). HasTime
	// is false, and Time counts from the midnight that began the local day.
	NoDate bool
	// Slack: the moment may lie this much before or after what Time and Width
	// say, since the program writes its stamp imprecisely.
	Slack time.Duration

	// The journal's own stamps: Time may be the sender's, a little earlier.
	// JournalTime − Monotonic is constant within a boot while nobody steps the
	// clock, and changes by exactly the step.
	JournalTime  int64 // ns since the Unix epoch
	Monotonic    int64 // ns since boot, at JournalTime
	HasMonotonic bool
	BootID       string

	Host    string // in the line, "" where it has none
	Process string
	PID     int
	Level   string

	Client netip.AddrPort // port 0: not stated
	Server netip.AddrPort
	// Peer is who held the connection, where the line tells it apart from
	// Client, which a proxy had forwarded.
	Peer  netip.AddrPort
	Peers []netip.Addr // X-Forwarded-For and the like, client first

	Name   string // virtual host, DNS name, SSH target
	Type   string // DNS type, SSH method
	User   string
	Method string
	Path   string
	Proto  string // "HTTP/1.1"
	Status int    // 0: not stated
	RCode  string
	Agent  string

	Sent     int64 // bytes sent, head and body; -1: not stated
	Body     int64 // body bytes sent; -1: not stated
	Received int64 // request bytes; -1: not stated
	WithTLS  bool  // Sent and Received count TLS too (Apache %I %O)
	// Size is the number written where the format leaves open whether the head
	// (and TLS) is in it: at least the body; -1: not stated.
	Size int64

	Duration time.Duration // of the request; -1: not stated
	// DurationWidth is how coarse it is written: the measured value lies in
	// [Duration, Duration+DurationWidth); 0: not stated.
	DurationWidth time.Duration
	FirstByte     time.Duration   // to the first byte of the answer; -1: not stated
	Upstream      []time.Duration // one per upstream tried; -1 where "-"
	UpstreamTo    string
	// The parts of Upstream, in the same order: until the connection stood, and
	// until the head of the answer had come; empty where not stated.
	UpstreamConnect []time.Duration
	UpstreamHeader  []time.Duration
	UpstreamStatus  string // as written: "502, 200"

	RequestID  string
	Connection string // connection serial (nginx *9, $connection), PID for sshd
	Outcome    string // "ok", "failed", …; "" where the format has none
	Child      int    // the process that goes on with the session (sshd); 0: not stated
	Repeated   int    // so many events are one line, stamped when the last had come; 0: one
	Text       string // the message

	Reading *Reading
	Timing  *Timing
	Lookup  *Lookup
	Marks   []Mark  // instants inside a record of several lines, in order
	Values  []Value // numbers of a HostState record
}

// Mark is an instant inside a record, on the scale of the event's Time.
type Mark struct {
	Name string // "tcp.connect", "tls.handshake", … where a phase ended; else what the program printed
	Time int64  // ns; of the day where the event says NoDate
}

// Value is one number that a program printed of its host.
type Value struct {
	Name   string // as printed: "ListenOverflows", "retrans"
	Number float64
	Unit   string // "ms", "bytes", …; "" for a count
}

// Scale tells which clock of a host a Reading speaks of.
type Scale uint8

const (
	SystemClock Scale = iota
	NTPClock          // chronyd's own clock: system clock + correction not yet applied
)

// Reading is one statement of a time daemon about a clock. Signs are unified:
// positive means this clock is ahead.
type Reading struct {
	Scale  Scale  // the clock Offset speaks of
	Stamps Scale  // the clock that wrote the event's Time
	Source string // server or reference id; "" for UTC in general
	// Offset is Scale − Source in nanoseconds, with Bound: the truth lies
	// within ± Bound (quantisation of the text and root distance included).
	Offset    int64
	HasOffset bool
	Bound     int64
	// Unbounded: the text states no distance to UTC. Bound then holds the
	// rounding and the spread of the samples, and is no limit of the error.
	Unbounded bool
	// Remaining is system clock − NTP clock in ns: what chronyd has not yet
	// applied, with its sign turned ("Rem. corr." positive means slow).
	Remaining    int64
	HasRemaining bool
	RemBound     int64
	Frequency    float64 // ppm, positive: runs fast
	HasFrequency bool
	Skew         float64 // ppm
	Delay        int64   // ns; 0: not stated
	Synchronised bool    // false: says nothing of UTC
	Step         int64   // ns, for ClockStep: by how much the clock was moved forward; 0 with Unbounded: not stated
	Stratum      int     // of this clock or, where Source is a server's address, of the source, as the text states it
}

// Timing is what an HTTP client measured; -1: not stated. All are durations
// from the start of the transfer.
type Timing struct {
	NameLookup, Connect, AppConnect, PreTransfer, StartTransfer, Redirect, Total time.Duration
	URL                                                                          string
	Exit                                                                         int // -1: not stated
	Error                                                                        string
	Reused                                                                       bool  // no new connection was made
	Stream                                                                       int64 // of HTTP/2 (RFC 9113 section 5.1.1): 1 is the first request of its connection, 3 the second; 0: not told
	Local, Remote                                                                netip.AddrPort
	Status                                                                       int
}

// Lookup is what a DNS client printed.
type Lookup struct {
	ID        int // -1: not stated
	Name      string
	Type      string
	Status    string
	QueryTime time.Duration // -1: not stated
	Server    netip.AddrPort
	Answers   []netip.Addr
	Timeouts  int // attempts it says timed out
	TCPRetry  bool
	NoServers bool
}

// CoarselyTimed tells whether the duration was cut to more than 50 ms: to whole
// seconds, as by Apache's %T.
func (e *Event) CoarselyTimed() bool { return e.DurationWidth > 50*time.Millisecond }
