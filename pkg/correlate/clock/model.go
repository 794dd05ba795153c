// Package clock turns interval constraints between clocks into a track for
// each clock: an offset over time with bounds that hold the truth, or a refusal
// that says why. It knows no protocol and no log format.
//
// Sign: θ_X(t) = clock X − reference at the same physical instant; positive
// means X is ahead. corrected = stamp − θ_X.
package clock

import "fmt"

// ID names one clock; the caller numbers them from 0.
type ID int

// Infinity stands for "no bound on this side".
const Infinity = int64(1) << 62

// Method of a piece of evidence, in the words of the report.
type Method string

const (
	NTP         Method = "ntp"
	Keyed       Method = "keyed"
	Intervals   Method = "intervals"
	DateHeader  Method = "date-header"
	Chrony      Method = "chrony"
	Journal     Method = "journal"
	TwoCaptures Method = "two-captures"
	PacketTimes Method = "packet-times"
	Timestamps  Method = "tcp-timestamps" // the counters of hosts, which do not step
	Declared    Method = "declared"
	Identity    Method = "same-host"
	Earlier     Method = "other-windows" // measured on other days of an archive
)

// Constraint says: Low ≤ clock B − clock A ≤ High (ns) at the instant At.
type Constraint struct {
	A, B      ID
	At        int64 // ns since the epoch by clock A
	Low, High int64 // ±Infinity: unbounded
	// Seldom: within the upper Seldom ns below High the truth lies seldom (a
	// clock that is read late). The bounds do not use it, the likeliest value does.
	Seldom int64
	Method Method
	Ref    int // the caller's index of the evidence item
}

// Instant is one end of a possible pair: something happened while the clock
// that recorded it showed a value in [Low, High].
type Instant struct {
	Low, High int64
	Group     int // both ends of a pair have the same group (client address, name, path, …)
	// Size is something both ends measured (bytes, a duration), as an interval:
	// those of a pair overlap. {0, 0}: not measured, fits anything.
	Size   [2]int64
	Seldom int64 // as Constraint.Seldom
	Ref    int   // the caller's index; stands for the event in Track.Used
}

// Series is a log whose lines do not name their partners: some of Lines, by
// clock B, tell of some of Partners, by clock A, one to one within a group.
type Series struct {
	A, B     ID
	Lines    []Instant
	Partners []Instant
	Method   Method
	// Choice, if not 0, names a set of series of which one at most is true: the
	// one that fits best is used.
	Choice int
	// Writer, if not 0, numbers the host that wrote the lines if the series is true:
	// the lines of several choices are of one, and what speaks for a host in one
	// speaks for it in the others.
	Writer int
}

// Step is a jump of one clock known from its own records: at At (clock's own
// time before the jump) it moved forward by Size (negative: backward).
type Step struct {
	Clock  ID
	At     int64
	After  int64 // the first instant of the clock known to lie behind the jump
	Size   int64 // ns
	Slack  int64 // ns: Size is right within ±Slack
	Method Method
	Ref    int
}

// Status of a clock, in the words of the report.
type Status string

const (
	Reference    Status = "reference"
	Measured     Status = "measured"
	DeclaredOnly Status = "declared"
	Ambiguous    Status = "ambiguous"
	Insufficient Status = "insufficient"
)

// Segment is a straight piece of a track. Instants are of the clock itself.
type Segment struct {
	From, To  int64   // valid for stamps in [From, To]
	Offset    int64   // θ at From, ns
	Low, High int64   // θ at From lies between
	Drift     float64 // ppm
	// LowEnd and HighEnd bound θ at To; between the ends the bounds are linear.
	LowEnd, HighEnd int64
	StepBefore      bool // a step, not a knot, separates it from the segment before
}

// Support counts the evidence of one method.
type Support struct {
	Method          Method
	Count, Rejected int
}

// Sentence is one statement in both languages of the reports; this package
// imports nothing of ours, so it says both itself.
type Sentence struct{ EN, ES string }

func sentence(en, es string, args ...any) Sentence {
	return Sentence{fmt.Sprintf(en, args...), fmt.Sprintf(es, args...)}
}

// Candidate is one of several possible offsets of an ambiguous clock.
type Candidate struct {
	Offset int64
	Score  float64
	Reason Sentence
}

// Track is what is known of one clock against the reference.
type Track struct {
	Clock      ID
	Status     Status
	Segments   []Segment
	Supports   []Support
	Rejected   []int // Ref of constraints that were set aside
	Used       []int // Ref of constraints and votes that bear it
	Candidates []Candidate
	Why        Sentence // for ambiguous and insufficient: the reason, one clause
	Path       []ID     // clocks between it and the reference
	Points     []Point  // a bounded choice of the evidence, in order of time
	Drops      []Drop   // steps backward
	// Aside is what is known of a clock that nothing ties to the reference: its
	// track against the clock Root, which nothing ties to the reference either.
	// Root has one as well. nil: nothing, or the reference tells all.
	Aside *Track
	Root  ID
}

// Drop is a step backward: the instants that the clock showed twice lie within
// First … Last.
type Drop struct {
	First, Last    int64
	Before, Behind Offset // θ just before the step and just behind it
}

// Offset is a value of θ with its bounds, ns.
type Offset struct{ Value, Low, High int64 }

// Span is the stretch of a clock's own time that the evidence covers.
type Span struct{ First, Last int64 }

// Problem is everything known that relates the clocks 0 … Clocks−1.
type Problem struct {
	Clocks      int
	Constraints []Constraint
	Series      []Series
	Steps       []Step
	Spans       []Span // by clock; a zero span: it stamped nothing itself
	Prefer      []ID   // clocks that may be the reference, best first
	// Roots are the clocks against which others may be measured that nothing ties
	// to the reference, best first.
	Roots []ID
	// Declared offsets against the reference, ns: those clocks are not measured.
	Declared map[ID]int64
}

// Solution is a track for each clock.
type Solution struct {
	Reference ID
	Tracks    []Track // by clock
}

// Limits of the method. Drifts are in ns per second (1 ppm = 1000).
const (
	driftLimit   = 500e3   // a free-running clock: ±500 ppm
	runawayLimit = 2000e3  // one whose rate is out of hand (heat, a starved virtual machine): only where the evidence asks for it
	slewLimit    = 100e6   // a clock being slewed: chronyd's 83333 ppm and more
	slewRate     = 83333e3 // chronyd's fastest
	stepPenalty  = 6       // items a further segment must explain
	keyedWeight  = 3       // of an item that names its partner, in items that may be another's
	minSupport   = 5       // lines that unkeyed evidence needs
	rivalApart   = 10e9    // ns: peaks closer than this are one
	rivalNear    = 3e9     // ns: the same where part of the lines find no partner
	rivalShare   = 0.5     // a second peak this high makes an offset ambiguous
	minCoverage  = 0.3     // share of the lines inside the capture that must find a partner
	namedOutlier = 0.2     // share of named evidence that may disagree
)
