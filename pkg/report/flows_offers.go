package report

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

// offers writes what SYN and SYN-ACK offer. Nothing is said of a side whose
// options were not captured.
func (o *object) offers(c *pcapflow.Conn) {
	var seen, scaled [2]bool
	for d := range seen {
		seen[d] = c.Offers[d].Has(pcapflow.OffersSeen)
		scaled[d] = seen[d] && c.Scale[d] >= 0
	}
	o.numbers("mss", c.MSS, [2]bool{c.MSS[0] > 0, c.MSS[1] > 0})
	o.numbers("window_scale", c.Scale, scaled)
	o.offered("sack", c, seen, pcapflow.OffersSACK)
	o.offered("timestamps", c, seen, pcapflow.OffersTimestamps)
	o.text("ecn", c.ECN())
	a, z := c.Offers[pcapflow.Client], c.Offers[pcapflow.Server]
	if x, y := a.FastOpen(), z.FastOpen(); x != "" || y != "" || c.EarlyBytes > 0 {
		o.nested("fast_open")
		o.text("client", x)
		o.text("server", y)
		o.count("sent_bytes", c.EarlyBytes)
		if c.EarlyBytes > 0 && len(c.SYNACK) > 0 {
			o.number("accepted_bytes", int64(c.EarlyAccepted))
		}
		o.close()
	}
	if x, y := a.Multipath(), z.Multipath(); x != "" || y != "" {
		o.nested("multipath")
		o.text("client", x)
		o.text("server", y)
		o.close()
	}
}

// numbers writes those of the sides that have one.
func (o *object) numbers(name string, v [2]int, has [2]bool) {
	switch {
	case has[0] && has[1]:
		o.sides(name, int64(v[0]), int64(v[1]))
	case has[0] || has[1]:
		o.nested(name)
		for d, known := range has {
			if known {
				o.number(pcapflow.Dir(d).String(), int64(v[d]))
			}
		}
		o.close()
	}
}

// offered writes of each side whose options were seen whether it offers something.
func (o *object) offered(name string, c *pcapflow.Conn, seen [2]bool, what pcapflow.Offers) {
	if !seen[0] && !seen[1] {
		return
	}
	o.nested(name)
	for d, known := range seen {
		if known {
			o.truth(pcapflow.Dir(d).String(), c.Offers[d].Has(what))
		}
	}
	o.close()
}
