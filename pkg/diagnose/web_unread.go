package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// slowUnread tells whether the log says that an application was slow with a request
// of which the captures hold headers alone, and by how much: its own figure, since a
// web server's may be the client's slow reading. Data must have passed for as long,
// mostly because of it, and nothing of it twice.
func (c *Case) slowUnread(r *Rule, j *correlate.Journey) (time.Duration, bool) {
	if !j.Contentless() {
		return 0, false
	}
	f := flow(j)
	from, to := f.FirstPayload[pcapflow.Client], f.LastPayload[pcapflow.Server]
	if !from.Seen() || !to.Seen() || f.Conn.Count[pcapflow.Client].Retransmitted+f.Conn.Count[pcapflow.Server].Retransmitted > 0 {
		return 0, false
	}
	d, known := applicationTook(j)
	passed := time.Duration(to.Time - from.Time)
	return d, known && d <= passed && d >= c.limit(r, slowServer) && c.exceeds(r, mainShare, d, passed) && c.exceeds(r, roundTrips, d, roundTrip(j))
}

// applicationTook is how long the application took for a request, as it says itself
// or as the server in front of it does.
func applicationTook(j *correlate.Journey) (time.Duration, bool) {
	for _, l := range j.Lines {
		if e := &l.Log.Events[l.Event]; l.Status == "matched" && e.Kind == logparse.AppRequest && e.Duration >= 0 && !e.CoarselyTimed() {
			return e.Duration, true
		}
	}
	return upstreamTook(j)
}

// slowByLog fills in the finding about such requests.
func (c *Case) slowByLog(r *Rule, b *batch, f *Finding) {
	all := 0
	for _, j := range c.Journeys {
		if j.Server == b.worst().journey.Server && (j.Exchange != nil || j.Contentless()) {
			all++
		}
	}
	f.Severity = c.loudness(r, len(b.hits), all)
	f.Text = c.say(lang.Text{
		EN: "The application of %s took %s to answer, by the log (%d request{|s}); of these connections the captures hold headers alone, which show that nothing was sent twice and that data passed for as long.",
		ES: "La aplicación de %s tardó %s en responder, según el registro (%d {petición|peticiones}); de estas conexiones las capturas contienen solo cabeceras, que muestran que nada se envió dos veces y que pasaron datos durante todo ese tiempo.",
	}, b.key, c.upTo(r, b), len(b.hits))
	f.Refuters = c.doubts(r, notFound, notFound, notFound)
}
