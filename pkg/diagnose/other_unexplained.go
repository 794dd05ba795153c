package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	complaintShare = &Threshold{"everyday", 20, "", lang.Text{EN: "failures of fewer than one in so many journeys, or outputs of client programs, are part of any day", ES: "los fallos de menos de uno de cada tantos recorridos, o salidas de programas cliente, son de todos los días"}}
	unseenWait     = &Threshold{"unseen", 0.2, "s", lang.Text{EN: "how much longer than its packets a client says it waited for there to be a wait that nobody saw", ES: "cuánto más que sus paquetes dice un cliente que esperó para que haya una espera que nadie vio"}}
	longPhase      = &Threshold{"long", 1, "s", lang.Text{EN: "how long a phase takes that somebody may have waited for, though no rule says why", ES: "cuánto tarda una fase que alguien pudo esperar, aunque ninguna regla diga por qué"}}
)

// unexplained is why a case without a loud finding cannot be called healthy: what
// a client program printed of a failure or of a wait that no packets show, or
// journeys that failed though no finding says why. "": nothing of the kind.
func (c *Case) unexplained(r *Rule) (text string, evidence []Evidence) {
	if text, evidence = c.clientsComplain(r); text != "" {
		return text, evidence
	}
	return c.failedUnexplained(r)
}

// complaint is what is said of a client program's output, with the line it is in.
type complaint struct {
	log   *incident.Log
	event int
	words string
}

// clientsComplain looks through the output of client programs.
func (c *Case) clientsComplain(r *Rule) (string, []Evidence) {
	journeys := c.journeysOf(func(l *incident.Log) bool { return !serverSide(l) })
	var all []complaint
	outputs := 0
	for _, l := range c.Incident.Logs {
		if serverSide(l) {
			continue
		}
		outputs += len(l.Events)
		for i := range l.Events {
			j := journeys[&l.Events[i]]
			if j != nil && len(c.explained[j]) > 0 {
				continue
			}
			if words := c.complains(r, &l.Events[i], j); words != "" {
				all = append(all, complaint{l, i, words})
			}
		}
	}
	if len(all) == 0 || c.count(r, complaintShare)*len(all) < outputs {
		return "", nil
	}
	var evidence []Evidence
	for _, x := range all[:min(len(all), maxProven)] {
		evidence = append(evidence, lines(x.log, x.event))
	}
	first := all[0]
	text := c.say(lang.Text{EN: "%s, line %d: %s", ES: "%s, línea %d: %s"}, first.log.File.Path, first.log.Events[first.event].Line, first.words)
	if len(all) > 1 {
		text += c.say(lang.Text{EN: " (and %d more like it)", ES: " (y {otra|otras} %d así)"}, len(all)-1)
	}
	return text, merge(evidence)
}

// complains is what a client program says of a failure, or of a wait that the
// packets of its journey, where they were seen, do not show; "": nothing.
func (c *Case) complains(r *Rule, e *logparse.Event, j *correlate.Journey) string {
	waited := e.Duration
	switch {
	case e.Kind == logparse.ClientHTTP && e.Timing != nil:
		if e.Timing.Exit > 0 {
			return c.say(lang.Text{EN: "the client failed (exit %d%s)", ES: "el cliente falló (salida %d%s)"}, e.Timing.Exit, quoted(e.Timing.Error))
		}
		waited = e.Timing.Total
	case e.Kind == logparse.ClientDNS && e.Lookup != nil:
		if e.Lookup.NoServers {
			return c.say(lang.Text{EN: "no resolver could be reached for %s", ES: "no se alcanzó ningún servidor DNS para %s"}, e.Lookup.Name)
		}
		if e.Lookup.Timeouts > 0 {
			return c.say(lang.Text{EN: "%d attempt{|s} to look up %s timed out", ES: "%d intento{|s} de resolver %s {venció|vencieron} sin respuesta"}, e.Lookup.Timeouts, e.Lookup.Name)
		}
		waited = e.Lookup.QueryTime
	case e.Kind == logparse.ClientSSH:
		if !slices.Contains([]string{"", "accepted", "closed", "disconnected"}, e.Outcome) {
			return c.say(lang.Text{EN: "ssh failed%s", ES: "ssh falló%s"}, quoted(e.Text))
		}
		return "" // its length is its user's
	}
	seen := time.Duration(0)
	if j != nil {
		seen = j.Total()
	}
	if waited-seen < c.limit(r, unseenWait) || j == nil && waited < c.limit(r, longPhase) {
		return ""
	}
	if j == nil {
		return c.say(lang.Text{EN: "the client waited %s, and no capture shows for what", ES: "el cliente esperó %s, y ninguna captura muestra a qué"}, waited)
	}
	return c.say(lang.Text{EN: "the client waited %s, of which its packets show %s", ES: "el cliente esperó %s, de los que sus paquetes muestran %s"}, waited, seen)
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %q", shorten(text, 100))
}

// failedUnexplained looks for journeys that failed where no finding speaks of
// them.
func (c *Case) failedUnexplained(r *Rule) (string, []Evidence) {
	spoken := map[*correlate.Journey]bool{}
	for _, f := range c.found {
		for _, j := range f.Journeys {
			spoken[j] = spoken[j] || f.Rule != "dns-not-observed"
		}
	}
	var failed []*correlate.Journey
	for _, j := range c.Journeys {
		if (j.Outcome == pcapflow.Refused || j.Outcome == pcapflow.Unanswered || noDatagrams(j)) && !spoken[j] {
			failed = append(failed, j)
		}
	}
	if len(failed) == 0 || c.count(r, complaintShare)*len(failed) < len(c.Journeys) {
		return "", nil
	}
	first := failed[0]
	var evidence []Evidence
	for _, j := range failed[:min(len(failed), maxProven)] {
		if len(j.Points) > 0 {
			evidence = append(evidence, frames(j.Points[0].Capture, j.Points[0].Flow.Start.Frame, j.Points[0].Flow.End.Frame)...)
		}
	}
	return c.say(lang.Text{
		EN: "%d of %d journeys came to nothing, such as that of %s with %s",
		ES: "%d de %d recorridos quedaron en nada, como el de %s con %s",
	}, len(failed), len(c.Journeys), first.Client, first.Server), merge(evidence)
}

// noDatagrams tells whether QUIC or DTLS was answered, and no connection came of it: no
// version or nothing else in common.
func noDatagrams(j *correlate.Journey) bool {
	return slices.ContainsFunc(j.Phases, func(p correlate.Phase) bool {
		return (p.Name == pcapflow.QUICHandshake || j.Service == "dtls" && p.Name == pcapflow.TLSHandshake) && p.Outcome == pcapflow.Failed
	})
}

// longest is the longest phase that somebody may have waited for and that no
// finding explains, of more journeys than any day has; nil: none.
func (c *Case) longest(r *Rule) (j *correlate.Journey, phase *correlate.Phase) {
	long, took := 0, time.Duration(0)
	for _, x := range c.Journeys {
		p := waitedFor(x)
		if p == nil || len(c.explained[x]) > 0 {
			continue
		}
		d := time.Duration(p.End.Time - p.Begin.Time)
		if d < c.limit(r, longPhase) {
			continue
		}
		if long++; d > took {
			j, phase, took = x, p, d
		}
	}
	if c.count(r, complaintShare)*long < len(c.Journeys) {
		return nil, nil
	}
	return j, phase
}

// waitedFor is the longest phase of a journey that its client waits for: what a
// session is used for is not one.
func waitedFor(j *correlate.Journey) *correlate.Phase {
	var longest *correlate.Phase
	for i := range j.Phases {
		p := &j.Phases[i]
		if p.Name == pcapflow.SSHSession || !p.Begin.Seen() || !p.End.Seen() {
			continue
		}
		if longest == nil || p.End.Time-p.Begin.Time > longest.End.Time-longest.Begin.Time {
			longest = p
		}
	}
	return longest
}
