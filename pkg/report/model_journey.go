package report

// Journey is all that one action needed.
type Journey struct {
	ID             string      `json:"id"`
	Service        string      `json:"service"`
	Client         string      `json:"client,omitempty"`
	Server         string      `json:"server,omitempty"`
	Name           string      `json:"name,omitempty"`
	ClientSeen     string      `json:"client_seen_by_server,omitempty"`
	Transport      string      `json:"transport,omitempty"`
	Stream         *int        `json:"stream,omitempty"`
	Ordinal        int         `json:"ordinal,omitempty"` // 0: which request of its connection it is, the captures do not tell
	Request        *Request    `json:"request,omitempty"`
	TLS            *TLS        `json:"tls,omitempty"`
	SSH            *SSH        `json:"ssh,omitempty"`
	Evidence       string      `json:"evidence,omitempty"`
	AlsoSeen       []Seen      `json:"also_seen,omitempty"`
	Start          Instant     `json:"start"`
	End            *Instant    `json:"end,omitempty"`
	StartCorrected *Instant    `json:"start_corrected,omitempty"`
	EndCorrected   *Instant    `json:"end_corrected,omitempty"`
	Total          *Seconds    `json:"total_seconds,omitempty"`
	Outcome        string      `json:"outcome"`
	Slow           string      `json:"slow_against,omitempty"`  // budget | baseline | incident: what the whole took longer than
	Limit          *Seconds    `json:"limit_seconds,omitempty"` // where it is slow: the longest that is not
	Daemon         *Daemon     `json:"daemon,omitempty"`
	Phases         []Phase     `json:"phases"`
	Breakdown      []Share     `json:"breakdown,omitempty"`
	WhatIf         []WhatIf    `json:"what_if,omitempty"`     // without what went amiss
	ServerView     *View       `json:"server_view,omitempty"` // by the capture taken at the server
	Losses         []Loss      `json:"losses,omitempty"`      // where between the captures
	MSSChanges     []MSSChange `json:"mss_changes,omitempty"` // of its connection's offers, between the captures
	Witnesses      []Witness   `json:"witnesses,omitempty"`   // client, packets and log compared
	Instants       []Moment    `json:"instants,omitempty"`
	Lines          []LineLink  `json:"lines,omitempty"`
	Links          []Link      `json:"links,omitempty"`
	Notes          []string    `json:"notes,omitempty"`
}

// Seen is another capture that holds the journey's flow. By says how it was
// recognised there: sequence-numbers | payload | tcp-timestamps | addresses |
// sizes-and-order.
type Seen struct {
	Evidence   string  `json:"evidence"`
	Stream     int     `json:"stream"`
	Client     string  `json:"client"`
	Server     string  `json:"server"`
	Start      Instant `json:"start"`
	By         string  `json:"by,omitempty"`
	Confidence Ratio   `json:"confidence,omitempty"`
}

// Loss is a packet that one capture saw on its way and the next one never did.
type Loss struct {
	Kind   string  `json:"kind"` // syn | syn-ack | data
	From   string  `json:"from"` // client | server
	Seq    uint32  `json:"seq"`  // of its first byte, relative, as Wireshark shows it
	Bytes  int     `json:"bytes,omitempty"`
	Seen   string  `json:"seen_in"`       // the last evidence on its way that holds it
	Missed string  `json:"missing_in"`    // the first that does not
	Teller string  `json:"sent_again_in"` // where it is seen to be sent again
	Frame  int     `json:"frame"`
	Resent Instant `json:"time"`
}

// MSSChange is the largest segment a side offers, in bytes, which one capture saw
// otherwise than the next on its way.
type MSSChange struct {
	From    string `json:"from"` // client | server
	Sent    int    `json:"sent"`
	Arrived int    `json:"arrived"`
	Seen    string `json:"seen_in"`
	Changed string `json:"changed_in"`
}

// Link ties a journey to another one: redirect, address and retry to one before
// it (whose answer pointed here; an address of the same name, or the same server,
// tried before), upstream to the one that waited for it.
type Link struct {
	Kind    string `json:"kind"`
	Journey string `json:"journey"`
}

// Request is what was seen or decrypted of an HTTP exchange.
type Request struct {
	Method        string `json:"method,omitempty"`
	Path          string `json:"path,omitempty"`
	Status        int    `json:"status,omitempty"`
	Version       string `json:"version,omitempty"`
	RequestBytes  *int64 `json:"request_bytes,omitempty"`
	ResponseBytes *int64 `json:"response_bytes,omitempty"`
	Estimated     bool   `json:"estimated,omitempty"` // instants and sizes without keys

	Date         string         `json:"date,omitempty"` // RFC 3339, whole seconds
	Location     string         `json:"location,omitempty"`
	RequestID    string         `json:"request_id,omitempty"`
	ServerTiming []ServerTiming `json:"server_timing,omitempty"`
}

// ServerTiming is what a server says of its own time.
type ServerTiming struct {
	Name    string   `json:"name"`
	Seconds *Seconds `json:"seconds,omitempty"`
}

// TLS is what the handshake showed.
type TLS struct {
	Version    string   `json:"version,omitempty"`
	Cipher     string   `json:"cipher,omitempty"`
	ALPN       string   `json:"alpn,omitempty"`
	SNI        string   `json:"sni,omitempty"`
	Resumed    bool     `json:"resumed,omitempty"`
	HelloRetry bool     `json:"hello_retry,omitempty"`
	EarlyData  bool     `json:"early_data,omitempty"`
	Decrypted  bool     `json:"decrypted,omitempty"`
	Alerts     []string `json:"alerts,omitempty"`

	FullAfter string `json:"full_after,omitempty"` // a full handshake, though that journey's had brought a ticket to the same client address and hello
	Beside    string `json:"beside,omitempty"`     // a full handshake that began while that journey's with the same server was going on
}

// SSH is what the login showed.
type SSH struct {
	ClientSoftware string `json:"client_software,omitempty"`
	ServerSoftware string `json:"server_software,omitempty"`
	Kex            string `json:"kex,omitempty"`
	Auth           string `json:"auth,omitempty"`
	Attempts       int    `json:"attempts,omitempty"`
}

// Phase of a journey.
type Phase struct {
	Name     string   `json:"name"`
	Start    *Instant `json:"start,omitempty"`
	Seconds  *Seconds `json:"seconds,omitempty"`
	Outcome  string   `json:"outcome"`
	Attempts int      `json:"attempts,omitempty"`
	RTT      *Seconds `json:"rtt_seconds,omitempty"`
	Evidence string   `json:"evidence,omitempty"` // where it is not the journey's own
	Frames   []int    `json:"frames,omitempty"`
	Reason   string   `json:"reason,omitempty"`        // why it is unseen
	Slow     string   `json:"slow_against,omitempty"`  // budget | baseline | incident: what it took longer than
	Limit    *Seconds `json:"limit_seconds,omitempty"` // where it is slow: the longest that is not
	Metrics  Metrics  `json:"metrics,omitempty"`
	Vantage  string   `json:"vantage,omitempty"` // of metrics: where they were measured
}

// Share is an exclusive part of the journey's time.
type Share struct {
	Cause   string  `json:"cause"`
	Seconds Seconds `json:"seconds"`
	Share   Ratio   `json:"share"`
}

// WhatIf is how long the journey would have taken without a mishap: lost-syn |
// lost-segments | unanswered-query | unknown-neighbour | closed-window | late-ack.
type WhatIf struct {
	Without string  `json:"without"`
	Saved   Seconds `json:"saved_seconds"`
	Total   Seconds `json:"total_seconds"`
}

// Witness is how long the client, the packets and the server's log say a phase
// took, or the request as a whole; why explains where they contradict:
// reused-connection | failed-printed-as-zero | resolver-thread | client-late |
// 100-continue | upload-begun | sending-counted | parallel-streams | lingering-close | lay-unread | buffered-end |
// coarse-clock | unexplained.
type Witness struct {
	Of      string   `json:"of"`
	Client  *Seconds `json:"client_seconds,omitempty"`
	Packets *Seconds `json:"packets_seconds,omitempty"`
	Log     *Seconds `json:"log_seconds,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// View is a journey as another capture than its own shows it.
type View struct {
	Evidence  string  `json:"evidence"`
	Total     Seconds `json:"total_seconds"`
	Breakdown []Share `json:"breakdown"`
}

// Moment is one instant of the timeline: a stable name, when, and where seen.
type Moment struct {
	Name      string   `json:"name"` // "dns.query", "tcp.syn", "http.response", …
	Time      Instant  `json:"time"`
	Corrected *Instant `json:"time_corrected,omitempty"`
	Evidence  string   `json:"evidence"`
	Frame     int      `json:"frame,omitempty"`
	Detail    string   `json:"detail,omitempty"`
	From      string   `json:"from,omitempty"`      // who sent the packet: client | server | resolver | neighbour | path (a router between)
	Elsewhere []Sight  `json:"elsewhere,omitempty"` // the same packet as other captures saw it
}

// Sight is one packet in another capture than the journey's own.
type Sight struct {
	Evidence  string   `json:"evidence"`
	Frame     int      `json:"frame,omitempty"`
	Time      Instant  `json:"time"`
	Corrected *Instant `json:"time_corrected,omitempty"`
}

// LineLink is a log line that tells of a journey.
type LineLink struct {
	Evidence   string   `json:"evidence"`
	Line       int      `json:"line"`
	Status     string   `json:"status"` // matched | ambiguous
	Confidence Ratio    `json:"confidence"`
	Residual   *Seconds `json:"residual_seconds,omitempty"`
	Time       *Instant `json:"time,omitempty"`
	Corrected  *Instant `json:"time_corrected,omitempty"`
	Low        *Instant `json:"time_low,omitempty"` // the corrected instant lies between
	High       *Instant `json:"time_high,omitempty"`
	Means      string   `json:"means,omitempty"`
	By         string   `json:"by,omitempty"`
	Text       string   `json:"text,omitempty"`  // as it is written
	Shown      string   `json:"shown,omitempty"` // of a journal's entry in fields: as journalctl -o short-precise --utc orders them
	Rivals     []string `json:"rivals,omitempty"`
}
