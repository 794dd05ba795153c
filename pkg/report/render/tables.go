package render

import (
	"fmt"
	"io"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Flows writes flows as a table; of many phases of one flow the first six.
func Flows(w io.Writer, rows []report.FlowRow, opt TextOptions) error {
	const most = 6
	d := &layout{l: opt.Lang}
	t := &table{
		header: []string{d.say(lang.Text{EN: "file", ES: "archivo"}), d.say(lang.Text{EN: "stream", ES: "flujo"}), d.say(lang.Text{EN: "start", ES: "inicio"}), d.say(lang.Text{EN: "service", ES: "servicio"}), d.say(lang.Text{EN: "client", ES: "cliente"}), d.say(lang.Text{EN: "server", ES: "servidor"}), d.say(lang.Text{EN: "state", ES: "estado"}), d.say(lang.Text{EN: "packets", ES: "paquetes"}), "bytes", d.say(lang.Text{EN: "duration", ES: "duración"}), d.say(lang.Text{EN: "phases", ES: "fases"})},
		right:  []bool{false, false, false, false, false, false, false, true, true, true, false},
		yields: []int{10},
	}
	for _, r := range rows {
		phases := ""
		for i, p := range r.Phases {
			if i > 0 {
				phases += ", "
			}
			if i == most {
				phases += fmt.Sprintf("… +%d", len(r.Phases)-i)
				break
			}
			phases += p.Name + " "
			if p.Seen {
				phases += span(p.Seconds)
			} else {
				phases += d.word(p.Outcome)
			}
		}
		stream, size := fmt.Sprintf("%s %d", r.Transport, r.Stream), fmt.Sprint(r.Bytes)
		if r.Stream < 0 {
			stream, size = r.Transport, "–"
		}
		t.rows = append(t.rows, []string{r.Evidence, stream, clockOf(r.Start), r.Service, r.Client, r.Server, r.State, fmt.Sprint(r.Packets), size, span(r.Duration), phases})
	}
	return writeText(w, []block{{table: t}}, opt)
}

// Clocks writes the clocks of a report as a table, with what they rest on.
func Clocks(w io.Writer, r *report.Report, opt TextOptions) error {
	d := &layout{r: r, l: opt.Lang}
	d.out = append(d.out, block{table: d.clockTable(true)})
	for _, k := range r.Clocks {
		var items []string
		for _, c := range k.Candidates {
			items = append(items, d.say(lang.Text{EN: "%s may be %s: %s", ES: "%s puede ser %s: %s"}, k.ID, signed(c.Offset), c.Reason))
		}
		for _, n := range k.Notes {
			items = append(items, k.ID+" ("+k.Name+"): "+n)
		}
		for _, s := range k.Supports {
			if s.Rejected > 0 {
				items = append(items, d.say(lang.Text{
					EN: "%s (%s): %d of %d pieces of evidence (%s) contradict the track and are set aside", ES: "%s (%s): %d de %d pruebas (%s) contradicen la trayectoria y se apartan",
				}, k.ID, k.Name, s.Rejected, s.Count+s.Rejected, d.word(s.Method)))
			}
		}
		if len(items) > 0 {
			d.out = append(d.out, block{bullets: items})
		}
	}
	for i := range r.Clocks {
		if plot := clockPlot(&r.Clocks[i], opt.Width-2); plot != nil {
			title := d.say(lang.Text{EN: "%s %s: ● most likely, ░ possible", ES: "%s %s: ● lo más probable, ░ posible"}, r.Clocks[i].ID, r.Clocks[i].Name)
			d.out = append(d.out, block{text: title, figure: plot})
		}
	}
	return writeText(w, d.out, opt)
}

// Files writes what each file was taken for.
func Files(w io.Writer, r *report.Report, opt TextOptions) error {
	d := &layout{r: r, l: opt.Lang}
	d.files(len(r.Evidence))
	var why []string
	for _, e := range r.Evidence {
		if e.Reason != "" {
			why = append(why, e.Path+": "+e.Kind+": "+d.phrase(e.Reason))
		}
	}
	if len(why) > 0 {
		d.out = append(d.out, block{heading: d.say(lang.Text{EN: "Why", ES: "Por qué"})}, block{bullets: why})
	}
	return writeText(w, d.out, opt)
}
