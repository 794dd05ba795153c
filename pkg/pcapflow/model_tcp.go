package pcapflow

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
	Heard           [2]int64 // time of each side's latest packet, by the capturing clock, ns; 0: it sent none
	RST             []Reset
	Oddities        []Oddity // bounded
	Vantage         Vantage

	State        string // Zeek's conn_state
	History      string // Zeek's history
	Completeness uint8  // Wireshark's tcp.completeness bits

	Marks []Mark // bounded: handshake, first data, and a spread of the rest

	Talk *Talk // nil: Options.Turns does not ask for it, or the connection never stood

	AckedTo  [2]uint32  // how far each side's bytes were acknowledged, relative to the ISN as Wireshark shows it; 0: not at all
	Holes    [2]Hole    // the first stretch of each side's bytes that never came
	Rerouted [2]Reroute // a change of each side's TTL
	Unseen   [2]Stamp   // the latest acknowledgement of bytes of each side that the capture never held; unseen: it held all
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
	Beside bool // its number is not the sender's next, and behind what the peer awaits
	Forgot bool // of an open connection that its sender has not closed, yet as who knows of none answers (RFC 9293 section 3.10.7.1)
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
