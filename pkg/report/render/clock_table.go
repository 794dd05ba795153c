package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

func (d *layout) clocks() {
	if len(d.r.Clocks) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Clocks (positive: ahead of the reference)", ES: "Relojes (positivo: adelantado respecto a la referencia)"})
	d.out = append(d.out, block{table: d.clockTable(false)})
}

// clockTable has a row for each stretch between steps, of where it is known best, or
// for each segment. A drift stands there that no constant offset explains.
func (d *layout) clockTable(all bool) *table {
	when := lang.Text{EN: "at", ES: "a las"}
	if all {
		when = lang.Text{EN: "from", ES: "desde"}
	}
	t := &table{header: []string{"", d.say(lang.Text{EN: "clock", ES: "reloj"}), d.say(lang.Text{EN: "state", ES: "estado"}), d.say(when), d.say(lang.Text{EN: "offset", ES: "desfase"}), d.say(lang.Text{EN: "between", ES: "entre"}), "ppm", d.say(lang.Text{EN: "evidence", ES: "pruebas"})}, right: []bool{false, false, false, false, true, true, true, false}, yields: []int{7}, spare: []int{6}, fold: true}
	for i := range d.r.Clocks {
		k := &d.r.Clocks[i]
		var by []string
		for _, s := range k.Supports {
			by = append(by, fmt.Sprintf("%s %d", d.word(s.Method), s.Count))
		}
		proof := strings.Join(by, ", ")
		if k.Reason != "" {
			proof = strings.TrimSpace(proof + " " + d.phrase(k.Reason))
		}
		head := []string{k.ID, k.Name, d.word(k.Status)}
		if len(k.Segments) == 0 {
			t.rows = append(t.rows, append(head, "", "", "", "", proof))
		}
		for _, x := range clockRows(k, all) {
			t.rows = append(t.rows, append(head, clockOf(x.From), signed(x.Offset), signed(x.Low)+" … "+signed(x.High), x.drift, proof))
			head, proof = []string{"", "", ""}, ""
		}
	}
	return t
}

// clockRow is a segment as it is shown.
type clockRow struct {
	*report.Segment
	drift string // "" where a constant offset explains the evidence as well
}

// clockRows are all segments of a clock, or of each stretch the best known one.
func clockRows(k *report.Clock, all bool) []clockRow {
	var out []clockRow
	stretches, n := k.Stretches(), -1
	for i := range k.Segments {
		s := &k.Segments[i]
		if i == 0 || s.Step {
			n++
		}
		if !all && stretches[n].Best != i {
			continue
		}
		row := clockRow{Segment: s}
		if stretches[n].Drifts {
			row.drift = fmt.Sprintf("%+.1f", s.Drift)
		}
		out = append(out, row)
	}
	return out
}

// signed writes an offset in seconds with its sign.
func signed(s report.Seconds) string { return fmt.Sprintf("%+.6f s", float64(s)/1e9) }
