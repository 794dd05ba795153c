package render

import (
	"bufio"
	"cmp"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// Trends writes what an archive shows over its days, for a terminal.
func Trends(w io.Writer, s *trend.Summary, opt TextOptions) error {
	return writeText(w, trends(s, opt.Lang), opt)
}

// TrendsMarkdown writes the same as GitHub-flavoured Markdown.
func TrendsMarkdown(w io.Writer, s *trend.Summary, opt TextOptions) error {
	return writeMarkdown(w, "flowcorr batch", trends(s, opt.Lang))
}

// TrendsHTML writes the same as a page of its own that needs nothing else and
// runs no script.
func TrendsHTML(w io.Writer, s *trend.Summary, opt TextOptions) error {
	style, err := htmlFiles.ReadFile("html/style.css")
	if err != nil {
		return err
	}
	t, err := template.New("trends.html").ParseFS(htmlFiles, "html/trends.html")
	if err != nil {
		return err
	}
	page := struct {
		Language, Policy string
		Style            template.CSS
		Views            []blockView
	}{map[lang.Lang]string{lang.EN: "en", lang.ES: "es"}[opt.Lang], "default-src 'none'; style-src '" + hashOf(string(style)) + "'; base-uri 'none'; form-action 'none'", template.CSS(style), blockViews(trends(s, opt.Lang))}
	out := bufio.NewWriter(w)
	if err := t.Execute(out, page); err != nil {
		return err
	}
	return out.Flush()
}

// trendRows bounds the tables of addresses.
const trendRows = 15

// trends lays a summary out: the whole and what is new, then what changed from day to day.
func trends(s *trend.Summary, l lang.Lang) []block {
	d := &layout{l: l}
	days := s.Held()
	whole := s.Whole()
	d.heading(lang.Text{EN: "Archive", ES: "Archivo"})
	if len(days) == 0 {
		d.para(d.say(lang.Text{EN: "No journey was found.", ES: "No se encontró ningún recorrido."}))
	} else {
		d.out = append(d.out, block{answer: true, text: d.say(lang.Text{
			EN: "Journeys: %d; days: %d, from %s to %s; without success: %d.",
			ES: "%d recorridos en %d días, del %s al %s; %d no tuvieron éxito."},
			trend.Total(whole.Journeys), len(days), days[0], days[len(days)-1], trend.Total(whole.NotDone))})
		d.gaps(s.Gaps())
		d.changes(s)
	}
	d.rulesOf(s, whole)
	d.phasesOf(whole)
	d.overSteps(s)
	d.spent(lang.Text{EN: "Servers by time", ES: "Servidores por tiempo"}, whole.Servers)
	d.spent(lang.Text{EN: "Resolvers by time", ES: "Servidores DNS por tiempo"}, whole.Resolvers)
	d.spent(lang.Text{EN: "Clients by time", ES: "Clientes por tiempo"}, whole.Clients)
	d.para(d.say(lang.Text{
		EN: "Days are those of UTC, by the clocks of the captures. Percentiles come from counts in classes 1/32 wide: each is at most that much (3.1 %%) above the true one, and never below it.",
		ES: "Los días son los de UTC, según los relojes de las capturas. Los percentiles salen de clases de 1/32 de anchura: cada uno supera al verdadero en eso como mucho (3.1 %%), y nunca queda por debajo."}))
	return d.out
}

// gaps says which days hold nothing.
func (d *layout) gaps(gaps []trend.Period) {
	if len(gaps) == 0 {
		return
	}
	const most = 10
	var list []string
	for i, g := range gaps {
		if i == most {
			list = append(list, fmt.Sprintf("… +%d", len(gaps)-i))
			break
		}
		list = append(list, d.dates(g))
	}
	d.para(d.say(lang.Text{EN: "Days without data: %s.", ES: "Días sin datos: %s."}, strings.Join(list, "; ")))
}

// dates names a stretch of days.
func (d *layout) dates(p trend.Period) string {
	if p.From == p.To {
		return p.From
	}
	return d.say(lang.Text{EN: "%s to %s", ES: "%s a %s"}, p.From, p.To)
}

// rulesOf tells findings by how often they were made, and on how many days.
func (d *layout) rulesOf(s *trend.Summary, whole *trend.Day) {
	names := rulesInOrder(whole)
	if len(names) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Findings", ES: "Hallazgos"})
	t := &table{header: []string{
		d.say(lang.Text{EN: "rule", ES: "regla"}), d.say(lang.Text{EN: "severity", ES: "gravedad"}), d.say(lang.Text{EN: "findings", ES: "hallazgos"}),
		d.say(lang.Text{EN: "journeys", ES: "recorridos"}), d.say(lang.Text{EN: "lost", ES: "perdido"}), d.say(lang.Text{EN: "days", ES: "días"})},
		right: []bool{false, false, true, true, true, true}}
	about := 0 // no journey
	for _, name := range names {
		r := whole.Rules[name]
		on := 0
		for _, day := range s.DayNames() {
			if s.Days[day].Rules[name] != nil {
				on++
			}
		}
		row := []string{name, d.word(r.Severity), fmt.Sprint(r.Told()), fmt.Sprint(r.Journeys), span(r.Lost), fmt.Sprint(on)}
		if !r.OfJourneys() {
			row[3], row[4], about = "–", "–", about+1
		}
		t.rows = append(t.rows, row)
	}
	d.out = append(d.out, block{table: t})
	if about > 0 {
		d.para(d.say(lang.Text{EN: "A finding about no journey (–), as of a clock or a capture, is one for as long as it holds: it counts once here, and once on each day.",
			ES: "Un hallazgo que no trata de ningún recorrido (–), como el de un reloj o una captura, es uno mientras dura: aquí cuenta una vez, y una vez cada día."}))
	}
}

// rulesInOrder are the rules that spoke, the gravest first.
func rulesInOrder(whole *trend.Day) []string {
	return sortedBy(whole.Rules, func(a, b *trend.RuleCount) int {
		return cmp.Or(cmp.Compare(report.SeverityRank(b.Severity), report.SeverityRank(a.Severity)), cmp.Compare(b.Lost, a.Lost), cmp.Compare(b.Journeys, a.Journeys))
	})
}

func (d *layout) phasesOf(whole *trend.Day) {
	t := &table{header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), "n", "p50", "p95", "p99", d.say(lang.Text{EN: "longest", ES: "máximo"})}, right: []bool{false, true, true, true, true, true}}
	for _, name := range slices.Sorted(maps.Keys(whole.Phases)) {
		if p := whole.Phases[name].Percentiles(); p != nil {
			t.rows = append(t.rows, []string{name, fmt.Sprint(p.Count), span(p.P50), span(p.P95), span(p.P99), span(p.Max)})
		}
	}
	if len(t.rows) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Phases", ES: "Fases"})
	d.out = append(d.out, block{table: t})
}

func (d *layout) spent(title lang.Text, m map[string]*trend.Spent) {
	names := sortedBy(m, func(a, b *trend.Spent) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Journeys, a.Journeys))
	})
	if len(names) == 0 {
		return
	}
	d.heading(title)
	t := &table{header: []string{d.say(lang.Text{EN: "address", ES: "dirección"}), d.say(lang.Text{EN: "journeys", ES: "recorridos"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), d.say(lang.Text{EN: "each", ES: "cada uno"})}, right: []bool{false, true, true, true}}
	for _, name := range names[:min(len(names), trendRows)] {
		s := m[name]
		t.rows = append(t.rows, []string{name, fmt.Sprint(s.Journeys), span(s.Seconds), span(s.Seconds / report.Seconds(max(1, s.Journeys)))})
	}
	d.out = append(d.out, block{table: t})
}

// sortedBy gives the names of a map by their values, equal ones by name.
func sortedBy[T any](m map[string]T, by func(a, b T) int) []string {
	names := slices.Collect(maps.Keys(m))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(by(m[a], m[b]), strings.Compare(a, b)) })
	return names
}
