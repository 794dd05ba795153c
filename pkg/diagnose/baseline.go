package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// learn takes what is normal from the incident itself. A phase's normal is the
// distribution among journeys in which it worked at the first attempt; the
// median and the spread around it are robust against a minority of slow ones.
func learn(journeys []*correlate.Journey) Baseline {
	durations := map[string][]time.Duration{}
	for _, j := range journeys {
		for _, p := range j.Phases {
			if p.Outcome != pcapflow.Done && p.Outcome != pcapflow.Estimated || p.Attempts > 1 || !p.Begin.Seen() || !p.End.Seen() {
				continue
			}
			key := j.Service + " " + string(p.Name)
			durations[key] = append(durations[key], time.Duration(p.End.Time-p.Begin.Time))
		}
	}
	b := Baseline{Phases: map[string]Normal{}}
	for key, d := range durations {
		b.Phases[key] = normal(d)
	}
	return b
}

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

// Normal of a phase of a service; false where no journey shows it.
func (b Baseline) Normal(service string, phase pcapflow.PhaseName) (Normal, bool) {
	n, ok := b.Phases[service+" "+string(phase)]
	return n, ok
}
