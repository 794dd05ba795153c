package correlate

import (
	"math"
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// ntp turns the NTP exchanges of a capture into bounds. A host stamps a request
// after the capture saw it, and a response before: that holds wherever the
// capture was taken and needs nothing of the client.
func (e *evidence) ntp(i int, c *incident.Capture) {
	for _, f := range c.Flows {
		if len(f.NTP) == 0 {
			continue
		}
		k := e.byKey[captureKey(i, f.Clock)]
		if k == nil {
			continue
		}
		e.ntpServer(k, f.Server.Addr().Unmap(), f)
	}
}

// ntpServer adds the bounds that the answers of one flow give.
func (e *evidence) ntpServer(k *Clock, server netip.Addr, f *pcapflow.Flow) {
	var before [2]pcapflow.Stamp // of the response before, for interleaved mode
	for i := range f.NTP {
		s := &f.NTP[i]
		q, a := &s.Request, &s.Response
		if !a.Seen() || a.Kiss != "" || s.BogusOrigin {
			continue // no client takes its time from these (RFC 5905 section 9.2)
		}
		host := server
		if a.From == pcapflow.Client { // symmetric modes: each side answers the other
			host = f.Client.Addr().Unmap()
		}
		b := e.server(host)
		low, high := -clock.Infinity, clock.Infinity
		if received, ok := pcapflow.NTPUnix(a.Rec, a.Time); ok && q.Seen() {
			high = received - q.Time + captureNoise
		}
		sent, ok := pcapflow.NTPUnix(a.Xmt, a.Time)
		switch {
		case ok && !s.Interleaved:
			low = sent - a.Time - captureNoise
		case ok && before[a.From].Seen(): // it stamps the response before this one
			at := before[a.From].Time
			e.add(k, b, at, sent-at-captureNoise, clock.Infinity, clock.NTP)
		}
		before[a.From] = a.Stamp
		if earliest, _, bounded := s.Bounds(); bounded && s.Interleaved {
			low = earliest - captureNoise
		}
		if low > -clock.Infinity || high < clock.Infinity {
			if high-low >= -2*captureNoise {
				e.add(k, b, a.Time, low, max(high, low), clock.NTP)
			}
		}
		if ok && !s.Interleaved && !e.mistaken[host] {
			e.ntpUTC(b, sent, a)
		}
	}
}

// falsetickers are the servers whose word on UTC counts for nothing since most of those
// asked beside them say otherwise, whether these vouch for UTC themselves or not
// (RFC 5905 §11.2.1).
func falsetickers(inc *incident.Incident) map[netip.Addr]bool {
	list := map[netip.Addr]bool{}
	for _, s := range ntpSeries(inc) {
		if s.Verdict == NTPFalseticker {
			list[s.Server.Addr().Unmap()] = true
		}
	}
	return list
}

// ntpUTC adds how far a server says it may be from UTC (RFC 5905 §11.2, root
// distance). A server set to its own clock, or to none, says nothing of UTC.
func (e *evidence) ntpUTC(server *Clock, sent int64, a *pcapflow.NTPMessage) {
	if a.Unsynchronised() || a.RefID>>8 == 0x7f7f01 || a.RefID == 0x4c4f434c { // 127.127.1.x, LOCL
		return
	}
	distance := pcapflow.NTPShort(a.RootDelay)/2 + pcapflow.NTPShort(a.RootDispersion)
	if a.Precision > -32 && a.Precision < 8 {
		distance += int64(math.Ldexp(float64(time.Second), int(a.Precision)))
	}
	e.add(server, e.utc(), sent, -distance, distance, clock.NTP)
}
