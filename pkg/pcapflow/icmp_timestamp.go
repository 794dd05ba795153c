package pcapflow

import "time"

// clockAsk is an ICMP timestamp request that waits for its answer.
type clockAsk struct {
	at        Stamp
	originate uint32
}

// timestamps reads ICMP timestamp messages (RFC 792): milliseconds since
// midnight UT by the clocks of both sides.
func (e *engine) timestamp(b []byte, request bool) {
	if len(b) < 20 {
		e.undecoded("packet cut within its ICMP timestamp")
		return
	}
	h, x := e.h, &e.echoes
	k := echoKey{h.src, h.dst, be16(b[4:]), be16(b[6:]), h.encap}
	if request {
		if x.clocks == nil {
			x.clocks = map[echoKey]clockAsk{}
		}
		if _, again := x.clocks[k]; !again && len(x.clocks) < maxEchoes {
			x.clocks[k] = clockAsk{h.stamp, be32(b[8:])}
			e.timeOfDay(HostReading{Addr: h.src.netip(h.v6), Reading: Reading{From: Client, Before: h.stamp}}, be32(b[8:]))
		}
		return
	}
	k.asker, k.target = h.dst, h.src
	ask, known := x.clocks[k]
	if !known || ask.originate != be32(b[8:]) {
		ask = clockAsk{}
	}
	delete(x.clocks, k)
	for i := 12; i <= 16; i += 4 { // receive, transmit
		e.timeOfDay(HostReading{Addr: h.src.netip(h.v6), Reading: Reading{From: Server, After: ask.at, Before: h.stamp}}, be32(b[i:]))
	}
}

// timeOfDay keeps a reading in milliseconds of a day, on the day that brings it
// nearest to the capture. The highest bit marks another unit (RFC 792), and zero
// is what senders without a clock write.
func (e *engine) timeOfDay(r HostReading, ms uint32) {
	const day = int64(24 * time.Hour)
	if ms == 0 || int64(ms) >= day/int64(time.Millisecond) || len(e.res.Readings) >= maxHostReadings {
		return
	}
	at := r.Before.Time
	midnight := at - ((at%day)+day)%day
	r.Protocol, r.Width = "icmp", int64(time.Millisecond)
	r.Time = midnight + int64(ms)*int64(time.Millisecond)
	switch d := r.Time - at; {
	case d > day/2:
		r.Time -= day
	case d < -day/2:
		r.Time += day
	}
	e.res.Readings = append(e.res.Readings, r)
}
