package diagnose

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// unknownMAC: the capture has no link address there.
var unknownMAC [6]byte

// takeover is a machine that announced itself as an address, without having been
// asked, and from then on brought packets of a host that another link address
// had brought before: a forged answer, or a router that took another's place.
type takeover struct {
	claim         *pcapflow.Resolution
	host          netip.Addr
	before, after *pcapflow.Flow
	old           [6]byte // link address that brought the host's packets before
}

// takeovers of a capture, the first of each link address.
func takeovers(k *incident.Capture) []takeover {
	claims := map[[6]byte]*pcapflow.Resolution{}
	for _, n := range k.Neighbours {
		if len(n.Requests) == 0 && n.Reply.Seen() && n.MAC != unknownMAC && claims[n.MAC] == nil {
			claims[n.MAC] = n
		}
	}
	if len(claims) == 0 {
		return nil
	}
	type way struct {
		mac  [6]byte
		flow *pcapflow.Flow
	}
	first := map[netip.Addr]way{}
	var out []takeover
	for _, f := range k.Flows {
		for d, a := range [2]netip.Addr{f.Client.Addr(), f.Server.Addr()} {
			mac := f.MAC[d]
			if f.Packets[d] == 0 || mac == unknownMAC {
				continue
			}
			was, known := first[a]
			if !known {
				first[a] = way{mac, f}
				continue
			}
			n := claims[mac]
			if n == nil || mac == was.mac || a == n.Target || was.flow.Start.Time > n.Reply.Time || f.Start.Time < n.Reply.Time {
				continue
			}
			out = append(out, takeover{n, a, was.flow, f, was.mac})
			delete(claims, mac)
		}
	}
	return out
}

// takenOver tells of the takeovers of a capture.
func (c *Case) takenOver(r *Rule, k *incident.Capture) []Finding {
	var out []Finding
	for _, t := range takeovers(k) {
		virtual := virtualMAC(t.claim.MAC)
		f := Finding{Severity: Warning, Confidence: Medium}
		if virtual {
			f.Severity = Note
		}
		f.Evidence = merge(frames(k, t.before.Start.Frame, t.claim.Reply.Frame, t.after.Start.Frame))
		f.Text = c.say(lang.Text{
			EN: "%s announced itself as %s without having been asked, and from then on brought packets of %s, which had come from %s: a forged answer, or a gateway that took another's place.",
			ES: "%s se anunció como %s sin que nadie preguntara, y desde entonces trajo paquetes de %s, que antes venían de %s: una respuesta falsificada, o una pasarela que ocupó el lugar de otra.",
		}, pcapflow.LinkAddress(t.claim.MAC), t.claim.Target, t.host, pcapflow.LinkAddress(t.old))
		f.Refuters = c.doubts(r, foundIf(virtual))
		out = append(out, f)
	}
	return out
}
