package diagnose

import (
	"fmt"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

var upstreamError = Rule{
	Name: "upstream-error", Family: "web",
	Title: lang.Text{EN: "The server's upstream failed", ES: "Falló el servicio de detrás"},
	Doc: lang.Text{
		EN: "The server answered 502, 503 or 504: the application behind it refused, broke off, or took longer than the proxy waits. The error log names the upstream and the reason.",
		ES: "El servidor respondió 502, 503 o 504: la aplicación de detrás rechazó, cortó o tardó más de lo que el proxy espera. El registro de errores nombra el servicio y el motivo.",
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

func checkUpstreamError(c *Case, r *Rule) []Finding {
	g := newGroups()
	for _, j := range c.Journeys {
		if s := statusOf(j); s >= 502 && s <= 504 {
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
		reason := upstreamReason(c, &f)
		f.Evidence = merge(f.Evidence)
		j := group.journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%d requests to %s were answered %s after up to %s%s.",
			ES: "%d peticiones a %s se respondieron con %s tras hasta %s%s.",
		}, len(group.journeys), j.Server, group.key, longest(group.journeys), reason)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: "tcpdump -ni lo -w upstream.pcap 'tcp port UPSTREAM'"}}
		out = append(out, f)
	}
	return out
}

// upstreamReason quotes the error log's words for it, and adds the line to the
// evidence.
func upstreamReason(c *Case, f *Finding) string {
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			e := &l.Events[i]
			if e.Kind == logparse.HTTPError && e.UpstreamTo != "" {
				f.Evidence = append(f.Evidence, lines(l, i))
				return c.say(lang.Text{EN: "; the error log: %q", ES: "; el registro de errores: %q"}, shorten(e.Text, 160))
			}
		}
	}
	return ""
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
