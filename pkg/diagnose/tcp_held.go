package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var synHeld = Rule{
	Name: "syn-held", Family: "tcp",
	Title: lang.Text{EN: "SYN kept on the way", ES: "SYN retenido en el camino"},
	Doc: lang.Text{
		EN: "The first SYN was not lost: one capture saw it and its repetition as far apart as they were sent, and the next one on the way together. A router keeps packets like that while it asks for the link address of the next host (ARP, neighbour discovery).",
		ES: "El primer SYN no se perdió: una captura lo vio tan separado de su repetición como se enviaron, y la siguiente en el camino los vio juntos. Un router retiene así los paquetes mientras pregunta por la dirección de enlace del siguiente equipo (ARP, descubrimiento de vecinos).",
	},
	Source:     "RFC 4861, section 7.2.2; RFC 1122, section 2.3.2.2",
	Needs:      lang.Text{EN: "two captures of the handshake on its way", ES: "dos capturas del establecimiento TCP en su camino"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: []*Threshold{retryWait, together},
	Refuters: []lang.Text{
		{EN: "the server's capture shows the SYNs as far apart as they were sent", ES: "la captura del servidor muestra los SYN tan separados como se enviaron"},
	},
	Check: checkSYNHeld,
}

func checkSYNHeld(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		n := connection(j)
		if n == nil || len(n.SYN) < 2 || len(n.SYNACK) == 0 || oneHost(j) {
			continue
		}
		kept, let := c.keptBetween(r, j)
		if kept == nil {
			continue
		}
		key := j.Server.Addr().String() + " " + kept.Capture.Files[0].Path + " " + let.Capture.Files[0].Path
		wait := time.Duration(n.SYN[len(n.SYN)-1].Time - n.SYN[0].Time)
		found.add(key, hit{journey: j, lost: wait, evidence: append(phaseFrames(j, string(pcapflow.TCPConnect)), journeyLines(j)...)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.over = true // whose address was asked for once is known from then on
		first := b.hits[0].journey
		kept, let := c.keptBetween(r, first)
		f.Text = c.say(lang.Text{
			EN: "The first SYN to %s was kept on the way for %s on %d connection{|s}, and not lost. It passed %s when it was sent, and %s together with its repetition: between the two a router waited, as for the link address of the next host.",
			ES: "El primer SYN hacia %s fue retenido en el camino durante %s en %d {conexión|conexiones}, y no se perdió. Pasó por %s al enviarse y por %s junto con su repetición: entre las dos, un router esperó, como por la dirección de enlace del siguiente equipo.",
		}, first.Server.Addr(), c.upTo(r, b), len(b.hits), kept.Capture.Files[0].Path, let.Capture.Files[0].Path)
		f.Refuters = c.doubts(r, notFound)
	})
}

// keptBetween are the last point that saw a journey's SYNs as far apart as they were
// sent, and the first behind it that saw as many come together; nil where no two
// points show that.
func (c *Case) keptBetween(r *Rule, j *correlate.Journey) (kept, let *correlate.Point) {
	sent := len(j.Points[0].Flow.Conn.SYN)
	for i := range j.Points {
		n := j.Points[i].Flow.Conn
		if n == nil || len(n.SYN) < sent {
			continue
		}
		switch apart := time.Duration(n.SYN[len(n.SYN)-1].Time - n.SYN[0].Time); {
		case apart >= c.limit(r, retryWait):
			kept = &j.Points[i]
		case kept != nil && apart < c.limit(r, together):
			return kept, &j.Points[i]
		}
	}
	return nil, nil
}
