package diagnose

import (
	"math"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// A rule that rests on a packet that was not there says nothing where the capture
// did not hold all packets: of so many as it lacks, some are answers.

var ownGaps = &Threshold{"gaps", 0.002, "share", lang.Text{EN: "share of the acknowledged bytes that a capture lacks from which what does not show may be among them", ES: "parte de los bytes confirmados que le faltan a una captura desde la que lo que no se ve puede estar entre ellos"}}

// lacking is the share of the bytes of TCP that a capture never held though they were
// acknowledged: what it lacks of packets of any kind, as far as that shows. A capture
// of one direction lacks all of the other.
func (c *Case) lacking(k *incident.Capture) float64 {
	if share, ok := c.lacks[k]; ok {
		return share
	}
	share := 1.0
	if !correlate.OneWay(k) {
		var held, unseen float64
		for _, f := range k.Flows {
			if f.Conn != nil {
				held += float64(f.Payload[pcapflow.Client] + f.Payload[pcapflow.Server])
				unseen += float64(f.Conn.Count[0].AckedUnseen + f.Conn.Count[1].AckedUnseen)
			}
		}
		share = unseen / max(held+unseen, 1)
	}
	c.lacks[k] = share
	return share
}

// doubtAbsence takes what a finding says back to a note of low confidence where no
// more journeys lack a packet than the captures' own gaps leave without one.
func (c *Case) doubtAbsence(r *Rule, f *Finding) {
	if !r.Absence || f.Severity < Warning || len(f.Journeys) == 0 {
		return
	}
	share := 1.0 // the least of those that saw them
	for _, j := range f.Journeys {
		for _, p := range j.Points {
			share = min(share, c.lacking(p.Capture))
		}
	}
	if share < c.number(&captureLost, ownGaps) {
		return
	}
	service, alike := f.Journeys[0].Service, 0
	for _, j := range c.Journeys {
		if j.Service == service {
			alike++
		}
	}
	// A question and an answer may be missing; as many as that, and what chance adds.
	missing := 2 * share * float64(alike)
	most := 1 + int(missing+2*math.Sqrt(missing))
	if len(f.Journeys) > most {
		return
	}
	f.Severity, f.Confidence, f.answers = Note, Low, false
	f.Refuters = append(f.Refuters, Refuter{Status: isFound.status, Text: c.say(lang.Text{
		EN: "the captures themselves lack packets (%.1f %% of what was acknowledged): the packets that are missed here may be among them",
		ES: "a las propias capturas les faltan paquetes (%.1f %% de lo confirmado): los que aquí se echan en falta pueden estar entre ellos",
	}, 100*share)})
}
