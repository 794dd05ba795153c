package render

import (
	"fmt"
	"io"
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

func (d *comparer) service(s *compare.Service) {
	d.heading(lang.Text{EN: "%s", ES: "%s"}, d.serviceName(s))
	t := &table{
		header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), d.say(lang.Text{EN: "group", ES: "grupo"}), "n", d.say(lang.Text{EN: "mean", ES: "media"}), "σ", d.say(lang.Text{EN: "median", ES: "mediana"}), "p95", d.say(lang.Text{EN: "failed", ES: "fallos"}), "Δ", "p"},
		right:  []bool{false, false, true, true, true, true, true, true, true, true}, yields: []int{0, 1}, spare: []int{7}, fold: true,
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
		t.header = append(t.header, d.group(g))
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
	return d.phaseWord(name)
}

// phaseInFull is a phase in a sentence: as people read it, and as data has it.
func (d *comparer) phaseInFull(name string) string {
	if word := d.phaseName(name); name != compare.Total && word != name {
		return word + " (" + name + ")"
	}
	return d.phaseName(name)
}

func phaseOf(s *compare.Service, name string) *compare.Phase {
	for i := range s.Phases {
		if s.Phases[i].Name == name {
			return &s.Phases[i]
		}
	}
	return nil
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
