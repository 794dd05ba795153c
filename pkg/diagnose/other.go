package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// healthy is the verdict that nothing is wrong. It runs last.
var healthy = Rule{
	Name: "healthy", Family: "other",
	Title: lang.Text{EN: "Nothing abnormal", ES: "Nada anormal"},
	Doc: lang.Text{
		EN: "Every phase lies within its baseline and no rule found anything above a note. The figures show what normal looked like.",
		ES: "Todas las fases están dentro de lo normal y ninguna regla encontró nada por encima de una nota. Las cifras muestran cómo era lo normal.",
	},
	Needs:      lang.Text{EN: "a capture with at least one finished journey", ES: "una captura con al menos un recorrido terminado"},
	Wants:      []*Want{wantFinished},
	Thresholds: []*Threshold{complaintShare, unseenWait, longPhase},
	Refuters: []lang.Text{
		{EN: "a finding of warning or above", ES: "un hallazgo de aviso o superior"},
		{EN: "the clients' own captures or figures show failures or waits", ES: "las capturas o cifras de los propios clientes muestran fallos o esperas"},
	},
	Check: checkHealthy,
}

func checkHealthy(c *Case, r *Rule) []Finding {
	for _, f := range c.found {
		if f.Severity >= Warning && f.Confidence != NotEvaluable && tier(f) == 0 {
			return nil
		}
	}
	if c.halfSeen() {
		return nil // what the other side did is not known: not evaluable
	}
	totals, parallel := c.totals()
	if why, e := c.unexplained(r); why != "" {
		return []Finding{{
			Severity: Info, Confidence: NotEvaluable, Evidence: e, Refuters: c.doubts(r, notFound, isFound),
			Text: c.say(lang.Text{
				EN: "Whether all is well cannot be said: %s; nothing here shows why.",
				ES: "No se puede decir que todo esté bien: %s; nada de lo que hay muestra por qué.",
			}, why),
		}}
	}
	if len(totals) == 0 {
		return nil // nothing came to an end: not evaluable
	}
	slices.Sort(totals)
	f := Finding{Severity: Info, Confidence: High}
	f.Text = c.say(lang.Text{
		EN: "Nothing abnormal: %d journeys, half of them within %s, 95 %% within %s%s.",
		ES: "Nada anormal: %d recorridos, la mitad en menos de %s, el 95 %% en menos de %s%s.",
	}, len(c.Journeys), quantile(totals, 0.50), quantile(totals, 0.95), c.reservations(r, &f)+c.inParallel(parallel, &f))
	return []Finding{f}
}

// totals are how long journeys took that came to an end; parallel counts those of
// which only a bound is known, as their answers are not told apart. Where there are
// no others, the bounds stand.
func (c *Case) totals() (list []time.Duration, parallel int) {
	var bounds []time.Duration
	for _, j := range c.Journeys {
		// Of answers without their questions nobody knows how long they took.
		if !j.End.Seen() || !slices.ContainsFunc(j.Phases, func(p correlate.Phase) bool { return p.Begin.Seen() && p.Begin != p.End }) {
			continue
		}
		if j.Exchange != nil && j.Exchange.Undecided {
			bounds = append(bounds, j.Total())
		} else {
			list = append(list, j.Total())
		}
	}
	if len(list) == 0 {
		return bounds, len(bounds)
	}
	return list, len(bounds)
}

// inParallel is the clause about answers of parallel streams, where most are.
func (c *Case) inParallel(n int, f *Finding) string {
	if n <= len(c.Journeys)-n {
		return ""
	}
	f.Confidence = min(f.Confidence, Medium)
	return c.say(lang.Text{
		EN: "; of %d, encrypted and in parallel on their connections, how long each took does not show",
		ES: "; de %d, cifrados y en paralelo en sus conexiones, no se ve cuánto tardó cada uno",
	}, n)
}

// reservations is the clause about what a healthy case does not show, with what
// it takes of the confidence in it.
func (c *Case) reservations(r *Rule, f *Finding) string {
	text, clients := "", notFound
	atServers, cut := 0, 0
	for _, j := range c.Journeys {
		if atServerOnly(j) {
			atServers++
		}
		if j.Contentless() {
			cut++
		}
	}
	if cut > 0 {
		f.Confidence = Medium
		text += c.say(lang.Text{
			EN: "; of %d the captures hold little more than headers: what was asked there, and how long the answer took, does not show",
			ES: "; de %d las capturas contienen poco más que cabeceras: qué se pidió en ellos, y cuánto tardó la respuesta, no se ve",
		}, cut)
	}
	spoke := slices.ContainsFunc(c.Incident.Logs, func(l *incident.Log) bool { return !serverSide(l) && len(l.Events) > 0 })
	if 2*atServers > len(c.Journeys) && !spoke {
		clients = notCollected("CLIENT: tcpdump -ni any -w client.pcap 'host SERVER or port 53'; CLIENT: TIMING")
		f.Confidence = Medium
		text += c.say(lang.Text{
			EN: "; as seen at the servers alone: what never reached them, and what clients waited for before, does not show",
			ES: "; visto solo desde los servidores: lo que no llegó a ellos, y lo que los clientes esperaron antes, no se ve",
		})
	}
	if j, p := c.longest(r); j != nil {
		f.Confidence = Medium
		f.Evidence = phaseFrames(j, string(p.Name))
		text += c.say(lang.Text{
			EN: "; the longest phase, %s of %s with %s, took %s, and no rule says why",
			ES: "; la fase más larga, %s de %s con %s, tardó %s, y ninguna regla dice por qué",
		}, p.Name, j.Client, j.Server, time.Duration(p.End.Time-p.Begin.Time))
	}
	f.Refuters = c.doubts(r, notFound, clients)
	return text
}

// halfSeen tells whether most connections were captured in one direction only.
func (c *Case) halfSeen() bool {
	half, all := 0, 0
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.Conn == nil {
			continue
		}
		all++
		if f.Packets[pcapflow.Client] == 0 || f.Packets[pcapflow.Server] == 0 {
			half++
		}
	}
	return 2*half > all
}
