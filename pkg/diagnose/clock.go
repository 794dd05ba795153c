package diagnose

import (
	"fmt"
	"math"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var largeOffset = &Threshold{"large", 1, "s", lang.Text{EN: "smallest offset that is worth a warning", ES: "menor desfase que merece un aviso"}}

var clockOffset = Rule{
	Name: "clock-offset", Family: "ntp",
	Title: lang.Text{EN: "A clock is off", ES: "Un reloj está desviado"},
	Doc: lang.Text{
		EN: "The clock that wrote these files differs from the reference by more than its uncertainty. Without correction its lines would stand in the wrong order beside the packets.",
		ES: "El reloj que escribió estos archivos difiere de la referencia en más que su incertidumbre. Sin corrección sus líneas quedarían en mal orden junto a los paquetes.",
	},
	Source:     "RFC 5905, section 8",
	Needs:      lang.Text{EN: "NTP, keyed pairs or enough log lines that match packets", ES: "NTP, pares con clave o bastantes líneas de registro que casen con paquetes"},
	Wants:      []*Want{wantClocks},
	Thresholds: []*Threshold{smallest, largeOffset, driftRate},
	Refuters: []lang.Text{
		{EN: "zero lies inside the interval", ES: "el cero está dentro del intervalo"},
	},
	Check: checkClockOffset,
}

func checkClockOffset(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		if k.Status != clock.Measured && k.Status != clock.DeclaredOnly || len(k.Segments) == 0 || len(k.Files) == 0 {
			continue
		}
		worst, drifts := c.worstSegment(r, k)
		if worst == nil {
			continue
		}
		f := Finding{Severity: Note, Confidence: High}
		if time.Duration(worst.Offset).Abs() >= c.limit(r, largeOffset) {
			f.Severity = Warning
		}
		direction := lang.Text{EN: "ahead", ES: "adelantado"}
		if worst.Offset < 0 {
			direction = lang.Text{EN: "behind", ES: "atrasado"}
		}
		half := time.Duration(worst.High-worst.Low) / 2
		f.Text = c.say(lang.Text{
			EN: "The clock of %s is %s %s (± %s)%s%s.",
			ES: "El reloj de %s va %s %s (± %s)%s%s.",
		}, k.Name, c.exact(time.Duration(worst.Offset).Abs()), direction.In(c.Lang), half, c.driftClause(r, worst, drifts), c.partClause(k))
		for _, file := range k.Files {
			f.Evidence = append(f.Evidence, Evidence{File: file})
		}
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

// worstSegment is where the clock lay farthest from the reference, of the best
// known segments of the stretches between its steps whose interval does not hold
// zero, and whether the clock surely drifted there; nil where every one does.
func (c *Case) worstSegment(r *Rule, k *correlate.Clock) (worst *clock.Segment, drifts bool) {
	for _, stretch := range clock.Stretches(k.Segments) {
		s := &k.Segments[stretch.Best]
		if s.Low <= 0 && s.High >= 0 || time.Duration(s.Offset).Abs() < c.limit(r, smallest) {
			continue
		}
		if worst == nil || time.Duration(s.Offset).Abs() > time.Duration(worst.Offset).Abs() {
			worst, drifts = s, stretch.Drifts
		}
	}
	return worst, drifts
}

// driftClause tells of a drift where the bounds leave no doubt that there was one.
func (c *Case) driftClause(r *Rule, s *clock.Segment, drifts bool) string {
	if !drifts || math.Abs(s.Drift) < c.number(r, driftRate) {
		return ""
	}
	return c.say(lang.Text{EN: ", drifting by %s ppm", ES: ", con deriva de %s ppm"}, fmt.Sprintf("%+.0f", s.Drift))
}

// partClause says of a clock that stepped that its offset was not always the one told.
func (c *Case) partClause(k *correlate.Clock) string {
	if len(clock.Stretches(k.Segments)) < 2 {
		return ""
	}
	return c.say(lang.Text{EN: ", for a part of the time: it stepped", ES: ", parte del tiempo: dio un salto"})
}

// signed writes an offset to the millisecond, with its direction where it has one.
func signed(d time.Duration) string {
	if d = d.Round(time.Millisecond); d == 0 {
		return "0.000 s"
	}
	return fmt.Sprintf("%+.3f s", d.Seconds())
}

// exact writes an offset to the millisecond, and from two days on how many days
// that is.
func (c *Case) exact(d time.Duration) string {
	text := fmt.Sprintf("%.3f s", d.Seconds())
	if d.Abs() < 48*time.Hour {
		return text
	}
	return text + c.say(lang.Text{EN: " (%.1f days)", ES: " (%.1f días)"}, d.Hours()/24)
}
