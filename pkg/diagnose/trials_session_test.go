package diagnose

import (
	"net/netip"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// tls is a handshake whose ServerHello comes at ms; 0: none.
func (w *world) tls(hello int) (*correlate.Journey, *pcapflow.TLS) {
	j, _ := w.tcp(4000)
	t := &pcapflow.TLS{Version: "TLSv1.3", ClientHelloFirst: w.at(1022), ClientHello: w.at(1022), ClientHelloBytes: 517}
	f := j.Points[0].Flow
	f.TLS = t
	f.Conn.AckedTo[cl] = 518
	if hello > 0 {
		t.ServerHello, t.ServerFlightEnd, t.ClientFinished, t.HandshakeEnd = w.at(hello), w.at(hello+1), w.at(hello+2), w.at(hello+2)
		t.ServerHelloFirst, f.FirstPayload[sv] = t.ServerHello, t.ServerHello
		w.phase(j, pcapflow.TLSHandshake, t.ClientHelloFirst, t.HandshakeEnd)
	}
	return j, t
}

// alert ends the handshake.
func alert(w *world, t *pcapflow.TLS, d pcapflow.Dir, code int, text string) {
	t.Alerts = []pcapflow.Alert{{Stamp: w.at(1100), Dir: d, Fatal: true, Code: code, Description: text}}
}

// ssh is a login whose banner comes at ms.
func (w *world) ssh(banner int) (*correlate.Journey, *pcapflow.SSH) {
	j, _ := w.tcp(9000)
	j.Service, j.Server = "ssh", netip.MustParseAddrPort("10.2.0.10:22")
	s := &pcapflow.SSH{Version: 2, ServerBanner: w.at(banner), ClientBanner: w.at(1022), Kex: "curve25519-sha256", KexRequest: w.at(1200), KexReply: w.at(1225)}
	s.NewKeys = [2]pcapflow.Stamp{w.at(1230), w.at(1231)}
	s.AuthEnd, s.SessionStart = w.at(1500), w.at(1520)
	j.SSH, j.Points[0].Flow.SSH = s, s
	return j, s
}

// farewell is a client that does not trust the server's key, and says so.
func (w *world) farewell() *pcapflow.SSH {
	_, s := w.ssh(1040)
	s.Disconnect, s.DisconnectReason, s.DisconnectText = w.at(1226), "HOST_KEY_NOT_VERIFIABLE", `"not known"`
	s.NewKeys[cl], s.AuthEnd, s.SessionStart = pcapflow.Stamp{}, pcapflow.Stamp{}, pcapflow.Stamp{}
	return s
}

// hostKeys are logins in which the server shows these, each by algorithm and fingerprint.
func (w *world) hostKeys(shown ...string) {
	for i, x := range shown {
		j, s := w.ssh(1040)
		j.Start = w.at(1000 + i)
		s.HostKey, s.HostKeySHA256, _ = strings.Cut(x, " ")
	}
}

// round of the authentication from ms to ms.
func (w *world) round(s *pcapflow.SSH, from, to int, result string, none bool) {
	s.Rounds = append(s.Rounds, pcapflow.AuthRound{Request: w.at(from), Reply: w.at(to), Result: result, None: none})
}

// sshLine is an event of sshd's log of the client's port.
func sshLine(kind logparse.Kind, text string) logparse.Event {
	return logparse.Event{Kind: kind, Client: client, User: "ana", Text: text}
}

// ntp is one exchange; answered or not.
func (w *world) ntp(from netip.AddrPort, answered bool) *pcapflow.NTPSample {
	s := &pcapflow.NTPSample{Request: pcapflow.NTPMessage{Stamp: w.at(1000), Mode: 3}}
	if answered {
		s.Response = pcapflow.NTPMessage{Stamp: w.at(1020), From: sv, Mode: 4, Stratum: 2, Rec: 1 << 32, Xmt: 1<<32 + 1<<20, Ref: 1 << 31}
	}
	f := &pcapflow.Flow{Transport: pcapflow.UDP, Client: client, Server: from}
	w.c.Journeys = append(w.c.Journeys, &correlate.Journey{Service: "ntp", Client: client, Server: from, NTP: s, Start: s.Request.Stamp,
		Points: []correlate.Point{{Capture: w.k, Flow: f}}, Phases: []correlate.Phase{{Capture: w.k, Flow: f, Phase: pcapflow.Phase{Name: pcapflow.NTPExchange, Begin: s.Request.Stamp}}}})
	return s
}

// turnedAway lets an ICMP error answer the request of a journey.
func (w *world) turnedAway(j *correlate.Journey, from netip.Addr) {
	x := pcapflow.ICMPError{Stamp: w.at(1001), From: from, Source: client, Target: j.Server, Transport: pcapflow.UDP, Type: 3, Code: 3, Text: "port unreachable"}
	p := &j.Phases[0]
	p.Flow.ICMP = append(p.Flow.ICMP, x)
	j.NTP.Refused, p.End, p.Outcome, p.Frames = x.Stamp, x.Stamp, pcapflow.Refused, append(p.Frames, x.Frame)
}

var timeServer = netip.MustParseAddrPort("10.2.0.123:123")

// clock adds one with segments; the file it wrote holds records.
func (w *world) clock(name, kind string, status clock.Status, segments ...clock.Segment) *correlate.Clock {
	k := &correlate.Clock{Name: name, Kind: kind, Files: []*incident.File{{Path: name, Records: 5}}}
	k.Status, k.Segments = status, segments
	w.c.Clocks = append(w.c.Clocks, k)
	return k
}

// known is a segment of ten minutes from offset to offset, ± half.
func known(from, to, half time.Duration) clock.Segment {
	return clock.Segment{To: int64(10 * time.Minute), Offset: int64(from), Low: int64(from - half), High: int64(from + half), LowEnd: int64(to - half), HighEnd: int64(to + half), Drift: float64(to-from) / float64(10*time.Minute) * 1e6}
}

func stepBefore(s clock.Segment) clock.Segment {
	s.StepBefore, s.From, s.To = true, int64(10*time.Minute), int64(20*time.Minute)
	return s
}

const ms = time.Millisecond

var sessionTrials = []trial{
	{"tls-alert", "handshake_failure", func(w *world) { _, t := w.tls(0); alert(w, t, sv, 40, "handshake_failure") }, true, High},
	{"tls-alert", "encrypted", func(w *world) { _, t := w.tls(1050); alert(w, t, cl, -1, "encrypted") }, true, Low},
	{"tls-alert", "no alert, and the client's program refused the certificate", func(w *world) { w.refusing("certificate subject name does not match") }, true, High},
	{"tls-alert", "no alert, and the client's program failed otherwise", func(w *world) { w.refusing("Operation timed out") }, false, 0},
	{"tls-alert", "encrypted, and the capture lacks bytes", func(w *world) {
		j, t := w.tls(1050)
		alert(w, t, cl, -1, "encrypted")
		j.Points[0].Flow.Conn.Count[sv].AckedUnseen = 500
	}, false, 0},
	{"tls-alert", "a warning, and the server went on", func(w *world) {
		_, t := w.tls(1150)
		alert(w, t, sv, 112, "unrecognized_name")
		t.Alerts[0].Fatal = false
	}, false, 0},
	{"tls-alert", "a warning, and nothing after it", func(w *world) {
		_, t := w.tls(0)
		alert(w, t, sv, 112, "unrecognized_name")
		t.Alerts[0].Fatal = false
	}, true, High},
	{"tls-alert", "encrypted, and the capture lacks the server", func(w *world) { _, t := w.tls(0); alert(w, t, cl, -1, "encrypted") }, false, 0},
	{"tls-alert", "the certificate's dates explain it", func(w *world) { _, t := w.tls(1050); alert(w, t, cl, 45, "certificate_expired") }, false, 0},
	{"tls-certificate-time", "expired", func(w *world) { _, t := w.tls(1050); alert(w, t, cl, 45, "certificate_expired") }, true, Medium},
	{"tls-certificate-time", "and the client's clock is a year ahead", func(w *world) {
		_, t := w.tls(1050)
		alert(w, t, cl, 42, "bad_certificate")
		w.k.Vantage = pcapflow.VantageClient
		k := w.clock("client", "capture", clock.Measured, known(365*24*time.Hour, 365*24*time.Hour, ms))
		k.Files = w.k.Files
	}, true, High},
	{"tls-certificate-time", "dates that could not be read", func(w *world) {
		_, t := w.tls(1050)
		t.Certificates = []pcapflow.Certificate{{}}
		alert(w, t, cl, 42, "bad_certificate")
	}, false, 0},
	{"tls-certificate-time", "of a day before the certificate's first, by the client's own capture", func(w *world) {
		_, t := w.tls(1050)
		t.Certificates = []pcapflow.Certificate{{NotBefore: 1e9, NotAfter: 2e9}}
		alert(w, t, cl, 42, "bad_certificate")
		w.k.Vantage = pcapflow.VantageClient
	}, true, Medium},
	{"tls-certificate-time", "that of the issuer is out of date", func(w *world) {
		_, t := w.tls(1050)
		t.Certificates = []pcapflow.Certificate{{NotBefore: -1e9, NotAfter: 2e9}, {Subject: "CN=Issuer", NotBefore: -2e9, NotAfter: -1e6}}
		alert(w, t, cl, 46, "certificate_unknown")
	}, true, Medium},
	{"tls-certificate-time", "the client's program says so of an encrypted alert", func(w *world) {
		j, t := w.tls(1050)
		alert(w, t, cl, -1, "encrypted")
		l := w.log("client-http", logparse.Event{Kind: logparse.ClientHTTP, Text: "SSL certificate problem: certificate is not yet valid"})
		j.Lines = []correlate.Line{{Log: l, Event: 0, Status: "matched"}}
	}, true, Medium},
	{"tls-certificate-time", "bad for another reason", func(w *world) { _, t := w.tls(1050); alert(w, t, cl, 42, "bad_certificate") }, false, 0},
	{"tls-wrong-protocol", "clear request to a TLS port", func(w *world) { _, t := w.tls(0); t.ClearRequest = true }, true, High},
	{"tls-wrong-protocol", "TLS to a clear port", func(w *world) { _, t := w.tls(0); t.PlainAnswer = "http" }, true, High},
	{"tls-wrong-protocol", "TLS answered by TLS", func(w *world) { w.tls(1050) }, false, 0},
	{"tls-silent", "nothing after the ClientHello", func(w *world) { w.tls(0) }, true, Medium},
	{"tls-silent", "nothing shows that the ClientHello arrived", func(w *world) { w.tls(0); w.conn().AckedTo[cl] = 0 }, false, 0},
	{"tls-silent", "answered", func(w *world) { w.tls(1050) }, false, 0},
	{"tls-large-hello-dropped", "large ones repeated, small ones answered", func(w *world) { w.hellos(1) }, true, Medium},
	{"tls-large-hello-dropped", "no small one works either", func(w *world) { w.hellos(1); w.k.Flows[0].TLS.ServerHello = pcapflow.Stamp{} }, false, 0},
	{"tls-large-hello-dropped", "large ones answered", func(w *world) { w.tls(1050); _, t := w.tls(1050); t.ClientHelloBytes = 1800 }, false, 0},
	{"tls-slow-server", "half a second for the ServerHello", func(w *world) { w.tls(1050); w.tls(1050); w.tls(1900) }, true, Medium},
	{"tls-slow-server", "the ServerHello was lost once", func(w *world) {
		w.tls(1050)
		w.tls(1050)
		j, _ := w.tls(1900)
		w.again1(j.Points[0].Flow.Conn, sv, 1800)
	}, false, 0},
	{"tls-hello-retry", "retried", func(w *world) { _, t := w.tls(1050); t.HelloRetry = true }, true, High},
	{"tls-hello-retry", "not", func(w *world) { w.tls(1050) }, false, 0},
	{"tls-long-chain", "20 kB of certificates", func(w *world) { _, t := w.tls(1050); t.CertificateBytes = 20000 }, true, High},
	{"tls-long-chain", "3 kB", func(w *world) { _, t := w.tls(1050); t.CertificateBytes = 3000 }, false, 0},
	{"tls-distance", "two round trips of 150 ms", func(w *world) { w.far(1172) }, true, High},
	{"tls-distance", "the server computes", func(w *world) { w.far(1400) }, false, 0},
	{"tls-client-validation", "OCSP in the pause", func(w *world) { w.validation(1300) }, true, Medium},
	{"tls-client-validation", "asked from the client's other address", func(w *world) {
		w.validation(1300)
		other := netip.MustParseAddr("fd00::11")
		w.c.Lookups[0].Client, w.k.Own = other, []netip.Addr{client.Addr(), other}
	}, true, Medium},
	{"tls-client-validation", "OCSP of another host", func(w *world) {
		w.validation(1300)
		w.c.Lookups[0].Client = netip.MustParseAddr("10.1.0.99")
	}, false, 0},
	{"tls-client-validation", "OCSP after it", func(w *world) { w.validation(3000) }, false, 0},
	{"tls-client-validation", "a word that holds the name of a service", func(w *world) {
		w.validation(1300)
		w.c.Lookups[0].Name = "gaia.example"
	}, false, 0},

	{"ssh-auth-failed", "three of one user", func(w *world) { e := sshLine(logparse.SSHFailed, ""); w.log("auth-log", e, e, e) }, true, High},
	{"ssh-auth-failed", "keys alone are taken, and four of them were not", func(w *world) { w.log("auth-log", wentAway(4)...) }, true, High},
	{"ssh-auth-failed", "somebody went who was asked for a password", func(w *world) { w.log("auth-log", wentAway(1)...) }, false, 0},
	{"ssh-auth-failed", "somebody went whom packets show turned down", func(w *world) {
		_, s := w.ssh(1040)
		s.Auth, s.AuthAttempts = "failure", 3
		w.log("auth-log", wentAway(1)...)
	}, true, High},
	{"ssh-auth-failed", "one address as twelve users", func(w *world) { w.log("auth-log", sshGuesses(1, 12)...) }, true, High},
	{"ssh-auth-failed", "no log: by sizes", func(w *world) { _, s := w.ssh(1040); s.Auth, s.AuthAttempts = "failure", 3 }, true, Medium},
	{"ssh-auth-failed", "accepted", func(w *world) { w.log("auth-log", sshLine(logparse.SSHAccepted, "")) }, false, 0},
	{"ssh-reverse-dns", "the PTR query is in the capture", func(w *world) { w.reverse(6200, true) }, true, High},
	{"ssh-reverse-dns", "two logins, the query seen in one", func(w *world) { w.reverse(6200, true); w.reverse(6300, false) }, true, High},
	{"ssh-reverse-dns", "and a client with a name waits as long", func(w *world) {
		w.reverse(6200, true)
		w.reverse(6300, false)
		w.c.Journeys[1].Client = netip.MustParseAddrPort("10.1.0.12:40001")
		w.lookup("12.0.1.10.in-addr.arpa", w.try("PTR", "12.0.1.10.in-addr.arpa", 1310, 1320, "NOERROR"))
	}, true, Medium},
	{"ssh-reverse-dns", "its PTR query was answered at once", func(w *world) {
		w.reverse(6200, true)
		for _, j := range w.c.Journeys {
			for _, l := range j.SideLookups {
				l.Tries[0].Answer, l.End = w.at(1314), w.at(1314)
			}
		}
	}, true, Medium},
	{"ssh-reverse-dns", "as long as two timers", func(w *world) { w.reverse(10100, false) }, true, Medium},
	{"ssh-reverse-dns", "no PTR, and not a timer's length", func(w *world) { w.reverse(3300, false) }, false, 0},
	{"ssh-reverse-dns", "no PTR, between two timers", func(w *world) { w.reverse(6900, false) }, false, 0},
	{"ssh-reverse-dns", "a wrong password", func(w *world) { _, s := w.ssh(1040); w.round(s, 1300, 6350, "failure", false) }, false, 0},
	{"ssh-auth-backend", "three seconds of PAM", func(w *world) { _, s := w.ssh(1040); w.round(s, 1300, 4600, "success", false) }, true, Medium},
	{"ssh-auth-backend", "before any method, and no lookup explains it", func(w *world) { w.reverse(3300, false) }, true, Low},
	{"ssh-auth-backend", "the reverse lookup explains it", func(w *world) { w.reverse(6200, true) }, false, 0},
	{"ssh-no-common-algorithm", "in the packets", func(w *world) { _, s := w.ssh(1040); s.NoCommon = "kex" }, true, High},
	{"ssh-no-common-algorithm", "in the log alone", func(w *world) {
		w.log("auth-log", sshLine(logparse.SSHNegotiation, "Unable to negotiate: no matching key exchange method found"))
	}, true, Medium},
	{"ssh-no-common-algorithm", "NEWKEYS was seen", func(w *world) { w.ssh(1040) }, false, 0},
	{"ssh-host-key-changed", "a client refuses the second key", func(w *world) {
		w.hostKeys("ssh-ed25519 A", "ssh-ed25519 B")
		w.c.Journeys[1].SSH.NewKeys[cl] = pcapflow.Stamp{}
	}, true, High},
	{"ssh-host-key-changed", "clients go on", func(w *world) { w.hostKeys("ssh-ed25519 A", "ssh-ed25519 B") }, true, Medium},
	{"ssh-host-key-changed", "by turns, and clients go on", func(w *world) { w.hostKeys("ssh-ed25519 A", "ssh-ed25519 B", "ssh-ed25519 A") }, false, 0},
	{"ssh-host-key-changed", "one key of RSA, signed in two ways", func(w *world) { w.hostKeys("rsa-sha2-256 A", "rsa-sha2-512 A", "ssh-rsa A") }, false, 0},
	{"ssh-host-key-changed", "one key of each type", func(w *world) { w.hostKeys("ssh-ed25519 A", "ecdsa-sha2-nistp256 B", "rsa-sha2-512 C") }, false, 0},
	{"ssh-host-key-changed", "forwarded ports", func(w *world) {
		w.hostKeys("ssh-ed25519 A", "ssh-ed25519 B")
		for _, j := range w.c.Journeys {
			j.Server = netip.MustParseAddrPort("127.0.0.1:22")
		}
	}, false, 0},
	{"ssh-host-key-changed", "another site's server", func(w *world) {
		w.hostKeys("ssh-ed25519 A", "ssh-ed25519 B")
		w.c.Journeys[1].Client, w.c.Journeys[1].Points[0].Capture = netip.MustParseAddrPort("10.9.9.9:40000"), &incident.Capture{Files: w.k.Files}
	}, false, 0},
	{"ssh-wrong-protocol", "only took the banner", func(w *world) {
		j, s := w.ssh(1040)
		s.ClientBanner = pcapflow.Stamp{}
		j.Points[0].Flow.Conn.FIN[cl] = w.at(1100)
	}, true, High},
	{"ssh-wrong-protocol", "the client identified itself", func(w *world) { w.ssh(1040) }, false, 0},
	{"ssh-late-banner", "three seconds", func(w *world) { w.ssh(4000) }, true, Medium},
	{"ssh-late-banner", "the banner was repeated", func(w *world) {
		j, _ := w.ssh(4000)
		w.again1(j.Points[0].Flow.Conn, sv, 3900)
	}, false, 0},
	{"ssh-shed", "MaxStartups", func(w *world) { w.log("auth-log", sshLine(logparse.SSHDropped, "drop connection #11: Maxstartups")) }, true, Medium},
	{"ssh-shed", "closed at once, no banner", func(w *world) {
		j, s := w.ssh(1040)
		s.ServerBanner = pcapflow.Stamp{}
		j.Points[0].Flow.Conn.FIN[sv] = w.at(1041)
	}, true, Medium},
	{"ssh-shed", "after the banner", func(w *world) { j, _ := w.ssh(1040); j.Points[0].Flow.Conn.FIN[sv] = w.at(1041) }, false, 0},
	{"ssh-shed", "accepted", func(w *world) { w.log("auth-log", sshLine(logparse.SSHAccepted, "")) }, false, 0},
	{"ssh-disconnected", "the key is not trusted", func(w *world) { w.farewell() }, true, High},
	{"ssh-disconnected", "no algorithm in common", func(w *world) { w.farewell().NoCommon = "kex" }, false, 0},
	{"ssh-slow-kex", "a second of computing", func(w *world) { _, s := w.ssh(1040); s.KexReply = w.at(2300) }, true, Medium},
	{"ssh-slow-kex", "quick in another login", func(w *world) { w.ssh(1040); _, s := w.ssh(1040); s.KexReply = w.at(2300) }, true, Low},
	{"ssh-slow-kex", "quick", func(w *world) { w.ssh(1040) }, false, 0},
	{"ssh-slow-session", "two seconds to the first output", func(w *world) { _, s := w.ssh(1040); s.SessionStart = w.at(3600) }, true, Medium},
	{"ssh-slow-session", "at once", func(w *world) { w.ssh(1040) }, false, 0},
	{"ssh-slow-delivery", "an answer lost during the login", func(w *world) {
		j, _ := w.ssh(1040)
		w.again1(j.Points[0].Flow.Conn, sv, 1450)
		j.Points[0].Flow.Conn.Retransmissions[0].Kind = pcapflow.RetransmitFast
	}, true, Medium},
	{"ssh-slow-delivery", "nothing was lost", func(w *world) { w.ssh(1040) }, false, 0},

	{"ntp-refused", "the server's ICMP to one of two", func(w *world) {
		w.ntp(timeServer, false)
		w.turnedAway(w.first(), timeServer.Addr())
		w.ntp(timeServer, false)
	}, true, High},
	{"ntp-refused", "a router's ICMP", func(w *world) {
		w.ntp(timeServer, false)
		w.turnedAway(w.first(), netip.MustParseAddr("10.1.0.1"))
	}, false, 0},
	{"ntp-unanswered", "ICMP turned each away", func(w *world) {
		for i := range 3 {
			w.ntp(timeServer, false)
			w.turnedAway(w.c.Journeys[i], timeServer.Addr())
		}
	}, false, 0},
	{"ntp-useless-answer", "another time stamp", func(w *world) { w.ntp(timeServer, false).Mistaken = w.at(1020) }, true, High},
	{"ntp-useless-answer", "another address", func(w *world) {
		s := w.ntp(timeServer, false)
		s.Elsewhere, s.ElsewhereAt = netip.MustParseAddrPort("10.2.0.124:123"), w.at(1020)
	}, true, High},
	{"ntp-useless-answer", "no answer at all", func(w *world) { w.ntp(timeServer, false) }, false, 0},
	{"ntp-unanswered", "all answered, of no use", func(w *world) {
		for range 3 {
			w.ntp(timeServer, false).Mistaken = w.at(1020)
		}
	}, false, 0},
	{"ntp-unanswered", "none of three", func(w *world) {
		for range 3 {
			w.ntp(timeServer, false)
		}
	}, true, Medium},
	{"ntp-unanswered", "the capture ended before an answer was due", func(w *world) { w.ntp(timeServer, false); w.k.Last = w.at(1500) }, false, 0},
	{"ntp-unanswered", "one of ten", func(w *world) {
		w.ntp(timeServer, false)
		for range 9 {
			w.ntp(timeServer, true)
		}
	}, false, 0},
	{"ntp-kiss-o-death", "RATE", func(w *world) { s := w.ntp(timeServer, true); s.Response.Kiss, s.Response.Stratum = "RATE", 0 }, true, High},
	{"ntp-kiss-o-death", "an answer", func(w *world) { w.ntp(timeServer, true) }, false, 0},
	{"ntp-bad-server", "stratum 16", func(w *world) { s := w.ntp(timeServer, true); s.Response.LI, s.Response.Stratum = 3, 16 }, true, High},
	{"ntp-bad-server", "one of three disagrees", func(w *world) { w.servers(0, 0, 300*ms) }, true, High},
	{"ntp-bad-server", "two that do not agree", func(w *world) { w.servers(0, 300*ms) }, true, Medium},
	{"ntp-bad-server", "the one that disagrees asks the others", func(w *world) {
		w.servers(0, 0)
		own := netip.MustParseAddrPort("10.2.0.9:123")
		w.clock(own.Addr().String(), "ntp-server", clock.Measured, known(300*ms, 300*ms, ms))
		s := w.ntp(own, true) // its peer polls it
		s.Request.Mode, s.Response.Mode, s.Poll = 1, 1, true
		w.ntp(timeServer, true)
		w.c.Journeys[len(w.c.Journeys)-1].Client = own
	}, false, 0},
	{"ntp-bad-server", "all agree", func(w *world) { w.servers(0, 2*ms, 1*ms) }, false, 0},
	{"ntp-not-applied", "five good answers, still off", func(w *world) { w.offered(5, known(300*ms, 300*ms, ms)) }, true, Medium},
	{"ntp-not-applied", "by a server that most others contradict", func(w *world) {
		w.offered(5, known(300*ms, 300*ms, ms))
		w.clock("10.2.0.124", "ntp-server", clock.Measured, known(300*ms, 300*ms, ms))
		w.clock("10.2.0.125", "ntp-server", clock.Measured, known(300*ms, 300*ms, ms))
	}, false, 0},
	{"ntp-not-applied", "and the client's own clock is the reference", func(w *world) {
		w.offered(5)
		w.c.Clocks[0].Segments, w.c.Clocks[1].Status = []clock.Segment{known(300*ms, 300*ms, ms)}, clock.Reference
	}, true, Medium},
	{"ntp-not-applied", "a step follows", func(w *world) { w.offered(5, known(300*ms, 300*ms, ms), stepBefore(known(0, 0, ms))) }, false, 0},
	{"ntp-asymmetric-path", "only packets seen twice", func(w *world) {
		w.c.Incident.Captures = append(w.c.Incident.Captures, &incident.Capture{})
		k := w.clock("b.pcap", "capture", clock.Measured, known(2*time.Second, 2*time.Second, 20*ms))
		k.Supports = []clock.Support{{Method: clock.TwoCaptures, Count: 9}}
	}, true, Medium},
	{"ntp-asymmetric-path", "and NTP by another path", func(w *world) {
		k := w.clock("b.pcap", "capture", clock.Measured, known(2*time.Second, 2*time.Second, 20*ms))
		k.Supports = []clock.Support{{Method: clock.TwoCaptures, Count: 9}, {Method: clock.NTP, Count: 4}}
	}, false, 0},
	{"clock-offset", "two seconds", func(w *world) {
		w.clock("web", "log", clock.Measured, known(2*time.Second, 2*time.Second, 20*ms))
	}, true, High},
	{"clock-offset", "zero lies inside", func(w *world) { w.clock("web", "log", clock.Measured, known(15*ms, 15*ms, 20*ms)) }, false, 0},
	{"clock-stepped", "by a second", func(w *world) {
		w.clock("web", "log", clock.Measured, known(0, 0, ms), stepBefore(known(time.Second, time.Second, ms)))
	}, true, High},
	{"clock-stepped", "of the daemon's own time", func(w *world) {
		w.clock("web (NTP clock)", "ntp-clock", clock.Measured, known(0, 0, ms), stepBefore(known(time.Second, time.Second, ms)))
	}, true, High},
	{"clock-stepped", "a knot", func(w *world) {
		s := stepBefore(known(time.Second, time.Second, ms))
		s.StepBefore = false
		w.clock("web", "log", clock.Measured, known(0, 0, ms), s)
	}, false, 0},
	{"clock-drift", "60 ms in ten minutes", func(w *world) { w.clock("web", "log", clock.Measured, known(0, 60*ms, ms)) }, true, Medium},
	{"clock-drift", "a step fits better", func(w *world) {
		w.clock("web", "log", clock.Measured, known(0, 0, ms), stepBefore(known(60*ms, 60*ms, ms)))
	}, false, 0},
	{"clock-zone", "an hour", func(w *world) {
		w.clock("web", "log", clock.Measured, known(time.Hour+20*ms, time.Hour+20*ms, 5*ms))
	}, true, High},
	{"clock-zone", "a log without a zone, read in the one that fits", func(w *world) {
		w.log("dns-log", logparse.Event{Kind: logparse.DNSQuery, HasTime: true, Zone: logparse.ZoneInferred, ZoneSeconds: -18000})
	}, true, High},
	{"clock-zone", "51 minutes", func(w *world) { w.clock("web", "log", clock.Measured, known(51*time.Minute, 51*time.Minute, 5*ms)) }, false, 0},
	{"clock-year-inferred", "no year", func(w *world) { w.log("auth-log", logparse.Event{HasTime: true, YearInferred: true}) }, true, Medium},
	{"clock-year-inferred", "with a year", func(w *world) { w.log("auth-log", logparse.Event{HasTime: true}) }, false, 0},
	{"clock-too-uncertain", "± a second beside requests of 30 ms", func(w *world) {
		w.request(1130, 1131)
		w.clock("web", "log", clock.Measured, known(0, 0, time.Second))
	}, true, NotEvaluable},
	{"clock-too-uncertain", "± 5 ms", func(w *world) {
		w.request(1130, 1131)
		w.clock("web", "log", clock.Measured, known(0, 0, 5*ms))
	}, false, 0},
	{"clock-unknown", "too little evidence", func(w *world) { w.clock("web", "log", clock.Insufficient) }, true, NotEvaluable},
	{"clock-unknown", "measured", func(w *world) { w.clock("web", "log", clock.Measured, known(0, 0, ms)) }, false, 0},
}

// hellos are a small ClientHello that is answered and a large one that is
// repeated so often.
func (w *world) hellos(times int) {
	w.tls(1050)
	j, t := w.tls(0)
	t.ClientHelloBytes = 1800
	for range times {
		w.again1(j.Points[0].Flow.Conn, cl, 1300)
	}
}

// far is a handshake over a round trip of 150 ms.
func (w *world) far(hello int) {
	j, _ := w.tls(hello)
	n := j.Points[0].Flow.Conn
	n.RTT, n.RTTServer = 150e6, 150e6
	j.End = w.at(hello + 20)
	j.Start = j.Points[0].Flow.TLS.ClientHelloFirst
}

// validation is a pause of 600 ms of the client, and a lookup of OCSP at ms.
func (w *world) validation(asked int) {
	_, t := w.tls(1050)
	t.ClientFinished = w.at(1650)
	w.lookup("ocsp.example", w.try("A", "ocsp.example", asked, asked+10, "NOERROR"))
}

// reverse is a login with a pause of so many ms after the first request.
func (w *world) reverse(pause int, seen bool) {
	j, s := w.ssh(1040)
	w.round(s, 1300, 1300+pause, "failure", true)
	s.AuthEnd, s.SessionStart = w.at(1400+pause), w.at(1420+pause)
	if seen {
		t := w.try("PTR", "11.0.1.10.in-addr.arpa", 1310, 0, "")
		j.SideLookups = []*correlate.Lookup{{Capture: w.k, Client: j.Server.Addr(), Name: t.Name, Tries: []correlate.Try{t}, Start: t.Query}}
	}
}

// servers are NTP servers with clocks at these offsets.
func (w *world) servers(offsets ...time.Duration) {
	for i, o := range offsets {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, 0, byte(i + 1)}), 123)
		w.ntp(at, true)
		w.clock(at.Addr().String(), "ntp-server", clock.Measured, known(o, o, ms))
	}
}

// offered is a client that got so many answers while its clock had this track.
func (w *world) offered(answers int, segments ...clock.Segment) {
	for range answers {
		w.ntp(timeServer, true)
	}
	w.k.VantageHost = client.Addr()
	w.clock(timeServer.Addr().String(), "ntp-server", clock.Measured, known(0, 0, ms))
	w.clock("client", "capture", clock.Measured, segments...).Files = w.k.Files
}

// wentAway are lines of n connections of one address that named a user and went.
func wentAway(n int) (lines []logparse.Event) {
	for i := range n {
		e := sshLine(logparse.SSHClosed, "Connection closed by authenticating user root 10.1.0.11 port 40000 [preauth]")
		e.User, e.Client = "root", netip.AddrPortFrom(client.Addr(), client.Port()+uint16(i))
		lines = append(lines, e)
	}
	return lines
}
