package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// phaseNames are those a budget may be given for.
var phaseNames = []pcapflow.PhaseName{
	pcapflow.DNSLookup, pcapflow.L2Resolve, pcapflow.TCPConnect, pcapflow.TLSHandshake, pcapflow.HTTPSend, pcapflow.HTTPWait, pcapflow.HTTPReceive,
	pcapflow.SSHBanner, pcapflow.SSHKex, pcapflow.SSHAuth, pcapflow.SSHSession, pcapflow.NTPExchange, pcapflow.QUICHandshake,
}

// WholeJourney stands for the length of a journey where a phase may be named.
const WholeJourney = "total"

// Baseline is what is normal.
type Baseline struct {
	Source string // the folder it was learned from; "": the incident itself
	// Phases by service and phase name ("https http.wait"), and journeys as a
	// whole ("https total"): the median and a robust spread.
	Phases map[string]Normal
}

// Normal is the distribution of one quantity among the healthy journeys.
type Normal struct {
	N             int
	P50, P95, MAD time.Duration
}

// Learn takes what is normal from journeys. A phase's normal is the distribution
// among journeys in which it worked at the first attempt; the median and the
// spread around it are robust against a minority of slow ones.
func Learn(journeys []*correlate.Journey, source string) Baseline {
	durations := map[string][]time.Duration{}
	for _, j := range journeys {
		whole := j.End.Seen() && worked(j.Outcome)
		for _, p := range j.Phases {
			if !worked(p.Outcome) || p.Attempts > 1 || !p.Begin.Seen() || !p.End.Seen() {
				whole = whole && p.Reason != "" // what was not needed does not count against it
				continue
			}
			key := j.Service + " " + string(p.Name)
			durations[key] = append(durations[key], time.Duration(p.End.Time-p.Begin.Time))
		}
		if key := j.Service + " " + WholeJourney; whole {
			durations[key] = append(durations[key], j.Total())
		}
	}
	b := Baseline{Source: source, Phases: map[string]Normal{}}
	for key, d := range durations {
		b.Phases[key] = normal(d)
	}
	return b
}

func worked(o pcapflow.Outcome) bool { return o == pcapflow.Done || o == pcapflow.Estimated }

func normal(d []time.Duration) Normal {
	slices.Sort(d)
	n := Normal{N: len(d), P50: quantile(d, 0.50), P95: quantile(d, 0.95)}
	away := make([]time.Duration, len(d))
	for i, v := range d {
		away[i] = (v - n.P50).Abs()
	}
	slices.Sort(away)
	n.MAD = quantile(away, 0.50)
	return n
}

// quantile of sorted values by the nearest rank; 0 of nothing.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Verdict is how a duration stands against what it is measured by.
type Verdict struct {
	Against string        // budget | baseline | incident; "": nothing to measure by
	Limit   time.Duration // longest that is not slow
	Slow    bool
}

var (
	// enough is for the incident itself; another folder is taken as it is.
	enough = &Threshold{"journeys", 5, "", lang.Text{EN: "healthy journeys of the incident itself that tell what is normal in it", ES: "recorridos sanos de la propia incidencia que dicen qué es normal en ella"}}
	// spread: four standard deviations of a normal distribution (1.4826 of median
	// deviation each).
	spread      = &Threshold{"spread", 6, "times", lang.Text{EN: "how many times the median deviation above the median is still normal", ES: "cuántas veces la desviación mediana por encima de la mediana es aún normal"}}
	normalTimes = &Threshold{"times", 2, "times", lang.Text{EN: "how many times the median is still normal", ES: "cuántas veces la mediana es aún normal"}}
)

// Judge measures a phase of a service, or a whole journey, against its budget,
// else against what is normal.
func (d *Diagnosis) Judge(service, phase string, took time.Duration) Verdict {
	return judge(d.Baseline, d.Budgets, d.set, service, phase, took)
}

func judge(base Baseline, budgets map[string]float64, set settings, service, phase string, took time.Duration) Verdict {
	if s, ok := budgets[phase]; ok {
		limit := time.Duration(s * float64(time.Second))
		return Verdict{"budget", limit, took > limit}
	}
	n := base.Phases[service+" "+phase]
	v := Verdict{Against: "incident"}
	if base.Source != "" {
		v.Against = "baseline"
	}
	const rule = "slower-than-normal"
	if n.N == 0 || base.Source == "" && float64(n.N) < set.or(rule, enough) {
		return Verdict{}
	}
	median := float64(n.P50)
	v.Limit = time.Duration(max(median+set.or(rule, spread)*float64(n.MAD), set.or(rule, normalTimes)*median))
	v.Slow = took > v.Limit
	return v
}

// judge measures a phase of a journey.
func (c *Case) judge(j *correlate.Journey, phase string, took time.Duration) Verdict {
	return judge(c.Baseline, c.budgets, c.set, j.Service, phase, took)
}
