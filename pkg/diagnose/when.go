package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// A burst bounds a cause in time: journeys of one minute share more than their
// server.
var (
	burstHits  = &Threshold{"burst-hits", 3, "", lang.Text{EN: "journeys a finding must speak of to be told as one stretch of time", ES: "recorridos de los que un hallazgo debe hablar para contarse como un solo tramo"}}
	burstSpan  = &Threshold{"burst-span", 30, "s", lang.Text{EN: "shortest time the service was watched", ES: "menor tiempo que se observó el servicio"}}
	burstShare = &Threshold{"burst-share", 0.2, "share", lang.Text{EN: "largest part of it the trouble may take", ES: "mayor parte de él que puede durar el problema"}}
	burstOther = &Threshold{"burst-others", 3, "", lang.Text{EN: "journeys outside of it that went well", ES: "recorridos fuera de él que fueron bien"}}

	alikeShare = &Threshold{"alike", 0.1, "share", lang.Text{EN: "costs nearer to each other than this are told as one figure", ES: "los costes más próximos entre sí que esto se cuentan como una sola cifra"}}
)

// served is a service at one place.
type served struct {
	service string
	server  netip.AddrPort
}

// when is the clause that a finding's trouble befell one stretch of the incident
// only, while others before or behind it went well; "" where it did not, or
// where one capture alone does not tell.
func (c *Case) when(r *Rule, f *Finding) string {
	if len(f.Journeys) < c.count(r, burstHits) || len(f.Journeys[0].Points) == 0 {
		return ""
	}
	first := f.Journeys[0]
	capture := first.Points[0].Capture
	hit := make(map[*correlate.Journey]bool, len(f.Journeys))
	from, to := first.Start.Time, first.Start.Time
	for _, j := range f.Journeys {
		if len(j.Points) == 0 || j.Points[0].Capture != capture {
			return ""
		}
		hit[j] = true
		from, to = min(from, j.Start.Time), max(to, j.Start.Time)
	}
	begin, end, others := from, to, 0
	for _, j := range c.serving[served{first.Service, first.Server}] {
		if hit[j] || len(j.Points) == 0 || j.Points[0].Capture != capture {
			continue
		}
		begin, end = min(begin, j.Start.Time), max(end, j.Start.Time)
		if (j.Start.Time < from || j.Start.Time > to) && worked(j.Outcome) {
			others++
		}
	}
	whole := time.Duration(end - begin)
	if others < c.count(r, burstOther) || whole < c.limit(r, burstSpan) || float64(to-from) > c.number(r, burstShare)*float64(whole) {
		return ""
	}
	clock := func(at int64) string {
		if k := c.clockOf(capture.Files[0]); k != nil {
			if right, _, _, ok := k.Correct(at); ok {
				at = right
			}
		}
		return time.Unix(0, at).UTC().Format(time.TimeOnly)
	}
	return " " + c.say(lang.Text{
		EN: "All of it between %s and %s UTC; %d others of the %s watched, before or after, went well.",
		ES: "Todo entre las %s y las %s UTC; otros %d de los %s observados, antes o después, fueron bien.",
	}, clock(from), clock(to), others, whole)
}

// firstLine is when the first of the lines that a finding rests on was written, ns, by the
// reference clock where its own is known; 0: it rests on none, or none has a time.
func (c *Case) firstLine(f *Finding) (first int64) {
	for _, e := range f.Evidence {
		if len(e.Lines) == 0 {
			continue
		}
		for _, line := range e.Lines {
			at := c.lineTime(e.File, line)
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
	}
	return first
}

// lineTime is when a line was written, as firstLine tells it; 0: nothing says.
func (c *Case) lineTime(file *incident.File, line int) int64 {
	times := c.lineTimes[file]
	if times == nil {
		times = map[int]int64{}
		for _, l := range c.Incident.Logs {
			if l.File != file {
				continue
			}
			for i := range l.Events {
				if e := &l.Events[i]; e.HasTime && times[e.Line] == 0 {
					times[e.Line] = e.Time
				}
			}
		}
		if c.lineTimes == nil {
			c.lineTimes = map[*incident.File]map[int]int64{}
		}
		c.lineTimes[file] = times
	}
	at := times[line]
	if k := c.clockOf(file); k != nil && at != 0 {
		if right, _, _, ok := k.Correct(at); ok {
			return right
		}
	}
	return at
}
