package report

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// segments writes how large each side's segments were.
func (o *object) segments(f *pcapflow.Flow) {
	c := f.Conn
	if a, z := c.Count[pcapflow.Client].Largest, c.Count[pcapflow.Server].Largest; a+z > 0 {
		o.sides("largest_segment_bytes", a, z)
	}
}

// talk writes the turns of a connection, what held their senders back, and how they
// cut their segments.
func (o *object) talk(f *pcapflow.Flow) {
	k := f.Conn.Talk
	if k.Count == 0 {
		return
	}
	o.sides("first_window_bytes", k.FirstWindow[0], k.FirstWindow[1])
	o.sided("full_segments", func(d int) bool { return k.Cut[d].Bytes > 0 }, func(d int) {
		o.number("bytes", int64(k.Cut[d].Bytes))
		o.number("times", int64(k.Cut[d].Times))
	})
	o.sided("clamped", func(d int) bool { return f.Clamped(pcapflow.Dir(d)) > 0 }, func(d int) {
		o.number("segment_bytes", int64(k.Cut[d].Bytes))
		o.number("offered_bytes", int64(f.Clamped(pcapflow.Dir(d))))
	})
	o.number("turn_count", int64(k.Count))
	o.list("turns", len(k.Turns), func(i int) { o.turn(&k.Turns[i]) })
	o.sided("not_judged", func(d int) bool { return f.Unjudged(pcapflow.Dir(d)) != "" }, func(d int) {
		o.text("reason", f.Unjudged(pcapflow.Dir(d)))
	})
}

func (o *object) turn(t *pcapflow.Turn) {
	o.open()
	o.text("by", t.Dir.String())
	o.instant("start", t.First.Time)
	o.instant("end", t.Last.Time)
	if t.Acked.Seen() {
		o.instant("acknowledged", t.Acked.Time)
	}
	o.number("bytes", t.Bytes)
	o.count("segments", t.Segments)
	o.count("idle_restarts", t.Restarts)
	if span := t.Last.Time - t.First.Time; span > 0 && t.Segments > 1 {
		o.number("goodput_bytes_per_second", int64(float64(t.Bytes)*float64(time.Second)/float64(span)))
	}
	if t.Held != nil {
		o.held(t.Held)
	}
	o.frames(t.First.Frame, t.Last.Frame, t.Acked.Frame)
	o.close()
}

// held writes what held a sender back, and how long each did.
func (o *object) held(h *pcapflow.Held) {
	by, any := h.By()
	if !any {
		return
	}
	o.text("limited_by", by.String())
	o.nested("held")
	o.metrics(h.AppendMetrics(o.lines.metrics[:0], ""))
	o.close()
}
