package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// changes shows what is new against the day before, and in a longer archive against the
// week before.
func (d *layout) changes(s *trend.Summary) {
	before, now, ok := s.Previous(1)
	d.heading(lang.Text{EN: "New against the previous period", ES: "Novedades frente al periodo anterior"})
	if !ok {
		d.para(d.say(lang.Text{EN: "There is one day with data, %s, and none before it to compare it with.", ES: "Hay un día con datos, %s, y ninguno anterior con que compararlo."}, now.To))
		return
	}
	d.changesOf(s, before, now)
	if before, now, ok := s.Previous(7); ok && len(before.Days)+len(now.Days) > 2 {
		d.changesOf(s, before, now)
	}
}

// changesOf compares two periods, each told by its dates and what it holds.
func (d *layout) changesOf(s *trend.Summary, before, now trend.Period) {
	was, is := s.Of(before.Days), s.Of(now.Days)
	text := d.say(lang.Text{EN: "%s against %s.", ES: "%s frente a %s."}, d.periodHeld(now, is), d.periodHeld(before, was))
	if gap := now.GapAfter(before); gap > 0 {
		text += " " + d.count(gap, lang.Text{EN: "Between them lies %d day without data.", ES: "Entre ambos queda %d día sin datos."}, lang.Text{EN: "Between them lie %d days without data.", ES: "Entre ambos quedan %d días sin datos."})
	}
	d.para(text)
	all, few := trend.Compare(was, is)
	t := &table{header: []string{d.say(lang.Text{EN: "what", ES: "qué"}), d.say(lang.Text{EN: "which", ES: "cuál"}), d.say(lang.Text{EN: "change", ES: "cambio"}), d.say(lang.Text{EN: "before", ES: "antes"}), d.say(lang.Text{EN: "now", ES: "ahora"})},
		right: []bool{false, false, false, true, true}, yields: []int{1}, fold: true}
	shown, left := map[trend.Subject]int{}, 0
	for i := range all {
		c := &all[i]
		if shown[c.Of]++; shown[c.Of] > trendRows && c.Of != trend.Findings {
			left++
			continue
		}
		t.rows = append(t.rows, []string{d.say(subjectWords[c.Of]), c.Name, d.changeWord(c), d.amount(c.Of, c.Before), d.amount(c.Of, c.Now)})
	}
	if len(t.rows) == 0 {
		d.para(d.say(lang.Text{EN: "Nothing is new, gone, grown or shrunk beyond chance.", ES: "Nada es nuevo, ha desaparecido, crecido o disminuido más allá del azar."}))
	} else {
		d.out = append(d.out, block{table: t})
	}
	if slices.ContainsFunc(all, func(c trend.Change) bool { return c.Kind == trend.OnlyNow || c.Kind == trend.OnlyBefore }) {
		d.para(d.say(lang.Text{EN: "Unknown: the other period holds too few journeys that might have shown it, its clock was not measured, or it is about no journey, and nothing says how often it would show.", ES: "No se sabe: el otro periodo tiene muy pocos recorridos que pudieran mostrarlo, no se midió su reloj, o no trata de ningún recorrido y nada dice cuántas veces se vería."}))
	}
	if left > 0 {
		d.para(d.count(left, lang.Text{EN: "%d more change is not listed.", ES: "%d cambio más no se enumera."}, lang.Text{EN: "%d more changes are not listed.", ES: "%d cambios más no se enumeran."}))
	}
	if few > 0 {
		d.para(d.count(few, lang.Text{EN: "%d address was met in one of the two alone, too seldom to tell.", ES: "%d dirección apareció solo en uno de los dos, muy pocas veces para decir algo."}, lang.Text{EN: "%d addresses were met in one of the two alone, too seldom to tell.", ES: "%d direcciones aparecieron solo en uno de los dos, muy pocas veces para decir algo."}))
	}
}

// periodHeld names a period with what it holds: the hours of a day, which may not be
// over, and on how many days of several there is anything.
func (d *layout) periodHeld(p trend.Period, of *trend.Day) string {
	held := d.count(trend.Total(of.Journeys), lang.Text{EN: "%d journey", ES: "%d recorrido"}, lang.Text{EN: "%d journeys", ES: "%d recorridos"})
	if len(p.Days) == 1 && p.Length() == 1 && (of.First != 0 || of.Last != 0) {
		minute := func(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04") }
		held = d.say(lang.Text{EN: "from %s to %s, %s", ES: "de %s a %s, %s"}, minute(of.First), minute(of.Last), held)
	}
	if p.Length() > 1 {
		held = d.say(lang.Text{EN: "%d of %d days with data, %s", ES: "%d de %d días con datos, %s"}, len(p.Days), p.Length(), held)
	}
	return d.dates(p) + " (" + held + ")"
}

var subjectWords = map[trend.Subject]lang.Text{
	trend.Findings: {EN: "finding", ES: "hallazgo"}, trend.Failures: {EN: "without success", ES: "sin éxito"}, trend.Phases: {EN: "phase", ES: "fase"},
	trend.Services: {EN: "service", ES: "servicio"}, trend.Servers: {EN: "server", ES: "servidor"}, trend.Resolvers: {EN: "resolver", ES: "servidor DNS"},
	trend.Clients: {EN: "client", ES: "cliente"}, trend.Clocks: {EN: "clock", ES: "reloj"},
}

var changeWords = map[trend.Kind]lang.Text{
	trend.New: {EN: "new", ES: "nuevo"}, trend.Gone: {EN: "gone", ES: "ya no"}, trend.Grown: {EN: "grown", ES: "más"}, trend.Shrunk: {EN: "shrunk", ES: "menos"},
	trend.Moved: {EN: "lies elsewhere", ES: "está en otro sitio"}, trend.Stepped: {EN: "stepped", ES: "saltó"},
	trend.OnlyNow: {EN: "only now; unknown before", ES: "solo ahora; antes, no se sabe"}, trend.OnlyBefore: {EN: "only before; unknown now", ES: "solo antes; ahora, no se sabe"},
}

func (d *layout) changeWord(c *trend.Change) string {
	text := d.say(changeWords[c.Kind])
	if len(c.Servers) == 0 {
		return text
	}
	const most = 3
	at := strings.Join(c.Servers[:min(len(c.Servers), most)], ", ")
	if len(c.Servers) > most {
		at += fmt.Sprintf(" … +%d", len(c.Servers)-most)
	}
	if c.Kind == trend.New {
		return d.say(lang.Text{EN: "new at %s", ES: "nuevo en %s"}, at)
	}
	return d.say(lang.Text{EN: "%s; new at %s", ES: "%s; nuevo en %s"}, text, at)
}

// amount writes how much there was: a number with its share, a percentile, or where a
// clock lay.
func (d *layout) amount(of trend.Subject, a trend.Amount) string {
	switch {
	case of == trend.Phases:
		return fmt.Sprintf("p%d %s", a.Percent, span(a.Time))
	case of == trend.Clocks && a.Range == nil:
		return "–"
	case of == trend.Clocks && !a.Range.Measured:
		return d.word(a.Range.Status)
	case of == trend.Clocks:
		return d.say(lang.Text{EN: "%s to %s", ES: "%s a %s"}, offset(a.Range.Low), offset(a.Range.High))
	case a.Standing:
		return fmt.Sprint(a.N)
	case a.Occasions == 0:
		return d.say(lang.Text{EN: "%d of %d", ES: "%d de %d"}, a.N, a.Occasions)
	}
	return d.say(lang.Text{EN: "%d of %d (%s)", ES: "%d de %d (%s)"}, a.N, a.Occasions, percent(a.N, a.Occasions))
}
