package render

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/compare"
)

// Comparison writes how groups differ, for a terminal.
func Comparison(w io.Writer, c *compare.Comparison, opt TextOptions) error {
	return writeText(w, comparison(c, opt.Lang), opt)
}

// ComparisonMarkdown writes the same as GitHub-flavoured Markdown.
func ComparisonMarkdown(w io.Writer, c *compare.Comparison, opt TextOptions) error {
	return writeMarkdown(w, "flowcorr compare", comparison(c, opt.Lang))
}

// comparer lays a comparison out.
type comparer struct {
	layout
	c *compare.Comparison
}

func comparison(c *compare.Comparison, l lang.Lang) []block {
	d := &comparer{layout{l: l}, c}
	d.heading(lang.Text{EN: "Answer", ES: "Respuesta"})
	if c.Selected != "" {
		d.para(d.say(lang.Text{EN: "Of a part of the journeys (%s).", ES: "De una parte de los recorridos (%s)."}, c.Selected))
	}
	if sentences := d.answer(); len(sentences) > 0 {
		for _, s := range sentences {
			d.out = append(d.out, block{text: s, answer: true})
		}
	} else {
		d.para(d.say(lang.Text{EN: "There is nothing to compare: fewer than two groups have journeys.", ES: "No hay nada que comparar: menos de dos grupos tienen recorridos."}))
	}
	for i := range c.Services {
		if _, alone := onlyGroup(&c.Services[i]); !alone || c.By == "repetition" {
			d.service(&c.Services[i])
		}
	}
	d.outliers()
	d.rules()
	d.groups()
	return d.out
}

// answer says in words what differs, or what repetitions are like.
func (d *comparer) answer() []string {
	var out []string
	if d.c.By == "repetition" {
		return d.repetitions()
	}
	for i := range d.c.Services {
		s := &d.c.Services[i]
		if g, alone := onlyGroup(s); alone && len(d.c.Groups) > 1 {
			out = append(out, d.say(lang.Text{EN: "%s: only in %s.", ES: "%s: sólo en %s."}, d.serviceName(s), d.group(g)))
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

// verdict compares one group with the one it was tested against.
func (d *comparer) verdict(s *compare.Service, other int) string {
	type judged struct {
		phase string
		test  compare.Test
	}
	var differ, chance []judged
	few, first, base := 0, "", 0
	for _, p := range s.Phases {
		for _, t := range p.Tests {
			if t.B != other {
				continue
			}
			base = t.A
			switch t.Verdict {
			case compare.Differs:
				differ = append(differ, judged{p.Name, t})
			case compare.MayChance:
				chance = append(chance, judged{p.Name, t})
			case compare.TooFew:
				few++
				if first == "" {
					first = p.Name
				}
			}
		}
	}
	if len(differ)+len(chance)+few == 0 {
		return ""
	}
	name := d.serviceName(s)
	ending := d.missing(s, base, other)
	if len(differ)+len(chance) == 0 {
		p := phaseOf(s, first)
		return ending.after(d.say(lang.Text{
			EN: "%s: %d and %d measurements (%s, %s) are too few: even a complete difference could be chance. Four in each group would do.",
			ES: "%s: %d y %d mediciones (%s, %s) son muy pocas: hasta una diferencia completa podría ser azar. Bastarían cuatro en cada grupo."},
			name, p.Groups[base].N, p.Groups[other].N, d.group(base), d.group(other)))
	}
	// The phase whose mean moved most, not the whole, is what differs.
	moved := func(x judged) report.Seconds {
		p := phaseOf(s, x.phase)
		return abs(*p.Groups[other].Mean - *p.Groups[base].Mean)
	}
	best := -1
	for i := range differ {
		if differ[i].phase != compare.Total && (best < 0 || moved(differ[i]) > moved(differ[best])) {
			best = i
		}
	}
	var rest []string
	for _, c := range chance {
		rest = append(rest, d.phaseName(c.phase))
	}
	if best < 0 && len(differ) == 0 {
		return ending.after(d.say(lang.Text{EN: "%s: no phase differs beyond chance between %s and %s.", ES: "%s: ninguna fase difiere más allá del azar entre %s y %s."}, name, d.group(base), d.group(other)))
	}
	if best < 0 {
		best = 0
	}
	x := differ[best]
	p := phaseOf(s, x.phase)
	text := d.say(lang.Text{
		EN: "%s: what differs is %s: %s in %s, %s in %s on average (medians %s and %s). If the groups were alike, so great a difference would come about %s.",
		ES: "%s: lo que difiere es %s: %s en %s, %s en %s de media (medianas %s y %s). Si los grupos fueran iguales, una diferencia así se daría %s."},
		name, d.phaseName(x.phase), optional(p.Groups[base].Mean), d.group(base), optional(p.Groups[other].Mean), d.group(other), optional(p.Groups[base].Median), optional(p.Groups[other].Median), d.chance(x.test.Holm))
	var also []string
	for i := range differ {
		if i != best && differ[i].phase != compare.Total {
			also = append(also, fmt.Sprintf("%s (%s)", d.phaseName(differ[i].phase), d.more(differ[i].test.Shift)))
		}
	}
	if len(also) > 0 {
		text += d.say(lang.Text{EN: " Also: %s.", ES: " También: %s."}, strings.Join(also, ", "))
	}
	if len(rest) > 0 {
		text += d.say(lang.Text{EN: " Not beyond chance: %s.", ES: " No más allá del azar: %s."}, strings.Join(rest, ", "))
	}
	return ending.after(text)
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
				names = append(names, p.Name)
			}
		}
		if len(names) > 0 {
			out += d.say(lang.Text{EN: " Only in %s: %s.", ES: " Sólo en %s: %s."}, d.group(g.has), strings.Join(names, ", "))
		}
	}
	if p := phaseOf(s, compare.Total); p != nil && p.Groups[base].Failed+p.Groups[other].Failed > 0 {
		x, y := &p.Groups[base], &p.Groups[other]
		out += d.say(lang.Text{EN: " Failed: %d of %d in %s, %d of %d in %s.", ES: " Fallaron: %d de %d en %s, %d de %d en %s."}, x.Failed, x.N+x.Failed, d.group(base), y.Failed, y.N+y.Failed, d.group(other))
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
				text += d.say(lang.Text{EN: " Most of it is %s.", ES: " Lo que más pesa es %s."}, d.phaseName(p))
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

func (d *comparer) service(s *compare.Service) {
	d.heading(lang.Text{EN: "%s", ES: "%s"}, d.serviceName(s))
	t := &table{
		header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), d.say(lang.Text{EN: "group", ES: "grupo"}), "n", d.say(lang.Text{EN: "mean", ES: "media"}), "σ", d.say(lang.Text{EN: "median", ES: "mediana"}), "p95", d.say(lang.Text{EN: "failed", ES: "fallos"}), "Δ", "p"},
		right:  []bool{false, false, true, true, true, true, true, true, true, true}, yields: []int{1}, spare: []int{7, 4}, fold: true,
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		first := d.phaseName(p.Name)
		for g := range p.Groups {
			x := &p.Groups[g]
			if x.N+x.Failed == 0 {
				continue
			}
			failed, difference, chance := "", "", ""
			if x.Failed > 0 {
				failed = fmt.Sprint(x.Failed)
			}
			for _, u := range p.Tests {
				if u.B == g {
					difference, chance = signedSpan(u.Shift), probability(u.Holm)
					switch u.Verdict {
					case compare.Differs:
						chance += " *"
					case compare.TooFew:
						chance = d.word(u.Verdict)
					}
				}
			}
			t.rows = append(t.rows, []string{first, d.group(g), fmt.Sprint(x.N), optional(x.Mean), optional(x.SD), optional(x.Median), optional(x.P95), failed, difference, chance})
			first = ""
		}
	}
	d.out = append(d.out, block{table: t})
}

// outliers lists them with what they are owed to.
func (d *comparer) outliers() {
	const most = 20
	var items []string
	left := 0
	for _, s := range d.c.Services {
		for _, p := range s.Phases {
			for g := range p.Groups {
				for _, o := range p.Groups[g].Outliers {
					if len(items) == most {
						left++
						continue
					}
					items = append(items, fmt.Sprintf("%s, %s, %s: %s %s%s", d.serviceName(&s), d.phaseName(p.Name), d.group(g), o.Journey, span(o.Seconds), d.cause(&o)))
				}
			}
		}
	}
	if len(items) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Outliers, and what they are owed to", ES: "Valores atípicos y a qué se deben"})
	if left > 0 {
		items = append(items, d.say(lang.Text{EN: "… and %d more; --format json has all", ES: "… y %d más; --format json los tiene todos"}, left))
	}
	d.out = append(d.out, block{bullets: items})
}

func (d *comparer) cause(o *compare.Outlier) string {
	text := ""
	if o.Attempts > 1 {
		text += ", " + d.say(lang.Text{EN: "%d attempts", ES: "%d intentos"}, o.Attempts)
	}
	if o.Cause != "" {
		text += d.say(lang.Text{EN: "; above the usual: %s, by %s", ES: "; por encima de lo usual: %s, en %s"}, d.word(o.Cause), span(o.Excess))
	}
	if len(o.Rules) > 0 {
		text += " [" + strings.Join(o.Rules, ", ") + "]"
	}
	return text
}

func (d *comparer) rules() {
	if len(d.c.Rules) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Findings", ES: "Hallazgos"})
	t := &table{header: []string{d.say(lang.Text{EN: "rule", ES: "regla"}), d.say(lang.Text{EN: "severity", ES: "gravedad"})}, right: []bool{false, false}}
	for g := range d.c.Groups {
		t.header = append(t.header, d.say(lang.Text{EN: "in %s", ES: "en %s"}, d.group(g)))
		t.right = append(t.right, true)
	}
	for _, r := range d.c.Rules {
		row := []string{r.Rule, d.word(r.Severity)}
		for _, n := range r.Findings {
			row = append(row, fmt.Sprint(n))
		}
		t.rows = append(t.rows, row)
	}
	d.out = append(d.out, block{table: t})
}

// leftReasons say why a journey is in no group.
var leftReasons = map[string]lang.Text{
	"no-tls":          {EN: "without a TLS handshake", ES: "sin establecimiento TLS"},
	"no-address":      {EN: "to which the question does not apply", ES: "a los que la pregunta no se aplica"},
	"no-transport":    {EN: "of unknown transport", ES: "de transporte desconocido"},
	"too-many-groups": {EN: "of smaller groups", ES: "de grupos menores"},
}

// groups tells how many journeys each has, and how to read the figures.
func (d *comparer) groups() {
	d.heading(lang.Text{EN: "Groups", ES: "Grupos"})
	var items []string
	for g, x := range d.c.Groups {
		items = append(items, d.group(g)+": "+d.countJourneys(x.Journeys))
	}
	for _, x := range d.c.Left {
		reason := x.Reason
		if t, ok := leftReasons[reason]; ok {
			reason = t.In(d.l)
		}
		items = append(items, d.say(lang.Text{EN: "left out: %d journeys %s", ES: "quedan fuera: %d recorridos %s"}, x.Journeys, reason))
	}
	d.out = append(d.out, block{bullets: items})
	d.para(d.say(lang.Text{
		EN: "σ: standard deviation of the sample. Δ: median of all pairs, against the group compared with. p: Mann–Whitney rank test, two-sided, adjusted for the number of phases (Holm); *: beyond chance. Outlier: beyond the upper quartile by 1.5 times the distance of the quartiles.",
		ES: "σ: desviación típica de la muestra. Δ: mediana de todas las parejas, frente al grupo con que se compara. p: prueba de rangos de Mann–Whitney, bilateral, ajustada al número de fases (Holm); *: más allá del azar. Valor atípico: más allá del cuartil superior en 1.5 veces la distancia entre cuartiles."}))
}

func (d *comparer) group(g int) string { return d.word(d.c.Groups[g].Name) }

func (d *comparer) serviceName(s *compare.Service) string {
	if s.Reused {
		return d.say(lang.Text{EN: "%s, connection open already", ES: "%s, conexión ya abierta"}, s.Service)
	}
	return s.Service
}

func (d *comparer) phaseName(name string) string {
	if name == compare.Total {
		return d.say(lang.Text{EN: "the whole", ES: "el total"})
	}
	return name
}

func phaseOf(s *compare.Service, name string) *compare.Phase {
	for i := range s.Phases {
		if s.Phases[i].Name == name {
			return &s.Phases[i]
		}
	}
	return nil
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

func probability(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

func optional(s *report.Seconds) string {
	if s == nil {
		return "–"
	}
	return span(*s)
}

func signedSpan(s report.Seconds) string {
	if s < 0 {
		return "−" + span(-s)
	}
	return "+" + span(s)
}

func abs(s report.Seconds) report.Seconds { return max(s, -s) }
