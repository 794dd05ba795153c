package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Metrics are the measured quantities of a phase, written as one JSON object in
// their order.
type Metrics []Metric

// Metric is one of them. A name that ends with "_seconds" tells of a duration,
// whose Value is in nanoseconds; others count.
type Metric struct {
	Name  string
	Value int64
}

// IsTime tells whether the value is a duration.
func (m Metric) IsTime() bool { return strings.HasSuffix(m.Name, "_seconds") }

// MarshalJSON implements json.Marshaler.
func (m Metrics) MarshalJSON() ([]byte, error) {
	var o object
	o.open()
	for _, x := range m {
		name := string(appendString(nil, x.Name)) // of a saved report it may be anything
		if name = name[1 : len(name)-1]; x.IsTime() {
			o.seconds(name, x.Value)
		} else {
			o.number(name, x.Value)
		}
	}
	o.close()
	return o.b, nil
}

// UnmarshalJSON implements json.Unmarshaler; the order of members is kept.
func (m *Metrics) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("metrics are not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var number json.Number
		if err := d.Decode(&number); err != nil {
			return err
		}
		x := Metric{Name: fmt.Sprint(name)}
		if x.IsTime() {
			var s Seconds
			err = s.UnmarshalJSON([]byte(number))
			x.Value = int64(s)
		} else {
			x.Value, err = strconv.ParseInt(string(number), 10, 64)
		}
		if err != nil {
			return err
		}
		*m = append(*m, x)
	}
	return nil
}

// metrics of a phase, as the flow that shows it has them.
func phaseMetrics(j *correlate.Journey, p *correlate.Phase) Metrics {
	f := p.Flow
	if f == nil {
		return nil
	}
	var list []pcapflow.Metric
	switch p.Name {
	case pcapflow.DNSLookup:
		if l := j.Lookup; l != nil {
			return lookupMetrics(j, l)
		}
	case pcapflow.TCPConnect:
		if f.Conn != nil {
			list = f.Conn.AppendMetrics(nil)
		}
	case pcapflow.TLSHandshake:
		if f.TLS != nil {
			list = f.TLS.AppendMetrics(nil, f.Conn)
		}
	case pcapflow.QUICHandshake:
		if f.QUIC != nil {
			list = f.QUIC.AppendMetrics(nil)
		}
	case pcapflow.SSHBanner, pcapflow.SSHKex, pcapflow.SSHAuth, pcapflow.SSHSession:
		if f.SSH != nil {
			list = f.SSH.AppendMetrics(nil, f)
		}
	case pcapflow.HTTPSend, pcapflow.HTTPWait, pcapflow.HTTPReceive:
		if j.Exchange != nil {
			list = j.Exchange.AppendMetrics(nil, f.Conn, f.Before(j.Exchange))
			list = j.Exchange.Held(f.Conn, pcapflow.Client).AppendMetrics(list, pcapflow.HTTPSend)
			list = j.Exchange.Held(f.Conn, pcapflow.Server).AppendMetrics(list, pcapflow.HTTPReceive)
		}
	case pcapflow.NTPExchange:
		if j.NTP != nil {
			list = j.NTP.AppendMetrics(nil)
		}
	}
	var out Metrics
	for _, m := range list {
		if m.Phase == p.Name {
			out = append(out, Metric{m.Name, m.Value})
		}
	}
	return out
}

// lookupMetrics are those of a lookup across its transactions.
func lookupMetrics(j *correlate.Journey, l *correlate.Lookup) Metrics {
	var out Metrics
	count := func(name string, n int) {
		if n > 0 {
			out = append(out, Metric{name, int64(n)})
		}
	}
	duration := func(name string, ns int64) { out = append(out, Metric{name, ns}) }
	span := func(name string, ns int64) {
		if ns > 0 {
			duration(name, ns)
		}
	}
	span("retry_wait_seconds", int64(l.RetryWait))
	span("tcp_cost_seconds", int64(l.TCPCost))
	count("transactions", len(l.Tries))
	count("resolvers", len(l.Resolvers))
	count("suffixes", l.Suffixes)
	count("answers", len(l.Addresses))
	for _, typ := range correlate.TimedTypes {
		if t := l.OfType(typ); t != nil {
			span(strings.ToLower(typ)+"_seconds", t.Answer.Time-t.Query.Time)
		}
	}
	if l.ProcessingKnown {
		duration("processing_seconds", int64(l.Processing))
	}
	span("cached_seconds", int64(l.Cached))
	if last := l.Decided(); last != nil {
		count("cname_depth", len(last.CNAMEs))
		if last.HasTTL {
			duration("ttl_seconds", int64(last.TTL)*1e9)
		}
		count("answer_bytes", last.Bytes[1])
		count("edns_bytes", last.EDNS)
	}
	if len(j.Points) > 0 && j.Points[0].Capture == l.Capture && l.End.Seen() {
		if c := j.Points[0].Flow.Conn; c != nil && len(c.SYN) > 0 {
			span("first_use_seconds", c.SYN[0].Time-l.End.Time)
		}
	}
	return out
}
