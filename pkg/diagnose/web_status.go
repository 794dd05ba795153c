package diagnose

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

var upstreamError = Rule{
	Name: "upstream-error", Family: "web",
	Title: lang.Text{EN: "The server's upstream failed", ES: "Falló el servicio de detrás"},
	Doc: lang.Text{
		EN: "The server answered 502 or 504, or 503 with a word about its upstream in the error log: the application behind it refused, broke off, or took longer than the proxy waits. The error log names the upstream and the reason.",
		ES: "El servidor respondió 502 o 504, o 503 con una nota sobre el servicio de detrás en el registro de errores: la aplicación rechazó, cortó o tardó más de lo que el proxy espera. El registro de errores nombra el servicio y el motivo.",
	},
	Source: "RFC 9110, section 15.6",
	Needs:  lang.Text{EN: "the status, from the log or a clear or decrypted capture", ES: "el estado, del registro o de una captura en claro o descifrada"},
	Refuters: []lang.Text{
		{EN: "the upstream's own capture or log shows that it answered in time", ES: "la captura o el registro del propio servicio muestra que respondió a tiempo"},
	},
	Check: checkUpstreamError,
}

// statusOf is the answer's status: seen in packets, else in a matched line.
func statusOf(j *correlate.Journey) int {
	if j.Exchange != nil && j.Exchange.Status > 0 {
		return j.Exchange.Status
	}
	for _, l := range j.Lines {
		if e := &l.Log.Events[l.Event]; l.Status == "matched" && e.Kind == logparse.HTTPRequest && e.Status > 0 {
			return e.Status
		}
	}
	return 0
}

// upstreamStatus tells whether a status speaks of a failed upstream.
func upstreamStatus(c *Case, status int) bool {
	if status != 503 {
		return status == 502 || status == 504
	}
	_, _, said := upstreamWords(c)
	return said
}

// upstreamWords finds the error log's line about an upstream.
func upstreamWords(c *Case) (Evidence, string, bool) {
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPError && (e.UpstreamTo != "" || strings.Contains(e.Text, "upstream")) {
				return lines(l, i), e.Text, true
			}
		}
	}
	return Evidence{}, "", false
}

func checkUpstreamError(c *Case, r *Rule) []Finding {
	g := newGroups()
	for _, j := range c.Journeys {
		if s := statusOf(j); upstreamStatus(c, s) {
			g.add(fmt.Sprint(s), j)
		}
	}
	var out []Finding
	for _, group := range g.all {
		f := Finding{Severity: Error, Confidence: High, Journeys: group.journeys}
		for _, j := range group.journeys {
			f.Lost += j.Total()
			f.Evidence = append(f.Evidence, phaseFrames(j, "http.send", "http.wait")...)
			f.Evidence = append(f.Evidence, journeyLines(j)...)
		}
		f.Text = c.say(lang.Text{
			EN: "%d request{|s} to %s {was|were} answered %s after up to %s.",
			ES: "%d {petición|peticiones} a %s se respondi{ó|eron} con %s tras hasta %s.",
		}, len(group.journeys), group.journeys[0].Server, group.key, longest(group.journeys))
		if e, words, ok := upstreamWords(c); ok {
			f.Evidence = append(f.Evidence, e)
			f.Text += " " + c.say(lang.Text{EN: "The error log: %q", ES: "El registro de errores: %q"}, shorten(words, 160))
		}
		f.Evidence = merge(f.Evidence)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: "tcpdump -ni lo -w upstream.pcap 'tcp port UPSTREAM'"}}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return c.statusLines(r, Error, func(s int) bool { return upstreamStatus(c, s) }, lang.Text{
		EN: "%d log line{|s} with a status of a failed upstream (%s).",
		ES: "%d línea{|s} del registro con un estado de servicio de detrás fallido (%s).",
	})
}

var httpError = Rule{
	Name: "http-error", Family: "web",
	Title: lang.Text{EN: "Requests answered with an error status", ES: "Peticiones respondidas con un estado de error"},
	Doc: lang.Text{
		EN: "Answers with a 4xx or 5xx status that no other rule explains. A few are ordinary; many of the same, or many 5xx, are not.",
		ES: "Respuestas con estado 4xx o 5xx que ninguna otra regla explica. Unas pocas son corrientes; muchas iguales, o muchas 5xx, no.",
	},
	Source: "RFC 9110, section 15",
	Needs:  lang.Text{EN: "the status, from the log or a clear or decrypted capture", ES: "el estado, del registro o de una captura en claro o descifrada"},
	Refuters: []lang.Text{
		{EN: "the application means these answers", ES: "la aplicación responde así a propósito"},
	},
	Check: checkHTTPError,
}

func checkHTTPError(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.Incident.Logs {
		requests := 0
		byStatus := map[int][]int{}
		var order []int
		for i := range l.Events {
			e := &l.Events[i]
			if e.Kind != logparse.HTTPRequest {
				continue
			}
			requests++
			if e.Status < 400 || e.Status == 499 || upstreamStatus(c, e.Status) {
				continue
			}
			if byStatus[e.Status] == nil {
				order = append(order, e.Status)
			}
			byStatus[e.Status] = append(byStatus[e.Status], i)
		}
		for _, status := range order {
			out = append(out, c.statusFinding(r, l, status, byStatus[status], requests))
		}
	}
	return out
}

// statusFinding is about the lines of one log with one status.
func (c *Case) statusFinding(r *Rule, l *incident.Log, status int, events []int, requests int) Finding {
	f := Finding{Severity: Note, Confidence: High, Evidence: []Evidence{lines(l, events...)}}
	if status >= 500 && len(events) >= 3 && 10*len(events) >= requests {
		f.Severity = Warning
	}
	wanted := map[int]bool{}
	for _, i := range events {
		wanted[i] = true
	}
	for _, j := range c.Journeys {
		for _, line := range j.Lines {
			if line.Log == l && line.Status == "matched" && wanted[line.Event] {
				f.Journeys = append(f.Journeys, j)
				f.Evidence = append(f.Evidence, phaseFrames(j, "http.send", "http.wait")...)
				break
			}
		}
	}
	f.Evidence = merge(f.Evidence)
	f.Text = c.say(lang.Text{
		EN: "%d answer{ has|s have} status %d (of %d in the log), such as %s.",
		ES: "%d respuesta{ tiene|s tienen} el estado %d (de %d en el registro), como %s.",
	}, len(events), status, requests, shorten(l.Events[events[0]].Path, 60))
	f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected"}}
	return f
}
