package report

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// some writes a truth that is left out where it does not hold.
func (o *object) some(name string, v bool) {
	if v {
		o.truth(name, true)
	}
}

// count writes a number that is left out where it is 0.
func (o *object) count(name string, n int) {
	if n > 0 {
		o.number(name, int64(n))
	}
}

// strings writes a list that is left out where it is empty.
func (o *object) strings(name string, all []string) {
	if len(all) > 0 {
		o.list(name, len(all), func(i int) { o.b = appendString(o.b, all[i]) })
	}
}

// between writes the time from one instant to another, if both were seen.
func (o *object) between(name string, from, to pcapflow.Stamp) {
	if from.Seen() && to.Seen() {
		o.seconds(name, to.Time-from.Time)
	}
}

// trips writes round trips, if there are any.
func (o *object) trips(name string, r pcapflow.RTTStats) {
	if r.N == 0 {
		return
	}
	o.key(name)
	b := appendInt(append(o.b, `{"count":`...), r.N)
	b = appendSeconds(append(b, `,"min_seconds":`...), r.Min)
	b = appendSeconds(append(b, `,"median_seconds":`...), r.P50)
	o.b = append(appendSeconds(append(b, `,"p95_seconds":`...), r.P95), '}')
}

// metrics writes each as a member.
func (o *object) metrics(list []pcapflow.Metric) {
	for i := range list {
		if m := &list[i]; m.Time {
			o.seconds(m.Name, m.Value)
		} else {
			o.number(m.Name, m.Value)
		}
	}
}

// instants writes when what happened, the frames that show it, and who sent them.
func (o *object) instants(list []pcapflow.Instant) {
	pcapflow.SortInstants(list)
	o.array("instants")
	b := o.b
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"name":"`...), list[i].Name...) // a constant
		b = o.lines.appendInstant(append(b, `","time":`...), list[i].Time)
		b = appendInt(append(b, `,"frame":`...), list[i].Frame)
		if list[i].From != "" {
			b = append(append(append(b, `,"from":"`...), list[i].From...), '"') // a constant
		}
		b = append(b, '}')
	}
	o.b = b
	o.endArray()
}

// mostChains are kept as text at one time.
const mostChains = 256

// chain writes certificates, the server's own first.
func (o *object) chain(list []pcapflow.Certificate) {
	if len(list) == 0 {
		return
	}
	known := o.lines.chains[&list[0]]
	if known != nil {
		o.b, o.first = append(o.b, known...), false
		return
	}
	from := len(o.b)
	o.list("chain", len(list), func(i int) { o.certificate(&list[i]) })
	if o.lines.chains == nil || len(o.lines.chains) == mostChains {
		o.lines.chains = map[*pcapflow.Certificate][]byte{}
	}
	o.lines.chains[&list[0]] = slices.Clone(o.b[from:])
}

// certificate of a chain, by what identifies it and says how long it holds.
func (o *object) certificate(c *pcapflow.Certificate) {
	o.open()
	o.text("subject", c.Subject)
	o.text("issuer", c.Issuer)
	o.strings("names", c.Names)
	for _, end := range []struct {
		name string
		at   int64 // beyond what nanoseconds can count, in year 9999 for one
	}{{"not_before", c.NotBefore}, {"not_after", c.NotAfter}} {
		if end.at != 0 {
			o.key(end.name)
			o.b = append(time.Unix(end.at, 0).UTC().AppendFormat(append(o.b, '"'), time.RFC3339), '"')
		}
	}
	o.number("bytes", int64(c.Bytes))
	o.close()
}

func (o *object) ssh(s *pcapflow.SSH, f *pcapflow.Flow) {
	o.nested("ssh")
	o.count("version", s.Version)
	for _, m := range [][2]string{
		{"client_software", s.ClientSoftware}, {"server_software", s.ServerSoftware}, {"kex", s.Kex}, {"host_key", s.HostKey}, {"cipher", s.Cipher}, {"mac", s.MAC},
		{"cipher_to_client", s.CipherToClient}, {"mac_to_client", s.MACToClient}, {"compression", s.Compression}, {"host_key_sha256", s.HostKeySHA256},
		{"hassh", s.HASSH}, {"hassh_server", s.HASSHServer}, {"no_common", s.NoCommon}, {"wrong_protocol", s.WrongProtocol}, {"server_text", s.ServerText}, {"disconnect_reason", s.DisconnectReason}, {"disconnect_text", s.DisconnectText}, {"auth", s.Auth},
	} {
		o.text(m[0], m[1])
	}
	o.count("auth_attempts", s.AuthAttempts)
	o.text("ended_by", s.EndedBy(f))
	if len(s.Rounds) > 0 {
		o.list("rounds", len(s.Rounds), func(i int) { o.round(&s.Rounds[i]) })
	}
	if s.NoCommon != "" {
		o.text("client_offers", s.NoCommonOffers[pcapflow.Client])
		o.text("server_offers", s.NoCommonOffers[pcapflow.Server])
	}
	o.some("strict", s.Strict)
	o.some("desynchronised", s.Desynchronised)
	o.some("turned", s.Turned)
	o.trips("echo", s.Echo)
	o.some("echo_obscured", s.EchoObscured)
	o.metrics(s.AppendMetrics(o.lines.metrics[:0], f))
	o.instants(s.AppendInstants(o.lines.instants[:0]))
	o.close()
}

// round is one request of an authentication with its answer.
func (o *object) round(r *pcapflow.AuthRound) {
	o.open()
	o.text("result", r.Result)
	o.some("none", r.None)
	o.between("seconds", r.Request, r.Reply)
	o.count("request_bytes", r.RequestBytes)
	o.count("reply_bytes", r.ReplyBytes)
	o.frames(r.Request.Frame, r.Reply.Frame)
	o.close()
}

func (o *object) quic(q *pcapflow.QUIC) {
	o.nested("quic")
	o.text("version", q.Version)
	o.text("sni", q.SNI)
	o.text("alpn", q.ALPN)
	o.strings("alpn_offered", q.Offered)
	o.text("cipher", q.Cipher)
	o.text("group", q.Group)
	o.truth("retry", q.Retry)
	o.some("version_negotiation", q.Negotiated)
	o.strings("versions", q.Versions)
	o.some("resumed", q.Resumed)
	o.some("early_data", q.EarlyData)
	o.some("hello_retry", q.HelloRetry)
	o.some("ech", q.ECH)
	o.text("ja4", q.JA4)
	if q.Close.Seen() {
		o.text("closed_by", q.CloseBy.String())
		o.number("close_code", int64(q.CloseCode))
		o.text("close_reason", q.CloseReason())
	}
	o.trips("spin_rtt", q.SpinRTT)
	o.metrics(q.AppendMetrics(o.lines.metrics[:0]))
	o.instants(q.AppendInstants(o.lines.instants[:0]))
	o.close()
}

// transaction writes a query with its answer; c is the connection it came over,
// nil over UDP.
func (o *object) transaction(t *pcapflow.Transaction, c *pcapflow.Conn) {
	b := appendInt(append(o.b, `{"id":`...), int(t.ID))
	if first := t.Begin(); first.Seen() {
		b = o.lines.appendInstant(append(b, `,"time":`...), first.Time)
	}
	if t.Name != "" {
		b = appendString(append(b, `,"name":`...), t.Name)
	}
	if t.Type != "" {
		b = appendString(append(b, `,"type":`...), t.Type)
	}
	if t.RCode != "" {
		b = appendString(append(b, `,"rcode":`...), t.RCode)
	}
	if t.Opcode > 0 {
		b = appendInt(append(b, `,"opcode":`...), int(t.Opcode))
	}
	if t.Truncated {
		b = append(b, `,"truncated":true`...)
	}
	if len(t.Addresses) > 0 {
		b = append(b, `,"answers":[`...)
		for i, a := range t.Addresses {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendAddress(append(b, '"'), a), '"')
		}
		b = append(b, ']')
	}
	o.b, o.first = b, false
	o.strings("cnames", t.CNAMEs)
	o.strings("targets", t.Targets)
	b = o.b
	if t.HasTTL {
		b = appendInt64(append(b, `,"ttl_seconds":`...), int64(t.TTL))
		if t.Answer.Seen() {
			b = o.lines.appendInstant(append(b, `,"expires":`...), t.Answer.Time+int64(t.TTL)*int64(time.Second))
		}
	}
	if t.NegativeTTL > 0 {
		b = appendInt64(append(b, `,"negative_ttl_seconds":`...), int64(t.NegativeTTL))
	}
	if t.EDNS > 0 {
		b = appendInt(append(b, `,"edns_size":`...), t.EDNS)
	}
	if t.Answer.Seen() {
		b = appendInt(append(b, `,"records":`...), t.Records)
		b = appendInt(append(b, `,"answer_bytes":`...), t.Bytes[1])
	}
	o.b = b
	if t.EDE >= 0 {
		o.number("extended_error", int64(t.EDE))
		o.text("extended_error_text", pcapflow.EDEText(t.EDE))
	}
	o.oddities(t)
	if len(t.Repeats)+len(t.Extra) > 0 {
		o.instants(t.AppendInstants(o.lines.instants[:0]))
	}
	o.frames(t.Query.Frame, t.Answer.Frame)
	o.between("seconds", t.Query, t.Answer)
	if rtt := c.RoundTripServer(); rtt > 0 && t.Query.Seen() && t.Answer.Seen() {
		o.seconds("processing_seconds", max(0, t.Answer.Time-t.Query.Time-rtt))
	}
	o.close()
}

// oddities are what most transactions lack.
func (o *object) oddities(t *pcapflow.Transaction) {
	o.count("repeats", len(t.Repeats))
	o.count("further_answers", len(t.Extra))
	if t.Messages > 1 {
		o.count("messages", t.Messages)
		o.between("transfer_seconds", t.Answer, t.AnswerEnd)
	}
	o.count("fragments", int(t.Pieces))
	o.some("fragment_lost", t.PieceLost)
	o.some("late", t.Late)
	o.some("no_data", t.NoData())
	o.some("unsolicited", !t.Query.Seen() && t.Answer.Seen() && !t.Multicast)
	o.some("mismatch", t.Mismatch)
	o.some("mixed_case", t.MixedCase)
	o.some("case_changed", t.CaseChanged)
	o.some("authoritative", t.Authoritative())
	o.some("multicast", t.Multicast)
}

func (o *object) sample(s *pcapflow.NTPSample) {
	answer := &s.Response
	o.open()
	if !answer.Seen() {
		answer = &s.Request
	}
	o.number("mode", int64(answer.Mode))
	o.number("stratum", int64(answer.Stratum))
	o.text("kiss", s.Response.Kiss)
	o.some("unsynchronised", s.Response.Seen() && s.Response.Unsynchronised())
	o.some("interleaved", s.Interleaved)
	o.some("bogus_origin", s.BogusOrigin)
	if s.ElsewhereAt.Seen() {
		o.endpoint("answered_from", s.Elsewhere)
		o.between("answered_from_seconds", s.Request.Stamp, s.ElsewhereAt)
	}
	o.between("bogus_answer_seconds", s.Request.Stamp, s.Mistaken)
	o.some("nts", s.Request.NTS || s.Response.NTS)
	o.some("mac", s.Request.MAC || s.Response.MAC)
	o.count("extension_fields", int(max(s.Request.Fields, s.Response.Fields)))
	o.count("version", int(answer.Version))
	if answer.LI > 0 && answer.LI < 3 {
		o.number("leap", int64(answer.LI))
	}
	o.number("poll_log2_seconds", int64(answer.Poll))
	if s.Request.Seen() && s.Response.Seen() && s.Request.Poll != answer.Poll {
		o.number("request_poll_log2_seconds", int64(s.Request.Poll))
	}
	o.number("precision_log2_seconds", int64(answer.Precision))
	o.text("reference_id", answer.Reference())
	o.count("repeats", len(s.Repeats))
	o.frames(s.Request.Frame, s.Response.Frame)
	if s.Request.Seen() {
		o.instant("request_time", s.Request.Time)
	}
	if r := &s.Response; r.Seen() {
		o.serverStamp("server_received", r.Rec, r.Time)
		if s.Interleaved {
			o.serverStamp("server_sent", s.Left, r.Time)
			o.serverStamp("server_sent_before", r.Xmt, r.Time)
		} else {
			o.serverStamp("server_sent", r.Xmt, r.Time)
		}
		o.instant("response_time", r.Time)
	}
	if low, high, ok := s.Bounds(); ok {
		o.strings("would_step", pcapflow.Steppers(low, high))
	}
	o.metrics(s.AppendMetrics(o.lines.metrics[:0]))
	if x := s.Completes; x != nil {
		o.nested("completes")
		o.frames(x.Request.Frame, x.Response.Frame)
		o.metrics(x.AppendMetrics(o.lines.metrics[:0]))
		o.close()
	}
	o.close()
}

// serverStamp writes a stamp by the answering clock, in the era nearest to the
// capture's; a stamp of zero says nothing.
func (o *object) serverStamp(name string, stamp uint64, near int64) {
	if ns, ok := pcapflow.NTPUnix(stamp, near); ok {
		o.instant(name, ns)
	}
}
