package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	longestPath = &Threshold{"hops", 32, "", lang.Text{EN: "more hops than this are a circle, and no path", ES: "más saltos que estos son un círculo, no un camino"}}
	risingTTLs  = &Threshold{"ttls", 3, "", lang.Text{EN: "so many different times to live towards one host count its hops (traceroute)", ES: "tantos tiempos de vida distintos hacia un equipo cuentan sus saltos (traceroute)"}}
)

var routingLoop = Rule{
	Name: "routing-loop", Family: "path",
	Title: lang.Text{EN: "Packets go in circles", ES: "Los paquetes dan vueltas"},
	Doc: lang.Text{
		EN: "A router answered with ICMP that a packet's time to live ran out, after more hops than any path has: routers send what is for that address to one another. The server never saw it. The router that says so is one of them; its route to that address is wrong, or its neighbour's.",
		ES: "Un router respondió por ICMP que se acabó el tiempo de vida de un paquete, tras más saltos de los que tiene camino alguno: unos routers se pasan entre sí lo que va a esa dirección. El servidor nunca lo vio. El router que lo dice es uno de ellos; su ruta hacia esa dirección está mal, o la de su vecino.",
	},
	Source:     "RFC 1812, section 5.3.1; RFC 4443, section 3.3",
	Needs:      lang.Text{EN: "a capture that holds the ICMP error", ES: "una captura que tenga el error ICMP"},
	Wants:      []*Want{wantCapture},
	Thresholds: []*Threshold{longestPath, risingTTLs},
	Refuters: []lang.Text{
		{EN: "the client counts hops (traceroute): its packets' times to live differ", ES: "el cliente cuenta saltos (traceroute): los tiempos de vida de sus paquetes difieren"},
	},
	Check: checkRoutingLoop,
}

func checkRoutingLoop(c *Case, r *Rule) []Finding {
	var found batches
	sent, began := c.timesToLive(), map[string]uint8{}
	for _, j := range c.open(r) {
		for _, p := range j.Points {
			expired, ttl := expiries(p.Flow), p.Flow.TTL[pcapflow.Client]
			if len(expired) == 0 || int(ttl) <= c.count(r, longestPath) || len(sent[ends(p.Flow)]) >= c.count(r, risingTTLs) {
				continue
			}
			numbers := []int{p.Flow.Start.Frame}
			for _, x := range expired {
				numbers = append(numbers, x.Frame)
			}
			lost := max(j.Total(), time.Duration(expired[0].Time-p.Flow.Start.Time))
			key := expired[0].From.String()
			if _, known := began[key]; !known {
				began[key] = ttl
			}
			found.add(key, hit{journey: j, lost: lost, evidence: frames(p.Capture, numbers...)}).mention(j.Server.Addr().String())
			break
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "What %s sent to %s goes in circles: router %s says by ICMP that the time to live of %d attempt{|s} ran out, though it was %d at the capture; nothing reached the server.",
			ES: "Lo que %s envió a %s da vueltas: el router %s dice por ICMP que se acabó el tiempo de vida de %d intento{|s}, aunque en la captura era %d; nada llegó al servidor.",
		}, f.Journeys[0].Client.Addr(), c.list(b), b.key, len(b.hits), int(began[b.key]))
		f.Refuters = c.doubts(r, notFound)
	})
}

// ends are the hosts of a flow.
func ends(f *pcapflow.Flow) [2]netip.Addr { return [2]netip.Addr{f.Client.Addr(), f.Server.Addr()} }

// timesToLive are those of packets that ran out of it on the way, by client and server.
func (c *Case) timesToLive() map[[2]netip.Addr][]uint8 {
	sent := map[[2]netip.Addr][]uint8{}
	for _, k := range c.Incident.Captures {
		for _, f := range k.Flows {
			if ttl := f.TTL[pcapflow.Client]; len(expiries(f)) > 0 && !slices.Contains(sent[ends(f)], ttl) {
				sent[ends(f)] = append(sent[ends(f)], ttl)
			}
		}
	}
	return sent
}

// expiries are the errors that say that the time to live of a flow's packets ran out on
// the way to its server, where nothing of the server's ever came back.
func expiries(f *pcapflow.Flow) (list []*pcapflow.ICMPError) {
	if f.Packets[pcapflow.Server] > 0 {
		return nil
	}
	for i := range f.ICMP {
		if x := &f.ICMP[i]; x.Expired() && x.Source.Addr() == f.Client.Addr() {
			list = append(list, x)
		}
	}
	return list
}
