// Package diagnose holds the catalogue: rules that turn journeys and clocks
// into findings with evidence, doubts and the commands that would settle them.
package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Severity of a finding.
type Severity uint8

const (
	Info Severity = iota
	Note
	Warning
	Error
)

var severityNames = [...]string{"info", "note", "warning", "error"}

func (s Severity) String() string { return severityNames[s] }

// Confidence in a finding.
type Confidence uint8

const (
	NotEvaluable Confidence = iota
	Low
	Medium
	High
)

var confidenceNames = [...]string{"not-evaluable", "low", "medium", "high"}

func (c Confidence) String() string { return confidenceNames[c] }

// Rule is one diagnosis of the catalogue: data and one function.
//
// Adding one is one entry in its family's file, one line in the table rules,
// and test data: a case that fires, a near miss, and one without the evidence.
type Rule struct {
	Name   string // never changes its meaning
	Family string // "gate", "dns", "path", "tcp", "tls", "quic", "web", "ssh", "ntp", "other"
	Title  lang.Text
	Doc    lang.Text // what it means, what to do
	Source string    // where it is written: RFC, manual
	Needs  lang.Text // the evidence it needs
	// Wants are kinds of evidence of which one must be there; else the rule is
	// not evaluable.
	Wants      []*Want
	Thresholds []*Threshold
	Refuters   []lang.Text
	Answers    bool                             // even a note of it answers what happened: it comes before the verdict that nothing did
	Gated      bool                             // a capture that lost or doubled packets makes it less sure
	Absence    bool                             // it rests on packets that were not there: a capture with gaps of its own tells little
	Check      func(c *Case, r *Rule) []Finding // r is the rule itself
}

// Case is what rules look at, with what is normal in it.
type Case struct {
	*correlate.Case
	Lang     lang.Lang
	Baseline Baseline

	rules       map[string]*Rule                       // of the catalogue, by name
	set         settings                               // thresholds by rule and name, where they are not the defaults
	budgets     map[string]float64                     // seconds by phase
	found       []Finding                              // by the rules that ran before
	explained   map[*correlate.Journey]map[string]bool // names of the rules that speak of a journey
	swallows    map[[2]netip.Addr]bool                 // pairs of client and server whose large packets do not pass
	spoken      map[string][]*correlate.Journey        // by family of rules, once asked for
	scanners    map[string]bool                        // clients that scan, by address
	lookups     []*correlate.Lookup
	waiting     map[*correlate.Lookup][]*correlate.Journey // the journeys that waited for a lookup
	roundTrips  map[away]time.Duration                     // to each resolver, at best
	usualAnswer time.Duration                              // of resolvers, the median
	views       map[*correlate.Lookup]resolverView         // once asked for
	beside      lookupIndex
	sshLogins   map[netip.AddrPort]int                      // to each server, once counted
	between     map[[2]netip.Addr][]*correlate.Journey      // by client and server, once asked for
	largest     map[swallowed]int64                         // packet that passed, in bytes
	serverTTLs  map[away]uint8                              // of servers that took connections, once asked for
	fallbacks   map[*correlate.Journey][]*correlate.Journey // over TCP, by the QUIC journey they came in place of; once asked for
	overTCP     map[seenAt][]*correlate.Journey             // of each client, as each capture tells them; once asked for
	heard       map[seenAt]bool                             // clients that something came back to, once asked for
	latest      map[*incident.Capture]map[netip.Addr]int64  // when each address was last heard, ns; once asked for
	goals       map[netip.Addr]bool                         // addresses that somebody wanted to reach, once asked for
	late        lateAnswers                                 // late, after their question was repeated
	sshHosts    map[netip.Addr]bool                         // that spoke SSH with somebody, or whose port 22 somebody reached
	sshPorts    map[netip.AddrPort]bool                     // that spoke SSH with somebody
	exchanges   map[netip.AddrPort]int                      // requests to each server
	serving     map[served][]*correlate.Journey             // of each service, in order
	asked       map[*correlate.Journey][]*correlate.Journey // what the server of each asked meanwhile, once looked for
	byServer    map[netip.Addr][]*correlate.Journey         // by the server's address, once asked for
	opaque      map[opaqueEnds][]*correlate.Journey         // connections whose protocol is not read, once asked for
	took        map[taker][]int64                           // when each server accepted connections, in order
	states      []told                                      // what hosts printed of themselves, once looked for
	unlisted    []string                                    // thresholds asked for by rules that do not list them: a mistake of ours
	made        int                                         // journeys that made a connection
	resolvers   []netip.Addr                                // that answered a lookup, each once
	lossyBy     map[*Rule][2]int                            // journeys held up by lost segments, and all, as rules count them
	limited     *[]limitAnswer                              // answers that a limit explains, once looked for
	lineTimes   map[*incident.File]map[int]int64            // ns, by line, once asked for
	swellings   *[]swollen                                  // connections that were slow from beginning to end, once looked for
	lacks       map[*incident.Capture]float64               // share of its packets, of the captures that were asked for
	upstream    *words                                      // of the error log about an upstream, once looked for
}

// Finding is what a rule says.
type Finding struct {
	ID         string // "f1", …
	Rule       string
	Severity   Severity
	Confidence Confidence
	Text       string
	At         int64 // ns, when it happened, by the reference clock; 0: it holds for a time, or journeys say when
	Journeys   []*correlate.Journey
	Example    *correlate.Journey // whose figures its words tell; nil: they are of all
	Share      float64            // of the time of those journeys; 0: does not apply
	Lost       time.Duration      // time it explains, over all its journeys; 0: none
	Evidence   []Evidence
	Refuters   []Refuter

	answers  bool // as its rule says
	over     bool // what it tells does not come again: it is no answer by its wait alone
	restated bool // what overturned the first words is in its words now
}

// Evidence of a finding: frames of a capture, or lines of a log.
type Evidence struct {
	File   *incident.File
	Frames []int  // within the file
	Filter string // display filter that selects exactly the frames
	Lines  []int
}

// Check is a row of the checklist of what evidence an incident needs.
type Check struct {
	Item    string // dns-query | client-timing | capture | server-log | time-state
	Status  string // shown | contradicted | missing
	Files   []*incident.File
	Text    string
	Command string // that would collect what is missing
}

// Refuter is what would overturn a finding.
type Refuter struct {
	Text    string
	Status  string // found | not-found | not-collected
	Command string // that would collect it
}

// Unchecked is a rule that a case holds no evidence for.
type Unchecked struct {
	Rule    string
	Text    string // what it needs
	Command string // that would collect it
}
