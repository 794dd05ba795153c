package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// About writes all that is known of one subject; of many journeys the first
// ones in full.
func About(w io.Writer, r *report.Report, a *report.About, opt TextOptions) error {
	const most = 5
	d := &layout{r: r, l: opt.Lang}
	d.heading(lang.Text{EN: "About %s", ES: "Sobre %s"}, a.Subject)
	if e := a.Evidence; e != nil {
		d.para(d.say(lang.Text{EN: "%s: %s, %d records, clock %s", ES: "%s: %s, %d registros, reloj %s"}, e.Path, e.Kind, e.Records, e.Clock))
	}
	switch {
	case a.Reason != "":
		d.para(d.say(lang.Text{EN: "The line belongs to no journey: %s.", ES: "La línea no pertenece a ningún recorrido: %s."}, d.phrase(a.Reason)))
	case len(a.Journeys) == 0 && len(a.Findings) == 0:
		d.para(d.say(lang.Text{EN: "No journey and no finding tells of it.", ES: "Ningún recorrido ni hallazgo habla de ello."}))
	case a.Within:
		d.para(d.say(lang.Text{EN: "No journey names this frame; it lies between the frames of these.", ES: "Ningún recorrido nombra esta trama; está entre las tramas de estos."}))
	}
	for i := range a.Journeys {
		if i == most {
			d.rest(a.Journeys[i:])
			break
		}
		d.journeyInFull(&a.Journeys[i])
	}
	d.seriesOf(a.Series)
	d.flowsInFull(a.Flows)
	if len(a.Findings) > 0 {
		d.heading(lang.Text{EN: "Findings", ES: "Hallazgos"})
		for i := range a.Findings {
			f := &a.Findings[i]
			d.out = append(d.out, block{bullets: []string{f.ID + ": " + f.Text + " [" + d.findingLine(f) + "]"}})
			if len(a.Findings) <= most {
				d.evidenceOf(f)
			}
		}
	}
	return writeText(w, d.out, opt)
}

// flowsInFull lists all that the packets tell of some flows, under the names it
// has in lines of flows.
func (d *layout) flowsInFull(flows []json.RawMessage) {
	for _, flow := range flows {
		t := &table{header: []string{d.say(lang.Text{EN: "of the flow", ES: "del flujo"}), d.say(lang.Text{EN: "value", ES: "valor"})}, fold: true}
		in := json.NewDecoder(bytes.NewReader(flow))
		in.UseNumber()
		if err := flatten(in, "", t); err != nil {
			continue // it was written by us; a part of it is still of use
		}
		d.heading(lang.Text{EN: "Flow", ES: "Flujo"})
		d.out = append(d.out, block{table: t})
	}
}

// flatten turns a JSON value into rows, in its order: nested names are joined by
// points, lists of plain values stand in one cell.
func flatten(in *json.Decoder, name string, t *table) error {
	token, err := in.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		for in.More() {
			key, err := in.Token()
			if err != nil {
				return err
			}
			if err := flatten(in, strings.TrimPrefix(name+"."+fmt.Sprint(key), "."), t); err != nil {
				return err
			}
		}
		_, err = in.Token()
		return err
	case json.Delim('['):
		first := len(t.rows)
		for i := 1; in.More(); i++ {
			if err := flatten(in, fmt.Sprintf("%s[%d]", name, i), t); err != nil {
				return err
			}
		}
		joinList(t, first, name)
		_, err = in.Token()
		return err
	}
	t.rows = append(t.rows, []string{name, fmt.Sprint(token)})
	return nil
}

// joinList makes one row of those behind first, if all are elements of the list
// itself.
func joinList(t *table, first int, name string) {
	var values []string
	for _, row := range t.rows[first:] {
		if !strings.HasPrefix(row[0], name+"[") || strings.Contains(row[0][len(name):], ".") {
			return
		}
		values = append(values, row[1])
	}
	t.rows = append(t.rows[:first], []string{name, strings.Join(values, ", ")})
}

// rest names journeys that are not shown in full.
func (d *layout) rest(journeys []report.Journey) {
	const most = 50
	d.heading(lang.Text{EN: "%d further journeys", ES: "%d recorridos más"}, len(journeys))
	var items []string
	for i := range journeys {
		if i == most {
			items = append(items, fmt.Sprintf("… +%d", len(journeys)-i))
			break
		}
		items = append(items, d.journeyName(&journeys[i])+", "+d.journeyWord(journeys[i].Outcome))
	}
	d.out = append(d.out, block{bullets: items})
}

// journeyInFull writes a journey with its shares, phases, instants and lines.
func (d *layout) journeyInFull(j *report.Journey) {
	d.heading(lang.Text{EN: "Journey %s", ES: "Recorrido %s"}, j.ID)
	d.para(d.journeyName(j) + ", " + d.journeyWord(j.Outcome))
	at := j.Start.String()
	if j.StartCorrected != nil && *j.StartCorrected != j.Start {
		at += d.say(lang.Text{EN: ", corrected %s", ES: ", corregida %s"}, j.StartCorrected.String())
	}
	if j.Stream != nil {
		at += fmt.Sprintf(" · %s: %s.stream eq %d", d.place(j.Evidence, "", 0), j.Transport, *j.Stream)
	}
	if j.Ordinal > 1 {
		at += d.say(lang.Text{EN: " · request %d of its connection", ES: " · petición %d de su conexión"}, j.Ordinal)
	}
	d.para(at)
	if j.Daemon != nil {
		d.para(d.say(lang.Text{EN: "What was asked %s.", ES: "Lo pedido %s."}, j.Daemon.Text))
	}
	if j.ClientSeen != "" {
		d.para(d.say(lang.Text{EN: "The server saw the client as %s.", ES: "El servidor vio al cliente como %s."}, j.ClientSeen))
	}
	for _, s := range j.AlsoSeen {
		text := d.say(lang.Text{EN: "Also seen in %s: stream %d, %s → %s", ES: "Visto también en %s: flujo %d, %s → %s"}, d.place(s.Evidence, "", 0), s.Stream, s.Client, s.Server)
		if s.By != "" && s.By != "sequence-numbers" { // which is the usual
			text += d.say(lang.Text{EN: ", recognised by %s (%.3g)", ES: ", reconocido por %s (%.3g)"}, d.word(s.By), float64(s.Confidence))
		}
		d.para(text)
	}
	for _, text := range d.losses(j) {
		d.para(text)
	}
	if q := j.Request; q != nil && (q.Method != "" || q.Status > 0) {
		d.para(strings.Join(strings.Fields(fmt.Sprintf("HTTP: %s %s %s %s", q.Method, q.Path, q.Version, positive(q.Status))), " "))
	}
	if t := j.TLS; t != nil {
		alerts := make([]string, len(t.Alerts))
		for i, a := range t.Alerts {
			alerts[i] = d.momentDetail("tls.alert", a)
		}
		d.para(strings.Join(strings.Fields(fmt.Sprintf("TLS: %s %s %s %s %s", t.Version, t.Cipher, t.ALPN, t.SNI, strings.Join(alerts, ", "))), " "))
		if t.FullAfter != "" {
			d.para(d.say(lang.Text{EN: "Full handshake, though %s had brought the same kind of client a ticket.", ES: "Establecimiento completo, aunque %s había traído un ticket al mismo tipo de cliente."}, t.FullAfter))
		}
		if t.Beside != "" {
			d.para(d.say(lang.Text{EN: "Full handshake, begun while that of %s with the same server was going on.", ES: "Establecimiento completo, empezado mientras el de %s con el mismo servidor estaba en curso."}, t.Beside))
		}
	}
	if s := j.SSH; s != nil {
		d.para(strings.Join(strings.Fields(fmt.Sprintf("SSH: %s ↔ %s %s %s", s.ClientSoftware, s.ServerSoftware, s.Kex, s.Auth)), " "))
	}
	d.breakdownOf(j)
	d.witnessesOf(j)
	d.metricsOf(j)
	d.timelineOf(j)
	if len(j.Lines) > 0 {
		d.heading(lang.Text{EN: "Lines of %s", ES: "Líneas de %s"}, j.ID)
		t := d.lineTable()
		for _, l := range j.Lines {
			t.rows = append(t.rows, d.lineRow(j, l))
		}
		d.out = append(d.out, block{table: t})
	}
	if len(j.Notes) > 0 {
		d.out = append(d.out, block{bullets: j.Notes})
	}
}

// losses says between which captures packets of a journey were lost.
func (d *layout) losses(j *report.Journey) []string {
	const most = 20
	var list []string
	for i, l := range j.Losses {
		if i == most {
			return append(list, d.say(lang.Text{EN: "%d more packets were lost.", ES: "Se perdieron %d paquetes más."}, len(j.Losses)-most))
		}
		what := map[string]string{"syn": "SYN", "syn-ack": "SYN-ACK"}[l.Kind]
		if what == "" {
			what = fmt.Sprintf("seq %d, %d B", l.Seq, l.Bytes)
		}
		list = append(list, d.say(lang.Text{
			EN: "Lost between %s and %s: %s of the %s (sent again: %s)", ES: "Perdido entre %s y %s: %s del %s (repetido: %s)",
		}, d.place(l.Seen, "", 0), d.place(l.Missed, "", 0), what, d.word(l.From), d.place(l.Teller, "", l.Frame)))
	}
	return list
}

// witnessesOf holds what client, packets and log say against each other.
func (d *layout) witnessesOf(j *report.Journey) {
	t := &table{header: []string{d.say(lang.Text{EN: "took", ES: "duró"}), d.say(lang.Text{EN: "client says", ES: "dice el cliente"}), d.say(lang.Text{EN: "packets say", ES: "dicen los paquetes"}), d.say(lang.Text{EN: "log says", ES: "dice el registro"}), ""}, right: []bool{false, true, true, true}, yields: []int{4}, fold: true}
	said := func(s *report.Seconds) string {
		if s == nil {
			return "–"
		}
		return span(*s)
	}
	for _, w := range j.Witnesses {
		t.rows = append(t.rows, []string{d.witnessed(w.Of), said(w.Client), said(w.Packets), said(w.Log), d.word(w.Why)})
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
}

// witnessed is what witnesses tell the length of, as people read it.
func (d *layout) witnessed(of string) string {
	if of == "request" {
		return d.say(lang.Text{EN: "whole request", ES: "petición entera"})
	}
	return d.phaseWord(of)
}

// metricsOf lists the measured quantities of each phase, where they were measured
// and what they are called in the contract.
func (d *layout) metricsOf(j *report.Journey) {
	t := &table{header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), d.say(lang.Text{EN: "metric", ES: "métrica"}), d.say(lang.Text{EN: "value", ES: "valor"}), d.say(lang.Text{EN: "measured at", ES: "medida en"}), d.say(lang.Text{EN: "in JSON", ES: "en JSON"})}, right: []bool{false, false, true, false, false}, yields: []int{1}, fold: true}
	for _, p := range j.Phases {
		for _, m := range p.Metrics {
			value := fmt.Sprint(m.Value)
			if m.IsTime() {
				value = span(report.Seconds(m.Value))
			}
			t.rows = append(t.rows, []string{d.phaseWord(p.Name), MetricName(m.Name, d.l), value, d.word(p.Vantage), m.Name})
		}
	}
	for _, text := range d.losses(j) {
		d.para(text)
	}
	if q := j.Request; q != nil && (q.Method != "" || q.Status > 0) {
		for _, s := range q.ServerTiming {
			value := "–"
			if s.Seconds != nil {
				value = span(*s.Seconds)
			}
			t.rows = append(t.rows, []string{"Server-Timing", s.Name, value, d.word("server"), "server_timing"})
		}
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
}

// positive writes a number that is unknown where it is 0.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
