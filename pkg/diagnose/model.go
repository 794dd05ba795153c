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
	Name     string // never changes its meaning
	Family   string // "gate", "dns", "path", "tcp", "tls", "web", "ssh", "ntp", "other"
	Title    lang.Text
	Doc      lang.Text // what it means, what to do
	Source   string    // where it is written: RFC, manual
	Needs    lang.Text // the evidence it needs
	Refuters []lang.Text
	Gated    bool                             // a capture that lost or doubled packets makes it less sure
	Check    func(c *Case, r *Rule) []Finding // r is the rule itself
}

// Case is what rules look at, with what is normal in it.
type Case struct {
	*correlate.Case
	Lang     lang.Lang
	Baseline Baseline
	T        Thresholds

	found       []Finding                              // by the rules that ran before
	explained   map[*correlate.Journey]map[string]bool // names of the rules that speak of a journey
	swallows    map[[2]netip.Addr]bool                 // pairs of client and server whose large packets do not pass
	scanners    map[string]bool                        // clients that scan, by address
	lookups     []*correlate.Lookup
	roundTrips  map[netip.Addr]time.Duration // to each resolver, at best
	usualAnswer time.Duration                // of resolvers, the median
}

// Baseline is what is normal in this incident.
type Baseline struct {
	// Phases by service and phase name ("https http.wait"): median and a robust spread.
	Phases map[string]Normal
}

// Normal is the distribution of one quantity among the healthy journeys.
type Normal struct {
	N             int
	P50, P95, MAD time.Duration
}

// Finding is what a rule says.
type Finding struct {
	ID         string // "f1", …
	Rule       string
	Severity   Severity
	Confidence Confidence
	Text       string
	Journeys   []*correlate.Journey
	Share      float64       // of the time of those journeys; 0: does not apply
	Lost       time.Duration // time it explains, over all its journeys; 0: none
	Evidence   []Evidence
	Refuters   []Refuter
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
