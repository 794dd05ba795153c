package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var ownLeast = &Threshold{"least", 0.02, "s", lang.Text{EN: "smallest difference between packets and log that is a queue", ES: "menor diferencia entre paquetes y registro que es una cola"}}

var queueBeforeApp = Rule{
	Name: "queue-before-app", Family: "web",
	Title: lang.Text{EN: "The request waited before the application", ES: "La petición esperó antes de la aplicación"},
	Doc: lang.Text{
		EN: "The packets show a long wait for the first byte, but the server's own figure is short: the request waited before the server began to count. A full accept queue, busy workers, a balancer. Of a balancer that logs how long a request waited in its queue (HAProxy's Tw), that queue is named: what is behind it may take no more requests at once (maxconn).",
		ES: "Los paquetes muestran una larga espera del primer byte, pero la cifra del propio servidor es corta: la petición esperó antes de que el servidor empezara a contar. Una cola de accept llena, procesos ocupados, un balanceador. De un balanceador que anota cuánto esperó una petición en su cola (Tw de HAProxy) se nombra esa cola: lo que hay detrás no puede tomar más peticiones a la vez (maxconn).",
	},
	Source:     "nginx $request_time; listen(2); HAProxy, configuration manual, section 8.4 (Tw)",
	Needs:      lang.Text{EN: "a capture and the server's request time", ES: "una captura y el tiempo de petición del servidor"},
	Wants:      []*Want{wantRequestTimes},
	Thresholds: with(bottlenecks, ownShare, ownLeast, timerShortest, timerLongest),
	Refuters: []lang.Text{
		{EN: "the server's start instant agrees with the request's packet", ES: "el instante de inicio del servidor concuerda con el paquete de la petición"},
	},
	Check: checkQueueBeforeApp,
}

func checkQueueBeforeApp(c *Case, r *Rule) []Finding {
	var found, queued batches
	for _, j := range c.open(r) {
		t, ok := think(j)
		if wait, by, in := c.inBalancer(r, j); in && ok && c.bottleneck(r, j, t) {
			queued.add(j.Server.String(), hit{journey: j, lost: wait, evidence: append(phaseFrames(j, string(pcapflow.HTTPWait)), by...)})
			continue
		}
		d, logged := loggedDuration(j)
		if ok && logged && c.bottleneck(r, j, t) && !c.exceeds(r, ownShare, d, t) && !c.resentBetween(j, j.Exchange.RequestFirst, j.Exchange.ResponseFirst) {
			e := append(phaseFrames(j, string(pcapflow.HTTPWait)), journeyLines(j)...)
			found.add(j.Server.String(), hit{journey: j, lost: t - d, evidence: e})
		}
	}
	out := queued.telling(Note, High, func(b *batch, f *Finding) { c.queueFull(r, b, f) })
	return append(out, found.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		t, _ := think(w.journey)
		d, _ := loggedDuration(w.journey)
		f.Severity = c.loudness(r, len(b.hits), c.requests(w.journey))
		f.Text = c.say(lang.Text{
			EN: "%s kept %d request{|s} waiting, one of them %s, while its own log counts only %s: the wait was before the application (accept queue, workers, balancer).",
			ES: "%s hizo esperar %d {petición|peticiones}, una de ellas %s, mientras su propio registro cuenta solo %s: la espera fue antes de la aplicación (cola de accept, procesos, balanceador).",
		}, b.key, len(b.hits), t, d)
		f.Refuters = c.doubts(r, notFound)
		c.hidden(r, b, f)
	})...)
}

// queueFull fills in the finding about requests that a balancer kept in its queue.
func (c *Case) queueFull(r *Rule, b *batch, f *Finding) {
	w := b.worst()
	f.Severity = c.loudness(r, len(b.hits), c.requests(w.journey))
	behind, _ := upstreamTook(w.journey)
	f.Text = c.say(lang.Text{
		EN: "%s kept %d request{|s} in its queue, one of them %s by its log, until a connection to what is behind it was free; that took %s to answer then.",
		ES: "%s tuvo %d {petición|peticiones} en su cola, una de ellas %s según su registro, hasta que quedó libre una conexión con lo que hay detrás; eso tardó después %s en responder.",
	}, b.key, len(b.hits), w.lost, behind)
	f.Refuters = c.doubts(r, notFound)
}

// inBalancer tells whether the log of a balancer says that a request's wait passed in its
// queue, how long that was, and where it says so. Its figure may hold the time that the
// request took to arrive; the packets show when it had.
func (c *Case) inBalancer(r *Rule, j *correlate.Journey) (wait time.Duration, by []Evidence, ok bool) {
	t, known := think(j)
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status != "matched" || e.Process != "haproxy" || e.FirstByte < 0 || len(e.UpstreamHeader) != 1 || len(e.UpstreamConnect) != 1 {
			continue
		}
		wait = e.FirstByte - e.UpstreamHeader[0] - e.UpstreamConnect[0]
		return wait, []Evidence{lines(l.Log, l.Event)}, known && c.exceeds(r, ownShare, wait, t)
	}
	return 0, nil, false
}
