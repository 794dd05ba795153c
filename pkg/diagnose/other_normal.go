package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// slowerThanNormal speaks where somebody said what is normal: a budget of the
// case file, or another folder. The incident's own normal is in the sentences of
// the rules that say why.
var slowerThanNormal = Rule{
	Name: "slower-than-normal", Family: "other", Answers: true,
	Title: lang.Text{EN: "Slower than the budget or the baseline", ES: "Más lento que lo presupuestado o lo habitual"},
	Doc: lang.Text{
		EN: "Phases, or whole journeys, took longer than the budget the case file gives them, or than in the folder given with --baseline. It says that, not why: the other findings about the same journeys do.",
		ES: "Fases, o recorridos enteros, tardaron más que lo presupuestado en el archivo del caso, o que en la carpeta dada con --baseline. Dice que es así, no por qué: eso lo dicen los demás hallazgos sobre los mismos recorridos.",
	},
	Source:     "the case file (budgets), or --baseline",
	Needs:      lang.Text{EN: "a budget in the case file, or --baseline FOLDER", ES: "un presupuesto en el archivo del caso, o --baseline CARPETA"},
	Wants:      []*Want{wantLimit},
	Thresholds: []*Threshold{everyday, enough, spread, normalTimes},
	Refuters: []lang.Text{
		{EN: "another finding explains these journeys", ES: "otro hallazgo explica estos recorridos"},
		{EN: "what they took lies within the budget or the baseline", ES: "lo que tardaron cabe en lo presupuestado o lo habitual"},
	},
	Check: checkSlowerThanNormal,
}

func checkSlowerThanNormal(c *Case, r *Rule) []Finding {
	if len(c.budgets) == 0 && c.Baseline.Source == "" {
		return nil
	}
	var found batches
	limits := map[string]Verdict{}
	phases := map[string]string{}
	all := map[string]int{}
	measure := func(j *correlate.Journey, phase string, took time.Duration, evidence []Evidence) {
		v := c.judge(j, phase, took)
		key := j.Service + " " + phase
		all[key]++
		if v.Slow && v.Against != "incident" {
			limits[key], phases[key] = v, phase
			found.add(key, hit{journey: j, lost: took - v.Limit, evidence: evidence})
		}
	}
	for _, j := range c.Journeys {
		for i := range j.Phases {
			p := &j.Phases[i]
			if took, ok := phaseTime(j, p.Name); ok {
				measure(j, string(p.Name), took, phaseFrames(j, string(p.Name)))
			}
		}
		if j.End.Seen() {
			measure(j, WholeJourney, j.Total(), nil)
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		v, phase := limits[b.key], phases[b.key]
		what := c.say(lang.Text{EN: "the budget", ES: "lo presupuestado"})
		if v.Against == "baseline" {
			what = c.say(lang.Text{EN: "normal in %s", ES: "lo normal en %s"}, c.Baseline.Source)
		}
		if phase == WholeJourney {
			phase = c.say(lang.Text{EN: "the whole journey", ES: "el recorrido entero"})
		}
		f.Severity = c.loudness(r, len(b.hits), all[b.key])
		f.Text = c.say(lang.Text{
			EN: "%d of %d journey{|s} (%s) took longer over %s than %s, %s: up to %s more.",
			ES: "%d de %d recorrido{|s} (%s) tard{ó|aron} más en %s que %s, %s: hasta %s más.",
		}, len(b.hits), all[b.key], b.hits[0].journey.Service, phase, what, v.Limit, b.worst().lost)
		explained := true
		for _, h := range b.hits {
			explained = explained && len(c.explained[h.journey]) > 0
		}
		f.Refuters = c.doubts(r, foundIf(explained), notFound)
	})
}
