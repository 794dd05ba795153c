package compare

import (
	"cmp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Folders compares two reports: what was the good day, and the bad one.
func Folders(names []string, reports []*report.Report) *Comparison {
	c := &Comparison{Schema: Schema, By: "folder"}
	b := &builder{c: c, kinds: map[kind]*series{}}
	for i, r := range reports {
		c.Generator, c.Selected = r.Generator, selected(r)
		c.Groups = append(c.Groups, Group{Name: names[i]})
		for k := range r.Journeys {
			b.add(i, r, &r.Journeys[k], names[i])
		}
	}
	b.finish()
	c.Rules = ruleCounts(reports)
	return c
}

// most is how many groups are compared; the rest is left out.
const most = 12

// By compares the journeys of one report in groups of a key.
func By(key Key, r *report.Report) *Comparison {
	c := &Comparison{Schema: Schema, Generator: r.Generator, By: key.Name, Selected: selected(r), Groups: []Group{}}
	counts, reasons := map[string]int{}, map[string]int{}
	of := make([]string, len(r.Journeys))
	for i := range r.Journeys {
		name, reason := key.of(&r.Journeys[i])
		if reason != "" {
			reasons[reason]++
			continue
		}
		of[i] = name
		counts[name]++
	}
	var names []string
	for n := range counts {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	for _, n := range names[min(most, len(names)):] {
		reasons["too-many-groups"] += counts[n]
	}
	names = names[:min(most, len(names))]
	slices.Sort(names)
	index := map[string]int{}
	for i, n := range names {
		index[n] = i
		c.Groups = append(c.Groups, Group{Name: n})
	}
	b := &builder{c: c, kinds: map[kind]*series{}}
	for i := range r.Journeys {
		if g, ok := index[of[i]]; ok && of[i] != "" {
			b.add(g, r, &r.Journeys[i], "")
		}
	}
	b.finish()
	for reason, n := range reasons {
		c.Left = append(c.Left, LeftOut{reason, n})
	}
	slices.SortFunc(c.Left, func(a, b LeftOut) int { return cmp.Compare(a.Reason, b.Reason) })
	return c
}

func selected(r *report.Report) string {
	if r.Selected == nil {
		return ""
	}
	return r.Selected.By
}

// kind of journeys that have the same phases.
type kind struct {
	service string
	reused  bool
}

// series collects the times of one kind: phase → group → measurements.
type series struct {
	phases map[string][][]measurement
	failed map[string][]int
	shares map[string][][]float64 // cause → group → seconds
}

// measurement is one journey's time in one phase.
type measurement struct {
	seconds  float64
	attempts int
	journey  *report.Journey
	report   *report.Report
	folder   string
}

type builder struct {
	c     *Comparison
	kinds map[kind]*series
}

// reused tells of a journey whose connection was open before.
func reused(j *report.Journey) bool {
	began := slices.ContainsFunc(j.Phases, func(p report.Phase) bool { return p.Name == "tcp.connect" || p.Name == "quic.handshake" })
	return j.Ordinal > 1 || j.Ordinal == 0 && !began
}

func (b *builder) add(group int, r *report.Report, j *report.Journey, folder string) {
	b.c.Groups[group].Journeys++
	k := kind{j.Service, reused(j)}
	s := b.kinds[k]
	if s == nil {
		s = &series{map[string][][]measurement{}, map[string][]int{}, map[string][][]float64{}}
		b.kinds[k] = s
	}
	n := len(b.c.Groups)
	times, attempts, failed := phaseTimes(j)
	for name, t := range times {
		s.phases[name] = grown(s.phases[name], n)
		s.phases[name][group] = append(s.phases[name][group], measurement{t, attempts[name], j, r, folder})
	}
	for name := range failed {
		s.failed[name] = grown(s.failed[name], n)
		s.failed[name][group]++
		s.phases[name] = grown(s.phases[name], n)
	}
	for _, share := range j.Breakdown {
		s.shares[share.Cause] = grown(s.shares[share.Cause], n)
		s.shares[share.Cause][group] = append(s.shares[share.Cause][group], secondsOf(share.Seconds))
	}
}

// grown is a slice with at least n elements; groups may come one by one.
func grown[T any](s []T, n int) []T {
	for len(s) < n {
		var zero T
		s = append(s, zero)
	}
	return s
}

// phaseTimes are the seconds of each phase of a journey, several of one name
// together, and of the whole; what failed has no time.
func phaseTimes(j *report.Journey) (times map[string]float64, attempts map[string]int, failed map[string]bool) {
	times, attempts, failed = map[string]float64{}, map[string]int{}, map[string]bool{}
	for _, p := range j.Phases {
		attempts[p.Name] += max(p.Attempts, 1)
		switch p.Outcome {
		case "done", "estimated":
			if p.Seconds != nil {
				times[p.Name] += secondsOf(*p.Seconds)
			}
		case "failed", "refused", "unanswered":
			failed[p.Name] = true
		}
	}
	for name := range failed {
		delete(times, name)
	}
	switch {
	case j.Outcome != "done" && j.Outcome != "estimated":
		failed[Total] = true
	case j.Total != nil:
		times[Total] = secondsOf(*j.Total)
	}
	return times, attempts, failed
}

func secondsOf(s report.Seconds) float64 { return float64(s) / 1e9 }

// order of phases as a journey has them; others follow by name.
var order = []string{Total, "dns.lookup", "l2.resolve", "tcp.connect", "tls.handshake", "quic.handshake", "ssh.banner", "ssh.kex", "ssh.auth", "ssh.session", "http.send", "http.wait", "http.receive", "ntp.exchange"}

func rank(phase string) int {
	if i := slices.Index(order, phase); i >= 0 {
		return i
	}
	return len(order)
}

func (b *builder) finish() {
	var kinds []kind
	for k := range b.kinds {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(x, y kind) int {
		return cmp.Or(cmp.Compare(x.service, y.service), cmp.Compare(b2i(x.reused), b2i(y.reused)))
	})
	b.c.Services = []Service{}
	for _, k := range kinds {
		b.c.Services = append(b.c.Services, b.service(k, b.kinds[k]))
	}
}

func b2i(v bool) int {
	if v {
		return 1
	}
	return 0
}

func (b *builder) service(k kind, s *series) Service {
	out := Service{Service: k.service, Reused: k.reused, Dominant: make([]string, len(b.c.Groups))}
	var names []string
	for name := range s.phases {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(rank(x)-rank(y), cmp.Compare(x, y)) })
	for _, name := range names {
		p := Phase{Name: name}
		groups, failed := grown(s.phases[name], len(b.c.Groups)), grown(s.failed[name], len(b.c.Groups))
		for g := range b.c.Groups {
			p.Groups = append(p.Groups, sampleOf(name, groups[g], failed[g], s, g))
		}
		out.Phases = append(out.Phases, p)
	}
	for g := range b.c.Groups {
		out.Dominant[g] = dominant(out.Phases, g)
	}
	if b.c.By != "repetition" { // other actions are not expected to be equal
		b.test(&out)
	}
	return out
}

// dominant is the phase with the greatest mean in a group.
func dominant(phases []Phase, group int) string {
	best, greatest := "", report.Seconds(0)
	for _, p := range phases {
		if m := p.Groups[group].Mean; p.Name != Total && m != nil && *m > greatest {
			best, greatest = p.Name, *m
		}
	}
	return best
}

func sampleOf(phase string, all []measurement, failed int, s *series, group int) Sample {
	out := Sample{Failed: failed}
	for _, m := range all {
		out.values = append(out.values, m.seconds)
	}
	out.describe()
	limit := fence(out.values)
	for _, m := range all {
		if m.seconds <= limit || m.seconds < limit+0.001 { // beneath a millisecond nobody waits
			continue
		}
		o := Outlier{Journey: m.journey.ID, Folder: m.folder, Seconds: *seconds(m.seconds), Rules: rulesOf(m.report, m.journey.ID)}
		if m.attempts > 1 {
			o.Attempts = m.attempts
		}
		o.Cause, o.Excess = s.grew(m.journey, group, phase, m.seconds)
		out.Outliers = append(out.Outliers, o)
	}
	slices.SortStableFunc(out.Outliers, func(a, b Outlier) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return out
}

// causesOf are the causes of the breakdown that can lengthen a phase; any can
// lengthen the whole.
var causesOf = map[string][]string{
	"dns.lookup":     {"dns", "resolver-retry"},
	"l2.resolve":     {"neighbour"},
	"tcp.connect":    {"network", "loss"},
	"tls.handshake":  {"tls", "network", "loss", "client", "server"},
	"quic.handshake": {"tls", "network", "loss", "client", "server"},
	"ssh.banner":     {"server", "network", "loss"},
	"ssh.kex":        {"server", "client", "network", "loss"},
	"ssh.auth":       {"server", "client", "network", "loss", "idle"},
	"http.send":      {"client", "window", "loss", "network"},
	"http.wait":      {"server", "network", "loss", "idle"},
	"http.receive":   {"server", "network", "loss", "window", "client"},
	"ntp.exchange":   {"server", "network"},
}

// grew is the cause whose share of a journey exceeds its median in the group
// most, of those that can have lengthened the phase to so many seconds.
func (s *series) grew(j *report.Journey, group int, phase string, length float64) (string, report.Seconds) {
	cause, excess := "", 0.0
	for _, share := range j.Breakdown {
		if phase != Total && !slices.Contains(causesOf[phase], share.Cause) {
			continue
		}
		usual := 0.0
		if v := s.shares[share.Cause]; group < len(v) && len(v[group]) > 0 {
			sorted := slices.Sorted(slices.Values(v[group]))
			if len(sorted)*2 > len(s.phases[Total][group]) { // else most have none of it
				usual = quantile(sorted, 0.5)
			}
		}
		if e := secondsOf(share.Seconds) - usual; e > excess && e <= length {
			cause, excess = share.Cause, e
		}
	}
	return cause, *seconds(excess)
}

// rulesOf are the rules of findings that name a journey, notes and above.
func rulesOf(r *report.Report, id string) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Severity != "info" && slices.Contains(f.Journeys, id) && !slices.Contains(out, f.Rule) {
			out = append(out, f.Rule)
		}
	}
	return out
}

// ruleCounts lists what was found where, the most serious first.
func ruleCounts(reports []*report.Report) []RuleCount {
	var out []RuleCount
	for g, r := range reports {
		for _, f := range r.Findings {
			if f.Confidence == "not-evaluable" {
				continue
			}
			i := slices.IndexFunc(out, func(c RuleCount) bool { return c.Rule == f.Rule })
			if i < 0 {
				i = len(out)
				out = append(out, RuleCount{Rule: f.Rule, Severity: f.Severity, Findings: make([]int, len(reports)), Journeys: make([]int, len(reports))})
			}
			c := &out[i]
			if report.SeverityRank(f.Severity) > report.SeverityRank(c.Severity) {
				c.Severity = f.Severity
			}
			c.Findings[g]++
			c.Journeys[g] += len(f.Journeys)
		}
	}
	slices.SortStableFunc(out, func(a, b RuleCount) int {
		return cmp.Or(report.SeverityRank(b.Severity)-report.SeverityRank(a.Severity), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}
