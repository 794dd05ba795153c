package diagnose

import (
	"fmt"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var mssRewritten = Rule{
	Name: "mss-rewritten", Family: "path",
	Title: lang.Text{EN: "The MSS is rewritten on the way", ES: "El MSS se reescribe en el camino"},
	Doc: lang.Text{
		EN: "The same SYN offers another largest segment in one capture than in the next: a router, a VPN or a firewall between them clamps the MSS. That is done so that segments fit a narrower link, and by itself breaks nothing; it says where that link is, and that captures beyond it see smaller segments.",
		ES: "El mismo SYN ofrece en una captura otro segmento máximo que en la siguiente: un router, una VPN o un cortafuegos entre ambas limita el MSS. Se hace para que los segmentos quepan en un enlace más estrecho, y por sí solo no rompe nada; dice dónde está ese enlace, y que las capturas de más allá ven segmentos menores.",
	},
	Source: "RFC 4459, section 3.2; RFC 9293, section 3.7.1",
	Needs:  lang.Text{EN: "captures at two points of a path", ES: "capturas en dos puntos de un camino"},
	Wants:  []*Want{wantTwoCaptures},
	Refuters: []lang.Text{
		{EN: "both captures hold the same option", ES: "ambas capturas tienen la misma opción"},
	},
	Check: checkMSSRewritten,
}

func checkMSSRewritten(c *Case, r *Rule) []Finding {
	var found batches
	first := map[string]correlate.MSSChange{}
	for _, j := range c.Journeys {
		if j.Ordinal > 1 {
			continue
		}
		for _, x := range j.MSSChanges() {
			key := fmt.Sprint(x.Dir, x.Sent, x.Arrived, x.Seen.Capture.Files[0].Path, " ", x.Changed.Capture.Files[0].Path)
			e := append(frames(x.Seen.Capture, optionFrame(x.Seen.Flow, x.Dir)), frames(x.Changed.Capture, optionFrame(x.Changed.Flow, x.Dir))...)
			found.add(key, hit{journey: j, evidence: e})
			if _, known := first[key]; !known {
				first[key] = x
			}
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		x := first[b.key]
		offer := lang.Text{EN: "clients offer", ES: "ofrecen los clientes"}
		if x.Dir == pcapflow.Server {
			offer = lang.Text{EN: "servers offer", ES: "ofrecen los servidores"}
		}
		f.Text = c.say(lang.Text{
			EN: "Between %s and %s something rewrites the MSS that %s: %d bytes become %d, in %d connection{|s}.",
			ES: "Entre %s y %s algo reescribe el MSS que %s: %d bytes pasan a %d, en %d {conexión|conexiones}.",
		}, x.Seen.Capture.Files[0].Path, x.Changed.Capture.Files[0].Path, c.say(offer), x.Sent, x.Arrived, len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

// optionFrame is the frame that carries a side's options.
func optionFrame(f *pcapflow.Flow, d pcapflow.Dir) int {
	if d == pcapflow.Client {
		return f.Conn.SYN[0].Frame
	}
	return f.Conn.SYNACK[0].Frame
}
