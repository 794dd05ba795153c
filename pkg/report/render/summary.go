package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// summary is what stands on the first screen: the answer, how sure it is and
// what would make it surer, and what else was found.
func (d *layout) summary() {
	d.notices()
	d.heading(lang.Text{EN: "Answer", ES: "Respuesta"})
	a, verdict, worth := d.answer()
	if a == nil {
		d.para(d.say(lang.Text{EN: "No hypothesis: the evidence shows nothing that the rules know.", ES: "Sin hipótesis: las pruebas no muestran nada que las reglas conozcan."}))
	} else {
		d.out = append(d.out, block{text: verdict, answer: true})
		if worth != "" {
			d.para(worth)
		}
		d.para(d.findingLine(a))
		d.doubt(a)
	}
	d.also(a)
}

// answer is the finding that the first screen tells of, with what it says: where
// nothing is wrong it is that first, then what is most worth knowing.
func (d *layout) answer() (f *report.Finding, verdict, worth string) {
	f = d.r.Answer()
	if f == nil {
		return nil, "", ""
	}
	h := d.healthy(f)
	if h == nil {
		return f, f.Text, ""
	}
	f = d.heaviest(f)
	return f, h.Text, d.say(lang.Text{EN: "Most worth knowing: %s", ES: "Lo más digno de saber: %s"}, d.inBrief(f, 1000))
}

// untold are the findings besides the one told, the gravest first, else as ranked.
func (d *layout) untold(told *report.Finding) []*report.Finding {
	all := d.r.Others()
	if a := d.r.Answer(); a != nil {
		all = append([]*report.Finding{a}, all...)
	}
	all = slices.DeleteFunc(all, func(f *report.Finding) bool { return f == told })
	slices.SortStableFunc(all, func(a, b *report.Finding) int {
		return report.SeverityRank(b.Severity) - report.SeverityRank(a.Severity)
	})
	return all
}

// worthTelling are of the findings not told yet the heaviest, one of each rule.
func (d *layout) worthTelling(told *report.Finding) []*report.Finding {
	seen := map[string]bool{}
	if told != nil && told.Rule == "clock-offset" {
		seen[told.Rule] = true // of which all are told at once
	}
	var out []*report.Finding
	for _, f := range d.untold(told) {
		if !seen[f.Rule] && f.Severity != "info" {
			seen[f.Rule] = true
			out = append(out, f)
		}
	}
	return out
}

// heaviest is the most severe finding; the answer, where none is more so.
func (d *layout) heaviest(answer *report.Finding) *report.Finding {
	for _, f := range d.r.Others() {
		if report.SeverityRank(f.Severity) > report.SeverityRank(answer.Severity) {
			answer = f
		}
	}
	return answer
}

// inBrief tells a finding, of about n runes, together with those of its kind:
// clocks all at once, of others one and how many more there are.
func (d *layout) inBrief(f *report.Finding, n int) string {
	if f.Rule == "clock-offset" {
		if text := d.clocksOff(); text != "" {
			return shorten(text, 300)
		}
	}
	text := atClause(f.Text, n)
	if strings.HasPrefix(f.Rule, "clock-") {
		return text // what a capture and its host's logs show is one clock
	}
	more := -1
	for i := range d.r.Findings {
		if d.r.Findings[i].Rule == f.Rule && d.r.Findings[i].Severity == f.Severity {
			more++
		}
	}
	if more < 1 {
		return text
	}
	return text + " " + d.say(lang.Text{EN: "(%d more of this kind)", ES: "(%d más de este tipo)"}, more)
}

// notices tell of a report that is not the whole one.
func (d *layout) notices() {
	if s := d.r.Selected; s != nil {
		d.para(d.say(lang.Text{EN: "A part of the report (%s): %d of %d journeys, %d of %d findings.", ES: "Una parte del informe (%s): %d de %d recorridos, %d de %d hallazgos."},
			s.By, len(d.r.Journeys), s.Journeys, len(d.r.Findings), s.Findings))
	}
	if c := d.r.Redacted; c != nil {
		d.para(d.say(lang.Text{
			EN: "Redacted: %d addresses, %d names, %d users, %d elements of paths and %d other words were replaced, always by the same; hashes of files are left out; times and sizes are as recorded.",
			ES: "Anonimizado: se sustituyeron %d direcciones, %d nombres, %d usuarios, %d elementos de rutas y %d palabras más, siempre por lo mismo; faltan los resúmenes (hash) de los archivos; los tiempos y tamaños son los registrados."},
			c.Addresses, c.Names, c.Users, c.Paths, c.Words))
	}
}

// healthy is the finding that nothing is wrong, where the answer is a mere note
// about something else; else nil.
func (d *layout) healthy(answer *report.Finding) *report.Finding {
	if report.SeverityRank(answer.Severity) > report.SeverityRank("note") || answer.Rule == "healthy" {
		return nil
	}
	for i := range d.r.Findings {
		if f := &d.r.Findings[i]; f.Rule == "healthy" && f.Confidence != "not-evaluable" {
			return f
		}
	}
	return nil
}

// doubt says what stands against the answer and what nobody looked for.
func (d *layout) doubt(a *report.Finding) {
	for _, x := range a.Refuters {
		switch x.Status {
		case "found":
			d.para(d.say(lang.Text{EN: "Against it: %s.", ES: "En contra: %s."}, x.Text))
		case "not-collected":
			d.para(d.say(lang.Text{EN: "Would refute it, but was not collected: %s (how to: below).", ES: "Lo refutaría, pero no se recogió: %s (cómo: abajo)."}, x.Text))
		}
	}
}

// mostAlso is how many further findings the first screen names.
const mostAlso = 4

// also names the heaviest of the findings that are not told yet, and counts.
func (d *layout) also(told *report.Finding) {
	var items []string
	for i, f := range d.worthTelling(told) {
		if i < mostAlso {
			items = append(items, d.word(f.Severity)+": "+d.inBrief(f, 200))
		}
	}
	if len(items) > 0 {
		d.para(d.say(lang.Text{EN: "Also found:", ES: "También se halló:"}))
		d.out = append(d.out, block{bullets: items})
	}
	d.para(d.say(lang.Text{EN: "%d of %d files used, %s, %s.", ES: "%d de %d archivos usados, %s, %s."}, d.usable(), len(d.r.Evidence),
		d.countJourneys(len(d.r.Journeys)), d.countFindings(len(d.r.Findings))))
}

// usable counts the files that said something.
func (d *layout) usable() int {
	n := 0
	for _, e := range d.r.Evidence {
		if e.Kind != "unrecognised" && e.Records > 0 {
			n++
		}
	}
	return n
}

func (d *layout) countJourneys(n int) string {
	return d.count(n, lang.Text{EN: "%d journey", ES: "%d recorrido"}, lang.Text{EN: "%d journeys", ES: "%d recorridos"})
}

func (d *layout) countFindings(n int) string {
	return d.count(n, lang.Text{EN: "%d finding", ES: "%d hallazgo"}, lang.Text{EN: "%d findings", ES: "%d hallazgos"})
}

// captureSpan tells from when to when packets were captured.
func (d *layout) captureSpan() {
	var first, last *report.Instant
	for i := range d.r.Evidence {
		e := &d.r.Evidence[i]
		if e.First == nil || e.Kind != "pcap" && e.Kind != "pcapng" {
			continue
		}
		if first == nil || *e.First < *first {
			first = e.First
		}
		if last == nil || *e.Last > *last {
			last = e.Last
		}
	}
	if first != nil {
		d.para(d.say(lang.Text{EN: "Packets from %s to %s, as stamped.", ES: "Paquetes de %s a %s, según sus marcas."}, first, last))
	}
}

// others lists the remaining findings: of each rule the heaviest ones, then how
// many more there are.
func (d *layout) others() {
	most := 3
	rest := d.r.Others()
	if len(rest) == 0 {
		return
	}
	if !slices.ContainsFunc(d.r.Findings, func(f report.Finding) bool { return f.Rule != rest[0].Rule }) {
		most = len(rest) // the part that --rule chose
	}
	d.heading(lang.Text{EN: "Other findings", ES: "Otros hallazgos"})
	shown, more := map[string]int{}, map[string]int{}
	var order []string
	var items []string
	for _, f := range rest {
		if shown[f.Rule]++; shown[f.Rule] <= most {
			items = append(items, fmt.Sprintf("%s: %s [%s]", f.ID, f.Text, d.findingLine(f)))
			continue
		}
		if more[f.Rule]++; more[f.Rule] == 1 {
			order = append(order, f.Rule)
		}
	}
	for _, rule := range order {
		items = append(items, d.say(lang.Text{EN: "%s: %d more; --rule %s lists them, --format json has all.", ES: "%s: %d más; --rule %s los enumera, --format json los tiene todos."}, rule, more[rule], rule))
	}
	d.out = append(d.out, block{bullets: items})
}
