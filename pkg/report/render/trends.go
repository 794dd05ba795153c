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

// trends lays a summary out: the whole, then what changed from day to day.
func trends(s *trend.Summary, l lang.Lang) []block {
	d := &layout{l: l}
	days := s.DayNames()
	whole := s.Whole()
	d.heading(lang.Text{EN: "Archive", ES: "Archivo"})
	if len(days) == 0 {
		d.para(d.say(lang.Text{EN: "No journey was found.", ES: "No se encontró ningún recorrido."}))
		return d.out
	}
	d.out = append(d.out, block{answer: true, text: d.say(lang.Text{
		EN: "Journeys: %d; days: %d, from %s to %s; without success: %d.",
		ES: "%d recorridos en %d días, del %s al %s; %d no tuvieron éxito."},
		total(whole.Journeys), len(days), days[0], days[len(days)-1], total(whole.NotDone))})
	d.rulesOver(s, days, whole)
	d.phasesOf(whole)
	d.overDays(s, days)
	d.spent(lang.Text{EN: "Servers by time", ES: "Servidores por tiempo"}, whole.Servers)
	d.spent(lang.Text{EN: "Resolvers by time", ES: "Servidores DNS por tiempo"}, whole.Resolvers)
	d.spent(lang.Text{EN: "Clients by time", ES: "Clientes por tiempo"}, whole.Clients)
	d.clocksOver(s, days)
	d.para(d.say(lang.Text{
		EN: "Percentiles come from counts in classes 1/32 wide: each is at most that much above the true one.",
		ES: "Los percentiles salen de clases de 1/32 de anchura: cada uno supera al verdadero en eso como mucho."}))
	return d.out
}

func total(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// rulesOver tells findings by how often they were made, and which are new on
// the last day.
func (d *layout) rulesOver(s *trend.Summary, days []string, whole *trend.Day) {
	names := sortedBy(whole.Rules, func(a, b *trend.RuleCount) int {
		return cmp.Or(cmp.Compare(report.SeverityRank(b.Severity), report.SeverityRank(a.Severity)), cmp.Compare(b.Lost, a.Lost), cmp.Compare(b.Journeys, a.Journeys))
	})
	if len(names) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Findings", ES: "Hallazgos"})
	t := &table{header: []string{
		d.say(lang.Text{EN: "rule", ES: "regla"}), d.say(lang.Text{EN: "severity", ES: "gravedad"}), d.say(lang.Text{EN: "findings", ES: "hallazgos"}),
		d.say(lang.Text{EN: "journeys", ES: "recorridos"}), d.say(lang.Text{EN: "lost", ES: "perdido"}), d.say(lang.Text{EN: "days", ES: "días"}), d.say(lang.Text{EN: "last day", ES: "último día"})},
		right: []bool{false, false, true, true, true, true, false}}
	for _, name := range names {
		r := whole.Rules[name]
		on := 0
		for _, day := range days {
			if s.Days[day].Rules[name] != nil {
				on++
			}
		}
		t.rows = append(t.rows, []string{name, r.Severity, fmt.Sprint(r.Findings), fmt.Sprint(r.Journeys), span(r.Lost), fmt.Sprint(on), d.change(s, days, name)})
	}
	d.out = append(d.out, block{table: t})
}

// change says how the last day compares with the one before.
func (d *layout) change(s *trend.Summary, days []string, rule string) string {
	if len(days) < 2 {
		return ""
	}
	now, before := s.Days[days[len(days)-1]].Rules[rule], s.Days[days[len(days)-2]].Rules[rule]
	switch {
	case now == nil && before == nil:
		return ""
	case before == nil:
		return d.say(lang.Text{EN: "new", ES: "nuevo"})
	case now == nil:
		return d.say(lang.Text{EN: "gone", ES: "ya no"})
	}
	return fmt.Sprintf("%d → %d", before.Journeys, now.Journeys)
}

func (d *layout) phasesOf(whole *trend.Day) {
	d.heading(lang.Text{EN: "Phases", ES: "Fases"})
	t := &table{header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), "n", "p50", "p95", "p99", d.say(lang.Text{EN: "longest", ES: "máximo"})}, right: []bool{false, true, true, true, true, true}}
	for _, name := range slices.Sorted(maps.Keys(whole.Phases)) {
		if p := whole.Phases[name].Percentiles(); p != nil {
			t.rows = append(t.rows, []string{name, fmt.Sprint(p.Count), span(p.P50), span(p.P95), span(p.P99), span(p.Max)})
		}
	}
	d.out = append(d.out, block{table: t})
}

// overDays shows the length of journeys from day to day.
func (d *layout) overDays(s *trend.Summary, days []string) {
	d.heading(lang.Text{EN: "Day by day", ES: "Día a día"})
	t := &table{header: []string{d.say(lang.Text{EN: "day", ES: "día"}), d.say(lang.Text{EN: "service", ES: "servicio"}), d.say(lang.Text{EN: "journeys", ES: "recorridos"}),
		d.say(lang.Text{EN: "not done", ES: "sin éxito"}), "p50", "p95", "p99", d.say(lang.Text{EN: "p95 against the day before", ES: "p95 frente al día anterior"})},
		right: []bool{false, false, true, true, true, true, true, true}}
	before := map[string]report.Seconds{}
	for _, day := range days {
		of := s.Days[day]
		for _, service := range slices.Sorted(maps.Keys(of.Journeys)) {
			row := []string{day, service, fmt.Sprint(of.Journeys[service]), fmt.Sprint(of.NotDone[service]), "", "", "", ""}
			if h := of.Phases[service+" total"]; h != nil {
				if p := h.Percentiles(); p != nil {
					row[4], row[5], row[6] = span(p.P50), span(p.P95), span(p.P99)
					if was, ok := before[service]; ok && was > 0 {
						row[7] = fmt.Sprintf("%+.0f %%", 100*(float64(p.P95)/float64(was)-1))
					}
					before[service] = p.P95
				}
			}
			t.rows = append(t.rows, row)
		}
	}
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

// clocksOver shows where the offset of each clock lay on each day.
func (d *layout) clocksOver(s *trend.Summary, days []string) {
	t := &table{header: []string{d.say(lang.Text{EN: "clock", ES: "reloj"}), d.say(lang.Text{EN: "day", ES: "día"}), d.say(lang.Text{EN: "lowest", ES: "mínimo"}), d.say(lang.Text{EN: "highest", ES: "máximo"}), d.say(lang.Text{EN: "steps", ES: "saltos"}), ""},
		right: []bool{false, false, true, true, true, false}}
	var names []string
	for _, day := range days {
		for name := range s.Days[day].Clocks {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		var last *trend.ClockRange
		for _, day := range days {
			c := s.Days[day].Clocks[name]
			if c == nil {
				continue
			}
			note := ""
			if last != nil && c.Steps == 0 && (c.Low > last.High || c.High < last.Low) {
				note = d.say(lang.Text{EN: "the day before contradicts it without a step", ES: "el día anterior lo contradice sin salto"})
			}
			for _, method := range slices.Sorted(maps.Keys(c.Contradicted)) {
				if note != "" {
					note += "; "
				}
				note += d.say(lang.Text{EN: "%d of %d by %s contradict it", ES: "lo contradicen %d de %d por %s"}, c.Contradicted[method], c.Evidence[method], d.word(method))
			}
			t.rows = append(t.rows, []string{name, day, fmt.Sprintf("%+.6f s", c.Low), fmt.Sprintf("%+.6f s", c.High), fmt.Sprint(c.Steps), note})
			last = c
		}
	}
	if len(t.rows) > 0 {
		d.heading(lang.Text{EN: "Clocks", ES: "Relojes"})
		d.out = append(d.out, block{table: t})
	}
}

// sortedBy gives the names of a map by their values, equal ones by name.
func sortedBy[T any](m map[string]T, by func(a, b T) int) []string {
	names := slices.Collect(maps.Keys(m))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(by(m[a], m[b]), strings.Compare(a, b)) })
	return names
}
