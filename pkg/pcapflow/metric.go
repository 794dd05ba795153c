package pcapflow

import "slices"

// Metric is one measured quantity of a phase. Its name ends with its unit:
// "_seconds" (Value counts nanoseconds), "_bytes"; without one of them Value is
// a plain count. In outputs it stands in the object, or phase, it belongs to.
type Metric struct {
	Phase PhaseName
	Name  string
	Value int64
	Time  bool // Value is a duration
}

// metrics appends to a list of metrics of one phase.
type metrics struct {
	phase PhaseName
	list  []Metric
}

// between adds the time from one instant to another where both were seen, less
// the round trips that lie in it.
func (m *metrics) between(name string, from, to Stamp, less int64) {
	if from.Seen() && to.Seen() {
		m.duration(name, max(0, to.Time-from.Time-less))
	}
}

func (m *metrics) duration(name string, ns int64) {
	m.list = append(m.list, Metric{m.phase, name, ns, true})
}

// count adds a number that says nothing where it is 0.
func (m *metrics) count(name string, n int64) {
	if n > 0 {
		m.list = append(m.list, Metric{m.phase, name, n, false})
	}
}

// fact adds 1 for yes and 0 for no, and nothing for what is not known.
func (m *metrics) fact(name string, holds int64) {
	if holds >= 0 {
		m.list = append(m.list, Metric{m.phase, name, holds, false})
	}
}

// RoundTripServer is the shortest round trip between the capture and the server,
// in ns; 0: unknown.
func (c *Conn) RoundTripServer() int64 {
	if c == nil {
		return 0
	}
	return shortest(c.RTTServer, c.Samples[Server])
}

// RoundTripClient is the shortest round trip between the capture and the
// client, in ns; 0: unknown.
func (c *Conn) RoundTripClient() int64 {
	if c == nil {
		return 0
	}
	return shortest(c.RTTClient, c.Samples[Client])
}

// AppendMetrics adds what the handshake tells about its time. What depends on
// the network's share is left out where the round trip is not known.
func (t *TLS) AppendMetrics(list []Metric, c *Conn) []Metric {
	m := metrics{TLSHandshake, list}
	m.between("client_hello_seconds", t.ClientHelloFirst, t.ClientHello, 0)
	if x := t.DTLS; x != nil {
		m.count("client_hellos", int64(x.Hellos))
		m.count("resent_flights", int64(len(x.Resent)))
		if wait := t.ResendWait(); wait > 0 {
			m.duration("resend_wait_seconds", wait)
		}
		m.count("fragmented_messages", int64(x.Fragmented))
	}
	if x := t.DTLS; x != nil && x.HelloVerify.Seen() {
		m.between("hello_verify_seconds", t.ClientHello, t.SecondHello, 0)
	} else {
		m.between("hello_retry_seconds", t.ClientHello, t.SecondHello, 0)
	}
	hello := t.ClientHello
	if t.SecondHello.Seen() {
		hello = t.SecondHello
	}
	m.between("server_hello_seconds", hello, t.ServerHelloFirst, 0)
	if rtt := c.RoundTripServer(); rtt > 0 {
		m.between("server_hello_delay_seconds", hello, t.ServerHelloFirst, rtt)
	}
	m.between("server_flight_seconds", t.ServerHelloFirst, t.ServerFlightEnd, 0)
	if rtt := c.RoundTripClient(); rtt > 0 && t.ClientFinished.Seen() && (!t.ServerFinished.Seen() || t.ServerFinished.Time <= t.ClientFinished.Time || !t.Resumed) {
		m.between("client_compute_seconds", t.ServerFlightEnd, t.ClientFinished, rtt)
	}
	m.between("request_delay_seconds", t.HandshakeEnd, t.FirstClientData, 0)
	m.count("round_trips", int64(t.RoundTrips))
	if t.RoundTrips > 0 {
		m.count("minimum_round_trips", int64(t.minimumRoundTrips()))
	}
	m.count("client_hello_bytes", int64(t.ClientHelloBytes))
	m.count("server_flight_bytes", int64(t.ServerFlightBytes))
	m.fact("flight_beyond_first_window", t.beyondFirstWindow(c))
	m.count("certificate_bytes", int64(t.CertificateBytes))
	m.count("certificates", int64(len(t.Certificates)))
	if t.Staple != nil && t.ServerFlightEnd.Seen() {
		m.duration("ocsp_age_seconds", t.ServerFlightEnd.Time-t.Staple.Produced*1e9)
	}
	m.count("tickets", int64(t.Tickets))
	return m.list
}

// beyondFirstWindow is 1 where the server's flight does not fit into the first
// congestion window of most systems (RFC 6928 §2), so that its end takes a further
// round trip; 0 where it does, -1 where that is not known.
func (t *TLS) beyondFirstWindow(c *Conn) int64 {
	if c == nil || t.ServerFlightBytes == 0 || !t.ServerFlightEnd.Seen() || c.MSS[Client] == 0 || c.MSS[Server] == 0 {
		return -1
	}
	mss := min(c.MSS[Client], c.MSS[Server])
	if t.ServerFlightBytes > min(10*mss, max(2*mss, 14600)) {
		return 1
	}
	return 0
}

// ResendWait is the time within a handshake over datagrams that ended, ns, in which
// nothing came until a side sent its flight again, and the other did not then send twice:
// a timer of the handshake's, for a datagram that was lost rather than answered late.
func (t *TLS) ResendWait() (sum int64) {
	if t.DTLS == nil || !t.HandshakeEnd.Seen() {
		return 0
	}
	said := t.AppendInstants(nil)
	for i, r := range t.DTLS.Resent {
		late := func(x Resent) bool { return x.Dir != r.Dir && x.Time <= t.HandshakeEnd.Time }
		if slices.ContainsFunc(t.DTLS.Resent[i+1:], late) {
			continue
		}
		before := int64(0)
		for _, x := range said {
			if x.Time < r.Time {
				before = max(before, x.Time)
			}
		}
		if before > 0 && r.Time <= t.HandshakeEnd.Time {
			sum += r.Time - before
		}
	}
	return sum
}

// minimumRoundTrips is how many round trips a handshake of this version and mode
// needs (RFC 8446 §2, RFC 5246 §7.3); a HelloRetryRequest is not needed.
func (t *TLS) minimumRoundTrips() int {
	if t.Version == "TLSv1.3" || t.Version == "DTLSv1.3" || t.Resumed {
		return 1
	}
	return 2
}

// AppendMetrics adds what the login tells about its time.
func (s *SSH) AppendMetrics(list []Metric, f *Flow) []Metric {
	begin := f.Start
	var rtt, rttClient int64
	if c := f.Conn; c != nil {
		rtt, rttClient = c.RoundTripServer(), c.RoundTripClient()
		if s.Turned { // the SSH server opened the connection
			rtt, rttClient = rttClient, rtt
		}
		if c.ACK.Seen() {
			begin = c.ACK
		}
	}
	m := metrics{SSHBanner, list}
	m.between("banner_delay_seconds", begin, s.ServerBanner, 0)
	m.phase = SSHKex
	m.between("kex_total_seconds", earliest(s.KexInit[Client], s.KexInit[Server]), latest(s.NewKeys[Client], s.NewKeys[Server]), 0)
	m.between("group_seconds", s.GroupRequest, s.GroupReply, 0)
	if rtt > 0 {
		m.between("kex_server_seconds", s.KexRequest, s.KexReply, rtt)
	}
	if share, ok := s.kexClient(rttClient); ok {
		m.duration("kex_client_seconds", share)
	}
	m.count("kex_round_trips", int64(s.kexRoundTrips(rttClient)))
	m.count("client_kexinit_bytes", int64(s.KexInitBytes[Client]))
	m.count("server_kexinit_bytes", int64(s.KexInitBytes[Server]))
	m.fact("client_kexinit_first_large", s.kexInitLarge(f.Conn, Client))
	m.fact("server_kexinit_first_large", s.kexInitLarge(f.Conn, Server))
	m.phase = SSHAuth
	m.between("service_seconds", s.ServiceRequest, s.ServiceAccept, 0)
	if s.ServiceRequest.Seen() {
		m.between("auth_total_seconds", s.ServiceRequest, s.AuthEnd, 0)
	}
	longest := int64(0)
	for _, r := range s.Rounds {
		if r.Request.Seen() && r.Reply.Seen() {
			longest = max(longest, r.Reply.Time-r.Request.Time)
		}
	}
	if longest > 0 {
		m.duration("longest_round_seconds", longest)
	}
	m.count("round_count", int64(len(s.Rounds)))
	m.phase = SSHSession
	if s.Auth == "success" {
		m.between("channel_open_seconds", s.ChannelOpen, s.ChannelConfirmed, 0)
		m.between("session_open_seconds", s.AuthEnd, s.SessionStart, 0)
		m.between("login_total_seconds", begin, s.SessionStart, 0)
	}
	s.ending(&m, f, begin)
	for i := range f.Phases {
		p := &f.Phases[i]
		m.phase = p.Name
		switch n := f.retransmissionsIn(p); p.Name {
		case SSHBanner:
			m.count("banner_retransmissions", n)
		case SSHKex:
			m.count("kex_retransmissions", n)
		case SSHAuth:
			m.count("auth_retransmissions", n)
		case SSHSession:
			m.count("session_retransmissions", n)
		}
	}
	return m.list
}

// kexInitLarge is 1 where a side's KEXINIT is the first it sends that fills a segment,
// so that a path that swallows large packets stops just there; 0 where it fills none,
// -1 where that is not known. All before
// it is an identification of at most 255 octets (RFC 4253 §4.2), unless a server
// writes lines of text first.
func (s *SSH) kexInitLarge(c *Conn, d Dir) int64 {
	const options = 40 // the most that TCP takes of a segment for its own (RFC 9293 §3.1)
	if c == nil || c.MSS[Client] == 0 || c.MSS[Server] == 0 || s.KexInitBytes[d] == 0 || d == Server && s.ServerText != "" {
		return -1
	}
	if s.KexInitBytes[d] > min(c.MSS[Client], c.MSS[Server])-options {
		return 1
	}
	return 0
}

// retransmissionsIn counts the segments that either side sent again during p.
func (f *Flow) retransmissionsIn(p *Phase) (n int64) {
	if f.Conn == nil || !p.Begin.Seen() {
		return 0
	}
	end := p.End
	if !end.Seen() {
		end = f.End
	}
	for i := range f.Conn.Retransmissions {
		r := &f.Conn.Retransmissions[i]
		if r.Kind != RetransmitSYN && r.Kind != RetransmitSYNACK && r.Time > p.Begin.Time && r.Time <= end.Time {
			n++
		}
	}
	return n
}

// AppendMetrics adds what the handshake tells about its time.
func (q *QUIC) AppendMetrics(list []Metric) []Metric {
	m := metrics{QUICHandshake, list}
	m.between("client_hello_seconds", q.Initial, q.ClientHello, 0)
	m.between("retry_seconds", q.Initial, q.RetryAt, 0)
	m.between("answer_seconds", q.Initial, q.Answer, 0)
	m.between("second_hello_seconds", q.ClientHello, q.SecondHello, 0)
	m.between("server_hello_seconds", latest(q.ClientHello, q.SecondHello), q.ServerHello, 0)
	m.between("handshake_seconds", q.Initial, q.HandshakeEnd, 0)
	m.count("attempts", int64(q.Attempts))
	return m.list
}

// Before is the exchange before e on its connection; nil: there is none.
func (f *Flow) Before(e *Exchange) *Exchange {
	if i := e.Ordinal - 1; i > 0 && i < len(f.HTTP) && f.HTTP[i].Ordinal == e.Ordinal && f.HTTP[i-1].Ordinal == i {
		return &f.HTTP[i-1]
	}
	return nil
}

// inTurn tells an exchange whose answer comes when those before it are over, as in
// HTTP/1 (RFC 9112 §9.3.2).
func (e *Exchange) inTurn() bool {
	return e != nil && e.StreamID == 0 && !e.Multiplexed && !e.Truncated && e.ResponseLast.Seen()
}

// Held is what held side d back while it sent its message of an exchange on c; nil:
// it is not known, or others went between.
func (e *Exchange) Held(c *Conn, d Dir) *Held {
	from, to := e.RequestFirst, e.RequestLast
	if d == Server {
		from, to = e.ResponseFirst, e.ResponseLast
	}
	if e.Multiplexed {
		return nil
	}
	return c.heldIn(d, from, to)
}

// AppendMetrics adds how long each limit held a sender back.
func (h *Held) AppendMetrics(list []Metric, phase PhaseName) []Metric {
	m := metrics{phase, list}
	if h != nil {
		for l, ns := range h {
			if ns > 0 {
				m.duration(Limit(l).MetricName(), ns)
			}
		}
	}
	return m.list
}

// AppendMetrics adds what an exchange tells about its time. before is the one before
// it on the connection; nil: none.
func (e *Exchange) AppendMetrics(list []Metric, c *Conn, before *Exchange) []Metric {
	m := metrics{HTTPSend, list}
	m.between("send_seconds", e.RequestFirst, e.RequestLast, 0)
	behind := before.inTurn() && e.StreamID == 0 && !e.Multiplexed
	if behind && e.RequestFirst.Seen() && e.RequestFirst.Time >= before.ResponseLast.Time {
		m.between("idle_before_seconds", before.ResponseLast, e.RequestFirst, 0)
	}
	m.phase = HTTPWait
	if behind && e.RequestLast.Seen() && e.RequestLast.Time < before.ResponseLast.Time { // pipelined
		m.between("queued_behind_seconds", e.RequestLast, before.ResponseLast, 0)
	}
	if len(e.Interim) > 0 {
		m.between("interim_seconds", e.RequestFirst, e.Interim[0], 0)
	}
	if early := e.ResponseFirst.Seen() && e.ResponseFirst.Time < e.RequestLast.Time; !early {
		m.between("wait_seconds", e.RequestLast, e.ResponseFirst, 0)
		if rtt := c.RoundTripServer(); rtt > 0 {
			m.between("server_think_seconds", e.RequestLast, e.ResponseFirst, rtt)
		}
	}
	if wait := e.RetryWait(); wait > 0 {
		m.duration("retry_after_seconds", wait)
	}
	m.phase = HTTPReceive
	m.between("receive_seconds", e.ResponseFirst, e.ResponseLast, 0)
	if e.FlowControlWait > 0 {
		m.duration("flow_control_seconds", e.FlowControlWait)
	}
	if e.HeadOfLineWait > 0 {
		m.duration("head_of_line_seconds", e.HeadOfLineWait)
	}
	m.count("concurrent_streams", int64(e.Concurrent))
	return m.list
}

// AppendMetrics adds what one exchange tells: RFC 5905 §8 with the capture's
// own stamps for T1 and T4.
func (s *NTPSample) AppendMetrics(list []Metric) []Metric {
	m := metrics{NTPExchange, list}
	if low, high, ok := s.Bounds(); ok {
		m.duration("offset_seconds", low+(high-low)/2)
		m.duration("offset_low_seconds", low)
		m.duration("offset_high_seconds", high)
	}
	if delay, ok := s.Delay(); ok {
		m.duration("delay_seconds", delay)
	}
	if dwell, ok := s.Dwell(); ok {
		m.duration("dwell_seconds", dwell)
	}
	if r := &s.Response; r.Seen() && r.Kiss == "" {
		m.duration("root_distance_seconds", r.RootDistance())
	}
	return m.list
}

// AppendMetrics adds what the handshake of a connection tells.
func (c *Conn) AppendMetrics(list []Metric) []Metric {
	m := metrics{TCPConnect, list}
	if c.RTTServer > 0 {
		m.duration("rtt_server_seconds", c.RTTServer)
	}
	if c.RTTClient > 0 {
		m.duration("rtt_client_seconds", c.RTTClient)
	}
	m.count("syns", int64(len(c.SYN)))
	m.count("syn_acks", int64(len(c.SYNACK)))
	if n := len(c.SYN); n > 1 {
		m.between("syn_retry_seconds", c.SYN[0], c.SYN[n-1], 0)
	}
	return m.list
}
