package diagnose

import (
	"net/http"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	silentFor = &Threshold{"idle", 2, "s", lang.Text{EN: "shortest silence of both sides before the close", ES: "menor silencio de ambos lados antes del cierre"}}
	closeNear = &Threshold{"near", 0.05, "s", lang.Text{EN: "how soon after the first packet that ends the silence the close must come, where it is encrypted", ES: "cuánto después del primer paquete que rompe el silencio debe llegar el cierre, si va cifrado"}}
	limitsOf  = &Threshold{"times", 2, "", lang.Text{EN: "how many closes after as long a silence speak of a limit", ES: "cuántos cierres tras un silencio igual de largo hablan de un límite"}}
	longerBy  = &Threshold{"longer", 1.2, "times", lang.Text{EN: "how many times the silence another one must have outlived for it to be no limit", ES: "a cuántas veces ese silencio debe haber sobrevivido otra para que no sea un límite"}}
)

var websocketIdle = Rule{
	Name: "websocket-idle", Family: "web",
	Title: lang.Text{EN: "An idle WebSocket was closed", ES: "Se cerró un WebSocket inactivo"},
	Doc: lang.Text{
		EN: "A connection that had changed to another protocol (status 101: a WebSocket) was closed after a silence of both sides, not after a word of either: a proxy's or a server's limit for idle connections (nginx: proxy_read_timeout; HAProxy: timeout tunnel). What the client writes to it later is lost. Ping more often than the limit, or raise it.",
		ES: "Una conexión que había pasado a otro protocolo (estado 101: un WebSocket) se cerró tras un silencio de ambos lados, no tras decir algo uno de ellos: el límite de un proxy o de un servidor para conexiones inactivas (nginx: proxy_read_timeout; HAProxy: timeout tunnel). Lo que el cliente escriba después se pierde. Envíe ping más a menudo que el límite, o auméntelo.",
	},
	Source:     "RFC 6455, sections 5.5.2 and 7.1",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{silentFor, closeNear, limitsOf, longerBy},
	Refuters: []lang.Text{
		{EN: "another one at the same server was silent for longer and lived on", ES: "otra en el mismo servidor estuvo más tiempo en silencio y siguió viva"},
	},
	Check: checkWebSocketIdle,
}

func checkWebSocketIdle(c *Case, r *Rule) []Finding {
	var found [2]batches
	outlived := map[string]time.Duration{}
	for _, j := range c.Journeys {
		if statusOf(j) != http.StatusSwitchingProtocols || connection(j) == nil {
			continue
		}
		f, key := flow(j), j.Server.String()
		silence := silenceOf(j)
		end, by, closed := c.closedSilent(r, f)
		if !closed {
			outlived[key] = max(outlived[key], silence)
			continue
		}
		if silence < c.limit(r, silentFor) {
			continue
		}
		h := hit{journey: j, evidence: append(frames(j.Points[0].Capture, f.Conn.Idle[0].Frame, end.Frame), journeyLines(j)...)}
		h.lost = max(writtenAfter(f, end, by), 0)
		found[by].add(key, h).mention(span(silence))
	}
	var out []Finding
	for by, all := range found {
		for _, b := range all.all {
			if f, ok := c.idleLimit(r, b, pcapflow.Dir(by), outlived[b.key]); ok {
				out = append(out, f)
			}
		}
	}
	return out
}

// closedSilent tells whether a connection's longest silence ended by its close,
// and which side closed.
func (c *Case) closedSilent(r *Rule, f *pcapflow.Flow) (end pcapflow.Stamp, by pcapflow.Dir, ok bool) {
	server, client := endOf(f.Conn, pcapflow.Server), endOf(f.Conn, pcapflow.Client)
	end, by = server, pcapflow.Server
	if !server.Seen() || client.Seen() && client.Time < server.Time {
		end, by = client, pcapflow.Client
	}
	broke := f.Conn.Idle[1]
	if !end.Seen() || !broke.Seen() {
		return end, by, false
	}
	if broke.Frame == end.Frame {
		return end, by, true
	}
	// TLS says that it closes before TCP does (RFC 8446, section 6.1).
	after := time.Duration(end.Time - broke.Time)
	return end, by, f.TLS != nil && after >= 0 && after <= c.limit(r, closeNear)
}

// writtenAfter is how long after the close of one side the other still wrote; 0:
// it did not.
func writtenAfter(f *pcapflow.Flow, end pcapflow.Stamp, by pcapflow.Dir) time.Duration {
	if last := f.LastPayload[by.Other()]; last.Seen() {
		return time.Duration(last.Time - end.Time)
	}
	return 0
}

// idleLimit tells of the closes of one side, unless others were silent for longer
// and lived on.
func (c *Case) idleLimit(r *Rule, b *batch, by pcapflow.Dir, outlived time.Duration) (Finding, bool) {
	f := b.finding(Note, Medium)
	low, high := silenceOf(b.hits[0].journey), silenceOf(b.hits[0].journey)
	vain := 0
	for _, h := range b.hits {
		low, high = min(low, silenceOf(h.journey)), max(high, silenceOf(h.journey))
		if h.lost > 0 {
			vain++
		}
	}
	if float64(outlived) > c.number(r, longerBy)*float64(low) {
		return f, false
	}
	alike := float64(high-low) < c.number(r, alikeShare)*float64(high)
	silence := span(low) + "–" + span(high)
	if alike {
		silence = span(high)
	}
	who := b.key
	if by == pcapflow.Client {
		who = f.Journeys[0].Client.Addr().String()
	}
	f.Text = c.say(lang.Text{
		EN: "%s closed %d idle WebSocket{|s} after %s in which neither side said anything.",
		ES: "%s cerró %d WebSocket{|s} inactivo{|s} tras %s sin que ningún lado dijera nada.",
	}, who, len(b.hits), silence)
	if alike && len(b.hits) >= c.count(r, limitsOf) {
		f.Text += " " + c.say(lang.Text{EN: "As long each time: that is a limit for idle connections.", ES: "Siempre igual de largo: es un límite para conexiones inactivas."})
		f.Confidence = High
	}
	if vain > 0 {
		f.Text += " " + c.say(lang.Text{
			EN: "On %d of them the other side wrote later, in vain.",
			ES: "En %d de ellos el otro lado escribió después, en vano.",
		}, vain)
		f.Severity = Warning
	}
	f.Example = b.worst().journey
	f.Refuters = c.doubts(r, notFound)
	return f, true
}

// silenceOf is the longest silence of both sides of a journey's connection.
func silenceOf(j *correlate.Journey) time.Duration {
	n := connection(j)
	return time.Duration(n.Idle[1].Time - n.Idle[0].Time)
}
