package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Timeline writes instants of all journeys as a table.
func Timeline(w io.Writer, r *report.Report, entries []report.Entry, opt TextOptions) error {
	d := &layout{r: r, l: opt.Lang}
	t := &table{header: []string{d.say(lang.Text{EN: "time (UTC)", ES: "hora (UTC)"}), "±", d.say(lang.Text{EN: "as written", ES: "tal cual"}), d.say(lang.Text{EN: "journey", ES: "recorrido"}), d.say(lang.Text{EN: "what", ES: "qué"}), "", d.say(lang.Text{EN: "where", ES: "dónde"})}, yields: []int{5}, lowers: []int{5, 6}}
	for i := range entries {
		e := &entries[i]
		at, bound := e.Time, "?" // a "?": not corrected
		if e.Corrected != nil {
			at, bound = *e.Corrected, ""
			if e.Low != nil && e.High != nil {
				bound = fmt.Sprintf("−%s +%s", span(report.Seconds(at-*e.Low)), span(report.Seconds(*e.High-at)))
			}
		}
		raw := ""
		if at != e.Time {
			raw = clockOf(e.Time)
		}
		what, place := d.momentName(e.What), d.place(e.Evidence, "", e.Frame)
		if e.What == "line" {
			what, place = d.say(lang.Text{EN: "log line", ES: "línea de registro"}), d.place(e.Evidence, ":", e.Line)
			if e.Status != "matched" {
				what += " (" + d.word(e.Status) + ")"
			}
		}
		t.rows = append(t.rows, []string{clockOf(at), bound, raw, e.Journey, what, lineText(d.momentDetail(e.What, e.Detail), e.Shown, 100, shorten), place})
	}
	if len(t.rows) == 0 {
		d.para(d.say(lang.Text{EN: "No instant of a journey lies there.", ES: "Ahí no hay ningún instante de un recorrido."}))
	} else {
		d.out = append(d.out, block{table: t})
	}
	return writeText(w, d.out, opt)
}

// Pairings writes which line tells of which request, then both kinds that are
// alone, with the reason.
func Pairings(w io.Writer, r *report.Report, pairs []report.Pairing, opt TextOptions) error {
	d := &layout{r: r, l: opt.Lang}
	linked := &table{header: []string{d.say(lang.Text{EN: "line", ES: "línea"}), d.say(lang.Text{EN: "journey", ES: "recorrido"}), d.say(lang.Text{EN: "sure", ES: "certeza"}), d.say(lang.Text{EN: "residual", ES: "residuo"}), d.say(lang.Text{EN: "by", ES: "por"}), d.say(lang.Text{EN: "rivals", ES: "rivales"}), ""}, yields: []int{6, 5, 4}}
	lines := &table{header: []string{d.say(lang.Text{EN: "line", ES: "línea"}), d.say(lang.Text{EN: "reason", ES: "motivo"})}, yields: []int{1}, fold: true}
	journeys := &table{header: []string{d.say(lang.Text{EN: "journey", ES: "recorrido"}), d.say(lang.Text{EN: "start", ES: "inicio"}), d.say(lang.Text{EN: "service", ES: "servicio"}), d.say(lang.Text{EN: "reason", ES: "motivo"})}, yields: []int{3}, fold: true}
	for i := range pairs {
		p := &pairs[i]
		switch p.Status {
		case "unmatched-line":
			lines.rows = append(lines.rows, []string{d.place(p.Evidence, ":", p.Line), d.phrase(p.Reason)})
		case "unmatched-journey":
			start := ""
			if p.Time != nil {
				start = clockOf(*p.Time)
			}
			journeys.rows = append(journeys.rows, []string{p.Journey, start, p.Service, d.aloneReason(p.Reason)})
		default:
			sure, residual := d.word(p.Status), ""
			if p.Confidence != nil {
				sure += fmt.Sprintf(" %.2f", float64(*p.Confidence))
			}
			if p.Residual != nil {
				residual = span(*p.Residual)
			}
			linked.rows = append(linked.rows, []string{d.place(p.Evidence, ":", p.Line), p.Journey, sure, residual, p.By, strings.Join(p.Rivals, ", "), lineText(p.Text, p.Shown, 60, shorten)})
		}
	}
	d.heading(lang.Text{EN: "Lines and their journeys", ES: "Líneas y sus recorridos"})
	d.listing(linked)
	d.heading(lang.Text{EN: "Lines without a journey", ES: "Líneas sin recorrido"})
	d.listing(lines)
	d.heading(lang.Text{EN: "Journeys without a line", ES: "Recorridos sin línea"})
	d.listing(journeys)
	return writeText(w, d.out, opt)
}

func (d *layout) listing(t *table) {
	if len(t.rows) == 0 {
		d.para(d.say(lang.Text{EN: "None.", ES: "Ninguno."}))
		return
	}
	d.out = append(d.out, block{table: t})
}

// aloneReasons say why no line belongs to a journey.
var aloneReasons = map[string]lang.Text{
	"no-such-log": {EN: "no log of this service among the evidence", ES: "no hay registro de este servicio entre las pruebas"},
	"unanswered":  {EN: "it got no answer", ES: "no tuvo respuesta"},
	"refused":     {EN: "it was refused", ES: "fue rechazado"},
	"none-fits":   {EN: "no line fits", ES: "ninguna línea encaja"},
}

func (d *layout) aloneReason(word string) string {
	if t, ok := aloneReasons[word]; ok {
		return t.In(d.l)
	}
	return word
}

// Checklist writes which evidence shows what, and how to collect what lacks.
func Checklist(w io.Writer, r *report.Report, opt TextOptions) error {
	d := &layout{r: r, l: opt.Lang}
	states := map[string]lang.Text{
		"shown": {EN: "shown", ES: "mostrado"}, "contradicted": {EN: "contradicted", ES: "contradicho"}, "missing": {EN: "missing", ES: "falta"},
	}
	t := &table{header: []string{d.say(lang.Text{EN: "item", ES: "punto"}), d.say(lang.Text{EN: "state", ES: "estado"}), "", d.say(lang.Text{EN: "evidence", ES: "pruebas"})}, yields: []int{2}, fold: true}
	var collect []string
	for _, k := range r.Checklist {
		const most = 3
		var files []string
		for i, id := range k.Evidence {
			if i == most {
				files = append(files, fmt.Sprintf("… +%d", len(k.Evidence)-i))
				break
			}
			files = append(files, d.place(id, "", 0))
		}
		state := k.Status
		if s, ok := states[k.Status]; ok {
			state = s.In(d.l)
		}
		t.rows = append(t.rows, []string{d.word(k.Item), state, k.Text, strings.Join(files, ", ")})
		if k.Command != "" {
			collect = append(collect, d.word(k.Item)+": "+k.Command)
		}
	}
	d.out = append(d.out, block{table: t})
	if len(collect) > 0 {
		d.heading(lang.Text{EN: "Collect it with", ES: "Se recoge con"})
		d.out = append(d.out, block{bullets: collect})
	}
	d.unchecked()
	return writeText(w, d.out, opt)
}

// unchecked lists the rules that could not be evaluated, together by what they
// need.
func (d *layout) unchecked() {
	if len(d.r.Unchecked) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Not evaluable with this evidence", ES: "No evaluable con estas pruebas"})
	index := map[string]int{}
	var items []string
	for _, u := range d.r.Unchecked {
		i, known := index[u.Text]
		if !known {
			i = len(items)
			index[u.Text] = i
			items = append(items, u.Text+": ")
		} else {
			items[i] += ", "
		}
		items[i] += u.Rule
	}
	d.out = append(d.out, block{bullets: items})
}
