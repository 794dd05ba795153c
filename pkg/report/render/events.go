package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// EventTable writes events as they come: their number is not known, so columns
// have widths of their own.
type EventTable struct {
	out *bufio.Writer
	opt TextOptions
}

// NewEventTable writes the header.
func NewEventTable(w io.Writer, opt TextOptions) *EventTable {
	t := &EventTable{bufio.NewWriterSize(w, 64<<10), opt}
	d := &layout{l: opt.Lang}
	t.row(d.say(lang.Text{EN: "time (as written, UTC)", ES: "hora (tal cual, UTC)"}), d.say(lang.Text{EN: "kind", ES: "tipo"}), d.say(lang.Text{EN: "client", ES: "cliente"}), d.say(lang.Text{EN: "result", ES: "resultado"}), d.say(lang.Text{EN: "duration", ES: "duración"}), d.say(lang.Text{EN: "what", ES: "qué"}), d.say(lang.Text{EN: "where", ES: "dónde"}))
	return t
}

// Event writes one row.
func (t *EventTable) Event(r report.EventRow) {
	at, length := "–", ""
	if r.Time != nil {
		at = strings.Replace(r.Time.String()[:23], "T", " ", 1)
	}
	if r.Zone != "" {
		at += "?" // the zone was not stated
	}
	if r.Duration != nil {
		length = span(*r.Duration)
	}
	t.row(at, r.Kind, r.Client, r.Result, length, shorten(r.What, 48), fmt.Sprintf("%s:%d", r.Evidence, r.Line))
}

// eventWidths are the columns' widths but the last one's.
var eventWidths = [...]int{24, 15, 21, 9, 9, 48}

func (t *EventTable) row(cells ...string) {
	if t.opt.Width > 0 && t.opt.Width < breadth(eventWidths[:])+comfortable {
		t.flow(cells)
		return
	}
	for i, c := range cells {
		c = Printable(c)
		t.out.WriteString(c)
		if i < len(eventWidths) {
			for n := columns(c); n < eventWidths[i]; n++ {
				t.out.WriteByte(' ')
			}
			t.out.WriteString("  ")
		}
	}
	t.out.WriteByte('\n')
}

// flow writes the cells one after the other, as many a line as fit: for terminals
// too narrow for columns.
func (t *EventTable) flow(cells []string) {
	const indent = "    "
	used := 0
	for _, c := range cells {
		if c == "" {
			continue
		}
		for i, part := range folded(Printable(c), t.opt.Width-len(indent)) {
			n := columns(part)
			switch {
			case used == 0:
			case i == 0 && used+gap+n <= t.opt.Width:
				t.out.WriteString("  ")
				used += gap
			default:
				t.out.WriteString("\n" + indent)
				used = len(indent)
			}
			t.out.WriteString(part)
			used += n
		}
	}
	t.out.WriteByte('\n')
}

// Flush writes what is left.
func (t *EventTable) Flush() error { return t.out.Flush() }

// EventSummaries writes what was counted of each log, and of all together
// where there are several.
func EventSummaries(w io.Writer, logs []report.EventSummary, all report.EventSummary, opt TextOptions) error {
	d := &layout{l: opt.Lang}
	files := &table{header: []string{d.say(lang.Text{EN: "file", ES: "archivo"}), d.say(lang.Text{EN: "kind", ES: "tipo"}), d.say(lang.Text{EN: "lines", ES: "líneas"}), d.say(lang.Text{EN: "events", ES: "eventos"}), d.say(lang.Text{EN: "problems", ES: "problemas"}), d.say(lang.Text{EN: "from", ES: "desde"}), d.say(lang.Text{EN: "to", ES: "hasta"})}, right: []bool{false, false, true, true, true, false, false}}
	for _, s := range logs {
		from, to := "–", "–"
		if s.First != nil {
			from, to = s.First.String(), s.Last.String()
		}
		files.rows = append(files.rows, []string{s.Evidence, s.Kind, fmt.Sprint(s.Lines), fmt.Sprint(s.Events), fmt.Sprint(s.Problems), from, to})
	}
	d.out = append(d.out, block{table: files})
	d.heading(lang.Text{EN: "%d events by kind", ES: "%d eventos por tipo"}, all.Events)
	kinds := &table{header: []string{d.say(lang.Text{EN: "kind", ES: "tipo"}), d.say(lang.Text{EN: "events", ES: "eventos"}), d.say(lang.Text{EN: "results", ES: "resultados"})}, right: []bool{false, true, false}}
	lengths := &table{header: []string{d.say(lang.Text{EN: "kind", ES: "tipo"}), "n", "min", "p50", "p90", "p95", "p99", "max"}, right: []bool{false, true, true, true, true, true, true, true}}
	for _, k := range all.Kinds {
		kinds.rows = append(kinds.rows, []string{k.Kind, fmt.Sprint(k.Events), resultList(k.Results)})
		if p := k.Durations; p != nil {
			lengths.rows = append(lengths.rows, []string{k.Kind, fmt.Sprint(p.Count), span(p.Min), span(p.P50), span(p.P90), span(p.P95), span(p.P99), span(p.Max)})
		}
	}
	d.out = append(d.out, block{table: kinds})
	if len(lengths.rows) > 0 {
		d.heading(lang.Text{EN: "Durations", ES: "Duraciones"})
		d.out = append(d.out, block{table: lengths})
	}
	if len(all.Hours) > 0 {
		d.heading(lang.Text{EN: "Events by hour (as written, UTC)", ES: "Eventos por hora (tal cual, UTC)"})
		d.out = append(d.out, block{table: hourTable(d, all.Hours)})
	}
	return writeText(w, d.out, opt)
}

func resultList(results []report.Result) string {
	const most = 12
	var parts []string
	for i, r := range results {
		if i == most {
			parts = append(parts, fmt.Sprintf("… +%d", len(results)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %d", r.Result, r.Events))
	}
	return strings.Join(parts, ", ")
}

// hourTable shows the first hours where there are very many.
func hourTable(d *layout, hours []report.HourCount) *table {
	const most = 24 * 7
	t := &table{header: []string{d.say(lang.Text{EN: "hour", ES: "hora"}), d.say(lang.Text{EN: "events", ES: "eventos"}), ""}, right: []bool{false, true, false}, spare: []int{2}}
	highest := int64(1)
	for _, h := range hours {
		highest = max(highest, h.Events)
	}
	for i, h := range hours {
		if i == most {
			t.rows = append(t.rows, []string{fmt.Sprintf("… +%d", len(hours)-i), "", ""})
			break
		}
		t.rows = append(t.rows, []string{strings.Replace(h.From.String()[:13], "T", " ", 1) + "h", fmt.Sprint(h.Events), strings.Repeat("█", int(float64(h.Events)/float64(highest)*30+0.5))})
	}
	return t
}
