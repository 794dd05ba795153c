package report

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

// transfer writes what a connection's data tells beyond counts.
func (o *object) transfer(c *pcapflow.Conn) {
	a, z := &c.Count[pcapflow.Client], &c.Count[pcapflow.Server]
	o.trips("samples_to_client", c.Samples[pcapflow.Client])
	o.trips("samples_to_server", c.Samples[pcapflow.Server])
	if n := a.RetransmittedBytes + z.RetransmittedBytes; n > 0 {
		o.sides("retransmitted_bytes", a.RetransmittedBytes, z.RetransmittedBytes)
	}
	if a.MaxInFlight+z.MaxInFlight > 0 {
		o.sides("max_in_flight_bytes", a.MaxInFlight, z.MaxInFlight)
	}
	if n := a.ZeroWindowTime + z.ZeroWindowTime; n > 0 {
		o.seconds("zero_window_seconds", n)
	}
	o.interrupted(c)
	if len(c.Oddities) > 0 {
		o.list("oddities", len(c.Oddities), func(i int) { o.oddity(&c.Oddities[i]) })
	}
	if len(c.RST) > 0 {
		o.list("rst", len(c.RST), func(i int) {
			o.open()
			o.text("by", c.RST[i].Dir.String())
			o.instant("time", c.RST[i].Time)
			o.some("odd", c.RST[i].Odd)
			o.frames(c.RST[i].Frame)
			o.close()
		})
	}
}

// carried writes when each side's payload first and last passed.
func (o *object) carried(f *pcapflow.Flow) {
	if f.Payload == ([2]int64{}) {
		return
	}
	o.key("data")
	b, sides := append(o.b, '{'), 0
	for d := range f.Payload {
		first, last := f.FirstPayload[d], f.LastPayload[d]
		if !first.Seen() {
			continue
		}
		if sides > 0 {
			b = append(b, ',')
		}
		sides++
		b = append(append(append(b, '"'), pcapflow.Dir(d).String()...), `":{"first":`...)
		b = o.lines.appendInstant(b, first.Time)
		b = o.lines.appendInstant(append(b, `,"last":`...), last.Time)
		b = appendInt(append(b, `,"frames":[`...), first.Frame)
		if last.Frame != first.Frame {
			b = appendInt(append(b, ','), last.Frame)
		}
		b = append(b, "]}"...)
	}
	o.b = append(b, '}')
}

// oddity writes what should not happen to a connection.
func (o *object) oddity(x *pcapflow.Oddity) {
	o.open()
	o.text("name", x.Kind.String())
	o.text("by", x.Dir.String())
	o.instant("time", x.Time)
	if x.Bytes > 0 {
		o.number("bytes", x.Bytes)
	}
	o.frames(x.Of.Frame, x.Frame)
	o.close()
}

// interrupted writes what happened to a connection's way: bytes of a side that never
// came, another TTL than before. Most connections have neither.
func (o *object) interrupted(c *pcapflow.Conn) {
	a, z := &c.Count[pcapflow.Client], &c.Count[pcapflow.Server]
	if a.DupACKs+z.DupACKs > 0 {
		o.sides("duplicate_acks", a.DupACKs, z.DupACKs)
	}
	if a.Probes+z.Probes > 0 {
		o.sides("window_probes", a.Probes, z.Probes)
	}
	if c.Holes[0].Since.Seen() || c.Holes[1].Since.Seen() {
		o.holes(c)
	}
	if c.Rerouted[0].Seen() || c.Rerouted[1].Seen() {
		o.rerouted(c)
	}
}

func (o *object) holes(c *pcapflow.Conn) {
	o.sided("missing", func(d int) bool { return c.Holes[d].Since.Seen() }, func(d int) {
		h := &c.Holes[d]
		o.instant("since", h.Since.Time)
		o.number("sequence", int64(h.Seq))
		o.number("bytes", h.Bytes)
		o.frames(h.Since.Frame)
	})
}

func (o *object) rerouted(c *pcapflow.Conn) {
	o.sided("ttl_change", func(d int) bool { return c.Rerouted[d].Seen() }, func(d int) {
		r := &c.Rerouted[d]
		o.instant("time", r.Time)
		o.number("from", int64(r.From))
		o.number("to", int64(r.To))
		o.count("changes", r.Changes)
		o.frames(r.Frame)
	})
}

// sided writes an object of those sides that have one, if any does.
func (o *object) sided(name string, has func(d int) bool, write func(d int)) {
	if !has(0) && !has(1) {
		return
	}
	o.nested(name)
	for d := range 2 {
		if has(d) {
			o.nested(pcapflow.Dir(d).String())
			write(d)
			o.close()
		}
	}
	o.close()
}
