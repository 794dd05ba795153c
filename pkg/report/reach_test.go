package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// members notes the path of every member of a JSON value: elements of lists have
// that of their list, and where they have a name, it in brackets as well.
func members(at string, v any, seen map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["name"].(string); ok {
			seen[at+"["+name+"]"] = true
		}
		for key, x := range v {
			path := at + "." + key
			seen[path] = true
			members(path, x, seen)
		}
	case []any:
		for _, x := range v {
			members(at, x, seen)
		}
	}
}

func membersOf(t *testing.T, at string, b []byte, seen map[string]bool) {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	members(at, v, seen)
	if at == "flow" {
		onceEach(t, json.NewDecoder(bytes.NewReader(b)))
	}
}

// onceEach: no object of a value has a member twice, of which readers keep one alone.
func onceEach(t *testing.T, d *json.Decoder) {
	t.Helper()
	start, _ := d.Token()
	names := map[string]bool{}
	for d.More() && (start == json.Delim('{') || start == json.Delim('[')) {
		if start == json.Delim('{') {
			name, _ := d.Token()
			if names[name.(string)] {
				t.Errorf("%s stands twice in one object", name)
			}
			names[name.(string)] = true
		}
		onceEach(t, d)
	}
	if start == json.Delim('{') || start == json.Delim('[') {
		d.Token()
	}
}

// reachable are the instants, metrics and errors of each protocol by the members
// that hold them: of the lines of flows, of a report, and of what explain says.
var reachable = map[string][]string{
	"flow": {
		// DNS
		"dns.id", "dns.name", "dns.type", "dns.seconds", "dns.rcode", "dns.frames", "dns.edns_size", "dns.ttl_seconds", "dns.expires", "dns.negative_ttl_seconds",
		"dns.answers", "dns.cnames", "dns.targets", "dns.truncated", "dns.repeats", "dns.late", "dns.no_data", "dns.unsolicited", "dns.mismatch", "dns.further_answers", "dns.extended_error",
		"dns.time", "dns.messages", "dns.transfer_seconds", "dns.records", "dns.answer_bytes", "dns.instants[dns.query]", "dns.instants[dns.retry]", "dns.instants[dns.answer]", "dns.instants[dns.further-answer]", "dns.extended_error_text", "dns.multicast", "dns.mixed_case", "dns.case_changed", "dns.authoritative", "dns.processing_seconds", "dns_over", "icmp.text", "dns.fragments", "dns.fragment_lost", "dns.opcode",
		// ARP and ND
		"neighbour.attempts", "neighbour.asker_link_address", "neighbour.other_link_addresses", "neighbour.probe", "icmp.from", "icmp.type", "icmp.code", "icmp.frames", "icmp.time", "icmp.mtu", "neighbour.instants[arp.request]", "neighbour.instants[arp.reply]", "neighbour.instants[arp.released]", "neighbour.instants[nd.request]", "neighbour.instants[nd.reply]", "neighbour.link_address", "neighbour.announcement", "neighbour.proxy", "neighbour.duplicate_address", "neighbour.unasked_answer", "neighbour.unanswered", "phases[l2.resolve]",
		"gateway.link_address", "gateway.addresses", "gateway.by", "gateway.hosts", "gateway.behind", "gateway.frames", "neighbour.unicast_attempts", "neighbour.released.time", "neighbour.released.held_seconds", "neighbour.released.answer_seconds", "neighbour.released.packet_of_flow", "neighbour.released.frames", "router.link_address", "router.advertisements", "router.lifetime_seconds", "router.solicited_seconds", "router.withdrawn", "router.prefixes", "router.mtu", "router.hop_limit", "router.managed_addresses", "router.instants[nd.router-advertisement]", "router.instants[nd.router-solicitation]",
		// TCP
		"tcp.instants[tcp.syn]", "tcp.instants[tcp.syn-retry]", "tcp.instants[tcp.syn-ack]", "tcp.instants[tcp.syn-ack-retry]", "tcp.instants[tcp.established]", "tcp.instants[tcp.fin]", "tcp.instants.from", "tls.instants.from", "tcp.syns", "tcp.syn_acks", "tcp.connect_seconds", "tcp.rtt_server_seconds", "tcp.rtt_client_seconds", "tcp.retransmissions", "tcp.stalls.cause", "tcp.rst.by", "tcp.rst.time", "tcp.rst.odd", "tcp.duplicate_acks", "tcp.window_probes", "tcp.missing.server.bytes", "tcp.missing.server.since", "tcp.missing.server.sequence", "tcp.ttl_change.server.from", "tcp.ttl_change.server.to", "tcp.ttl_change.server.changes", "tcp.rtt_seconds", "tcp.stalls.waiting_for", "tcp.retransmitted_bytes", "tcp.fast", "tcp.timeouts", "tcp.tail_probes", "tcp.spurious", "tcp.out_of_order", "tcp.duplicates", "tcp.acked_unseen_bytes", "tcp.zero_windows", "tcp.window_full", "tcp.keep_alives", "tcp.max_in_flight_bytes", "tcp.vantage", "tcp.completeness", "duplicates",
		"tcp.samples_to_server.median_seconds", "tcp.mss.client", "tcp.window_scale.server", "tcp.sack.server", "tcp.timestamps.client", "tcp.ecn", "tcp.fast_open.accepted_bytes", "tcp.multipath.server", "tcp.zero_window_seconds", "conn_state", "history", "phases[tcp.connect]", "tcp.data.client.first", "tcp.data.server.last", "tcp.data.server.frames", "tcp.oddities[challenge-ack]", "tcp.oddities[time-wait]", "tcp.oddities[challenged-reset]", "tcp.oddities[old-timestamp]", "tcp.oddities[sack-reneged]", "tcp.oddities[window-shrunk]", "tcp.oddities[other-syn-ack]", "tcp.oddities[half-open]", "tcp.oddities[forgotten]", "tcp.oddities[syn-ack-reset]", "tcp.oddities[syn-ack-after-ack]", "tcp.oddities[data-after-reset]", "tcp.oddities[simultaneous-close]", "tcp.oddities[port-reuse]", "tcp.oddities[keep-alive-death]", "tcp.oddities[fin-wait-leak]",
		"tcp.largest_segment_bytes.server", "tcp.full_segments.server.bytes", "tcp.full_segments.client.times", "tcp.clamped.server.segment_bytes", "tcp.clamped.server.offered_bytes", "tcp.first_window_bytes.client", "tcp.turn_count", "tcp.turns.by", "tcp.turns.start", "tcp.turns.end", "tcp.turns.acknowledged", "tcp.turns.bytes", "tcp.turns.segments", "tcp.turns.idle_restarts", "tcp.turns.goodput_bytes_per_second", "tcp.turns.frames", "tcp.turns.limited_by", "tcp.turns.held.opportunity_seconds", "tcp.turns.held.application_seconds", "tcp.turns.held.receiver_window_seconds", "tcp.turns.held.congestion_seconds", "tcp.turns.held.bandwidth_seconds", "tcp.turns.held.transport_seconds", "tcp.not_judged.client.reason",
		"tcp.oddities.bytes", "tcp.oddities.time", "tcp.oddities.by", "tcp.oddities.frames",
		// TLS
		"tls.instants[tls.client-hello]", "tls.instants[tls.client-hello-first]", "tls.instants[tls.hello-retry]", "tls.instants[tls.second-client-hello]",
		"tls.instants[tls.server-hello]", "tls.instants[tls.server-flight-end]", "tls.instants[tls.server-finished]", "tls.instants[tls.client-finished]",
		"tls.instants[tls.encrypted-extensions]", "tls.instants[tls.certificate]", "tls.instants[tls.certificate-status]", "tls.instants[tls.key-exchange]", "tls.instants[tls.certificate-request]", "tls.instants[tls.certificate-verify]",
		"tls.instants[tls.client-certificate]", "tls.instants[tls.client-key-exchange]", "tls.instants[tls.client-certificate-verify]",
		"tls.instants[tls.established]", "tls.instants[tls.alert]", "tls.instants[tls.client-close]", "tls.instants[tls.server-close]",
		"tls.server_hello_delay_seconds", "tls.client_compute_seconds", "tls.round_trips", "tls.minimum_round_trips", "tls.server_flight_bytes", "tls.flight_beyond_first_window", "tls.client_hello_bytes",
		"tls.certificate_bytes", "tls.resumed", "tls.hello_retry_seconds", "tls.version", "tls.cipher", "tls.group", "tls.alpn", "tls.alpn_offered", "tls.sni", "tls.ja3",
		"tls.ja4", "tls.chain.not_before", "tls.chain.not_after", "tls.chain.names", "tls.alerts", "tls.alert_levels", "tls.instants[tls.ticket]", "tls.instants[tls.client-data]", "tls.instants[tls.server-data]", "tls.client_hello_seconds", "tls.server_hello_seconds", "tls.server_flight_seconds", "tls.hello_retry", "tls.decrypted", "tls.certificates", "tls.ech", "tls.ocsp_produced", "tls.ocsp_next_update", "tls.ocsp_age_seconds", "tls.early_data", "tls.tickets", "tls.starttls", "tls.client_certificate", "tls.plain_answer", "tls.clear_request", "tls.unused", "tls.ocsp_status", "tls.request_delay_seconds", "tls.renegotiated_by", "tls.instants[tls.renegotiation]",
		"phases[tls.handshake]", "tls.hello_verify", "tls.hello_verify_seconds", "tls.client_hellos", "tls.resent_flights", "tls.resend_wait_seconds", "tls.fragmented_messages", "tls.turned", "tls.connection_id_bytes.client", "tls.connection_id_bytes.server", "tls.instants[tls.hello-verify]", "tls.instants[tls.flight-again]", "tls.later.cipher", "tls.later.instants[tls.server-hello]",
		// QUIC
		"quic.version", "quic.sni", "quic.alpn", "quic.retry", "quic.version_negotiation", "quic.handshake_seconds", "quic.instants[quic.client-hello]",
		"quic.instants[quic.server-hello]", "quic.instants[quic.established]", "quic.instants[quic.initial]", "quic.instants[quic.answer]", "quic.instants[quic.second-client-hello]", "quic.instants[quic.retry]", "quic.instants[quic.server-flight-end]", "quic.instants[quic.close]", "quic.closed_by", "quic.close_code", "quic.close_reason", "quic.retry_seconds", "quic.second_hello_seconds", "quic.answer_seconds", "quic.server_hello_seconds", "quic.attempts", "quic.versions", "quic.cipher", "quic.group", "quic.alpn_offered", "quic.resumed", "quic.early_data", "quic.spin_rtt.median_seconds", "quic.ja4", "phases[quic.handshake]",
		// HTTP
		"http.method", "http.host", "http.path", "http.status", "http.version", "http.request_bytes", "http.response_bytes", "http.send_seconds", "http.wait_seconds", "http.instants[http.request]", "http.instants[http.request-end]", "http.instants[http.interim]", "http.instants[http.response]", "http.instants[http.response-end]", "http.instants.from", "http.held.client.opportunity_seconds", "http.held.server.application_seconds",
		"http.server_think_seconds", "http.receive_seconds", "http.idle_before_seconds", "http.queued_behind_seconds", "http.ordinal", "http.date", "http.location", "http.interim_answers", "http.estimated", "http.truncated", "http.aborted_by", "http.unsent", "http.port_wants_tls", "http.reset_code", "http.flow_control_seconds", "http.head_of_line_seconds",
		"http.body_bytes", "http.request_id", "http.server_timing.name", "http.interim_seconds", "http.server", "http.age", "http.gap", "http.multiplexed", "http.malformed", "http.reset", "http.stream_id", "http.concurrent_streams", "http.chunk_error", "http.auth_rounds", "http.redirect_loop", "http.upgraded", "goaway.by", "goaway.code", "goaway.last_stream", "goaway.time", "goaway.frames", "phases[http.send]", "phases[http.wait]", "phases[http.receive]",
		// SSH
		"ssh.instants[ssh.banner]", "ssh.instants[ssh.client-banner]", "ssh.instants[ssh.client-kexinit]", "ssh.instants[ssh.kexinit]", "ssh.instants[ssh.kex-request]",
		"ssh.instants[ssh.kex-reply]", "ssh.instants[ssh.newkeys]", "ssh.instants[ssh.client-newkeys]", "ssh.instants[ssh.service-request]", "ssh.instants[ssh.service-accept]",
		"ssh.instants[ssh.auth-request]", "ssh.instants[ssh.auth-reply]", "ssh.instants[ssh.session]", "ssh.instants[ssh.channel-open]", "ssh.instants[ssh.channel-confirmed]", "ssh.channel_open_seconds", "ssh.banner_delay_seconds", "ssh.kex_total_seconds",
		"ssh.kex_server_seconds", "ssh.auth_total_seconds", "ssh.longest_round_seconds", "ssh.session_open_seconds", "ssh.login_total_seconds", "ssh.client_kexinit_bytes", "ssh.client_kexinit_first_large", "ssh.server_kexinit_first_large",
		"ssh.rounds.request_bytes", "ssh.rounds.reply_bytes", "ssh.kex_client_seconds", "ssh.kex_round_trips", "ssh.group_seconds", "ssh.instants[ssh.group-request]", "ssh.instants[ssh.group-reply]", "ssh.instants[ssh.disconnect]", "ssh.service_seconds", "ssh.round_count", "ssh.server_kexinit_bytes", "ssh.kex", "ssh.host_key", "ssh.cipher", "ssh.mac", "ssh.compression", "ssh.host_key_sha256", "ssh.no_common", "ssh.client_offers", "ssh.server_offers", "ssh.wrong_protocol", "ssh.server_text", "ssh.disconnect_reason", "ssh.disconnect_text", "ssh.version", "ssh.strict", "ssh.echo.median_seconds", "ssh.echo_obscured", "ssh.kex_retransmissions", "ssh.auth_retransmissions", "ssh.session_retransmissions", "ssh.hassh", "ssh.hassh_server", "ssh.client_software", "ssh.server_software", "ssh.auth", "ssh.auth_attempts", "ssh.ended_by", "ssh.ended_before_login_seconds", "ssh.silent_before_end_seconds", "ssh.rounds.result", "ssh.banner_retransmissions",
		"phases[ssh.banner]", "phases[ssh.kex]", "phases[ssh.auth]", "phases[ssh.session]",
		// NTP
		"ntp.mode", "ntp.stratum", "ntp.request_time", "ntp.response_time", "ntp.server_received", "ntp.server_sent", "ntp.offset_seconds", "ntp.would_step", "ntp.offset_low_seconds",
		"ntp.offset_high_seconds", "ntp.bogus_origin", "ntp.bogus_answer_seconds", "ntp.server_sent_before", "ntp.answered_from", "ntp.nts", "ntp.leap", "ntp.repeats", "ntp.version",
		"ntp.completes.offset_seconds", "ntp.completes.delay_seconds", "ntp.delay_seconds", "ntp.dwell_seconds", "ntp.root_distance_seconds", "ntp.kiss", "ntp.unsynchronised", "ntp.interleaved", "ntp.mac", "ntp.extension_fields", "ntp.poll_log2_seconds", "ntp.request_poll_log2_seconds", "ntp.precision_log2_seconds", "ntp.reference_id",
	},
	"report": {
		"journeys.instants[dns.query]", "journeys.instants[dns.retry]", "journeys.instants[dns.answer]", "journeys.instants[arp.request]", "journeys.instants[arp.reply]", "journeys.instants[arp.released]", "journeys.phases.metrics.opportunity_seconds", "journeys.phases.metrics.application_seconds", "journeys.phases.metrics.congestion_seconds", "journeys.instants[tcp.syn-ack]", "journeys.instants[tcp.syn-retry]", "journeys.instants[tcp.syn-ack-retry]", "journeys.instants[tcp.reset]", "journeys.instants[tcp.retransmission]", "journeys.instants[icmp.error]", "journeys.instants[http.request-end]", "journeys.instants[http.response-end]", "journeys.phases.metrics.transactions", "journeys.phases.metrics.resolvers", "journeys.phases.metrics.answers", "journeys.phases.metrics.cname_depth", "journeys.phases.metrics.answer_bytes", "journeys.phases.metrics.edns_bytes", "journeys.phases.metrics.tcp_cost_seconds", "journeys.phases.metrics.syn_retry_seconds", "journeys.instants[ntp.request]", "journeys.instants[ntp.response]",
		"journeys.instants[http.request]", "journeys.instants[http.response]", "journeys.instants[tcp.syn]", "journeys.instants[tcp.established]",
		"journeys.instants[tcp.fin]", "journeys.instants[http.interim]", "journeys.instants[tls.client-data]", "journeys.instants[tls.server-data]", "journeys.instants[tls.ticket]",
		"journeys.phases[dns.lookup]", "journeys.phases[ntp.exchange]", "journeys.phases[l2.resolve]",
		"journeys.phases.metrics.retry_wait_seconds", "journeys.phases.metrics.a_seconds", "journeys.phases.metrics.aaaa_seconds", "journeys.phases.metrics.suffixes",
		"journeys.phases.metrics.processing_seconds", "journeys.phases.metrics.cached_seconds", "journeys.phases.metrics.ttl_seconds", "journeys.phases.metrics.first_use_seconds",
		"series.resolvers.latency.sigma_seconds", "series.resolvers.outliers.cause", "series.lookups.wait.median_seconds",
		"series.resolvers.latency.mean_seconds", "series.resolvers.latency.p95_seconds", "series.resolvers.rcodes", "series.resolvers.unanswered", "series.lookups.outliers.cause", "series.ntp.loss", "series.ntp.drift_ppm", "series.ntp.delay.median_seconds", "series.ntp.dwell.median_seconds", "series.ntp.poll.median_seconds", "series.ntp.poll_irregularity", "series.ntp.offset_low_seconds", "series.ntp.offset_high_seconds", "series.ntp.best_low_seconds", "series.ntp.root_distance_seconds", "series.ntp.unsynchronised", "series.ntp.kisses", "series.ntp.jitter_seconds", "series.ntp.reach", "series.ntp.verdict", "series.ntp.would_step", "series.host_keys.keys.sha256", "series.host_keys.changed", "series.host_keys.by_turns", "journeys.tls.full_after", "journeys.mss_changes.sent", "journeys.mss_changes.arrived", "journeys.mss_changes.seen_in", "journeys.mss_changes.changed_in", "journeys.mss_changes.from", "journeys.tls.beside", "series.neighbours.proxy", "series.neighbours.time.count", "series.gateways.by", "series.neighbours.unicast_attempts",
	},
}

// TestReachable: what a phase of each protocol is described by can be reached in
// the JSON of real captures, and what explain says of a journey holds the same.
func TestReachable(t *testing.T) {
	own := filepath.Join("..", "pcapflow", "testdata", "recorded")
	captures := []string{need.Shared(t, "incidents", "s09_nat_crowd", "input", "pc1.pcap"), filepath.Join(own, "dns-client.pcap"), filepath.Join(own, "dns-upstream.pcap"), filepath.Join(own, "ntp-interleaved.pcap"), filepath.Join(own, "http3.pcap"), filepath.Join(own, "tcp-options.pcap"), filepath.Join(own, "dtls.pcap"), filepath.Join(own, "dtls-keys.pcap"), filepath.Join(own, "dtls-cid", "dtls-cid.pcap"), filepath.Join(own, "ssh-refused.pcap"), filepath.Join(own, "rare.pcap"),
		filepath.Join(own, "doq.pcap"), filepath.Join("..", "..", "samples", "black-hole", "input", "client.pcap"), filepath.Join("..", "..", "samples", "full-queue", "input", "client.pcap"), filepath.Join(own, "quic", "quic.pcap"), need.Shared(t, "incidents", "s11_apache", "input", "cliente.pcap")}
	for _, name := range reachCaptures {
		captures = append(captures, need.Shared(t, "captures", name))
	}
	folders := []string{}
	for _, name := range []string{"s02_slow_app", "s03_slow_dns", "s04_loss", "s06_ssh", "s08_ntp_clocks", "s13_tls_failures"} {
		folders = append(folders, need.Shared(t, "incidents", name, "input"))
	}
	folders = append(folders, filepath.Join("..", "correlate", "testdata", "recorded", "mss-clamped"))
	for _, folder := range folders {
		list, _ := filepath.Glob(filepath.Join(folder, "*.pcap*"))
		captures = append(captures, list...)
	}
	seen := map[string]bool{}
	var lines FlowLines
	for _, path := range captures {
		var gateways correlate.GatewayFinder
		var link pcapflow.Result
		_, err := incident.EachFlow(context.Background(), path, nil, incident.Options{Turns: true},
			func(f *pcapflow.Flow) {
				gateways.Flow(f)
				membersOf(t, "flow", lines.Append(nil, "x", f), seen)
			},
			func(rest *pcapflow.Result) {
				link.Neighbours, link.Routers = rest.Neighbours, rest.Routers
				beyond := gateways.Beyond()
				for _, r := range link.Neighbours {
					membersOf(t, "flow", lines.AppendResolution(nil, "x", r, beyond), seen)
				}
				for _, r := range link.Routers {
					membersOf(t, "flow", lines.AppendRouter(nil, "x", r), seen)
				}
				for i := range rest.ICMP {
					membersOf(t, "flow", lines.AppendICMP(nil, "x", &rest.ICMP[i]), seen)
				}
			})
		if err != nil {
			t.Fatal(path, err)
		}
		for _, g := range gateways.Find(link) {
			membersOf(t, "flow", lines.AppendGateway(nil, "x", g), seen)
		}
	}
	real := maps.Clone(seen)
	// No capture at hand has these:
	rare := &pcapflow.Flow{
		DNS:  []pcapflow.Transaction{{Late: true, Mismatch: true, MixedCase: true, CaseChanged: true, EDE: 6, PieceLost: true, Opcode: 5}},
		TLS:  &pcapflow.TLS{ClearRequest: true, Staple: &pcapflow.Staple{Status: "good"}},
		HTTP: []pcapflow.Exchange{{Truncated: true, Unsent: true, Reset: true, ResetCode: "CANCEL", FlowControlWait: 1, HeadOfLineWait: 1}},
		NTP:  []pcapflow.NTPSample{{Request: pcapflow.NTPMessage{Stamp: pcapflow.Stamp{Frame: 1}, Poll: 6}, BogusOrigin: true, Mistaken: pcapflow.Stamp{Frame: 2}, Elsewhere: netip.MustParseAddrPort("192.0.2.1:123"), ElsewhereAt: pcapflow.Stamp{Frame: 2}, Repeats: make([]pcapflow.Stamp, 1), Response: pcapflow.NTPMessage{Stamp: pcapflow.Stamp{Frame: 1}, NTS: true, Fields: 1, LI: 1}}},
	}
	membersOf(t, "flow", lines.Append(nil, "x", rare), seen)
	membersOf(t, "flow", lines.AppendICMP(nil, "x", &pcapflow.ICMPError{Possible: 2}), seen)
	at := func(n int) pcapflow.Stamp { return pcapflow.Stamp{Frame: n, Time: int64(n) * 1e6} }
	var oddities []pcapflow.Oddity
	for _, k := range pcapflow.Oddities() {
		oddities = append(oddities, pcapflow.Oddity{Stamp: at(2), Of: at(1), Kind: k, Bytes: 1})
	}
	membersOf(t, "flow", lines.Append(nil, "x", &pcapflow.Flow{TLS: &pcapflow.TLS{DTLS: &pcapflow.DTLS{Turned: true}}}), seen)
	rare = &pcapflow.Flow{
		Away:   [2]*pcapflow.GoAway{{Stamp: at(3), Code: "NO_ERROR"}, nil},
		TLS:    &pcapflow.TLS{Renegotiation: at(3)},
		DNS:    []pcapflow.Transaction{{Query: at(1), Answer: at(2), AnswerEnd: at(4), Messages: 3}},
		QUIC:   &pcapflow.QUIC{SpinRTT: pcapflow.RTTStats{N: 1}},
		HTTP:   []pcapflow.Exchange{{Ordinal: 1, ResponseLast: at(9)}, {Ordinal: 2, RequestFirst: at(1), RequestLast: at(2)}, {Status: 101, Upgrade: true, AuthRounds: 1, Looped: true, ChunkError: true, RequestID: "a", Timing: []pcapflow.ServerTiming{{Name: "db"}}}},
		SSH:    &pcapflow.SSH{Disconnect: at(9)},
		Conn:   &pcapflow.Conn{MSS: [2]int{1460, 1460}, Talk: &pcapflow.Talk{Cut: [2]pcapflow.Cut{{}, {Bytes: 1300, Times: 20}}, Count: 1}, Oddities: oddities, Retransmissions: []pcapflow.Retransmission{{Stamp: at(2)}, {Stamp: at(5)}}},
		Phases: []pcapflow.Phase{{Name: pcapflow.SSHKex, Begin: at(1), End: at(3)}, {Name: pcapflow.SSHSession, Begin: at(4), End: at(6)}},
	}
	membersOf(t, "flow", lines.Append(nil, "x", rare), seen)
	membersOf(t, "flow", lines.AppendResolution(nil, "x", &pcapflow.Resolution{Protocol: "arp", Gratuitous: true, Others: [][6]byte{{1}}}, nil), seen)
	membersOf(t, "flow", lines.AppendResolution(nil, "x", &pcapflow.Resolution{Protocol: "arp", Requests: make([]pcapflow.Stamp, 1), Unicast: 1}, nil), seen)
	membersOf(t, "flow", lines.AppendRouter(nil, "x", &pcapflow.Router{Solicited: at(1), Advertised: []pcapflow.Stamp{at(2)}, Withdrawn: at(2), HopLimit: 1, MTU: 1500, Managed: true, Prefixes: make([]netip.Prefix, 1)}), seen)
	for _, path := range append(folders, captures...) {
		r, explained := reportOf(t, path)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		membersOf(t, "report", b, seen)
		membersOf(t, "explain", explained, seen)
	}
	n := 0
	for what, list := range reachable {
		for _, path := range list {
			if n++; !seen[what+"."+path] {
				t.Errorf("no %s has %s", what, path)
			}
		}
	}
	for _, path := range []string{
		"flows.tls.instants[tls.client-hello]", "flows.tls.server_hello_delay_seconds", "flows.ssh.instants[ssh.banner]", "flows.ssh.kex_total_seconds", "flows.dns.seconds",
		"flows.ntp.server_sent", "flows.http.wait_seconds", "flows.tcp.syns", "flows.tcp.window_scale.client", "journeys.phases.metrics.processing_seconds", "journeys.instants[dns.query]", "series.resolvers",
		"series.neighbours", "series.gateways",
	} {
		if n++; !seen["explain."+path] {
			t.Errorf("explain has no %s", path)
		}
	}
	for _, path := range reachable["flow"] {
		if n++; real["flow."+path] && !strings.HasPrefix(path, "gateway.") && !seen["explain.flows."+path] {
			t.Errorf("explain has no %s of a flow", path)
		}
	}
	t.Log(n, "members")
}

var reachCaptures = []string{
	"zeek/testing/btest/Traces/tls/hrr.pcap", "zeek/testing/btest/Traces/tls/imap-starttls.pcap", "zeek/testing/btest/Traces/tls/client-certificate.pcap",
	"zeek/testing/btest/Traces/ssh/ssh.client-side-half-duplex.pcap", "zeek/testing/btest/Traces/http/100-continue.pcap", "arkime/tests/pcap/http2-nghttp2.pcap",
	"practical-packet-analysis/dns_axfr.pcapng", "arkime/tests/pcap/dns-wiresharkrepo.pcap", "zeek/testing/btest/Traces/ntp/NTP-digest.pcap",
	"practical-packet-analysis/arppoison.pcapng", "practical-packet-analysis/icmpv6_neighbor_solicitation.pcapng", "suricata-verify/tests/dns-reversed-udp-1/input.pcap", "zeek/testing/btest/Traces/dns/mdns.pcap",
	"practical-packet-analysis/tcp_zerowindowrecovery.pcapng", "zeek/testing/btest/Traces/tcp/tcp-fast-open.pcap", "practical-packet-analysis/latency4.pcapng",
	"zeek/testing/btest/Traces/ssh/ssh.pcap", "suricata-verify/tests/http-mime-truncated/input.pcap", "zeek/testing/btest/Traces/ssh/ssh-on-port-80.pcap", "zeek/testing/btest/Traces/ssh/server-pre-banner-data.pcap", "zeek/testing/btest/Traces/ssh/ssh_kex_mlkem.pcap",
	"ja4/pcap/tls-handshake.pcapng", "zeek/testing/btest/Traces/smtp.pcap", "zeek/testing/btest/Traces/tls/chrome-1250-tls-x25519-kyber.pcap",
	"suricata-verify/tests/dns-over-http2-post/dns_over_https_POST.pcap", "zeek/testing/btest/Traces/ipv6-fragmented-dns.pcap",
}

// mostExplained journeys, and as many neighbours and flows, are asked about.
const mostExplained = 200

// reportOf is the report of a folder, and all that explain says of its first
// journeys and hosts.
func reportOf(t *testing.T, path string) (*Report, []byte) {
	t.Helper()
	inc, err := incident.Read(context.Background(), []string{path}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := correlate.Correlate(inc, correlate.Options{})
	r := Build(c, diagnose.Run(c, diagnose.Options{Lang: lang.EN}), lang.EN, "test")
	var all []*About
	told := map[string]bool{"": true}
	tell := func(subject string) {
		if told[subject] {
			return
		}
		told[subject] = true
		a, err := r.About(subject)
		if err != nil {
			t.Fatal(err)
		}
		a.TellFlows(c)
		all = append(all, a)
	}
	for i := range r.Journeys[:min(len(r.Journeys), mostExplained)] {
		j := &r.Journeys[i]
		tell(j.ID)
		if at, err := netip.ParseAddrPort(j.Server); err == nil {
			tell(at.Addr().String())
		}
	}
	for _, k := range inc.Captures {
		for _, n := range k.Neighbours[:min(len(k.Neighbours), mostExplained)] {
			tell(n.Target.String())
		}
		for _, f := range k.Flows[:min(len(k.Flows), mostExplained)] {
			tell(f.Client.Addr().String())
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
	return r, b
}
