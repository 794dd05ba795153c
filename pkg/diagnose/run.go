package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Options steer a diagnosis.
type Options struct {
	Lang lang.Lang
	Only []string // rule names; empty: all
}

// Diagnosis is what the catalogue says of a case.
type Diagnosis struct {
	Findings   []Finding // in the order of the catalogue, then of the journeys
	Hypotheses []string  // finding IDs, best first
	Checklist  []Check
	Baseline   Baseline
}

// Run checks a case against every rule of the catalogue.
func Run(c *correlate.Case, opt Options) *Diagnosis {
	dc := &Case{Case: c, Lang: opt.Lang, Baseline: learn(c.Journeys), roundTrips: resolverRoundTrips(c), usualAnswer: usualAnswer(c)}
	for _, r := range rules {
		if len(opt.Only) > 0 && !slices.Contains(opt.Only, r.Name) {
			continue
		}
		for _, f := range r.Check(dc, r) {
			f.Rule = r.Name
			dc.found = append(dc.found, f)
		}
	}
	dc.found = join(dc.found)
	for i := range dc.found {
		dc.found[i].ID = fmt.Sprintf("f%d", i+1)
	}
	return &Diagnosis{Findings: dc.found, Hypotheses: rank(dc.found), Checklist: checklist(dc), Baseline: dc.Baseline}
}

// join drops what another finding already explains. A rule that is a
// consequence of another one on the same journey keeps only the journeys that
// the cause does not cover.
func join(all []Finding) []Finding {
	covered := map[string]map[*correlate.Journey]bool{} // rule → journeys it explains
	for _, f := range all {
		if covered[f.Rule] == nil {
			covered[f.Rule] = map[*correlate.Journey]bool{}
		}
		for _, j := range f.Journeys {
			covered[f.Rule][j] = true
		}
	}
	kept := all[:0:0]
	for _, f := range all {
		if explained(f, covered) {
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// consequences lists, for a rule, the rules that are its causes where both
// speak of the same journeys.
var consequences = map[string][]string{
	"tls-alert":         {"tls-certificate-time", "tls-wrong-protocol"},
	"loss-stall":        {"loss-in-handshake", "loss-in-response"},
	"loss-in-handshake": {"syn-lost"},
}

func explained(f Finding, covered map[string]map[*correlate.Journey]bool) bool {
	causes := consequences[f.Rule]
	if len(causes) == 0 || len(f.Journeys) == 0 {
		return false
	}
	for _, j := range f.Journeys {
		if !slices.ContainsFunc(causes, func(c string) bool { return covered[c][j] }) {
			return false
		}
	}
	return true
}

// rank orders findings into hypotheses: what explains the most lost time first;
// then by severity and confidence. What speaks of the evidence or of clocks
// comes behind what speaks of the service.
func rank(all []Finding) []string {
	var order []Finding
	for _, f := range all {
		if f.Confidence == NotEvaluable || f.Severity == Info && f.Rule != "healthy" {
			continue
		}
		order = append(order, f)
	}
	slices.SortStableFunc(order, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(tier(a), tier(b)),
			cmp.Compare(b.Lost, a.Lost),
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(b.Confidence, a.Confidence),
		)
	})
	ids := make([]string, 0, len(order))
	for _, f := range order {
		ids = append(ids, f.ID)
	}
	return ids
}

// tier sorts what answers "why" before what only qualifies the answer.
func tier(f Finding) int {
	loud := f.Severity >= Warning
	about := strings.HasPrefix(f.Rule, "clock-") || strings.HasPrefix(f.Rule, "capture-")
	switch {
	case loud && !about:
		return 0
	case f.Rule == "healthy":
		return 1
	case loud:
		return 2
	}
	return 3
}
