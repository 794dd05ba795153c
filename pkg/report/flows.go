package report

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// FlowLines writes flows as lines of JSON. The zero value is ready.
type FlowLines struct {
	evidence string // of the flow before, and how lines of it begin
	head     []byte
	date     dateCache
	chains   map[*pcapflow.Certificate][]byte // how chains read, by their first certificate: a server shows the same with every handshake
	metrics  [24]pcapflow.Metric              // room for lists on their way
	instants [24]pcapflow.Instant
}

// Append writes one flow as a line of JSON, with its final newline.
func (l *FlowLines) Append(b []byte, evidence string, f *pcapflow.Flow) []byte {
	o := object{b: append(b, l.beginning(evidence)...), lines: l}
	o.whole(f)
	if f.Conn != nil {
		o.conn(f)
	}
	if f.TLS != nil {
		o.tls(f.TLS, f.Conn)
	}
	if f.SSH != nil {
		o.ssh(f.SSH, f)
	}
	if f.QUIC != nil {
		o.quic(f.QUIC)
	}
	if len(f.DNS) > 0 {
		o.array("dns")
		for i := range f.DNS {
			o.element(i)
			o.transaction(&f.DNS[i], f.Conn)
		}
		o.endArray()
	}
	if len(f.NTP) > 0 {
		o.list("ntp", len(f.NTP), func(i int) { o.sample(&f.NTP[i]) })
	}
	if len(f.HTTP) > 0 {
		o.array("http")
		for i := range f.HTTP {
			o.element(i)
			o.exchange(&f.HTTP[i], f)
		}
		o.endArray()
	}
	if f.Away != ([2]*pcapflow.GoAway{}) {
		o.goAway(f)
	}
	if len(f.ICMP) > 0 {
		o.list("icmp", len(f.ICMP), func(i int) { o.icmp(&f.ICMP[i]) })
	}
	if len(f.Phases) > 0 {
		o.array("phases")
		for i := range f.Phases {
			o.element(i)
			o.phase(&f.Phases[i])
		}
		o.endArray()
	}
	if len(f.Notes) > 0 {
		o.list("notes", len(f.Notes), func(i int) { o.b = appendString(o.b, f.Notes[i]) })
	}
	o.close()
	return append(o.b, '\n')
}

// beginning is how lines of evidence begin.
func (l *FlowLines) beginning(evidence string) []byte {
	if l.head == nil || l.evidence != evidence {
		o := object{b: l.head[:0]}
		o.open()
		o.text("evidence", evidence)
		o.key("transport")
		l.evidence, l.head = evidence, append(o.b, '"')
	}
	return l.head
}

// whole writes what every flow has, from its transport on.
func (o *object) whole(f *pcapflow.Flow) {
	b := append(append(o.b, f.Transport.String()...), '"')
	b = appendInt(append(b, `,"stream":`...), f.Stream)
	if f.Client.Port() > 0 && f.Server.Port() > 0 && f.Client.IsValid() && f.Server.IsValid() {
		b = appendEndpoint(append(b, `,"client":"`...), f.Client)
		b = append(appendEndpoint(append(b, `","server":"`...), f.Server), '"')
		o.b, o.first = b, false
	} else {
		o.b, o.first = b, false
		o.endpoint("client", f.Client)
		o.endpoint("server", f.Server)
	}
	if f.Guessed {
		o.truth("direction_guessed", true)
	}
	o.text("encapsulation", f.Encapsulation)
	o.text("service", f.Service)
	o.text("dns_over", f.DNSOver())
	b = o.lines.appendInstant(append(o.b, `,"start":`...), f.Start.Time)
	b = o.lines.appendInstant(append(b, `,"end":`...), f.End.Time)
	b = appendSeconds(append(b, `,"duration_seconds":`...), f.End.Time-f.Start.Time)
	b = appendInt(append(b, `,"first_frame":`...), f.Start.Frame)
	b = appendInt(append(b, `,"last_frame":`...), f.End.Frame)
	b = appendInt64(append(b, `,"packets":{"client":`...), f.Packets[0])
	b = appendInt64(append(b, `,"server":`...), f.Packets[1])
	b = appendInt64(append(b, `},"bytes":{"client":`...), f.Bytes[0])
	b = appendInt64(append(b, `,"server":`...), f.Bytes[1])
	o.b = append(b, '}')
	if f.Duplicates > 0 {
		o.number("duplicates", f.Duplicates)
	}
	o.communityID(f)
}

func (o *object) communityID(f *pcapflow.Flow) {
	const key = `,"community_id":"`
	if with := f.AppendCommunityID(append(o.b, key...)); len(with) > len(o.b)+len(key) { // else it has none
		o.b = append(with, '"')
	}
}

func (o *object) conn(f *pcapflow.Flow) {
	c := f.Conn
	b := append(append(o.b, `,"conn_state":"`...), c.State...) // states and histories need no escaping
	if c.History != "" {
		b = append(append(b, `","history":"`...), c.History...)
	}
	b = appendInt(append(b, `","tcp":{"syns":`...), len(c.SYN))
	o.b = appendInt(append(b, `,"syn_acks":`...), len(c.SYNACK))
	if len(c.SYN) > 0 && c.ACK.Seen() {
		o.seconds("connect_seconds", c.ACK.Time-c.SYN[0].Time)
	}
	for _, m := range [...]struct {
		name string
		ns   int64
	}{{"rtt_seconds", c.RTT}, {"rtt_server_seconds", c.RTTServer}, {"rtt_client_seconds", c.RTTClient}} {
		if m.ns > 0 {
			o.seconds(m.name, m.ns)
		}
	}
	o.b = append(append(append(o.b, `,"vantage":"`...), c.Vantage.String()...), '"')
	o.offers(c)
	o.troubles(c)
	o.number("resets", int64(len(c.RST)))
	if len(c.Stalls) > 0 {
		o.list("stalls", len(c.Stalls), func(i int) {
			s := c.Stalls[i]
			o.open()
			o.instant("start", s.Begin.Time)
			o.seconds("seconds", s.End.Time-s.Begin.Time)
			o.text("cause", s.Cause)
			o.text("waiting_for", s.Waiting.String())
			o.frames(s.Begin.Frame, s.End.Frame)
			o.close()
		})
	}
	o.carried(f)
	o.segments(f)
	o.transfer(c)
	if c.Talk != nil {
		o.talk(f)
	}
	o.number("completeness", int64(c.Completeness))
	if list := c.AppendInstants(o.lines.instants[:0], ""); len(list) > 0 {
		o.instants(list)
	}
	o.close()
}

// troubles writes the counters of what went wrong; in most connections nothing.
func (o *object) troubles(c *pcapflow.Conn) {
	a, z := &c.Count[pcapflow.Client], &c.Count[pcapflow.Server]
	list := [...]struct {
		name string
		n    int64
	}{
		{"fast", a.Fast + z.Fast}, {"timeouts", a.Timeout + z.Timeout}, {"tail_probes", a.TailProbe + z.TailProbe}, {"spurious", a.Spurious + z.Spurious},
		{"out_of_order", a.OutOfOrder + z.OutOfOrder}, {"duplicates", a.Duplicates + z.Duplicates}, {"acked_unseen_bytes", a.AckedUnseen + z.AckedUnseen},
		{"zero_windows", a.ZeroWindow + z.ZeroWindow}, {"window_full", a.WindowFull + z.WindowFull}, {"keep_alives", a.KeepAlives + z.KeepAlives},
	}
	some := a.Retransmitted | z.Retransmitted
	for i := range list {
		some |= list[i].n
	}
	if some == 0 {
		o.literal(noTroubles)
		return
	}
	o.sides("retransmissions", a.Retransmitted, z.Retransmitted)
	for _, m := range list {
		o.number(m.name, m.n)
	}
}

const noTroubles = `"retransmissions":{"client":0,"server":0},"fast":0,"timeouts":0,"tail_probes":0,"spurious":0,` +
	`"out_of_order":0,"duplicates":0,"acked_unseen_bytes":0,"zero_windows":0,"window_full":0,"keep_alives":0`

func (o *object) tls(t *pcapflow.TLS, c *pcapflow.Conn) {
	o.nested("tls")
	o.handshake(t, c)
	if x := t.DTLS; x != nil && len(x.Later) > 0 {
		o.list("later", len(x.Later), func(i int) {
			o.open()
			o.handshake(x.Later[i], c)
			o.close()
		})
	}
	o.close()
}

func (o *object) handshake(t *pcapflow.TLS, c *pcapflow.Conn) {
	o.text("version", t.Version)
	o.text("cipher", t.Cipher)
	o.text("group", t.Group)
	o.text("sni", t.SNI)
	o.text("alpn", t.ALPN)
	o.truth("resumed", t.Resumed)
	o.truth("hello_retry", t.HelloRetry)
	o.truth("early_data", t.EarlyData)
	if t.ECH {
		o.truth("ech", true)
	}
	o.text("starttls", t.StartTLS)
	if x := t.DTLS; x != nil {
		o.truth("hello_verify", x.HelloVerify.Seen())
		o.some("turned", x.Turned)
		if x.IDs {
			o.sides("connection_id_bytes", int64(x.IDBytes[pcapflow.Client]), int64(x.IDBytes[pcapflow.Server]))
		}
	}
	o.list("alerts", len(t.Alerts), func(i int) { o.b = appendString(o.b, t.Alerts[i].Dir.String()+": "+t.Alerts[i].Description) })
	if len(t.Alerts) > 0 {
		o.list("alert_levels", len(t.Alerts), func(i int) { o.b = appendString(o.b, t.Alerts[i].Level()) })
	}
	o.strings("alpn_offered", t.Offered)
	o.some("client_certificate", t.ClientCertificate)
	o.chain(t.Certificates)
	if t.Staple != nil {
		o.text("ocsp_status", t.Staple.Status)
		o.instant("ocsp_produced", t.Staple.Produced*int64(time.Second))
		if t.Staple.NextUpdate > 0 {
			o.instant("ocsp_next_update", t.Staple.NextUpdate*int64(time.Second))
		}
	}
	o.some("clear_request", t.ClearRequest)
	o.text("plain_answer", t.PlainAnswer)
	o.some("unused", t.Unused)
	if t.Renegotiation.Seen() {
		o.text("renegotiated_by", t.RenegotiationBy.String())
	}
	o.text("ja3", t.JA3)
	o.text("ja4", t.JA4)
	o.truth("decrypted", t.Decrypted)
	o.metrics(t.AppendMetrics(o.lines.metrics[:0], c))
	o.instants(t.AppendInstants(o.lines.instants[:0]))
}

func (o *object) phase(p *pcapflow.Phase) {
	b := append(append(o.b, `{"name":"`...), p.Name...) // names of phases and outcomes need no escaping
	if p.Begin.Seen() {
		b = o.lines.appendInstant(append(b, `","start":`...), p.Begin.Time)
		if p.End.Seen() {
			b = appendSeconds(append(b, `,"seconds":`...), p.End.Time-p.Begin.Time)
		}
		b = append(b, `,"outcome":"`...)
	} else {
		b = append(b, `","outcome":"`...)
	}
	b = append(append(b, p.Outcome.String()...), '"')
	if p.Attempts > 0 {
		b = appendInt(append(b, `,"attempts":`...), p.Attempts)
	}
	if p.RTT > 0 {
		b = appendSeconds(append(b, `,"rtt_seconds":`...), p.RTT)
	}
	o.b, o.first = b, false
	o.frames(p.Frames...)
	o.close()
}

// frames writes the frames that were seen.
func (o *object) frames(all ...int) {
	seen := 0
	for _, n := range all {
		if n > 0 {
			seen++
		}
	}
	if seen == 0 {
		return
	}
	o.key("frames")
	o.b = append(o.b, '[')
	first := true
	for _, n := range all {
		if n == 0 {
			continue
		}
		if !first {
			o.b = append(o.b, ',')
		}
		first = false
		o.b = appendInt(o.b, n)
	}
	o.b = append(o.b, ']')
}
