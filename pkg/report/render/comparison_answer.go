package render

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/compare"
)

// answer says in words what differs, or what repetitions are like.
func (d *comparer) answer() []string {
	var out []string
	if d.c.By == "repetition" {
		return d.repetitions()
	}
	for i := range d.c.Services {
		s := &d.c.Services[i]
		if g, alone := onlyGroup(s); alone && len(d.c.Groups) > 1 {
			out = append(out, d.say(lang.Text{EN: "%s: in one group alone (%s).", ES: "%s: solo en un grupo (%s)."}, d.serviceName(s), d.group(g)))
			continue
		}
		for g := range d.c.Groups {
			if text := d.verdict(s, g); text != "" {
				out = append(out, text)
			}
		}
	}
	const most = 12
	if len(out) > most {
		out = append(out[:most], d.say(lang.Text{EN: "… and %d more comparisons: see the tables.", ES: "… y %d comparaciones más: véanse las tablas."}, len(out)-most))
	}
	return out
}

// judged is what a test said of a phase.
type judged struct {
	phase *compare.Phase
	test  compare.Test
}

// moved is by how much the means of the two groups differ.
func (x judged) moved() report.Seconds {
	return abs(*x.phase.Groups[x.test.B].Mean - *x.phase.Groups[x.test.A].Mean)
}

// verdict compares one group with the one it was tested against; "" where it
// was not.
func (d *comparer) verdict(s *compare.Service, other int) string {
	by := map[string][]judged{}
	tests, base := 0, 0
	for i := range s.Phases {
		for _, t := range s.Phases[i].Tests {
			if t.B == other {
				by[t.Verdict] = append(by[t.Verdict], judged{&s.Phases[i], t})
				tests++
				base = t.A
			}
		}
	}
	name, ending := d.serviceName(s), d.missing(s, base, other)
	differ, chance := by[compare.Differs], by[compare.MayChance]
	switch {
	case tests == 0:
		return ""
	case len(differ)+len(chance) == 0:
		p := by[compare.TooFew][0].phase
		return ending.after(d.say(lang.Text{
			EN: "%s: %d (%s) and %d (%s) measurements are too few: even a complete difference could be chance. %d in each group would do.",
			ES: "%s: %d (%s) y %d (%s) mediciones son muy pocas: hasta una diferencia completa podría ser azar. Bastarían %d en cada grupo."},
			name, p.Groups[base].N, d.group(base), p.Groups[other].N, d.group(other), compare.Enough(tests)))
	case len(differ) == 0:
		return ending.after(d.say(lang.Text{EN: "%s: no phase differs beyond chance (%s; %s).", ES: "%s: ninguna fase difiere más allá del azar (%s; %s)."}, name, d.group(base), d.group(other)))
	}
	return ending.after(name + ": " + d.differing(differ, chance))
}

// differing names the phase that differs most, then the others. The whole
// stands first only where no phase does.
func (d *comparer) differing(differ, chance []judged) string {
	slices.SortStableFunc(differ, func(a, b judged) int {
		return cmp.Or(order(a.phase.Name == compare.Total)-order(b.phase.Name == compare.Total), cmp.Compare(b.moved(), a.moved()))
	})
	x := differ[0]
	a, b := &x.phase.Groups[x.test.A], &x.phase.Groups[x.test.B]
	text := d.say(lang.Text{
		EN: "what differs is %s: on average %s (%s) against %s (%s), medians %s and %s. If the groups were alike, so great a difference would come about %s.",
		ES: "lo que difiere es %s: de media %s (%s) frente a %s (%s), medianas %s y %s. Si los grupos fueran iguales, una diferencia así se daría %s."},
		d.phaseInFull(x.phase.Name), optional(a.Mean), d.group(x.test.A), optional(b.Mean), d.group(x.test.B), optional(a.Median), optional(b.Median), d.chance(x.test.Holm))
	var also, rest []string
	for _, y := range differ[1:] {
		if y.phase.Name != compare.Total {
			also = append(also, fmt.Sprintf("%s (%s)", d.phaseName(y.phase.Name), d.more(y.test.Shift)))
		}
	}
	for _, y := range chance {
		rest = append(rest, d.phaseName(y.phase.Name))
	}
	if len(also) > 0 {
		text += d.say(lang.Text{EN: " Also: %s.", ES: " También: %s."}, strings.Join(also, ", "))
	}
	if len(rest) > 0 {
		text += d.say(lang.Text{EN: " Not beyond chance: %s.", ES: " No más allá del azar: %s."}, strings.Join(rest, ", "))
	}
	return text
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

// tail is what is said after a verdict.
type tail string

func (t tail) after(text string) string { return text + string(t) }

// missing says which phases only one of two groups has, and what failed.
func (d *comparer) missing(s *compare.Service, base, other int) tail {
	var out string
	for _, g := range []struct{ has, lacks int }{{base, other}, {other, base}} {
		var names []string
		for _, p := range s.Phases {
			if p.Groups[g.has].N > 0 && p.Groups[g.lacks].N+p.Groups[g.lacks].Failed == 0 {
				names = append(names, d.phaseName(p.Name))
			}
		}
		if len(names) > 0 {
			out += d.say(lang.Text{EN: " One group alone (%s) has: %s.", ES: " Solo un grupo (%s) tiene: %s."}, d.group(g.has), strings.Join(names, ", "))
		}
	}
	if p := phaseOf(s, compare.Total); p != nil && p.Groups[base].Failed+p.Groups[other].Failed > 0 {
		x, y := &p.Groups[base], &p.Groups[other]
		out += d.say(lang.Text{EN: " Failed: %d of %d (%s), %d of %d (%s).", ES: " Fallaron: %d de %d (%s), %d de %d (%s)."}, x.Failed, x.N+x.Failed, d.group(base), y.Failed, y.N+y.Failed, d.group(other))
	}
	return tail(out)
}

// repetitions says of each action how it repeats.
func (d *comparer) repetitions() []string {
	const most = 8
	var out []string
	for i := range d.c.Services {
		s := &d.c.Services[i]
		total := phaseOf(s, compare.Total)
		if total == nil {
			continue
		}
		for g := range total.Groups {
			x := &total.Groups[g]
			if x.N < 2 {
				continue
			}
			if len(out) == most {
				return append(out, d.say(lang.Text{EN: "… and more: see the tables.", ES: "… y más: véanse las tablas."}))
			}
			text := d.say(lang.Text{EN: "%s, %d times: %s on average, σ %s, median %s, p95 %s.", ES: "%s, %d veces: %s de media, σ %s, mediana %s, p95 %s."},
				d.group(g), x.N, optional(x.Mean), optional(x.SD), optional(x.Median), optional(x.P95))
			if s.Reused {
				text += " " + d.say(lang.Text{EN: "On a connection that was open already.", ES: "En una conexión ya abierta."})
			}
			if p := s.Dominant[g]; p != "" {
				text += d.say(lang.Text{EN: " Most of it is %s.", ES: " Lo que más pesa es %s."}, d.phaseInFull(p))
			}
			if n := len(x.Outliers); n > 0 {
				text += " " + d.count(n, lang.Text{EN: "%d outlier.", ES: "%d valor atípico."}, lang.Text{EN: "%d outliers.", ES: "%d valores atípicos."})
			}
			out = append(out, text)
		}
	}
	if len(out) == 0 && len(d.c.Groups) > 0 {
		out = append(out, d.say(lang.Text{EN: "Nothing was done twice.", ES: "Nada se hizo dos veces."}))
	}
	return out
}

// onlyGroup is the one group that has a service, where only one has.
func onlyGroup(s *compare.Service) (int, bool) {
	group, n := 0, 0
	for g := range s.Dominant {
		has := false
		for _, p := range s.Phases {
			has = has || p.Groups[g].N+p.Groups[g].Failed > 0
		}
		if has {
			group = g
			n++
		}
	}
	return group, n == 1
}

// more says in which direction the second group lies, and how far.
func (d *comparer) more(s report.Seconds) string {
	if s < 0 {
		return d.say(lang.Text{EN: "%s less", ES: "%s menos"}, span(-s))
	}
	return d.say(lang.Text{EN: "%s more", ES: "%s más"}, span(s))
}

// chance says in words how often chance alone does as much.
func (d *comparer) chance(p float64) string {
	switch {
	case p < 0.001:
		return d.say(lang.Text{EN: "less than once in 1000 times", ES: "menos de una vez en 1000"})
	case p < 0.01:
		return d.say(lang.Text{EN: "less than once in 100 times", ES: "menos de una vez en 100"})
	}
	return d.say(lang.Text{EN: "about once in %d times", ES: "más o menos una vez en %d"}, int(math.Round(1/p)))
}
