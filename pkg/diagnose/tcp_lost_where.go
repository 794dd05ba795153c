package diagnose

import (
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// lossesOf are the losses of a journey of the kinds given.
func lossesOf(j *correlate.Journey, kinds ...string) []correlate.Loss {
	var list []correlate.Loss
	for _, l := range j.Losses {
		if slices.Contains(kinds, l.Kind) {
			list = append(list, l)
		}
	}
	return list
}

// gone are the losses of a journey that its repetitions made good.
func (r *repeats) gone(j *correlate.Journey) []correlate.Loss {
	return slices.DeleteFunc(lossesOf(j, correlate.LostData), func(l correlate.Loss) bool {
		return !slices.ContainsFunc(r.all, func(t pcapflow.Retransmission) bool { return t.Dir == l.Dir && t.Seq == l.Seq })
	})
}

// lostBetween is the sentence about the captures between which the packets of a
// batch were lost; "": no two captures tell.
func (c *Case) lostBetween(b *batch) string {
	type stretch struct{ near, far *incident.Capture } // seen from the client
	count := map[stretch]int{}
	var order []stretch
	for _, h := range b.hits {
		for _, l := range h.gone {
			s := stretch{l.Seen.Capture, l.Missed.Capture}
			if l.Dir == pcapflow.Server {
				s.near, s.far = s.far, s.near
			}
			if count[s] == 0 {
				order = append(order, s)
			}
			count[s]++
		}
	}
	var parts []string
	for _, s := range order {
		parts = append(parts, c.say(lang.Text{EN: "between %s and %s: %d", ES: "entre %s y %s: %d"}, s.near.Files[0].Path, s.far.Files[0].Path, count[s]))
	}
	if parts == nil {
		return ""
	}
	return " " + c.say(lang.Text{EN: "Lost %s.", ES: "Perdidos %s."}, strings.Join(parts, "; "))
}
