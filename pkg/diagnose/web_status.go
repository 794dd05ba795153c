package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var upstreamError = Rule{
	Name: "upstream-error", Family: "web",
	Title: lang.Text{EN: "The server's upstream failed", ES: "Falló el servicio de detrás"},
	Doc: lang.Text{
		EN: "The server answered 502 or 504, 503 with a word about its upstream in the error log, or broke an answer off with such a word: the application behind it refused, broke off, or took longer than the proxy waits. The error log names the upstream and the reason.",
		ES: "El servidor respondió 502 o 504, 503 con una nota sobre el servicio de detrás en el registro de errores, o interrumpió una respuesta con una nota así: la aplicación rechazó, cortó o tardó más de lo que el proxy espera. El registro de errores nombra el servicio y el motivo.",
	},
	Source: "RFC 9110, section 15.6",
	Needs:  lang.Text{EN: "the status, from the log or a clear or decrypted capture", ES: "el estado, del registro o de una captura en claro o descifrada"},
	Wants:  []*Want{wantResponses, wantAccessLog},
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
func (c *Case) upstreamStatus(status int) bool {
	return status == 502 || status == 504 || status == 503 && c.upstreamWords().said
}

// words are a log line about an upstream.
type words struct {
	evidence Evidence
	text     string
	said     bool
}

// upstreamWords finds the error log's first line about an upstream.
func (c *Case) upstreamWords() words {
	if c.upstream != nil {
		return *c.upstream
	}
	c.upstream = &words{}
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPError && (e.UpstreamTo != "" || strings.Contains(e.Text, "upstream")) {
				*c.upstream = words{lines(l, i), e.Text, true}
				return *c.upstream
			}
		}
	}
	return *c.upstream
}

// brokenOff is the cause of answers that began well and were cut.
const brokenOff = "cut"

// aboutUpstream is a line of an error log about an upstream of one request.
type aboutUpstream struct {
	log   *incident.Log
	event int
}

// linesAboutUpstreams are those of all logs, by the request's path.
func (c *Case) linesAboutUpstreams() map[string][]aboutUpstream {
	byPath := map[string][]aboutUpstream{}
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPError && e.UpstreamTo != "" && e.Path != "" {
				byPath[e.Path] = append(byPath[e.Path], aboutUpstream{l, i})
			}
		}
	}
	return byPath
}

// cutByServer tells whether a journey's answer had begun when the server ended it.
func cutByServer(j *correlate.Journey) bool {
	x := j.Exchange
	return x != nil && x.Truncated && x.Aborted == pcapflow.Server && x.ResponseFirst.Seen()
}

// upstreamCut is what the error logs say of an upstream of a journey's request.
func upstreamCut(j *correlate.Journey, byPath map[string][]aboutUpstream) (said []Evidence) {
	path := j.Exchange.Path
	for _, l := range j.Lines {
		if e := &l.Log.Events[l.Event]; path == "" && l.Status == "matched" && e.Kind == logparse.HTTPRequest {
			path = e.Path
		}
	}
	for _, w := range byPath[path] {
		if client := w.log.Events[w.event].Client.Addr(); client == j.Client.Addr() || client == j.ClientSeen.Addr() {
			said = append(said, lines(w.log, w.event))
		}
	}
	return said
}

// captureUpstream shows whether the service behind the server answered in time.
const captureUpstream = "SERVER: tcpdump -ni any -s 0 -w upstream.pcap 'UPSTREAM'"

func checkUpstreamError(c *Case, r *Rule) []Finding {
	var found batches
	var byPath map[string][]aboutUpstream // once asked for
	for _, j := range c.Journeys {
		if s := statusOf(j); c.upstreamStatus(s) {
			e := append(phaseFrames(j, string(pcapflow.HTTPSend), string(pcapflow.HTTPWait)), journeyLines(j)...)
			found.add(fmt.Sprint(s), hit{journey: j, lost: j.Total(), evidence: e})
		} else if cutByServer(j) {
			if byPath == nil {
				byPath = c.linesAboutUpstreams()
			}
			if said := upstreamCut(j, byPath); said != nil {
				found.add(brokenOff, hit{journey: j, lost: j.Total(), evidence: append(said, journeyLines(j)...)})
			}
		}
	}
	if len(found.all) > 0 {
		return found.telling(Error, High, func(b *batch, f *Finding) {
			f.Text = c.say(lang.Text{
				EN: "%d request{|s} to %s {was|were} answered %s after %s.",
				ES: "%d {petición|peticiones} a %s se respondi{ó|eron} con %s tras %s.",
			}, len(b.hits), f.Journeys[0].Server, b.key, c.upTo(r, b))
			if b.key == brokenOff {
				f.Text = c.say(lang.Text{
					EN: "%d answer{|s} of %s {was|were} broken off before the end, after %s: what stands behind it failed in the middle.",
					ES: "%d respuesta{|s} de %s se interrumpi{ó|eron} antes del final, tras %s: lo que está detrás falló a mitad.",
				}, len(b.hits), f.Journeys[0].Server, c.upTo(r, b))
			}
			if w := c.upstreamWords(); w.said {
				f.Evidence = merge(append(f.Evidence, w.evidence))
				f.Text += " " + c.say(lang.Text{EN: "The error log: %q", ES: "El registro de errores: %q"}, shorten(w.text, 160))
			}
			doubt := notCollected(captureUpstream)
			if w := c.upstreamWords(); strings.Contains(w.text, "certificate") {
				doubt = notFound // it was never asked anything that it might have answered in time
			}
			if why, proof := c.whyBehind(b); why != "" {
				f.Text += " " + why
				f.Evidence = merge(append(f.Evidence, proof...))
				doubt = notFound
			}
			f.Refuters = c.doubts(r, doubt)
		})
	}
	return c.statusLines(r, Error, captureUpstream, c.upstreamStatus, lang.Text{
		EN: "%d log line{|s} with a status of a failed upstream (%s).",
		ES: "%d línea{|s} del registro con un estado de servicio de detrás fallido (%s).",
	})
}

var (
	several = &Threshold{"answers", 3, "", lang.Text{EN: "how many 5xx answers are worth a warning", ES: "cuántas respuestas 5xx merecen un aviso"}}
	mostly  = &Threshold{"mostly", 0.5, "share", lang.Text{EN: "share of all requests that, refused alike for a reason in the error log, is worth a warning", ES: "parte de todas las peticiones que, rechazadas igual por un motivo del registro de errores, merece un aviso"}}
	oneIn   = &Threshold{"one-in", 10, "", lang.Text{EN: "and of how many requests one, at least, must have failed", ES: "y de cuántas peticiones una, al menos, debe haber fallado"}}
)

var httpError = Rule{
	Name: "http-error", Family: "web",
	Title: lang.Text{EN: "Requests answered with an error status", ES: "Peticiones respondidas con un estado de error"},
	Doc: lang.Text{
		EN: "Answers with a 4xx or 5xx status that no other rule explains. A few are ordinary; many of the same, or many 5xx, are not.",
		ES: "Respuestas con estado 4xx o 5xx que ninguna otra regla explica. Unas pocas son corrientes; muchas iguales, o muchas 5xx, no.",
	},
	Source:     "RFC 9110, section 15",
	Needs:      lang.Text{EN: "the status, from the log or a clear or decrypted capture", ES: "el estado, del registro o de una captura en claro o descifrada"},
	Wants:      []*Want{wantAccessLog},
	Thresholds: []*Threshold{several, oneIn, mostly},
	Refuters: []lang.Text{
		{EN: "the application means these answers", ES: "la aplicación responde así a propósito"},
	},
	Check: checkHTTPError,
}

func checkHTTPError(c *Case, r *Rule) []Finding {
	var out []Finding
	explained := map[*logparse.Event]bool{} // server-limit says why
	for _, a := range c.limitAnswers() {
		explained[&a.log.Events[a.event]] = true
	}
	for _, l := range c.Incident.Logs {
		own := c.ownAddresses(l)
		requests, checks := 0, 0
		byStatus := map[int][]int{}
		var order []int
		for i := range l.Events {
			e := &l.Events[i]
			if e.Kind != logparse.HTTPRequest {
				continue
			}
			if own[e.Client.Addr()] && e.Status < 400 {
				checks++ // of its own health, which no user waited for
				continue
			}
			requests++
			if e.Status < 400 || e.Status == 499 || c.upstreamStatus(e.Status) || explained[e] {
				continue
			}
			if byStatus[e.Status] == nil {
				order = append(order, e.Status)
			}
			byStatus[e.Status] = append(byStatus[e.Status], i)
		}
		for _, status := range order {
			f := c.statusFinding(r, l, status, byStatus[status], requests)
			if checks > 0 {
				f.Text += " " + c.say(lang.Text{EN: "Left out: %d request{|s} of the server to itself.", ES: "Sin contar %d {petición|peticiones} del servidor a sí mismo."}, checks)
			}
			out = append(out, f)
		}
	}
	return out
}

// ownAddresses are those under which the server of a log asks itself. It is that of a
// journey whose client the log knows: what a server behind a proxy logs has the proxy's.
func (c *Case) ownAddresses(l *incident.Log) map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	for _, j := range c.Journeys {
		for _, line := range j.Lines {
			from := line.Log.Events[line.Event].Client.Addr()
			if line.Log == l && line.Status == "matched" && (from == j.Client.Addr() || from == j.ClientSeen.Addr()) {
				own[j.Server.Addr()] = true
			}
		}
	}
	for i := range l.Events {
		if a := l.Events[i].Client.Addr(); a.IsLoopback() {
			own[a] = true
		}
	}
	return own
}

// statusFinding is about the lines of one log with one status.
func (c *Case) statusFinding(r *Rule, l *incident.Log, status int, events []int, requests int) Finding {
	f := Finding{Severity: Note, Confidence: High, Evidence: []Evidence{lines(l, events...)}}
	if status >= 500 && len(events) >= c.count(r, several) && c.count(r, oneIn)*len(events) >= requests {
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
	such := "" // a log writes no path for what was no request
	if path := l.Events[events[0]].Path; path != "" {
		such = c.say(lang.Text{EN: ", such as %s", ES: ", como %s"}, shorten(path, 60))
	}
	f.Text = c.say(lang.Text{
		EN: "%d answer{ has|s have} status %d (of %d in the log)%s.",
		ES: "%d respuesta{ tiene|s tienen} el estado %d (de %d en el registro)%s.",
	}, len(events), status, requests, such)
	if log, i := c.reasonFor(l, events); log != nil {
		f.Text += " " + c.say(lang.Text{EN: "The error log: %q", ES: "El registro de errores: %q"}, shorten(log.Events[i].Text, 160))
		f.Evidence = merge(append(f.Evidence, lines(log, i)))
		if len(events) >= c.count(r, several) && float64(len(events)) >= c.number(r, mostly)*float64(requests) {
			f.Severity = Warning
		}
	}
	f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: "SERVER: journalctl -o export WINDOW"}}
	return f
}

// reasonFor is the first line of an error log that speaks of one of the requests of
// an access log: of the same client and path, on the same clock, written near it;
// nil: none.
func (c *Case) reasonFor(l *incident.Log, events []int) (*incident.Log, int) {
	wanted := map[request][]int64{}
	for _, i := range events {
		e := &l.Events[i]
		k := request{e.Client.Addr(), e.Path}
		wanted[k] = append(wanted[k], e.Time)
	}
	near := int64(c.limit(c.rules["server-limit"], limitNear))
	for _, g := range c.Incident.Logs {
		if c.clockOf(g.File) == nil || c.clockOf(g.File) != c.clockOf(l.File) {
			continue
		}
		for i := range g.Events {
			e := &g.Events[i]
			if e.Kind != logparse.HTTPError || e.Path == "" || e.Text == "" || !grave(e.Level) {
				continue
			}
			for _, at := range wanted[request{e.Client.Addr(), e.Path}] {
				if e.Time >= at-near && e.Time <= at+near {
					return g, i
				}
			}
		}
	}
	return nil, 0
}

// grave tells whether a level of an error log is that of a failure.
func grave(level string) bool {
	switch level {
	case "info", "debug", "notice":
		return false
	}
	return true
}
