package pcapflow

// Offers is what a SYN or SYN-ACK says its sender can do, beyond its segment size
// and window scale.
type Offers uint16

const (
	OffersSeen           Offers = 1 << iota // the header was captured whole: what is not set was not offered
	OffersSACK                              // RFC 2018
	OffersTimestamps                        // RFC 7323
	OffersFastOpen                          // RFC 7413: asks for a cookie
	OffersCookie                            // holds one
	OffersMultipath                         // MP_CAPABLE (RFC 8684 section 3.1)
	offersFirstMultipath                    // of version 0 (RFC 6824)
	OffersJoin                              // MP_JOIN: a further path of another connection
	offersECE
	offersCWR
	offersAE
	offersWithdrawn // a later SYN no longer asks for ECN
)

const offersECN = offersECE | offersCWR | offersAE

// Has tells whether all of some are offered.
func (o Offers) Has(some Offers) bool { return o&some == some }

// Multipath is how multipath TCP is offered: "capable-v1", "capable-v0", "join"; "": not.
func (o Offers) Multipath() string {
	switch {
	case o.Has(OffersJoin):
		return "join"
	case o.Has(OffersMultipath | offersFirstMultipath):
		return "capable-v0"
	case o.Has(OffersMultipath):
		return "capable-v1"
	}
	return ""
}

// FastOpen is what the option of fast open holds: "request", "cookie"; "": there is none.
func (o Offers) FastOpen() string {
	switch {
	case o.Has(OffersCookie):
		return "cookie"
	case o.Has(OffersFastOpen):
		return "request"
	}
	return ""
}

// Timestamps tells whether both sides offered them, so that every segment has one.
func (c *Conn) Timestamps() bool {
	return (c.Offers[Client] & c.Offers[Server]).Has(OffersTimestamps)
}

// ECN is what became of the client's request for explicit congestion
// notification: "classic" (RFC 3168 section 6.1.1), "accurate" (RFC 9768
// section 3.1.1), "refused", "withdrawn" (repeated without it), "asked" where no
// SYN-ACK tells; "": it did not ask.
func (c *Conn) ECN() string {
	asked, answer := c.Offers[Client]&offersECN, c.Offers[Server]
	if asked != offersECE|offersCWR && asked != offersECN {
		return ""
	}
	switch flags := answer & offersECN; {
	case answer == 0:
		return "asked"
	case asked == offersECN && (flags == offersCWR || flags == offersCWR|offersECE || flags == offersAE || flags == offersAE|offersCWR):
		return "accurate"
	case flags == offersECE || flags == offersECE|offersAE:
		return "classic"
	case c.Offers[Client].Has(offersWithdrawn):
		return "withdrawn"
	}
	return "refused"
}

// flagOffers are the flags of a SYN or SYN-ACK that offer something, and whether
// its options were captured.
func (h *header) flagOffers() (o Offers) {
	if h.flags&flagECE != 0 {
		o |= offersECE
	}
	if h.flags&flagCWR != 0 {
		o |= offersCWR
	}
	if len(h.body) > 12 {
		if h.body[12]&1 != 0 {
			o |= offersAE
		}
		if len(h.options()) == int(h.body[12]>>4)*4-20 {
			o |= OffersSeen
		}
	}
	return o
}

// offeredBy is what one option of a SYN or SYN-ACK offers.
func offeredBy(kind uint8, value []byte) Offers {
	switch kind {
	case optionSACKOK:
		return OffersSACK
	case optionTS:
		if len(value) == 8 {
			return OffersTimestamps
		}
	case optionFastOpen:
		return fastOpen(value)
	case optionExperiment:
		if len(value) >= 2 && be16(value) == experimentFastOpen {
			return fastOpen(value[2:])
		}
	case optionMultipath:
		return multipath(value)
	}
	return 0
}

func fastOpen(cookie []byte) Offers {
	if len(cookie) == 0 {
		return OffersFastOpen
	}
	return OffersCookie
}

func multipath(b []byte) Offers {
	if len(b) == 0 {
		return 0
	}
	switch subtype, version := b[0]>>4, b[0]&15; {
	case subtype == 0 && version == 0:
		return OffersMultipath | offersFirstMultipath
	case subtype == 0:
		return OffersMultipath
	case subtype == 1:
		return OffersJoin
	}
	return 0
}
