package report

import (
	"time"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

func (o *object) exchange(x *pcapflow.Exchange, f *pcapflow.Flow) {
	c := f.Conn
	o.open()
	o.text("method", x.Method)
	o.text("host", x.Host)
	o.text("path", conceal.Secrets(x.Path))
	o.text("version", x.Version)
	if x.Status > 0 {
		o.number("status", int64(x.Status))
	}
	if x.RequestBytes >= 0 {
		o.number("request_bytes", x.RequestBytes)
	}
	if x.ResponseBytes >= 0 {
		o.number("response_bytes", x.ResponseBytes)
	}
	o.headers(x)
	o.metrics(x.AppendMetrics(o.lines.metrics[:0], c, f.Before(x)))
	o.messages(x, c)
	if x.Estimated {
		o.truth("estimated", true)
	}
	if x.Truncated {
		o.truth("truncated", true)
		if x.Reset || c != nil && (c.FIN[0].Seen() || c.FIN[1].Seen() || len(c.RST) > 0) { // else the capture ended it
			o.text("aborted_by", x.Aborted.String())
		}
	}
	o.some("unsent", x.Unsent)
	o.some("port_wants_tls", x.PortWantsTLS)
	o.some("reset", x.Reset)
	o.text("reset_code", x.ResetCode)
	o.some("gap", x.Gap)
	o.some("chunk_error", x.ChunkError)
	o.count("auth_rounds", x.AuthRounds)
	o.some("redirect_loop", x.Looped)
	if x.Upgrade && x.Status > 0 {
		o.truth("upgraded", x.Status == 101)
	}
	o.some("multiplexed", x.Multiplexed)
	o.some("malformed", x.Malformed)
	o.count("ordinal", x.Ordinal)
	o.frames(x.RequestFirst.Frame, x.ResponseFirst.Frame)
	o.close()
}

// headers writes what an exchange keeps of header fields.
func (o *object) headers(x *pcapflow.Exchange) {
	if x.Date > 0 {
		o.instant("date", x.Date*int64(time.Second))
	}
	o.some("age", x.Age)
	o.text("server", x.ServerName)
	o.text("location", conceal.Secrets(x.Location))
	o.text("request_id", x.RequestID)
	if len(x.Timing) > 0 {
		o.list("server_timing", len(x.Timing), func(i int) {
			o.open()
			o.text("name", x.Timing[i].Name)
			if d := x.Timing[i].Duration; d >= 0 {
				o.seconds("seconds", d)
			}
			o.close()
		})
	}
	o.count("stream_id", x.StreamID)
	o.count("interim_answers", len(x.Interim))
	if x.BodyBytes >= 0 {
		o.number("body_bytes", x.BodyBytes)
	}
}

// messages writes what held the senders of request and answer back, and when their
// first and last bytes passed.
func (o *object) messages(x *pcapflow.Exchange, c *pcapflow.Conn) {
	held := [2]*pcapflow.Held{x.Held(c, pcapflow.Client), x.Held(c, pcapflow.Server)}
	holds := func(d int) bool {
		if held[d] == nil {
			return false
		}
		_, any := held[d].By()
		return any
	}
	o.sided("held", holds, func(d int) { o.metrics(held[d].AppendMetrics(o.lines.metrics[:0], "")) })
	o.instants(x.AppendInstants(o.lines.instants[:0]))
}

// goAway writes how an HTTP/2 connection was ended.
func (o *object) goAway(f *pcapflow.Flow) {
	o.array("goaway")
	n := 0
	for d, g := range f.Away {
		if g == nil {
			continue
		}
		o.element(n)
		n++
		o.open()
		o.text("by", pcapflow.Dir(d).String())
		o.text("code", g.Code)
		o.number("last_stream", int64(g.Last))
		o.instant("time", g.Time)
		o.frames(g.Frame)
		o.close()
	}
	o.endArray()
}
