// Package report is the report as data: the public, versioned form of all that
// the analysis knows. Every output is a function of it.
package report

// Schema is the name and version of the contract. Fields may be added under one
// version; a field's name and meaning never change.
const Schema = "flowcorr.report/1"

// Report is one analysed incident. What is unknown is left out.
type Report struct {
	Schema     string      `json:"schema"`
	Generator  Generator   `json:"generator"`
	Language   string      `json:"language"` // of texts: en | es
	Reference  string      `json:"reference,omitempty"`
	Evidence   []Evidence  `json:"evidence"`
	Clocks     []Clock     `json:"clocks"`
	Journeys   []Journey   `json:"journeys"`
	Unmatched  []Unmatched `json:"unmatched_lines"`
	Findings   []Finding   `json:"findings"`
	Checklist  []Check     `json:"checklist"`
	Hypotheses []string    `json:"hypotheses"`
	Unchecked  []Unchecked `json:"not_evaluable,omitempty"` // rules without evidence
	Baseline   []Normal    `json:"baseline,omitempty"`
	Series     *Series     `json:"series,omitempty"`
	Selected   *Selected   `json:"selected,omitempty"`      // only where this is a part of a report
	Redacted   *Redacted   `json:"redacted,omitempty"`      // only where something was replaced
	NormalFrom string      `json:"baseline_from,omitempty"` // the folder the baseline was learned from; empty: the incident itself
}

// Unchecked is a rule that could not be evaluated, and what it needs.
type Unchecked struct {
	Rule    string `json:"rule"`
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// Daemon is how the journey stood to the program that served it: before that
// had the request, on the network, in it, and after it had begun to answer.
type Daemon struct {
	Reached string   `json:"reached"` // how it is known: log | capture | answer | kernel (of its host, no more) | no | unknown
	Before  *Seconds `json:"before_seconds,omitempty"`
	Network *Seconds `json:"network_seconds,omitempty"`
	Queue   *Seconds `json:"queue_seconds,omitempty"` // waited for the daemon, by its own log
	In      *Seconds `json:"in_seconds,omitempty"`
	After   *Seconds `json:"after_seconds,omitempty"`
	Waited  string   `json:"waited_for,omitempty"` // an upstream or a lookup that the daemon itself waited for
	Text    string   `json:"text"`
}

// Redacted counts the different things that were replaced.
type Redacted struct {
	Addresses int `json:"addresses"`
	Names     int `json:"names"` // labels of domain names
	Users     int `json:"users"`
	Paths     int `json:"paths"` // elements of paths and of file names
	Words     int `json:"words"` // others, of text that is not ours, and identifiers
}

// Generator is the program that made the report.
type Generator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Evidence is one file given.
type Evidence struct {
	ID       string    `json:"id"`
	Path     string    `json:"path"`
	Kind     string    `json:"kind"`
	Packing  string    `json:"packing,omitempty"`
	SHA256   string    `json:"sha256,omitempty"`
	Bytes    int64     `json:"bytes"`
	Records  int       `json:"records"`
	First    *Instant  `json:"first,omitempty"`
	Last     *Instant  `json:"last,omitempty"`
	Zone     string    `json:"zone,omitempty"` // of its stamps: "+01:00", stated; "+01:00 inferred"; "unknown"
	Clock    string    `json:"clock,omitempty"`
	Vantage  string    `json:"vantage,omitempty"`
	Host     string    `json:"host,omitempty"` // the address of the capturing host, where known
	Reason   string    `json:"reason,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is a place of a file that was not understood.
type Problem struct {
	Record int    `json:"record,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Text   string `json:"text"`
}

// Clock is one clock with its track.
type Clock struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Kind       string      `json:"kind"`
	Evidence   []string    `json:"evidence"`
	Status     string      `json:"status"`
	Reason     string      `json:"reason,omitempty"` // of ambiguous and insufficient
	Segments   []Segment   `json:"segments,omitempty"`
	Supports   []Support   `json:"supports,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	Aside      *Aside      `json:"aside,omitempty"` // what is known of a clock that nothing ties to the reference
	Path       []string    `json:"path,omitempty"`  // clocks between it and the reference
	Notes      []string    `json:"notes,omitempty"`
	Points     []Point     `json:"points,omitempty"` // a bounded choice of its evidence, in order of time
}

// Aside is the track of a clock against another one; nothing ties either to the reference.
type Aside struct {
	Against  string    `json:"against"` // a clock; of that clock itself there are no segments
	Segments []Segment `json:"segments,omitempty"`
	Supports []Support `json:"supports,omitempty"`
}

// Point says that at an instant of the reference the clock was ahead by
// something between the bounds; one that is left out is open.
type Point struct {
	At       Instant  `json:"at"`
	Low      *Seconds `json:"low_seconds,omitempty"`
	High     *Seconds `json:"high_seconds,omitempty"`
	Method   string   `json:"method"`
	Rejected bool     `json:"rejected,omitempty"` // set aside: it contradicts the rest
}

// Segment is a straight piece of a track; instants are of the clock itself.
type Segment struct {
	From    Instant  `json:"from"`
	To      Instant  `json:"to"`
	Offset  Seconds  `json:"offset_seconds"`
	Low     Seconds  `json:"low_seconds"`
	High    Seconds  `json:"high_seconds"`
	LowEnd  *Seconds `json:"low_end_seconds,omitempty"`  // bounds at "to"
	HighEnd *Seconds `json:"high_end_seconds,omitempty"` //
	Drift   float64  `json:"drift_ppm"`
	Step    bool     `json:"step_before,omitempty"`
}

// Support counts the evidence of one method.
type Support struct {
	Method   string `json:"method"`
	Count    int    `json:"count"`
	Rejected int    `json:"rejected"`
}

// Candidate is one possible offset of an ambiguous clock.
type Candidate struct {
	Offset Seconds `json:"offset_seconds"`
	Reason string  `json:"reason,omitempty"`
}

// Unmatched lines of one log with one reason.
type Unmatched struct {
	Evidence string `json:"evidence"`
	Lines    []int  `json:"lines"`
	Reason   string `json:"reason"`
}

// Finding is what a rule says.
type Finding struct {
	ID         string            `json:"id"`
	Rule       string            `json:"rule"`
	Severity   string            `json:"severity"`
	Confidence string            `json:"confidence"`
	Text       string            `json:"text"`
	At         *Instant          `json:"at,omitempty"` // when it happened, by the reference clock: of what no journey shows
	Journeys   []string          `json:"journeys,omitempty"`
	Example    string            `json:"example,omitempty"` // the journey whose figures the text tells
	Share      *Ratio            `json:"share,omitempty"`
	Lost       *Seconds          `json:"lost_seconds,omitempty"`
	Evidence   []FindingEvidence `json:"evidence,omitempty"`
	Refuters   []Refuter         `json:"refuters,omitempty"`
}

// FindingEvidence points to frames or lines.
type FindingEvidence struct {
	Evidence string `json:"evidence"`
	Frames   []int  `json:"frames,omitempty"`
	Filter   string `json:"filter,omitempty"`
	Lines    []int  `json:"lines,omitempty"`
}

// Refuter is what would overturn a finding.
type Refuter struct {
	Text    string `json:"text"`
	Status  string `json:"status"` // found | not-found | not-collected
	Command string `json:"command,omitempty"`
}

// Check is a row of the checklist.
type Check struct {
	Item     string   `json:"item"`   // dns-query | client-timing | capture | server-log | time-state
	Status   string   `json:"status"` // shown | contradicted | missing
	Evidence []string `json:"evidence,omitempty"`
	Text     string   `json:"text"`
	Command  string   `json:"command,omitempty"`
}

// Normal is what is usual for one phase of one service in this incident.
type Normal struct {
	Service string  `json:"service"`
	Phase   string  `json:"phase"`
	Count   int     `json:"count"`
	P50     Seconds `json:"p50_seconds"`
	P95     Seconds `json:"p95_seconds"`
}
