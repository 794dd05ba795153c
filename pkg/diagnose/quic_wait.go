package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var quicExtraRoundTrip = Rule{
	Name: "quic-extra-round-trip", Family: "quic",
	Title: lang.Text{EN: "QUIC's handshake paid one more round trip", ES: "El establecimiento QUIC pagó una ida y vuelta más"},
	Doc: lang.Text{
		EN: "Before the handshake went on, the server sent the client back: by Retry, to be sure of its address; by Version Negotiation, as it does not speak the version offered first; or by HelloRetryRequest, as it takes none of the key shares. The price is the time until the client came again.",
		ES: "Antes de seguir el establecimiento, el servidor mandó al cliente volver: por Retry, para asegurarse de su dirección; por Version Negotiation, por no hablar la versión ofrecida primero; o por HelloRetryRequest, por no tomar ninguna de las claves. El precio es el tiempo hasta que el cliente volvió.",
	},
	Source: "RFC 9000, sections 6 and 8.1.2; RFC 8446, section 4.1.4",
	Needs:  lang.Text{EN: "a capture with the QUIC handshake", ES: "una captura con el establecimiento QUIC"},
	Wants:  []*Want{wantQUIC},
	Refuters: []lang.Text{
		{EN: "the server took the first packets", ES: "el servidor tomó los primeros paquetes"},
	},
	Check: checkQUICExtraRoundTrip,
}

// sentBack says in words why a server made a client come again.
var sentBack = map[string]lang.Text{
	"retry":       {EN: "Retry: the server wants to be sure of the address", ES: "Retry: el servidor quiere asegurarse de la dirección"},
	"version":     {EN: "Version Negotiation: the server does not speak the version offered first", ES: "Version Negotiation: el servidor no habla la versión ofrecida primero"},
	"hello-retry": {EN: "HelloRetryRequest: none of the key shares suits the server", ES: "HelloRetryRequest: ninguna de las claves conviene al servidor"},
}

func checkQUICExtraRoundTrip(c *Case, r *Rule) []Finding {
	var found batches
	why := map[string]string{}
	for _, j := range c.open(r) {
		q, _ := quicOf(j)
		if q == nil || !q.HandshakeEnd.Seen() || !q.SecondHello.Seen() || !q.ClientHello.Seen() {
			continue
		}
		kind := ""
		switch {
		case q.Retry:
			kind = "retry"
		case q.Negotiated:
			kind = "version"
		case q.HelloRetry:
			kind = "hello-retry"
		default:
			continue
		}
		key := j.Server.String() + " " + kind
		why[key] = kind
		e := frames(j.Points[0].Capture, q.Initial.Frame, q.Answer.Frame, q.SecondHello.Frame)
		found.add(key, hit{journey: j, lost: time.Duration(q.SecondHello.Time - q.Initial.Time), evidence: e})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%d QUIC handshake{|s} with %s came again after %s (%s).",
			ES: "%d establecimiento{|s} QUIC con %s volvi{ó|eron} tras %s (%s).",
		}, len(b.hits), f.Journeys[0].Server, c.upTo(r, b), sentBack[why[b.key]].In(c.Lang))
		f.Refuters = c.doubts(r, notFound)
	})
}

var repeatTrips = &Threshold{"trips", 1.5, "times", lang.Text{EN: "round trips after a repeated packet within which the answer is one to it", ES: "idas y vueltas tras un paquete repetido dentro de las que la respuesta es a él"}}

var quicSlowHandshake = Rule{
	Name: "quic-slow-handshake", Family: "quic",
	Title: lang.Text{EN: "QUIC's handshake is slow", ES: "El establecimiento QUIC es lento"},
	Doc: lang.Text{
		EN: "The handshake took far more than its round trip. Where the client repeated its first packet and the answer came one round trip after the repetition, the first was lost on the way; where it did not repeat, or the answer came at no round trip, the server was slow to answer: computing, or a queue.",
		ES: "El establecimiento tardó mucho más que su ida y vuelta. Si el cliente repitió su primer paquete y la respuesta llegó una ida y vuelta después de la repetición, el primero se perdió en el camino; si no repitió, o la respuesta no guarda relación con la repetición, el servidor tardó en responder: cálculo, o una cola.",
	},
	Source:     "RFC 9002, section 6.2; RFC 9001, section 4",
	Needs:      lang.Text{EN: "a capture with the QUIC handshake, and a round trip to the server to compare with", ES: "una captura con el establecimiento QUIC, y una ida y vuelta al servidor con que comparar"},
	Wants:      []*Want{wantQUIC},
	Thresholds: with(weights, slowServer, usualTimes, repeatTrips, ownShare),
	Refuters: []lang.Text{
		{EN: "the server answered at once, or a capture nearer to it shows the packet that is told as lost", ES: "el servidor respondió enseguida, o una captura más cerca de él muestra el paquete que se cuenta como perdido"},
	},
	Check: checkQUICSlowHandshake,
}

// quicTrips are the shortest round trips between clients and servers that packets
// show: of TCP, of the spin bit, and of QUIC that was answered at once.
func (c *Case) quicTrips() map[[2]netip.Addr]time.Duration {
	best := map[[2]netip.Addr]time.Duration{}
	note := func(j *correlate.Journey, ns int64) {
		at := [2]netip.Addr{j.Client.Addr(), j.Server.Addr()}
		if d := time.Duration(ns); ns > 0 && (best[at] == 0 || d < best[at]) {
			best[at] = d
		}
	}
	for _, j := range c.Journeys {
		f := flow(j)
		switch {
		case f == nil:
		case f.Conn != nil:
			note(j, int64(roundTrip(j)))
		case f.QUIC != nil:
			note(j, f.QUIC.SpinRTT.Min)
			if f.QUIC.Answer.Seen() && !f.QUIC.Again.Seen() {
				note(j, f.QUIC.Answer.Time-f.QUIC.Initial.Time)
			}
		}
	}
	return best
}

func checkQUICSlowHandshake(c *Case, r *Rule) []Finding {
	var lost, late batches
	trips := c.quicTrips()
	of := 0
	for _, j := range c.open(r) {
		q, _ := quicOf(j)
		trip := trips[[2]netip.Addr{j.Client.Addr(), j.Server.Addr()}]
		if q == nil || !q.Answer.Seen() || !q.Initial.Seen() {
			continue
		}
		of++
		if trip == 0 || !q.HandshakeEnd.Seen() {
			continue
		}
		// An acknowledgement may come ahead of the hello, and be of a repeated packet.
		first, hello := time.Duration(q.Answer.Time-q.Initial.Time)-trip, q.Answer
		if q.ServerHello.Seen() && !q.Retry && !q.Negotiated && !q.HelloRetry {
			hello = q.ServerHello
		}
		wait := time.Duration(hello.Time-q.Initial.Time) - trip
		switch after := time.Duration(q.Answer.Time - q.Again.Time); {
		case q.Again.Seen() && first >= c.limit(r, felt) && float64(after) <= c.number(r, repeatTrips)*float64(trip):
			lost.add(j.Server.String(), hit{journey: j, lost: first, evidence: frames(j.Points[0].Capture, q.Initial.Frame, q.Again.Frame, q.Answer.Frame)})
		case wait >= c.limit(r, slowServer) && c.exceeds(r, usualTimes, wait, trip):
			late.add(j.Server.String(), hit{journey: j, lost: wait, evidence: frames(j.Points[0].Capture, q.Initial.Frame, q.Again.Frame, hello.Frame)})
		}
	}
	out := lost.telling(Note, Medium, func(b *batch, f *Finding) {
		c.weighed(r, &lost, b, f, of)
		f.Text = c.say(lang.Text{
			EN: "%d QUIC handshake{|s} with %s waited %s for the client's first packet to be sent again: it was lost on the way.",
			ES: "%d establecimiento{|s} QUIC con %s esper{ó|aron} %s a que el primer paquete del cliente se reenviara: se perdió en el camino.",
		}, len(b.hits), b.key, c.upTo(r, b))
		f.Refuters = c.doubts(r, c.initialAtServer(r, f.Journeys, true))
	})
	return append(out, late.telling(Note, Medium, func(b *batch, f *Finding) {
		c.weighed(r, &late, b, f, of)
		at := [2]netip.Addr{f.Journeys[0].Client.Addr(), f.Journeys[0].Server.Addr()}
		f.Text = c.say(lang.Text{
			EN: "%s needed %s to answer %d QUIC handshake{|s}, with a round trip of %s: processor or queue, not distance.",
			ES: "%s necesitó %s para responder a %d establecimiento{|s} QUIC, con una ida y vuelta de %s: procesador o cola, no distancia.",
		}, b.key, c.upTo(r, b), len(b.hits), trips[at])
		f.Refuters = c.doubts(r, c.initialAtServer(r, f.Journeys, false))
	})...)
}

// initialAtServer looks at captures of journeys that are nearer to the server: whether
// one shows a packet that was told as lost, or an answer at once where it was told as
// late.
func (c *Case) initialAtServer(r *Rule, js []*correlate.Journey, lost bool) doubt {
	state := notCollected("SERVER: tcpdump -ni any -w server.pcap 'host PEER and udp port PORT'")
	for _, j := range js {
		own, _ := quicOf(j)
		for _, p := range j.Points[1:] {
			q := p.Flow.QUIC
			if q == nil || own == nil {
				continue
			}
			state = notFound
			answered := q.Answer.Seen() && !c.exceeds(r, ownShare, time.Duration(q.Answer.Time-q.Initial.Time), time.Duration(own.Answer.Time-own.Initial.Time))
			if lost && q.Again.Seen() || !lost && answered {
				return isFound
			}
		}
	}
	return state
}
