package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// stepWords are the headings of trends, by the length of their steps.
var stepWords = map[string]struct{ heading, column lang.Text }{
	"day":   {lang.Text{EN: "%s day by day", ES: "%s día a día"}, lang.Text{EN: "day", ES: "día"}},
	"week":  {lang.Text{EN: "%s week by week", ES: "%s semana a semana"}, lang.Text{EN: "week from", ES: "semana del"}},
	"month": {lang.Text{EN: "%s month by month", ES: "%s mes a mes"}, lang.Text{EN: "month from", ES: "mes del"}},
}

// overSteps shows how everything went from step to step: days, or longer ones of a long
// archive.
func (d *layout) overSteps(s *trend.Summary) {
	length, steps := s.Steps()
	d.journeysOver(length, steps)
	d.rulesOver(length, steps, s.Whole())
	d.phasesOver(length, steps)
	d.clocksOver(length, steps)
	d.groupsOf(s.Whole())
}

// stepTable begins a table with a row for each step of each of something.
func (d *layout) stepTable(length string, of lang.Text, columns ...string) *table {
	t := &table{header: append([]string{d.say(of), d.say(stepWords[length].column)}, columns...), right: []bool{false, false}, every: true}
	for range columns {
		t.right = append(t.right, true)
	}
	return t
}

func (d *layout) addSteps(length string, title lang.Text, t *table) {
	if len(t.rows) == 0 {
		return
	}
	d.heading(stepWords[length].heading, d.say(title))
	d.out = append(d.out, block{table: t})
}

// journeysOver shows number, outcome and length of journeys.
func (d *layout) journeysOver(length string, steps []trend.Step) {
	t := d.stepTable(length, lang.Text{EN: "service", ES: "servicio"}, d.say(lang.Text{EN: "journeys", ES: "recorridos"}), d.say(lang.Text{EN: "not done", ES: "sin éxito"}), "p50", "p95", "p99", d.say(lang.Text{EN: "longest", ES: "máximo"}))
	for _, service := range namesOver(steps, func(day *trend.Day) map[string]int { return day.Journeys }) {
		for _, step := range steps {
			if step.Journeys[service] == 0 {
				continue
			}
			row := []string{service, step.From, fmt.Sprint(step.Journeys[service]), fmt.Sprint(step.NotDone[service]), "–", "–", "–", "–"}
			if h := step.Phases[service+" total"]; h != nil {
				if p := h.Percentiles(); p != nil {
					row[4], row[5], row[6], row[7] = span(p.P50), span(p.P95), span(p.P99), span(p.Max)
				}
			}
			t.rows = append(t.rows, row)
		}
	}
	d.addSteps(length, lang.Text{EN: "Journeys", ES: "Recorridos"}, t)
}

// rulesOver shows how often each rule spoke; with nothing to compare it says no more
// than the table of the whole.
func (d *layout) rulesOver(length string, steps []trend.Step, whole *trend.Day) {
	if len(steps) < 2 {
		return
	}
	t := d.stepTable(length, lang.Text{EN: "rule", ES: "regla"}, d.say(lang.Text{EN: "findings", ES: "hallazgos"}), d.say(lang.Text{EN: "journeys", ES: "recorridos"}), d.say(lang.Text{EN: "of all", ES: "del total"}), d.say(lang.Text{EN: "lost", ES: "perdido"}))
	for _, name := range rulesInOrder(whole) {
		for _, step := range steps {
			r := step.Rules[name]
			if r != nil && !r.OfJourneys() {
				t.rows = append(t.rows, []string{name, step.From, fmt.Sprint(r.Told()), "–", "–", "–"})
			} else if r != nil {
				t.rows = append(t.rows, []string{name, step.From, fmt.Sprint(r.Told()), fmt.Sprint(r.Journeys), percent(r.Journeys, max(trend.Total(step.Journeys), r.Journeys)), span(r.Lost)})
			}
		}
	}
	d.addSteps(length, lang.Text{EN: "Findings", ES: "Hallazgos"}, t)
}

// percent is a share as people read it.
func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }

// phasesOver shows the percentiles of each phase.
func (d *layout) phasesOver(length string, steps []trend.Step) {
	if len(steps) < 2 {
		return
	}
	t := d.stepTable(length, lang.Text{EN: "phase", ES: "fase"}, "n", "p50", "p90", "p95", "p99", d.say(lang.Text{EN: "longest", ES: "máximo"}))
	phases := func(day *trend.Day) map[string]int {
		names := map[string]int{}
		for name := range day.Phases {
			names[name]++
		}
		return names
	}
	for _, name := range namesOver(steps, phases) {
		if strings.HasSuffix(name, " total") {
			continue // told of the journeys
		}
		for _, step := range steps {
			if h := step.Phases[name]; h != nil {
				if p := h.Percentiles(); p != nil {
					t.rows = append(t.rows, []string{name, step.From, fmt.Sprint(p.Count), span(p.P50), span(p.P90), span(p.P95), span(p.P99), span(p.Max)})
				}
			}
		}
	}
	d.addSteps(length, lang.Text{EN: "Phases", ES: "Fases"}, t)
}

// namesOver are the names that any step knows, in order.
func namesOver(steps []trend.Step, of func(*trend.Day) map[string]int) []string {
	all := map[string]int{}
	for _, step := range steps {
		maps.Copy(all, of(step.Day))
	}
	return slices.Sorted(maps.Keys(all))
}

// groupsOf says which clocks nothing ties to each other.
func (d *layout) groupsOf(whole *trend.Day) {
	const most, mostOthers = 8, 6
	all := whole.Groups()
	if len(all) < 2 {
		return
	}
	var list []string
	for i, g := range all {
		if i == most {
			list = append(list, fmt.Sprintf("… +%d", len(all)-i))
			break
		}
		text := g.Reference
		if len(g.Others) > 0 {
			text += " (" + strings.Join(g.Others[:min(len(g.Others), mostOthers)], ", ")
			if n := len(g.Others) - mostOthers; n > 0 {
				text += fmt.Sprintf(" … +%d", n)
			}
			text += ")"
		}
		list = append(list, text)
	}
	d.para(d.say(lang.Text{
		EN: "Nothing joins these clocks, no connection, host or log that two of them saw; each is the reference of those behind it, and times by one say nothing about times by another: %s.",
		ES: "Nada une estos relojes, ninguna conexión, equipo o registro que vieran dos de ellos; cada uno es la referencia de los que le siguen, y las horas de uno nada dicen de las de otro: %s."},
		strings.Join(list, "; ")))
}

// clocksOver shows where the offset of each clock lay.
func (d *layout) clocksOver(length string, steps []trend.Step) {
	t := d.stepTable(length, lang.Text{EN: "clock", ES: "reloj"}, d.say(lang.Text{EN: "lowest", ES: "mínimo"}), d.say(lang.Text{EN: "highest", ES: "máximo"}), d.say(lang.Text{EN: "steps", ES: "saltos"}), d.say(lang.Text{EN: "against", ES: "respecto a"}), "")
	t.right[5], t.right[6] = false, false
	t.yields, t.fold = []int{0, 5, 6}, true
	clocks := func(day *trend.Day) map[string]int {
		names := map[string]int{}
		for name := range day.Clocks {
			names[name]++
		}
		return names
	}
	for _, name := range namesOver(steps, clocks) {
		var last *trend.ClockRange
		lastOn := ""
		for _, step := range steps {
			c := step.Clocks[name]
			if c == nil {
				continue
			}
			row := []string{name, step.From, "–", "–", "–", "–", d.clockNotes(c, last, lastOn)}
			if c.Measured {
				row[2], row[3], row[4], row[5] = offset(c.Low), offset(c.High), fmt.Sprint(c.Steps), c.Reference
				last, lastOn = c, step.From
			}
			t.rows = append(t.rows, row)
		}
	}
	d.addSteps(length, lang.Text{EN: "Clocks", ES: "Relojes"}, t)
}

// offset is one of a clock, in seconds with its sign.
func offset(seconds float64) string { return fmt.Sprintf("%+.6f s", seconds) }

// clockNotes says what is to be known of a clock's row beside its figures.
func (d *layout) clockNotes(c, last *trend.ClockRange, lastOn string) string {
	var notes []string
	switch {
	case !c.Measured:
		notes = append(notes, d.word(c.Status))
	case c.Reference == "" && c.Status == "measured":
		notes = append(notes, d.say(lang.Text{EN: "against several clocks", ES: "respecto a varios relojes"}))
	case last != nil && c.Steps == 0 && c.MovedFrom(last):
		notes = append(notes, d.say(lang.Text{EN: "elsewhere than on %s, without a step seen", ES: "en otro sitio que el %s, sin salto visto"}, lastOn))
	}
	for _, method := range slices.Sorted(maps.Keys(c.Contradicted)) {
		notes = append(notes, d.say(lang.Text{EN: "%d of %d by %s contradict it", ES: "lo contradicen %d de %d por %s"}, c.Contradicted[method], c.Evidence[method], d.word(method)))
	}
	return strings.Join(notes, "; ")
}
