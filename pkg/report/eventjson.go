package report

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

var zoneNames = [...]string{logparse.ZoneStated: "stated", logparse.ZoneInferred: "inferred", logparse.ZoneUnknown: "unknown"}

// AppendEvent writes one log event as a line of JSON. What the line does not
// state is left out; instants are as written, in UTC.
func AppendEvent(b []byte, evidence string, e *logparse.Event) []byte {
	o := object{b: b}
	o.open()
	o.text("evidence", evidence)
	o.number("line", int64(e.Line))
	if e.Lines > 1 {
		o.number("lines", int64(e.Lines))
	}
	o.number("offset", e.Offset)
	o.text("kind", string(e.Kind))
	eventTime(&o, e)
	o.text("host", e.Host)
	o.text("process", e.Process)
	o.count("pid", e.PID)
	o.text("level", e.Level)
	o.endpoint("client", e.Client)
	o.endpoint("server", e.Server)
	o.endpoint("peer", e.Peer)
	o.addresses("forwarded", e.Peers)
	o.text("name", e.Name)
	o.text("type", e.Type)
	o.text("user", e.User)
	o.text("method", e.Method)
	o.text("path", conceal.Secrets(e.Path))
	o.text("protocol", e.Proto)
	o.count("status", e.Status)
	o.text("rcode", e.RCode)
	o.known("sent_bytes", e.Sent)
	o.known("body_bytes", e.Body)
	o.known("received_bytes", e.Received)
	if e.WithTLS {
		o.truth("bytes_with_tls", true)
	}
	o.known("size_bytes", e.Size)
	o.span("duration_seconds", e.Duration)
	if e.DurationWidth > 0 {
		o.seconds("duration_width_seconds", int64(e.DurationWidth))
	}
	o.span("first_byte_seconds", e.FirstByte)
	o.text("upstream", e.UpstreamTo)
	o.text("upstream_status", e.UpstreamStatus)
	o.spans("upstream_seconds", e.Upstream)
	o.spans("upstream_connect_seconds", e.UpstreamConnect)
	o.spans("upstream_header_seconds", e.UpstreamHeader)
	o.text("agent", conceal.Secrets(e.Agent))
	o.text("request_id", e.RequestID)
	o.text("connection", e.Connection)
	o.text("outcome", e.Outcome)
	o.count("child", e.Child)
	o.count("repeated", e.Repeated)
	o.text("text", conceal.Secrets(e.Text))
	if e.Reading != nil || e.Timing != nil || e.Lookup != nil || len(e.Marks)+len(e.Values) > 0 {
		eventParts(&o, e)
	}
	o.close()
	return append(o.b, '\n')
}

// eventTime writes the stamp with all that is known of its meaning.
func eventTime(o *object, e *logparse.Event) {
	switch {
	case e.HasTime:
		o.instant("time", e.Time)
		if e.Means != logparse.Unspecified {
			o.text("means", e.Means.String())
		}
	case e.NoDate:
		o.seconds("time_of_day_seconds", e.Time)
	default:
		return
	}
	if e.Width > 0 {
		o.seconds("width_seconds", int64(e.Width))
	}
	if e.Lag > 0 {
		o.seconds("lag_seconds", int64(e.Lag))
	}
	if e.Slack > 0 {
		o.seconds("slack_seconds", int64(e.Slack))
	}
	o.text("zone", zoneNames[e.Zone])
	if e.Zone != logparse.ZoneUnknown {
		o.number("zone_seconds", int64(e.ZoneSeconds))
	}
	if e.YearInferred {
		o.truth("year_inferred", true)
	}
	if e.JournalTime != 0 {
		o.instant("journal_time", e.JournalTime)
	}
	if e.HasMonotonic {
		o.seconds("monotonic_seconds", e.Monotonic)
	}
	o.text("boot_id", e.BootID)
}

// eventParts writes what only some events have.
func eventParts(o *object, e *logparse.Event) {
	if r := e.Reading; r != nil {
		reading(o, r)
	}
	if t := e.Timing; t != nil {
		timing(o, t)
	}
	if l := e.Lookup; l != nil {
		lookup(o, l)
	}
	if len(e.Marks) > 0 {
		o.list("marks", len(e.Marks), func(i int) {
			o.open()
			o.text("name", e.Marks[i].Name)
			if e.NoDate {
				o.seconds("time_of_day_seconds", e.Marks[i].Time)
			} else {
				o.instant("time", e.Marks[i].Time)
			}
			o.close()
		})
	}
	if len(e.Values) > 0 {
		o.list("values", len(e.Values), func(i int) {
			v := &e.Values[i]
			o.open()
			o.text("name", v.Name)
			o.real("number", v.Number)
			o.text("unit", v.Unit)
			o.close()
		})
	}
}

// reading writes what a time daemon states; positive: this clock is ahead.
func reading(o *object, r *logparse.Reading) {
	scales := [...]string{logparse.SystemClock: "system", logparse.NTPClock: "ntp"}
	o.nested("reading")
	o.text("clock", scales[r.Scale])
	o.text("stamps", scales[r.Stamps])
	o.text("source", r.Source)
	if r.HasOffset {
		o.seconds("offset_seconds", r.Offset)
		if r.Unbounded {
			o.seconds("spread_seconds", r.Bound)
		} else {
			o.seconds("bound_seconds", r.Bound)
		}
	}
	if r.HasRemaining {
		o.seconds("remaining_seconds", r.Remaining)
		o.seconds("remaining_bound_seconds", r.RemBound)
	}
	if r.HasFrequency {
		o.real("frequency_ppm", r.Frequency)
		o.real("skew_ppm", r.Skew)
	}
	if r.Delay != 0 {
		o.seconds("delay_seconds", r.Delay)
	}
	if r.Step != 0 {
		o.seconds("step_seconds", r.Step)
	}
	o.count("stratum", r.Stratum)
	o.truth("synchronised", r.Synchronised)
	o.close()
}

// timing writes what an HTTP client measured from the start of its transfer.
func timing(o *object, t *logparse.Timing) {
	o.nested("timing")
	o.text("url", conceal.Secrets(t.URL))
	o.span("name_lookup_seconds", t.NameLookup)
	o.span("connect_seconds", t.Connect)
	o.span("app_connect_seconds", t.AppConnect)
	o.span("pre_transfer_seconds", t.PreTransfer)
	o.span("start_transfer_seconds", t.StartTransfer)
	o.span("redirect_seconds", t.Redirect)
	o.span("total_seconds", t.Total)
	o.endpoint("local", t.Local)
	o.endpoint("remote", t.Remote)
	o.count("status", t.Status)
	o.known("exit", int64(t.Exit))
	o.text("error", conceal.Secrets(t.Error))
	if t.Reused {
		o.truth("reused", true)
	}
	o.close()
}

// lookup writes what a DNS client printed.
func lookup(o *object, l *logparse.Lookup) {
	o.nested("lookup")
	o.known("id", int64(l.ID))
	o.text("name", l.Name)
	o.text("type", l.Type)
	o.text("status", l.Status)
	o.span("query_seconds", l.QueryTime)
	o.endpoint("server", l.Server)
	o.addresses("answers", l.Answers)
	o.count("timeouts", l.Timeouts)
	if l.TCPRetry {
		o.truth("tcp_retry", true)
	}
	if l.NoServers {
		o.truth("no_servers", true)
	}
	o.close()
}

// known writes a member that is left out when negative.
func (o *object) known(name string, n int64) {
	if n >= 0 {
		o.number(name, n)
	}
}

// span writes a duration that is left out when negative.
func (o *object) span(name string, d time.Duration) {
	if d >= 0 {
		o.seconds(name, int64(d))
	}
}

// spans writes durations of which some may be unknown.
func (o *object) spans(name string, list []time.Duration) {
	if len(list) == 0 {
		return
	}
	o.list(name, len(list), func(i int) {
		if list[i] < 0 {
			o.b = append(o.b, "null"...)
		} else {
			o.b = appendSeconds(o.b, int64(list[i]))
		}
	})
}

func (o *object) addresses(name string, list []netip.Addr) {
	if len(list) == 0 {
		return
	}
	o.list(name, len(list), func(i int) {
		o.b = append(o.b, '"')
		o.b = list[i].AppendTo(o.b)
		o.b = append(o.b, '"')
	})
}

// real writes a number that may be no number, which JSON lacks: it is left out.
func (o *object) real(name string, v float64) {
	if v-v == 0 {
		o.key(name)
		o.b = strconv.AppendFloat(o.b, v, 'g', -1, 64)
	}
}
