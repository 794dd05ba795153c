package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// clockView is one clock: a row for each stretch between steps.
type clockView struct {
	ID, Name, Status, Word, Proof, Path string
	Rows                                []clockViewRow
	Notes                               []string
	Plot                                bool // there is a track to draw
}

type clockViewRow struct{ At, Offset, Low, High, Drift string }

func (d *layout) clockViews(p *htmlPage) {
	worst, name := report.Seconds(0), ""
	for _, k := range d.r.Clocks {
		v := clockView{ID: foreign(k.ID, 100), Name: foreign(k.Name, longestLine), Status: known(k.Status, []string{"reference", "measured", "declared", "ambiguous", "insufficient"}), Word: foreign(d.word(k.Status), 100), Plot: len(k.Segments) > 0}
		var by []string
		for _, s := range k.Supports {
			text := fmt.Sprintf("%s %d", foreign(d.word(s.Method), 100), s.Count)
			if s.Rejected > 0 {
				text += d.say(lang.Text{EN: " (%d set aside)", ES: " (descartadas: %d)"}, s.Rejected)
			}
			by = append(by, text)
		}
		v.Proof = strings.Join(by, ", ")
		v.Path = foreign(strings.Join(k.Path, " → "), 300)
		for _, x := range clockRows(&k, false) {
			if x.Offset.Duration().Abs() > worst.Duration().Abs() {
				worst, name = x.Offset, v.Name
			}
			v.Rows = append(v.Rows, clockViewRow{clockOf(x.From), signed(x.Offset), signed(x.Low), signed(x.High), x.drift})
		}
		if k.Reason != "" {
			v.Notes = append(v.Notes, foreign(k.Reason, longestText))
		}
		for _, c := range k.Candidates {
			v.Notes = append(v.Notes, d.say(lang.Text{EN: "may be %s: %s", ES: "puede ser %s: %s"}, signed(c.Offset), foreign(c.Reason, 300)))
		}
		for _, n := range k.Notes {
			v.Notes = append(v.Notes, foreign(n, longestText))
		}
		p.Clocks = append(p.Clocks, v)
	}
	p.ClockState = d.say(lang.Text{EN: "%d clocks", ES: "%d relojes"}, len(p.Clocks))
	if name != "" {
		p.ClockState += d.say(lang.Text{EN: "; farthest off: %s by %s", ES: "; el más desviado: %s, %s"}, name, signed(worst))
	}
}
