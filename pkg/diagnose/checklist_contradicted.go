package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// contradiction is what the packets say against the figures a client printed:
// the first case, and the files that hold such. "" where there is none.
func (c *Case) contradiction(says func(*Case, *correlate.Journey, *logparse.Event) string) (text string, files []*incident.File) {
	seen := map[*incident.File]bool{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if l.Status != "matched" {
				continue
			}
			words := says(c, j, &l.Log.Events[l.Event])
			if words == "" {
				continue
			}
			if text == "" {
				text = words
			}
			if !seen[l.Log.File] {
				seen[l.Log.File] = true
				files = append(files, l.Log.File)
			}
		}
	}
	return text, files
}

// digCounts: dig's Query time is its last attempt's alone.
func digCounts(c *Case, j *correlate.Journey, e *logparse.Event) string {
	if e.Kind != logparse.ClientDNS || e.Lookup == nil || e.Lookup.QueryTime < 0 || j.Lookup == nil || !j.Lookup.End.Seen() {
		return ""
	}
	waited := lookupTime(j.Lookup)
	if waited-e.Lookup.QueryTime < c.limit(c.rules["dns-retry"], misleading) {
		return ""
	}
	return c.say(lang.Text{
		EN: "dig counts its last attempt only: it says %s for %s, and its user waited %s",
		ES: "dig solo cuenta su último intento: dice %s para %s, y su usuario esperó %s",
	}, e.Lookup.QueryTime, j.Lookup.Name, waited)
}

// curlConnects: curl -w prints connect=0 when the handshake after a connection
// failed, as if there had been no connection.
func curlConnects(c *Case, j *correlate.Journey, e *logparse.Event) string {
	n := connection(j)
	if e.Kind != logparse.ClientHTTP || e.Timing == nil || e.Timing.Exit <= 0 || e.Timing.NameLookup < 0 || e.Timing.Connect > 0 || n == nil || !n.ACK.Seen() || len(n.SYN) == 0 {
		return ""
	}
	return c.say(lang.Text{
		EN: "curl says connect=0, and the connection to %s stood after %s: what came after it failed",
		ES: "curl dice connect=0, y la conexión con %s quedó establecida en %s: falló lo que vino después",
	}, j.Server, time.Duration(n.ACK.Time-n.SYN[0].Time))
}
