package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Options steer a diagnosis.
type Options struct {
	Lang       lang.Lang
	Only       []string                      // rule names; empty: all
	Thresholds map[string]map[string]float64 // rule → threshold → value in the threshold's unit; what is missing keeps its default
	Budgets    map[string]float64            // phase, or WholeJourney → seconds
	Baseline   *Baseline                     // what is normal, learned elsewhere; nil: learned from the case itself
}

// Diagnosis is what the catalogue says of a case.
type Diagnosis struct {
	Findings   []Finding // in the order of the catalogue, then of the journeys
	Hypotheses []string  // finding IDs, best first
	Checklist  []Check
	Baseline   Baseline
	Budgets    map[string]float64
	Unchecked  []Unchecked // rules without evidence, in the order of the catalogue

	set  settings
	late lateAnswers
}

// Run checks a case against every rule of the catalogue.
func Run(c *correlate.Case, opt Options) *Diagnosis {
	dc := newCase(c, opt)
	byRule := map[string][]Finding{}
	for _, r := range checkOrder(rules) {
		found := r.Check(dc, r)
		for i := range found {
			f := &found[i]
			f.Rule, f.answers = r.Name, f.answers || r.Answers
			// Those that it does not weigh itself would have kept the rule silent.
			for _, text := range r.Refuters[min(len(f.Refuters), len(r.Refuters)):] {
				f.Refuters = append(f.Refuters, Refuter{Text: text.In(dc.Lang), Status: notFound.status})
			}
			if f.Severity >= Warning {
				f.Text += dc.when(r, f)
			}
			if len(f.Journeys) == 0 && f.At == 0 && r.Family != "gate" && r.Family != "ntp" {
				f.At = dc.firstLine(f)
			}
			dc.weigh(r, f)
			dc.doubtAbsence(r, f)
			dc.collect(f)
			dc.explain(f)
			dc.found = append(dc.found, *f)
		}
		byRule[r.Name] = found
	}
	d := &Diagnosis{Checklist: checklist(dc), Baseline: dc.Baseline, Budgets: opt.Budgets, Unchecked: dc.unchecked(), set: opt.Thresholds, late: dc.late}
	for _, r := range rules {
		if len(opt.Only) == 0 || slices.Contains(opt.Only, r.Name) {
			d.Findings = append(d.Findings, byRule[r.Name]...)
		}
	}
	for i := range d.Findings {
		d.Findings[i].ID = fmt.Sprintf("f%d", i+1)
	}
	d.Hypotheses = rank(d.Findings)
	return d
}

// The ports of SSH (RFC 4253, section 4.1) and DNS (RFC 1035, section 4.2).
const (
	sshPort = 22
	dnsPort = 53
)

func newCase(c *correlate.Case, opt Options) *Case {
	dc := &Case{
		Case: c, Lang: opt.Lang, rules: make(map[string]*Rule, len(rules)), set: opt.Thresholds, budgets: opt.Budgets,
		explained: map[*correlate.Journey]map[string]bool{}, swallows: map[[2]netip.Addr]bool{}, scanners: map[string]bool{},
		roundTrips: resolverRoundTrips(c), usualAnswer: usualAnswer(c),
		waiting: map[*correlate.Lookup][]*correlate.Journey{}, sshPorts: map[netip.AddrPort]bool{}, sshHosts: map[netip.Addr]bool{}, exchanges: map[netip.AddrPort]int{},
		serving: map[served][]*correlate.Journey{}, lacks: map[*incident.Capture]float64{},
	}
	for _, r := range rules {
		dc.rules[r.Name] = r
	}
	for _, j := range c.Journeys {
		at := served{j.Service, j.Server}
		dc.serving[at] = append(dc.serving[at], j)
		if j.Lookup != nil {
			dc.waiting[j.Lookup] = append(dc.waiting[j.Lookup], j)
		}
		if j.Exchange != nil {
			dc.exchanges[j.Server]++
		}
		if connection(j) != nil {
			dc.made++
		}
		if j.Service == "ssh" {
			dc.sshPorts[j.Server] = true
		}
		if j.Service == "ssh" || j.Server.Port() == sshPort {
			dc.sshHosts[j.Server.Addr()] = true
		}
	}
	known := map[netip.Addr]bool{}
	for _, l := range c.Lookups {
		for i := range l.Tries {
			if t := &l.Tries[i]; t.Answer.Seen() && !known[t.Resolver.Addr()] {
				known[t.Resolver.Addr()], dc.resolvers = true, append(dc.resolvers, t.Resolver.Addr())
			}
		}
	}
	if opt.Baseline != nil {
		dc.Baseline = *opt.Baseline
	} else {
		dc.Baseline = Learn(c.Journeys, "")
	}
	dc.late = dc.lateAnswers()
	return dc
}

// rank orders findings into hypotheses: what is known before what is guessed, and
// what explains the most lost time first; then by severity and confidence. What speaks of the evidence or of clocks
// comes behind what speaks of the service. That nothing abnormal was found, or
// that this cannot be said, is an answer too.
func rank(all []Finding) []string {
	var order []Finding
	for _, f := range all {
		if f.Rule != "healthy" && (f.Confidence == NotEvaluable || f.Severity == Info) {
			continue
		}
		order = append(order, f)
	}
	slices.SortStableFunc(order, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(tier(a), tier(b)),
			cmp.Compare(guess(a), guess(b)),
			cmp.Compare(b.cost(), a.cost()),
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

// guess is 1 for a loud finding of low confidence: it goes behind what is known.
func guess(f Finding) int {
	if f.Confidence == Low && tier(f) == 0 {
		return 1
	}
	return 0
}

// noticed is a wait that breaks a person's train of thought (Nielsen, Usability
// Engineering, 1993, section 5.5).
const noticed = time.Second

// felt tells whether each journey that a finding speaks of waited as long as somebody
// notices: that others did not wait is no answer to those who did.
func (f *Finding) felt() bool {
	return f.Lost > 0 && f.Lost >= noticed*time.Duration(len(f.Journeys))
}

// cost is the time that a finding explains. Where all that it speaks of came to
// nothing, that cost whoever wanted it at least as much as somebody notices.
func (f *Finding) cost() time.Duration {
	for _, j := range f.Journeys {
		if f.Severity < Warning || j.Outcome != pcapflow.Failed && j.Outcome != pcapflow.Refused && j.Outcome != pcapflow.Unanswered {
			return f.Lost
		}
	}
	return max(f.Lost, noticed*time.Duration(len(f.Journeys)))
}

// tier sorts what answers "why" before what only qualifies the answer.
func tier(f Finding) int {
	loud := f.Severity >= Warning
	about := strings.HasPrefix(f.Rule, "clock-") || strings.HasPrefix(f.Rule, "capture-")
	switch {
	case loud && !about && f.Rule != "slower-than-normal":
		return 0
	case f.Severity >= Note && (f.answers || !about && !f.over && f.felt()):
		return 1 // something is to be known, though it cost little, or few
	case f.Rule == "healthy":
		return 2
	case loud:
		return 3
	}
	return 4
}
