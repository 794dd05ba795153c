package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// entry is one row of the timeline.
type entry struct {
	at   report.Instant // on the reference clock where it is known: its place
	told report.Instant // the time shown
	row  []string
	rank int
}

// timeline tells the focus journey step by step, packets and log lines merged
// on the reference clock; the raw stamp stands beside a corrected one.
func (d *layout) timeline() {
	if j := d.r.Focus(); j != nil {
		d.timelineOf(j)
	}
}

func (d *layout) timelineOf(j *report.Journey) {
	if len(j.Instants) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Timeline of %s (UTC)", ES: "Cronología de %s (UTC)"}, j.ID)
	var all []entry
	for i, m := range j.Instants {
		if finer[m.Name] {
			continue
		}
		at, raw := m.Time, ""
		if m.Corrected != nil {
			at = *m.Corrected
		}
		if at != m.Time {
			raw = clockOf(m.Time)
		}
		all = append(all, entry{at, at, []string{clockOf(at), "", raw, d.momentName(m.Name), shorten(d.momentDetail(m.Name, m.Detail), widestDetail), d.place(m.Evidence, "", m.Frame)}, i})
	}
	stand := places(j)
	for i, l := range j.Lines {
		if l.Status == "matched" && l.Time != nil {
			at, raw, bound, place := *l.Time, "", "", *l.Time
			if l.Corrected != nil {
				at, raw = *l.Corrected, clockOf(*l.Time)
				bound, place = bounds(l), stand[&j.Lines[i]]
			}
			all = append(all, entry{place, at, []string{clockOf(at), bound, raw, d.say(lang.Text{EN: "log line", ES: "línea de registro"}), lineText(l.Text, l.Shown, 100, shorten), d.place(l.Evidence, ":", l.Line)}, 1000 + i})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	t := &table{header: []string{d.say(lang.Text{EN: "time", ES: "hora"}), "±", d.say(lang.Text{EN: "as written", ES: "tal cual"}), d.say(lang.Text{EN: "what", ES: "qué"}), "", d.say(lang.Text{EN: "where", ES: "dónde"})}, yields: []int{4}, lowers: []int{4, 5}, quotes: []int{4, 5}}
	for _, e := range all {
		t.rows = append(t.rows, e.row)
	}
	d.out = append(d.out, block{table: t})
	if !slices.IsSortedFunc(all, func(a, b entry) int { return cmp.Compare(a.told, b.told) }) {
		d.para(d.say(lang.Text{EN: "A log line stands where, within the interval (±) of its instant, it is nearest to the packet that it tells of; else by the middle.", ES: "Una línea de registro está donde, dentro del intervalo (±) de su instante, queda más cerca del paquete del que habla; si no, por la mitad."}))
	}
}

// widestDetail is how many characters of a moment's detail a timeline shows: an
// answer or a name may be as long as its sender likes. The JSON has it whole.
const widestDetail = 160

// bounds writes how far a corrected stamp may lie from the truth.
func bounds(l report.LineLink) string {
	if l.Low == nil || l.High == nil {
		return ""
	}
	return fmt.Sprintf("−%s +%s", span(report.Seconds(*l.Corrected-*l.Low)), span(report.Seconds(*l.High-*l.Corrected)))
}

// place names a frame or line of a file.
func (d *layout) place(id, sep string, n int) string {
	name := id
	if e := d.evidence(id); e != nil {
		name = e.Path
	}
	switch {
	case n == 0:
		return name
	case sep == "":
		return fmt.Sprintf("%s #%d", name, n)
	}
	return fmt.Sprintf("%s%s%d", name, sep, n)
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(Printable(s)) // else a byte that is no text would become U+FFFD
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}

// derived stands before what is shown of a log line in place of its text.
const derived = "journal: "

// lineText is what is shown of a log line, shortened to at most n runes: its text,
// or what its file has in fields in the order of a line, marked as such.
func lineText(text, shown string, n int, shorten func(string, int) string) string {
	if shown != "" {
		return derived + shorten(shown, n)
	}
	return shorten(text, n)
}

// atClause shortens s to at most n runes where it is longer: behind its last whole
// clause that fits, if that leaves more than half of it.
func atClause(s string, n int) string {
	short := shorten(s, n)
	if short == s {
		return s
	}
	for i := len(short) - 1; i > len(short)/2; i-- {
		if short[i] == ' ' && strings.IndexByte(".;:,", short[i-1]) >= 0 {
			return strings.TrimRight(short[:i], ",:; ") + " …"
		}
	}
	return short
}

// lines lists the log lines of the answer's journeys, raw and corrected.
func (d *layout) lines() {
	const most = 20
	t := d.lineTable()
	left := 0
	for _, j := range d.answerJourneys() {
		for _, l := range j.Lines {
			if len(t.rows) >= most {
				left++
				continue
			}
			t.rows = append(t.rows, d.lineRow(j, l))
		}
	}
	if len(t.rows) == 0 {
		return
	}
	d.asideHeading(lang.Text{EN: "Log lines that belong to it", ES: "Líneas de registro que le pertenecen"})
	d.out = append(d.out, block{table: t})
	if left > 0 {
		d.para(d.say(lang.Text{EN: "… and %d more.", ES: "… y %d más."}, left))
	}
}

func (d *layout) answerJourneys() []*report.Journey {
	var out []*report.Journey
	if a := d.r.Answer(); a != nil {
		out = d.r.JourneysOf(a)
	}
	if len(out) == 0 {
		if j := d.r.Focus(); j != nil {
			out = append(out, j)
		}
	}
	return out
}

func (d *layout) lineTable() *table {
	return &table{header: []string{d.say(lang.Text{EN: "journey", ES: "recorrido"}), d.say(lang.Text{EN: "line", ES: "línea"}), d.say(lang.Text{EN: "as written", ES: "tal cual"}), d.say(lang.Text{EN: "corrected", ES: "corregida"}), d.say(lang.Text{EN: "sure", ES: "certeza"}), ""}, yields: []int{5}, lowers: []int{5, 1}, quotes: []int{1, 5}}
}

func (d *layout) lineRow(j *report.Journey, l report.LineLink) []string {
	raw, corrected := "", ""
	if l.Time != nil {
		raw = clockOf(*l.Time)
	}
	if l.Corrected != nil {
		corrected = clockOf(*l.Corrected)
	}
	sure := fmt.Sprintf("%s %.2f", d.word(l.Status), float64(l.Confidence))
	return []string{j.ID, d.place(l.Evidence, ":", l.Line), raw, corrected, sure, lineText(l.Text, l.Shown, 110, shorten)}
}

// proof shows evidence and refuters of the answer.
func (d *layout) proof() {
	a := d.r.Answer()
	if a == nil || len(a.Evidence)+len(a.Refuters) == 0 {
		return
	}
	d.heading(lang.Text{EN: "What proves it, and what would refute it", ES: "Qué lo prueba y qué lo refutaría"})
	d.evidenceOf(a)
}

func (d *layout) evidenceOf(f *report.Finding) {
	var items []string
	for _, e := range f.Evidence {
		switch {
		case e.Filter != "":
			items = append(items, d.say(lang.Text{EN: "%s, display filter: %s", ES: "%s, filtro de visualización: %s"}, d.place(e.Evidence, "", 0), shorten(e.Filter, 300)))
		case len(e.Lines) > 0:
			lines := lang.Text{EN: "%s, lines %s", ES: "%s, líneas %s"}
			if len(e.Lines) == 1 {
				lines = lang.Text{EN: "%s, line %s", ES: "%s, línea %s"}
			}
			items = append(items, d.say(lines, d.place(e.Evidence, "", 0), numbers(e.Lines)))
		}
	}
	for _, x := range f.Refuters {
		item := d.say(lang.Text{EN: "would refute it: %s: %s", ES: "lo refutaría: %s: %s"}, x.Text, d.word(x.Status))
		if x.Command != "" {
			item += d.say(lang.Text{EN: " (collect with: %s)", ES: " (se recoge con: %s)"}, x.Command)
		}
		items = append(items, item)
	}
	if len(items) > 0 {
		d.out = append(d.out, block{bullets: items})
	}
}

// numbers writes up to twenty numbers.
func numbers(n []int) string {
	var parts []string
	for i, v := range n {
		if i == 20 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, ", ")
}

// journeys lists all of them, or the longest where there are many.
func (d *layout) journeys() {
	const most = 30
	if len(d.r.Journeys) == 0 {
		return
	}
	d.asideHeading(lang.Text{EN: "Journeys", ES: "Recorridos"})
	shown := make([]*report.Journey, len(d.r.Journeys))
	for i := range d.r.Journeys {
		shown[i] = &d.r.Journeys[i]
	}
	if len(shown) > most {
		d.para(d.say(lang.Text{EN: "The %d longest of %d.", ES: "Los %d más largos de %d."}, most, len(shown)))
		slices.SortStableFunc(shown, func(a, b *report.Journey) int { return cmp.Compare(b.Length(), a.Length()) })
		shown = shown[:most]
	}
	t := &table{header: []string{"", d.say(lang.Text{EN: "start", ES: "inicio"}), d.say(lang.Text{EN: "service", ES: "servicio"}), d.say(lang.Text{EN: "what", ES: "qué"}), d.say(lang.Text{EN: "client", ES: "cliente"}), d.say(lang.Text{EN: "total", ES: "total"}), d.say(lang.Text{EN: "result", ES: "resultado"}), d.say(lang.Text{EN: "lines", ES: "líneas"})}, right: []bool{false, false, false, false, false, true, false, true}, yields: []int{3}, quotes: []int{3}}
	moved := false
	for _, j := range shown {
		moved = moved || clockOf(startOf(j)) != clockOf(j.Start)
		what := j.Name
		if j.Request != nil && j.Request.Path != "" {
			what = strings.TrimSpace(what + " " + j.Request.Path)
		}
		what = cmp.Or(what, j.Server) // an NTP exchange names nothing
		matched := 0
		for _, l := range j.Lines {
			if l.Status == "matched" {
				matched++
			}
		}
		t.rows = append(t.rows, []string{j.ID, clockOf(startOf(j)), j.Service, shorten(what, 50), j.Client, span(j.Length()), d.journeyWord(j.Outcome), fmt.Sprint(matched)})
	}
	d.out = append(d.out, block{table: t})
	if moved { // stamps of several clocks in one column would be out of order
		d.para(d.say(lang.Text{EN: "Starts are told by the reference clock, as in the timeline; the report in JSON also has them as stamped.", ES: "Los inicios se dan según el reloj de referencia, como en la línea de tiempo; el informe en JSON los tiene además como se registraron."}))
	}
}

func (d *layout) checklist() {
	if len(d.r.Checklist) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Checklist", ES: "Lista de comprobación"})
	var items []string
	for _, k := range d.r.Checklist {
		item := fmt.Sprintf("[%s] %s: %s", map[string]string{"shown": "x", "missing": " ", "contradicted": "!"}[k.Status], d.word(k.Item), k.Text)
		if k.Command != "" {
			item += d.say(lang.Text{EN: "; collect it with: %s", ES: "; se recoge con: %s"}, k.Command)
		}
		items = append(items, item)
	}
	d.out = append(d.out, block{bullets: items})
}

// fewUnknown is how many files of unknown kind a report lists; a folder that was handed
// over whole has thousands.
const fewUnknown = 20

// files lists the evidence; of files of unknown kind at most so many.
func (d *layout) files(unknownMost int) {
	d.asideHeading(lang.Text{EN: "Evidence", ES: "Pruebas"})
	t := &table{header: []string{"", d.say(lang.Text{EN: "file", ES: "archivo"}), d.say(lang.Text{EN: "kind", ES: "tipo"}), d.say(lang.Text{EN: "records", ES: "registros"}), d.say(lang.Text{EN: "from", ES: "desde"}), d.say(lang.Text{EN: "to", ES: "hasta"}), d.say(lang.Text{EN: "zone", ES: "huso"}), d.say(lang.Text{EN: "clock", ES: "reloj"}), d.say(lang.Text{EN: "taken at", ES: "tomada en"}), "sha256"}, right: []bool{false, false, false, true}, yields: []int{1}, spare: []int{9, 8, 6}, quotes: []int{1}}
	var problems []string
	unknown := 0
	for _, e := range d.r.Evidence {
		if e.Kind == "unrecognised" {
			if unknown++; unknown > unknownMost {
				continue
			}
		}
		from, to := "", ""
		if e.First != nil {
			from, to = clockOf(*e.First), clockOf(*e.Last)
		}
		taken := ""
		if e.Vantage != "" {
			taken = d.word(e.Vantage)
		}
		t.rows = append(t.rows, []string{e.ID, e.Path, e.Kind, fmt.Sprint(e.Records), from, to, d.zone(e.Zone), e.Clock, taken, e.SHA256[:min(12, len(e.SHA256))]})
		for _, p := range e.Problems {
			problems = append(problems, e.Path+": "+d.position(p)+d.phrase(p.Text))
		}
	}
	if more := unknown - unknownMost; more > 0 {
		problems = append(problems, d.say(lang.Text{EN: "and %d more of unknown kind; flowcorr detect tells of each", ES: "y %d más de tipo desconocido; flowcorr detect los enumera"}, more))
	}
	d.captureSpan()
	d.out = append(d.out, block{table: t})
	if len(problems) > 0 {
		d.out = append(d.out, block{bullets: problems})
	}
}

// zone is the zone of a log's stamps, in words where it is not a number.
func (d *layout) zone(z string) string {
	if z == "unknown" {
		return d.word(z)
	}
	if number, inferred := strings.CutSuffix(z, " inferred"); inferred {
		return number + d.say(lang.Text{EN: " inferred", ES: " deducido"})
	}
	return z
}

// position names the place of a problem, where it has one.
func (d *layout) position(p report.Problem) string {
	text := ""
	if p.Record > 0 {
		text = d.say(lang.Text{EN: "record %d", ES: "registro %d"}, p.Record)
	}
	if p.Offset > 0 {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("byte %d", p.Offset)
	}
	if text != "" {
		text += ": "
	}
	return text
}
