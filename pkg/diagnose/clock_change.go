package diagnose

import (
	"fmt"
	"math"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

var (
	smallestStep  = &Threshold{"smallest", 0.02, "s", lang.Text{EN: "smallest jump that is told", ES: "menor salto que se cuenta"}}
	smallestDrift = &Threshold{"smallest", 0.005, "s", lang.Text{EN: "smallest change over the incident that is told", ES: "menor cambio durante la incidencia que se cuenta"}}
	driftRate     = &Threshold{"rate", 5, "ppm", lang.Text{EN: "slowest drift that is told", ES: "deriva más lenta que se cuenta"}}
)

var clockStepped = Rule{
	Name: "clock-stepped", Family: "ntp",
	Title: lang.Text{EN: "A clock was stepped", ES: "Un reloj dio un salto"},
	Doc: lang.Text{
		EN: "The clock jumped during the incident. Its stamps before and behind the jump are on two scales: after a backward step the same second happens twice, a forward step leaves a hole.",
		ES: "El reloj saltó durante la incidencia. Sus marcas antes y después del salto están en dos escalas: tras un salto atrás el mismo segundo ocurre dos veces, uno adelante deja un hueco.",
	},
	Source:     "RFC 5905, section 12",
	Needs:      lang.Text{EN: "evidence of the clock before and behind the step", ES: "pruebas del reloj antes y después del salto"},
	Wants:      []*Want{wantClocks},
	Thresholds: []*Threshold{smallestStep},
	Refuters: []lang.Text{
		{EN: "the monotonic clock of the same host jumps as well (a gap, not a step)", ES: "el reloj monótono del mismo equipo salta también (un hueco, no un salto)"},
	},
	Check: checkClockStepped,
}

func checkClockStepped(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		for i, s := range k.Segments {
			if i == 0 || !s.StepBefore {
				continue
			}
			before := k.Segments[i-1]
			size := time.Duration(s.Offset - before.Offset)
			if size.Abs() < c.limit(r, smallestStep) {
				continue
			}
			f := Finding{Severity: Warning, Confidence: High, At: s.From - s.Offset}
			f.Text = c.say(lang.Text{
				EN: "The clock of %s jumped %s s %s: the order of events across it is split in two.",
				ES: "El reloj de %s saltó %s s %s: el orden de los sucesos a ambos lados queda partido en dos.",
			}, k.Name, fmt.Sprintf("%+.3f", size.Seconds()), c.stepTime(k, i))
			if k.Kind == "ntp-clock" {
				f.Severity = Info // the time that a daemon reckons with is nobody's stamp but its own
				f.Text = c.say(lang.Text{
					EN: "The time that the NTP daemon reckons with, %s, jumped %s s %s: it had chosen a source. The host's own clock is another matter.",
					ES: "La hora con la que cuenta el demonio NTP, %s, saltó %s s %s: había elegido una fuente. El reloj del equipo es otra cosa.",
				}, k.Name, fmt.Sprintf("%+.3f", size.Seconds()), c.stepTime(k, i))
			}
			for _, file := range k.Files {
				f.Evidence = append(f.Evidence, Evidence{File: file})
			}
			gap := notFound
			if !c.onlyWallClock(size) {
				gap = notCollected(c.onClock(k, "journalctl -o export WINDOW"))
			}
			f.Refuters = c.doubts(r, gap)
			out = append(out, f)
		}
	}
	return out
}

// stepTime says when a clock was set before its i-th segment, on the reference
// clock: the evidence often bounds it only loosely.
func (c *Case) stepTime(k *correlate.Clock, i int) string {
	from, to := k.StepTime(i)
	a, z := time.Unix(0, from).UTC().Format("15:04:05.000"), time.Unix(0, to).UTC().Format("15:04:05.000")
	if a == z {
		return c.say(lang.Text{EN: "at %s", ES: "a las %s"}, a)
	}
	return c.say(lang.Text{EN: "between %s and %s", ES: "entre las %s y las %s"}, a, z)
}

// onlyWallClock tells whether a journal, which records both clocks, shows that the
// monotonic one went on while the other jumped by size.
func (c *Case) onlyWallClock(size time.Duration) bool {
	for _, l := range c.Incident.Logs {
		last := map[string]*logparse.Event{} // by boot
		for i := range l.Events {
			e := &l.Events[i]
			if !e.HasMonotonic || e.JournalTime == 0 {
				continue
			}
			before := last[e.BootID]
			last[e.BootID] = e
			if before == nil || e.Monotonic < before.Monotonic {
				continue
			}
			jump := time.Duration(e.JournalTime - before.JournalTime - (e.Monotonic - before.Monotonic))
			if 2*(jump-size).Abs() < size.Abs() { // nearer to it than to none
				return true
			}
		}
	}
	return false
}

var clockDrift = Rule{
	Name: "clock-drift", Family: "ntp",
	Title: lang.Text{EN: "A clock drifts", ES: "Un reloj deriva"},
	Doc: lang.Text{
		EN: "The clock runs at another rate than the reference: its offset grows during the incident.",
		ES: "El reloj corre a otro ritmo que la referencia: su desfase crece durante la incidencia.",
	},
	Source:     "RFC 5905, section 3",
	Needs:      lang.Text{EN: "evidence of the clock over the whole incident", ES: "pruebas del reloj durante toda la incidencia"},
	Wants:      []*Want{wantClocks},
	Thresholds: []*Threshold{smallestDrift, driftRate},
	Refuters: []lang.Text{
		{EN: "a step fits the evidence better", ES: "un salto encaja mejor con las pruebas"},
	},
	Check: checkClockDrift,
}

func checkClockDrift(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		if k.Status != clock.Measured || len(k.Segments) == 0 || len(k.Files) == 0 {
			continue
		}
		a, z := k.Segments[0], k.Segments[len(k.Segments)-1]
		end := z.To
		first, low0, high0, _ := k.At(a.From)
		last, low1, high1, ok := k.At(end)
		if !ok || stepped(k.Segments) || (low1 <= high0 && low0 <= high1) {
			continue // the bounds at both ends overlap: it may not have drifted at all
		}
		change := time.Duration(last - first)
		ppm := float64(change) / float64(end-a.From) * 1e6
		if change.Abs() < c.limit(r, smallestDrift) || math.Abs(ppm) < c.number(r, driftRate) {
			continue
		}
		f := Finding{Severity: Note, Confidence: Medium}
		f.Text = c.say(lang.Text{
			EN: "The clock of %s drifts %s ppm: %s at the beginning, %s at the end.",
			ES: "El reloj de %s deriva %s ppm: %s al principio, %s al final.",
		}, k.Name, fmt.Sprintf("%+.0f", ppm), fmt.Sprintf("%+.3f s", float64(first)/1e9), fmt.Sprintf("%+.3f s", float64(last)/1e9))
		for _, file := range k.Files {
			f.Evidence = append(f.Evidence, Evidence{File: file})
		}
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

func stepped(segments []clock.Segment) bool {
	for _, s := range segments {
		if s.StepBefore {
			return true
		}
	}
	return false
}
