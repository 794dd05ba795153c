package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	queueWait  = &Threshold{"wait", 0.5, "s", lang.Text{EN: "shortest delay of a connection that a full queue explains", ES: "menor retraso de una conexión que una cola llena explica"}}
	queueAgain = &Threshold{"again", 0.25, "s", lang.Text{EN: "how long after the last ACK of the handshake a SYN-ACK must be repeated", ES: "cuánto después del último ACK del establecimiento debe repetirse un SYN-ACK"}}
	queueDefer = &Threshold{"defer", 2, "s", lang.Text{EN: "how late a SYN-ACK is first repeated to a silent client where the server waits for its data", ES: "cuánto tarda en repetirse el primer SYN-ACK a un cliente callado si el servidor espera sus datos"}}
	queueNear  = &Threshold{"near", 5, "s", lang.Text{EN: "how near in time another connection was served while one was ignored", ES: "cómo de cerca en el tiempo se atendió otra conexión mientras una se ignoraba"}}
)

var acceptQueueFull = Rule{
	Name: "accept-queue-full", Family: "tcp",
	Title: lang.Text{EN: "Accept queue full", ES: "Cola de accept llena"},
	Doc: lang.Text{
		EN: "The kernel answered SYNs, but the process did not accept() the connections: its queue filled up. The server then ignores SYNs and last ACKs and repeats its SYN-ACK; accepted connections wait in the queue. To the client some look like loss, some like slow TLS; the server's own log counts only milliseconds. Find what kept the process from accepting; a longer backlog (listen, net.core.somaxconn) only buys time.",
		ES: "El núcleo respondió a los SYN, pero el proceso no hizo accept() de las conexiones: su cola se llenó. El servidor ignora entonces SYN y últimos ACK y repite su SYN-ACK; las conexiones aceptadas esperan en la cola. Al cliente unas le parecen pérdidas y otras TLS lento; el registro del propio servidor cuenta solo milisegundos. Busque qué impidió al proceso aceptar; un backlog mayor (listen, net.core.somaxconn) solo da un respiro.",
	},
	Source:     "listen(2); Linux, tcp_abort_on_overflow in ip-sysctl",
	Needs:      lang.Text{EN: "a capture at the server, or ss -lnt and nstat from it; a client's capture alone shows repeated SYN-ACKs", ES: "una captura en el servidor, o ss -lnt y nstat de este; la captura del cliente sola muestra SYN-ACK repetidos"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: []*Threshold{queueWait, queueNear, queueAgain, queueDefer, roundTrips, ownShare},
	Refuters: []lang.Text{
		{EN: "the last ACK of the handshake never reached the server", ES: "el último ACK del establecimiento nunca llegó al servidor"},
		{EN: "ListenOverflows stays 0 and Recv-Q below Send-Q", ES: "ListenOverflows sigue en 0 y Recv-Q por debajo de Send-Q"},
	},
	Check: checkAcceptQueueFull,
}

// pressed is what speaks of a full accept queue at one server.
type pressed struct {
	server       netip.AddrPort
	journeys     []*correlate.Journey // first requests of their connections
	again        []*correlate.Journey // SYN-ACK repeated though the ACK had come
	atServer     bool                 // the repetition was seen where the ACK had arrived
	local        bool                 // client and server are one host: nothing between them loses a SYN
	ignored      []*correlate.Journey // SYNs that arrived and were not answered in time
	waited       []*correlate.Journey // taken, and kept waiting for the first byte
	resentSYN    []*correlate.Journey // SYNs repeated, as far as any capture tells
	served       []int64              // when SYNs were answered
	from, to     int64                // of the signs
	said         []Evidence
	known, quiet bool // the host's counters are there; and show nothing
	numbers      string
}

func checkAcceptQueueFull(c *Case, r *Rule) []Finding {
	index := map[netip.AddrPort]*pressed{}
	var order []*pressed
	for _, j := range c.open(r) {
		if connection(j) == nil {
			continue
		}
		q := index[j.Server]
		if q == nil {
			q = &pressed{server: j.Server}
			index[j.Server] = q
			order = append(order, q)
		}
		c.press(r, q, j)
	}
	var out []Finding
	for _, q := range order {
		c.listenState(q)
		if f, ok := c.queueFinding(r, q); ok {
			out = append(out, f)
		}
	}
	return out
}

// press notes what one connection tells.
func (c *Case) press(r *Rule, q *pressed, j *correlate.Journey) {
	q.journeys = append(q.journeys, j)
	sign := false
	q.local = oneHost(j)
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil || len(n.SYN) == 0 {
			continue
		}
		if len(n.SYNACK) > 0 {
			q.served = append(q.served, n.SYNACK[0].Time)
		}
		here := q.local || atServer(p)
		last := len(n.SYNACK) - 1
		if n.ACK.Seen() && last > 0 && n.SYNACK[last].Time > n.ACK.Time+int64(c.limit(r, queueAgain)) && !c.deferred(r, p.Flow) {
			sign = true
			q.again = appendOnce(q.again, j)
			q.atServer = q.atServer || here
		}
		if ignoredSYN(n) {
			q.resentSYN = appendOnce(q.resentSYN, j)
			if here {
				q.ignored = appendOnce(q.ignored, j)
			}
		}
	}
	if c.keptWaiting(r, j) {
		q.waited = append(q.waited, j)
	}
	if sign {
		n := connection(j)
		if q.from == 0 || n.SYN[0].Time < q.from {
			q.from = n.SYN[0].Time
		}
		q.to = max(q.to, j.End.Time)
	}
}

// oneHost tells whether client and server of a journey have one address: what they
// send each other passes no network.
func oneHost(j *correlate.Journey) bool { return j.Client.Addr() == j.Server.Addr() }

// deferred tells whether a SYN-ACK was repeated for want of data: a server with
// TCP_DEFER_ACCEPT ignores the ACK of a client that sends nothing, repeats its
// SYN-ACK once the time for it is over, and then takes the connection (tcp(7)).
// One whose queue is full repeats it after the first timer of 1 s.
func (c *Case) deferred(r *Rule, f *pcapflow.Flow) bool {
	n, data := f.Conn, f.FirstPayload[pcapflow.Client]
	if data.Seen() && data.Time < n.SYNACK[len(n.SYNACK)-1].Time {
		return false
	}
	again := n.SYNACK[slices.IndexFunc(n.SYNACK, func(s pcapflow.Stamp) bool { return s.Time > n.ACK.Time })]
	return time.Duration(again.Time-n.SYNACK[0].Time) > c.limit(r, queueDefer)
}

// appendOnce adds a journey to a list that it ends, if it is there at all.
func appendOnce(list []*correlate.Journey, j *correlate.Journey) []*correlate.Journey {
	if n := len(list); n > 0 && list[n-1] == j {
		return list
	}
	return append(list, j)
}

// keptWaiting tells whether a connection stood at once and then heard nothing
// for long, while the server's own log counts little or nothing.
func (c *Case) keptWaiting(r *Rule, j *correlate.Journey) bool {
	f := flow(j)
	if !f.Conn.ACK.Seen() || !f.FirstPayload[pcapflow.Client].Seen() {
		return false
	}
	end := f.FirstPayload[pcapflow.Server]
	if !end.Seen() {
		end = f.End
	}
	wait := time.Duration(end.Time - f.FirstPayload[pcapflow.Client].Time)
	if d, ok := loggedDuration(j); ok && c.exceeds(r, ownShare, d, wait) {
		return false
	}
	return wait >= c.limit(r, queueWait) && c.exceeds(r, roundTrips, wait, roundTrip(j))
}

// told is a line that tells of its host.
type told struct {
	log   *incident.Log
	event int
}

// hostStates lists what the kernel said of its queues and what ss, nstat and
// their like printed.
func (c *Case) hostStates() []told {
	if c.states == nil {
		c.states = []told{}
		for _, l := range c.Incident.Logs {
			for i := range l.Events {
				if k := l.Events[i].Kind; k == logparse.HostState || k == logparse.KernelNotice {
					c.states = append(c.states, told{l, i})
				}
			}
		}
	}
	return c.states
}

// listenState looks for the counters and the listening socket in what ss and
// nstat printed, and for the kernel's words.
func (c *Case) listenState(q *pressed) {
	for _, at := range c.hostStates() {
		l, i := at.log, at.event
		e := &l.Events[i]
		switch {
		case e.Kind == logparse.KernelNotice && e.Type == "listen-overflow":
			q.said = append(q.said, lines(l, i))
			q.known = true
		case e.Kind != logparse.HostState:
		case e.Process == "ss" && e.Outcome == "LISTEN" && e.Server.Port() == q.server.Port():
			waiting, room := value(e, "recv-q"), value(e, "send-q")
			q.known = true
			if waiting > room && room > 0 {
				q.said = append(q.said, lines(l, i))
				q.numbers = c.say(lang.Text{EN: "; ss shows %d connections waiting where %d have room", ES: "; ss muestra %d conexiones esperando donde caben %d"}, int(waiting), int(room))
			}
		case e.Process == "nstat":
			n := max(value(e, "TcpExtListenOverflows"), value(e, "ListenOverflows"))
			q.known = true
			if n > 0 {
				q.said = append(q.said, lines(l, i))
				if q.numbers == "" {
					q.numbers = c.say(lang.Text{EN: "; nstat counts %d overflow{|s} of listen queues", ES: "; nstat cuenta %d desbordamiento{|s} de colas de escucha"}, int(n))
				}
			}
		}
	}
	q.quiet = q.known && len(q.said) == 0
}

// value of a number in a HostState record; -1: it is not there.
func value(e *logparse.Event, name string) float64 {
	for _, v := range e.Values {
		if v.Name == name {
			return v.Number
		}
	}
	return -1
}

// queueFinding weighs the signs of one server.
func (c *Case) queueFinding(r *Rule, q *pressed) (Finding, bool) {
	pressure := len(q.ignored) > 0 && c.servedNear(r, q)
	confidence := NotEvaluable
	switch {
	case len(q.said) > 0 && len(q.again)+len(q.ignored) > 0:
		confidence = High
	case len(q.again) > 0 && (q.atServer || len(q.ignored) > 0):
		confidence = High
	case len(q.said) > 0 && len(q.waited)+len(q.resentSYN) > 0:
		confidence = Medium
	case pressure && (q.local || len(q.waited) > 0), len(q.waited) > 1 && len(q.resentSYN) > 1, len(q.again) > 1, len(q.again) == 1 && len(q.waited)+len(q.resentSYN) > 1:
		confidence = Medium
	}
	if confidence == NotEvaluable || q.quiet {
		return Finding{}, false
	}
	var b batch
	hurt := map[*correlate.Journey]bool{}
	for _, list := range [][]*correlate.Journey{q.again, q.waited, q.resentSYN} {
		for _, j := range list {
			hurt[j] = true
		}
	}
	for _, j := range q.journeys {
		if hurt[j] {
			b.hits = append(b.hits, hit{journey: j, lost: c.queued(j), evidence: c.queueFrames(j)})
		}
	}
	f := b.finding(Error, confidence)
	w := b.worst()
	f.Evidence = merge(append(f.Evidence, q.said...))
	f.Text = c.say(lang.Text{
		EN: "The accept queue of %s was full: %d connection{|s} waited up to %s (%d in the queue, %d whose SYN was ignored, %d whose SYN-ACK was repeated although the ACK had come)%s; the process did not accept them in time.",
		ES: "La cola de accept de %s estaba llena: %d {conexión esperó|conexiones esperaron} hasta %s (%d en la cola, %d con el SYN ignorado, %d con el SYN-ACK repetido aunque había llegado el ACK)%s; el proceso no las aceptó a tiempo.",
	}, q.server, len(b.hits), w.lost, len(q.waited), len(q.resentSYN), len(q.again), q.numbers)
	state := notCollected("SERVER: ss -lnt 'sport = :PORT'; nstat -az TcpExtListenOverflows TcpExtListenDrops")
	if q.known {
		state = notFound
	}
	arrived := notCollected("SERVER: tcpdump -ni any -w server.pcap 'tcp port PORT'")
	if q.atServer || len(q.ignored) > 0 {
		arrived = notFound
	}
	f.Refuters = c.doubts(r, arrived, state)
	return f, true
}

// queued is what the queue cost a connection: from its first SYN to the first
// byte of the server, less what the network takes.
func (c *Case) queued(j *correlate.Journey) time.Duration {
	f := flow(j)
	end := f.FirstPayload[pcapflow.Server]
	if !end.Seen() {
		end = f.End
	}
	return max(time.Duration(end.Time-f.Conn.SYN[0].Time)-2*roundTrip(j), 0)
}

// queueFrames are the handshake and the first bytes of each side, at every
// point.
func (c *Case) queueFrames(j *correlate.Journey) []Evidence {
	var out []Evidence
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil {
			continue
		}
		numbers := []int{n.ACK.Frame, p.Flow.FirstPayload[0].Frame, p.Flow.FirstPayload[1].Frame}
		for _, s := range append(slices.Clone(n.SYN), n.SYNACK...) {
			numbers = append(numbers, s.Frame)
		}
		out = append(out, frames(p.Capture, numbers...)...)
	}
	return out
}

// servedNear tells whether the server answered other SYNs near those that it
// ignored: a filter or a dead host would not.
func (c *Case) servedNear(r *Rule, q *pressed) bool {
	for _, j := range q.ignored {
		for _, p := range j.Points {
			if p.Flow.Conn == nil || len(p.Flow.Conn.SYN) == 0 {
				continue
			}
			for _, at := range q.served {
				if time.Duration(at-p.Flow.Conn.SYN[0].Time).Abs() <= c.limit(r, queueNear) {
					return true
				}
			}
		}
	}
	return false
}
