package report

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

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
	o.nested(name)
	o.number("count", int64(r.N))
	o.seconds("min_seconds", r.Min)
	o.seconds("median_seconds", r.P50)
	o.seconds("p95_seconds", r.P95)
	o.close()
}

func (o *object) ssh(s *pcapflow.SSH) {
	o.nested("ssh")
	o.count("version", s.Version)
	for _, m := range [][2]string{
		{"client_software", s.ClientSoftware}, {"server_software", s.ServerSoftware}, {"kex", s.Kex}, {"host_key", s.HostKey}, {"cipher", s.Cipher}, {"mac", s.MAC},
		{"cipher_to_client", s.CipherToClient}, {"mac_to_client", s.MACToClient}, {"compression", s.Compression}, {"host_key_sha256", s.HostKeySHA256},
		{"hassh", s.HASSH}, {"hassh_server", s.HASSHServer}, {"no_common", s.NoCommon}, {"wrong_protocol", s.WrongProtocol}, {"server_text", s.ServerText}, {"auth", s.Auth},
	} {
		o.text(m[0], m[1])
	}
	o.count("auth_attempts", s.AuthAttempts)
	if len(s.Rounds) > 0 {
		o.list("rounds", len(s.Rounds), func(i int) { o.round(&s.Rounds[i]) })
	}
	o.some("turned", s.Turned)
	o.trips("echo", s.Echo)
	o.some("echo_obscured", s.EchoObscured)
	o.close()
}

// round is one request of an authentication with its answer.
func (o *object) round(r *pcapflow.AuthRound) {
	o.open()
	o.text("result", r.Result)
	o.some("none", r.None)
	o.between("seconds", r.Request, r.Reply)
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
	o.some("early_data", q.EarlyData)
	o.some("hello_retry", q.HelloRetry)
	o.some("ech", q.ECH)
	o.text("ja4", q.JA4)
	if q.Close.Seen() {
		o.text("closed_by", q.CloseBy.String())
		o.number("close_code", int64(q.CloseCode))
	}
	o.trips("spin_rtt", q.SpinRTT)
	o.close()
}

func (o *object) transaction(t *pcapflow.Transaction) {
	o.open()
	o.number("id", int64(t.ID))
	o.text("name", t.Name)
	o.text("type", t.Type)
	o.text("rcode", t.RCode)
	o.some("truncated", t.Truncated)
	if len(t.Addresses) > 0 {
		o.list("answers", len(t.Addresses), func(i int) {
			o.b = append(o.b, '"')
			o.b = t.Addresses[i].AppendTo(o.b)
			o.b = append(o.b, '"')
		})
	}
	o.strings("cnames", t.CNAMEs)
	o.strings("targets", t.Targets)
	if t.Records > 0 {
		o.number("ttl_seconds", int64(t.TTL))
	}
	o.count("negative_ttl_seconds", int(t.NegativeTTL))
	o.count("edns_size", t.EDNS)
	if t.EDE >= 0 {
		o.number("extended_error", int64(t.EDE))
		o.text("extended_error_text", pcapflow.EDEText(t.EDE))
	}
	o.count("repeats", len(t.Repeats))
	o.count("further_answers", len(t.Extra))
	o.some("late", t.Late)
	o.some("unsolicited", !t.Query.Seen() && t.Answer.Seen() && !t.Multicast)
	o.some("multicast", t.Multicast)
	o.frames(t.Query.Frame, t.Answer.Frame)
	o.between("seconds", t.Query, t.Answer)
	o.close()
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
	o.some("nts", s.Request.NTS || s.Response.NTS)
	o.count("repeats", len(s.Repeats))
	o.frames(s.Request.Frame, s.Response.Frame)
	if low, high, ok := s.Bounds(); ok {
		o.seconds("offset_low_seconds", low)
		o.seconds("offset_high_seconds", high)
	}
	if delay, ok := s.Delay(); ok {
		o.seconds("delay_seconds", delay)
	}
	o.close()
}
