package pcapflow

// nearHost is how soon a host answers a capture taken on itself, ns.
const nearHost = 300e3

// initialTTL tells whether no router has touched a packet with this TTL, as
// hosts send them.
func initialTTL(ttl uint8) bool { return ttl == 64 || ttl == 128 || ttl == 255 }

// vantage judges where the capture was taken, from the round trips towards each
// side and from the TTLs.
func (f *flow) vantage() Vantage {
	c := f.tcp.story.conn
	toServer := c.RoundTripServer()
	toClient := c.RoundTripClient()
	ttl := [2]bool{initialTTL(f.ttl[Client]), initialTTL(f.ttl[Server])}
	switch {
	case toServer == 0 || toClient == 0:
		return VantageUnknown
	case toClient <= nearHost && toServer >= 2*nearHost && !ttl[Client], toServer <= nearHost && toClient >= 2*nearHost && !ttl[Server]:
		return VantageMiddle // beside the router next to that side
	case toClient <= nearHost && toServer >= 2*nearHost && toServer >= 5*toClient && ttl[Client]:
		return VantageClient
	case toServer <= nearHost && toClient >= 2*nearHost && toClient >= 5*toServer && ttl[Server]:
		return VantageServer
	case toServer >= 2*nearHost && toClient >= 2*nearHost:
		return VantageMiddle
	case ttl[Client] && !ttl[Server] && toClient < toServer:
		return VantageClient
	case ttl[Server] && !ttl[Client] && toServer < toClient:
		return VantageServer
	}
	return VantageUnknown
}

// shortest round trip of the handshake and the data; 0: none known.
func shortest(handshake int64, data RTTStats) int64 {
	if data.N > 0 && (handshake == 0 || data.Min < handshake) {
		return max(data.Min, 1)
	}
	return handshake
}
