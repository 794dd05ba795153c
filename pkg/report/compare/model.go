// Package compare tells how groups of journeys differ: two days, two address
// families, two servers, or repetitions of one action. It knows reports only.
package compare

import "github.com/flowcorr/flowcorr/pkg/report"

// Schema is the name and version of a comparison as JSON; the promise is that
// of the report.
const Schema = "flowcorr.comparison/1"

// Comparison of groups of journeys.
type Comparison struct {
	Schema    string           `json:"schema"`
	Generator report.Generator `json:"generator"`
	By        string           `json:"by"` // folder, or a key of Keys
	Selected  string           `json:"selected,omitempty"`
	Groups    []Group          `json:"groups"`
	Services  []Service        `json:"services"`
	Rules     []RuleCount      `json:"rules,omitempty"` // of folders: what was found in which
	Left      []LeftOut        `json:"left_out,omitempty"`
}

// Group is one side of the comparison.
type Group struct {
	Name     string `json:"name"`
	Journeys int    `json:"journeys"`
}

// LeftOut counts journeys that belong to no group.
type LeftOut struct {
	Reason   string `json:"reason"` // no-tls | no-address | no-transport | too-many-groups
	Journeys int    `json:"journeys"`
}

// Service is what was measured of one service: journeys on a new connection and
// on one that was open already are two kinds, as they have other phases.
type Service struct {
	Service string  `json:"service"`
	Reused  bool    `json:"reused,omitempty"` // the connection was open already
	Phases  []Phase `json:"phases"`
	// Dominant is the phase with the greatest mean, by group; "" where none was
	// measured.
	Dominant []string `json:"dominant"`
}

// Total stands for the whole journey in the place of a phase's name.
const Total = "total"

// Phase is one phase of one service in every group.
type Phase struct {
	Name   string   `json:"name"`
	Groups []Sample `json:"groups"` // as in Comparison.Groups
	Tests  []Test   `json:"tests,omitempty"`
}

// Sample describes the times of one phase in one group. Statistics are left out
// where N is too small to have them.
type Sample struct {
	N        int             `json:"n"`
	Failed   int             `json:"failed,omitempty"` // not in N: no end, or an end in failure
	Mean     *report.Seconds `json:"mean_seconds,omitempty"`
	SD       *report.Seconds `json:"sd_seconds,omitempty"` // σ of the sample, divisor n−1
	Median   *report.Seconds `json:"median_seconds,omitempty"`
	P95      *report.Seconds `json:"p95_seconds,omitempty"` // linear between order statistics
	Min      *report.Seconds `json:"min_seconds,omitempty"`
	Max      *report.Seconds `json:"max_seconds,omitempty"`
	Outliers []Outlier       `json:"outliers,omitempty"`

	values []float64 // seconds
}

// Outlier is a journey beyond Tukey's upper fence (Q3 + 1.5 IQR) of its group.
type Outlier struct {
	Journey  string         `json:"journey"`
	Folder   string         `json:"folder,omitempty"`
	Seconds  report.Seconds `json:"seconds"`
	Attempts int            `json:"attempts,omitempty"`
	Cause    string         `json:"cause,omitempty"` // of the breakdown: what grew most against the group's median
	Excess   report.Seconds `json:"excess_seconds,omitempty"`
	Rules    []string       `json:"rules,omitempty"` // of findings that name the journey
}

// Verdicts of a test.
const (
	Differs   = "differs"
	MayChance = "may-be-chance"
	TooFew    = "too-few" // not even complete separation would be beyond chance
)

// Test compares two groups by ranks (Mann–Whitney U, two-sided).
type Test struct {
	A       int            `json:"a"` // indices of groups
	B       int            `json:"b"`
	U       float64        `json:"u"`             // of A
	P       float64        `json:"p"`             // two-sided
	Holm    float64        `json:"p_adjusted"`    // for the number of tests of this service
	Exact   bool           `json:"exact"`         // else the normal approximation, ties corrected
	Shift   report.Seconds `json:"shift_seconds"` // B − A: median of all differences (Hodges–Lehmann)
	Verdict string         `json:"verdict"`
}

// RuleCount tells in how many findings and journeys a rule spoke, by group.
type RuleCount struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Findings []int  `json:"findings"`
	Journeys []int  `json:"journeys"`
}
