package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// healthy is the verdict that nothing is wrong. It runs last.
var healthy = Rule{
	Name: "healthy", Family: "other",
	Title: lang.Text{EN: "Nothing abnormal", ES: "Nada anormal"},
	Doc: lang.Text{
		EN: "Every phase lies within its baseline and no rule found anything above a note. The figures show what normal looked like.",
		ES: "Todas las fases están dentro de lo normal y ninguna regla encontró nada por encima de una nota. Las cifras muestran cómo era lo normal.",
	},
	Needs:    lang.Text{EN: "a capture with at least one finished journey", ES: "una captura con al menos un recorrido terminado"},
	Wants:    []*Want{wantFinished},
	Refuters: []lang.Text{{EN: "a finding of warning or above", ES: "un hallazgo de aviso o superior"}},
	Check:    checkHealthy,
}

func checkHealthy(c *Case, r *Rule) []Finding {
	for _, f := range c.found {
		if f.Severity >= Warning && f.Confidence != NotEvaluable && tier(f) == 0 {
			return nil
		}
	}
	if c.halfSeen() {
		return nil // what the other side did is not known: not evaluable
	}
	var totals []time.Duration
	for _, j := range c.Journeys {
		if j.End.Seen() {
			totals = append(totals, j.Total())
		}
	}
	if len(totals) == 0 {
		return nil // nothing came to an end: not evaluable
	}
	slices.Sort(totals)
	text := c.say(lang.Text{
		EN: "Nothing abnormal: %d journeys, half of them within %s, 95 %% within %s.",
		ES: "Nada anormal: %d recorridos, la mitad en menos de %s, el 95 %% en menos de %s.",
	}, len(c.Journeys), quantile(totals, 0.50), quantile(totals, 0.95))
	return []Finding{{
		Severity: Info, Confidence: High, Text: text,
		Refuters: []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}},
	}}
}

// halfSeen tells whether most connections were captured in one direction only.
func (c *Case) halfSeen() bool {
	half, all := 0, 0
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.Conn == nil {
			continue
		}
		all++
		if f.Packets[pcapflow.Client] == 0 || f.Packets[pcapflow.Server] == 0 {
			half++
		}
	}
	return 2*half > all
}
