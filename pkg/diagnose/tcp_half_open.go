package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	halfOpen      = &Threshold{"half-open", 64, "", lang.Text{EN: "connections half open, or ignored meanwhile, that speak of a full queue", ES: "conexiones a medio abrir, o ignoradas mientras tanto, que hablan de una cola llena"}}
	halfOpenLeast = &Threshold{"half-open-least", 8, "", lang.Text{EN: "how many of them must be half open", ES: "cuántas de ellas deben estar a medio abrir"}}
)

var synQueueFull = Rule{
	Name: "syn-queue-full", Family: "tcp", Absence: true,
	Title: lang.Text{EN: "SYN queue full", ES: "Cola de SYN llena"},
	Doc: lang.Text{
		EN: "Very many connections are half open at once, or the kernel says that it sends SYN cookies: a flood, or clients whose last ACK never comes. New clients may be ignored.",
		ES: "Hay muchísimas conexiones a medio abrir a la vez, o el núcleo dice que envía cookies SYN: una inundación, o clientes cuyo último ACK nunca llega. Puede que se ignore a clientes nuevos.",
	},
	Source:     "RFC 4987; Linux, tcp_syncookies in ip-sysctl",
	Needs:      lang.Text{EN: "a capture at the server, or its kernel log", ES: "una captura en el servidor, o el registro de su núcleo"},
	Wants:      []*Want{wantHandshakes, wantKernelLog},
	Thresholds: []*Threshold{halfOpen, halfOpenLeast},
	Refuters: []lang.Text{
		{EN: "few connections are half open", ES: "hay pocas conexiones a medio abrir"},
	},
	Check: checkSYNQueueFull,
}

// halfOpened is what a server's queue of SYNs shows: connections that it answered
// and whose client never did, and those whose SYN it ignored meanwhile.
type halfOpened struct {
	open, ignored batch
	capture       *incident.Capture // at the server, if any was
	from, to      int64             // from the first SYN it answered to its last SYN-ACK
}

// halfOpened finds the servers with connections half open, and the SYNs that came
// to them while these were.
func (c *Case) halfOpened() []*halfOpened {
	index := map[netip.AddrPort]*halfOpened{}
	var order []*halfOpened
	for _, j := range c.Journeys {
		n := connection(j)
		if n == nil || len(n.SYNACK) == 0 || n.ACK.Seen() || len(n.RST) > 0 {
			continue
		}
		h := index[j.Server]
		if h == nil {
			h = &halfOpened{open: batch{key: j.Server.String()}, capture: j.Points[0].Capture, from: begun(n)}
			index[j.Server], order = h, append(order, h)
		}
		h.open.hits = append(h.open.hits, hit{journey: j, evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
		if j.Points[0].Capture == h.capture {
			h.from, h.to = min(h.from, begun(n)), max(h.to, n.SYNACK[len(n.SYNACK)-1].Time)
		}
	}
	if len(order) == 0 {
		return nil
	}
	for _, j := range c.Journeys {
		if h := index[j.Server]; h != nil {
			if wait, ok := h.ignoredWithin(j); ok {
				h.ignored.hits = append(h.ignored.hits, hit{journey: j, lost: wait, evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
			}
		}
	}
	return order
}

// begun is when a connection that was answered was asked for.
func begun(n *pcapflow.Conn) int64 {
	if len(n.SYN) > 0 {
		return n.SYN[0].Time
	}
	return n.SYNACK[0].Time
}

// ignoredWithin tells whether a SYN of a journey reached the server's capture in
// that time and was not answered before it was repeated, if ever, and what that
// cost.
func (h *halfOpened) ignoredWithin(j *correlate.Journey) (time.Duration, bool) {
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil || connection(j) == nil || len(n.SYN) == 0 || len(n.RST) > 0 || p.Capture != h.capture || !atServer(p) || n.SYN[0].Time < h.from || n.SYN[0].Time > h.to {
			continue
		}
		switch {
		case len(n.SYNACK) == 0:
			return time.Duration(n.SYN[len(n.SYN)-1].Time - n.SYN[0].Time), true
		case ignoredSYN(n):
			return time.Duration(n.SYNACK[0].Time - n.SYN[0].Time), true
		}
	}
	return 0, false
}

func checkSYNQueueFull(c *Case, r *Rule) []Finding {
	var said []Evidence
	port := uint16(0)
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.KernelNotice && e.Type == "syn-flood" {
				said = append(said, lines(l, i))
				port = e.Server.Port()
			}
		}
	}
	var out []Finding
	for _, h := range c.halfOpened() {
		open, ignored := len(h.open.hits), len(h.ignored.hits)
		few := open+ignored < c.count(r, halfOpen) || open < c.count(r, halfOpenLeast)
		told := port != 0 && h.open.hits[0].journey.Server.Port() == port
		if few && !told {
			continue
		}
		h.open.hits = append(h.open.hits, h.ignored.hits...)
		f := h.open.finding(Warning, Medium)
		if told {
			f.Confidence, f.Evidence = High, merge(append(said, f.Evidence...))
		}
		f.Text = c.say(lang.Text{
			EN: "%d connection{|s} to %s stayed half open and the SYNs of %d more were ignored: its SYN queue is saturated.",
			ES: "%d {conexión|conexiones} a %s se qued{ó|aron} a medio abrir y los SYN de otras %d se ignoraron: su cola de SYN está saturada.",
		}, open, h.open.key, ignored)
		f.Refuters = c.doubts(r, foundIf(few))
		out = append(out, f)
	}
	if len(out) == 0 && len(said) > 0 {
		f := Finding{Severity: Warning, Confidence: Medium, Evidence: merge(said)}
		f.Text = c.say(lang.Text{EN: "The kernel reports SYN flooding %d time{|s} (port %d).", ES: "El núcleo informa de inundación de SYN %d {vez|veces} (puerto %d)."}, len(said), int(port))
		f.Refuters = c.doubts(r, notCollected("SERVER: ss -nt state syn-recv 'sport = :PORT' | wc -l; nstat -az TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies"))
		out = append(out, f)
	}
	return out
}
