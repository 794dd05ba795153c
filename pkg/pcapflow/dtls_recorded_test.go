package pcapflow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// opensslNames are OpenSSL's names of what the recording negotiates, and ours.
var opensslNames = map[string]string{
	"DTLSv1": "DTLSv1.0", "DTLSv1.2": "DTLSv1.2", "X25519": "x25519", "0000": "", "": "",
	"ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
}

// TestDTLSAsOpenSSL: version, cipher, group, ALPN, resumption and the bytes of the
// handshake as OpenSSL's client says, and what the relay lost as what was sent again.
func TestDTLSAsOpenSSL(t *testing.T) {
	flows := map[int]*Flow{}
	for _, f := range recorded(t, "dtls.pcap", "").Flows {
		flows[int(f.Server.Port())] = f
	}
	b, err := os.ReadFile("testdata/recorded/dtls.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); cases++ {
		var said struct {
			Case, Version, Cipher, ALPN, Group string
			Port                               int
			Reused                             bool
		}
		if err := json.Unmarshal(s.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		f := flows[said.Port]
		if f == nil || f.TLS == nil || f.TLS.DTLS == nil || f.Service != "dtls" || len(f.Phases) != 1 || f.Phases[0].Name != TLSHandshake {
			t.Errorf("%s: not followed: %+v", said.Case, f)
			continue
		}
		x, p := f.TLS, f.Phases[0]
		agreed := said.Cipher != "0000"
		if got := []string{x.Cipher, x.Group, x.ALPN}; agreed && !slices.Equal(got, []string{opensslNames[said.Cipher], opensslNames[said.Group], said.ALPN}) || x.Resumed != said.Reused {
			t.Errorf("%s: %v, resumed %v; OpenSSL says %+v", said.Case, got, x.Resumed, said)
		}
		if agreed && x.Version != opensslNames[said.Version] {
			t.Errorf("%s: %s", said.Case, x.Version)
		}
		if agreed != (p.Outcome == Done) || agreed != (x.CloseNotify[Client].Seen() && x.FirstClientData.Seen() && x.FirstServerData.Seen()) {
			t.Errorf("%s: outcome %v, data %v %v, close %v", said.Case, p.Outcome, x.FirstClientData, x.FirstServerData, x.CloseNotify)
		}
		if got, want := fmt.Sprint(len(x.DTLS.Resent), x.DTLS.Hellos, x.RoundTrips, x.DTLS.Fragmented > 0, x.ClientCertificate), dtlsExpected[said.Case]; got != want {
			t.Errorf("%s: sent again, hellos, round trips, fragments, client certificate %s, want %s", said.Case, got, want)
		}
		if answered := said.Case != "nobody"; answered != x.DTLS.HelloVerify.Seen() || answered != x.SecondHello.Seen() {
			t.Errorf("%s: cookie %v %v", said.Case, x.DTLS.HelloVerify, x.SecondHello)
		}
	}
	if cases != len(dtlsExpected) {
		t.Errorf("%d cases", cases)
	}
	alert := func(port int) string {
		if list := flows[port].TLS.Alerts; len(list) == 1 {
			return list[0].Dir.String() + " " + list[0].Description + " " + list[0].Level()
		}
		return ""
	}
	if a, b := alert(44337), alert(44338); a != "server handshake_failure fatal" || b != "client unknown_ca fatal" {
		t.Errorf("alerts %q, %q", a, b)
	}
	if p := flows[44340].Phases[0]; p.Outcome != Refused || p.Note != "port unreachable" {
		t.Errorf("nobody: %+v", p)
	}
	for port, ms := range map[int][2]int64{44330: {0, 0}, 44334: {990, 1100}, 44335: {0, 0}, 44340: {0, 0}} { // OpenSSL's timer is a second; of 44335 the capture lacks the answer, and has its repetition first
		if wait := flows[port].TLS.ResendWait() / 1e6; wait < ms[0] || wait > ms[1] {
			t.Errorf("port %d waited %d ms for what was lost", port, wait)
		}
	}
	first := flows[44330].TLS
	if first.SNI != "dtls.example.test" || !slices.Equal(first.Offered, []string{"two", "one"}) || len(first.Certificates) != 1 || first.Certificates[0].Names[0] != "dtls.example.test" {
		t.Errorf("%q %v %v", first.SNI, first.Offered, first.Certificates)
	}
}

// dtlsExpected is by the case's own making: flights sent again, first ClientHellos,
// round trips, whether there are fragments, client certificate.
var dtlsExpected = map[string]string{
	"cookie": "0 1 3 false false", "resumed": "0 1 2 false false", "1.0": "0 1 3 true false", "fragments": "0 1 3 true false",
	"hello-lost": "1 2 3 false false", "flight-lost": "1 1 3 false false", "piece-lost": "2 1 3 true false",
	"no-cipher": "0 1 1 false false", "distrusted": "0 1 2 true false", "client-certificate": "0 1 3 true true", "nobody": "0 1 0 false false",
}

// dtlsArchived are the further captures with DTLS.
var dtlsArchived = []string{"dtls_certificate_fragments.pcap", "dtls_old_version.pcapng", "dtls_mid_sessions.pcapng", "stun_dtls_rtp.pcapng", "stun_dtls_unidirectional_client.pcap",
	"wireshark-dtls12.pcap", "cloudshark-dtls1.pcap", "dtls1_0.pcap", "dtls1_2.pcap", "dtls13-cid.pcap", "dtls-sequence-number-jumps.pcap", "dtls-udp.notest.cap"}

// TestDTLSAsWireshark compares with tshark, field by field, what it reads of the
// handshakes, also of what keys open: the frame and the nanosecond in which each message is whole,
// versions, ciphers, names, fingerprints.
func TestDTLSAsWireshark(t *testing.T) {
	paths := []string{filepath.Join("testdata", "recorded", "dtls.pcap"), filepath.Join("testdata", "recorded", "dtls-keys.pcap"), filepath.Join("testdata", "recorded", "dtls-cid", "dtls-cid.pcap")}
	folder := t.TempDir()
	need.Archived(t, func(name string, data []byte) bool {
		if base := filepath.Base(name); slices.Contains(dtlsArchived, base) {
			path := filepath.Join(folder, base)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
		return false
	})
	if len(paths) != 3+len(dtlsArchived) {
		t.Errorf("%d captures", len(paths))
	}
	n, opened := 0, 0
	for _, path := range paths {
		flows := map[int]*Flow{}
		keys := strings.TrimSuffix(path, ".pcap") + ".keys"
		if _, err := os.Stat(keys); err != nil {
			keys = ""
		}
		for _, f := range analyseWith(t, path, keys).Flows {
			if f.Transport == UDP {
				flows[f.Stream] = f
			}
		}
		for stream, said := range tsharkDTLS(t, path, keys) {
			f := flows[stream]
			if f == nil || f.TLS == nil || f.TLS.DTLS == nil {
				t.Errorf("%s: stream %d is not followed", filepath.Base(path), stream)
				continue
			}
			x := f.TLS
			frame := func(s Stamp) string {
				if s.Seen() {
					return fmt.Sprintf("#%d %d", s.Frame, s.Time)
				}
				return ""
			}
			got := map[string]string{"hello": frame(x.ClientHello), "second hello": frame(x.SecondHello), "server hello": frame(x.ServerHello), "verify": frame(x.DTLS.HelloVerify), "ticket": frame(x.Ticket),
				"cipher": x.Cipher, "ja3": x.JA3, "sni": x.SNI}
			if x.HelloRetry {
				got["server hello"], got["server hello again"] = frame(x.HelloRetryAt), frame(x.ServerHello)
			}
			for d := range x.Parts {
				for part, at := range x.Parts[d] {
					got[partNames[d][part]] = frame(at)
				}
			}
			if said["flight end"] != "" {
				got["flight end"] = frame(x.ServerFlightEnd)
			}
			if said["client finished"] != "" { // tshark opened it
				opened++
				got["client finished"], got["server finished"] = frame(x.ClientFinished), frame(x.ServerFinished)
				got["client data"], got["server data"] = frame(x.FirstClientData), frame(x.FirstServerData)
				if !x.Renegotiation.Seen() { // of which tshark 4.0 opens the ClientHello alone
					got["client close"], got["server close"] = frame(x.CloseNotify[Client]), frame(x.CloseNotify[Server])
				}
			}
			if len(x.Alerts) > 0 && x.Alerts[0].Code >= 0 {
				got["alert"] = x.Alerts[0].Description + " " + frame(x.Alerts[0].Stamp)
			}
			for what, value := range got {
				if n++; value != said[what] {
					t.Errorf("%s stream %d: %s %q, tshark says %q", filepath.Base(path), stream, what, value, said[what])
				}
			}
		}
	}
	if n < 900 || opened < 10 {
		t.Errorf("%d fields compared, %d handshakes that keys open", n, opened)
	}
}

// tsharkDTLS is what tshark reads of the handshakes of a capture, by stream, with a key
// log if there is one.
func tsharkDTLS(t *testing.T, path, keys string) map[int]map[string]string {
	t.Helper()
	var options []string
	if keys != "" {
		options = []string{"-o", "tls.keylog_file:" + keys}
	}
	want := map[int]map[string]string{}
	covered := map[string][]bool{}
	first, clients := map[string]bool{}, map[int]string{} // clients: by stream, the ports that a ClientHello came from
	fields := []string{"frame.number", "udp.stream", "udp.srcport", "dtls.handshake.type", "dtls.handshake.message_seq", "dtls.handshake.fragment_offset", "dtls.handshake.fragment_length", "dtls.handshake.length",
		"dtls.handshake.ja3", "dtls.handshake.ciphersuite", "dtls.handshake.extensions_server_name", "dtls.alert_message.desc", "frame.time_epoch", "dtls.record.content_type"}
	tsharkFields(t, path, "dtls", fields, func(v []string) {
		stream, _ := strconv.Atoi(v[1])
		if want[stream] == nil {
			want[stream] = map[string]string{}
		}
		say := func(what, value string) {
			if want[stream][what] == "" {
				want[stream][what] = value
			}
		}
		sec, frac, _ := strings.Cut(v[12], ".")
		at := "#" + v[0] + " " + strings.TrimLeft(sec+(frac + "000000000")[:9], "0")
		lists := make([][]string, len(v))
		for i := range v {
			lists[i] = strings.FieldsFunc(v[i], func(c rune) bool { return c == ',' })
		}
		for i, typ := range lists[3] {
			if len(lists[4]) <= i || len(lists[5]) <= i || len(lists[6]) <= i || len(lists[7]) <= i {
				continue
			}
			offset, _ := strconv.Atoi(lists[5][i])
			length, _ := strconv.Atoi(lists[6][i])
			size, _ := strconv.Atoi(lists[7][i])
			key := strings.Join([]string{v[1], v[2], typ, lists[4][i]}, " ")
			if len(covered[key]) != size { // of a renegotiation another
				covered[key] = make([]bool, size)
			}
			for k := offset; k < min(offset+length, size); k++ {
				covered[key][k] = true
			}
			if !slices.Contains(covered[key], false) && !first[key] {
				first[key] = true
				if typ == "1" {
					clients[stream] = v[2]
				}
				name := map[string]string{"1": "hello", "2": "server hello", "3": "verify", "14": "flight end", "4": "ticket"}[typ]
				if typ == "1" && want[stream]["hello"] != "" {
					name = "second hello"
				}
				if typ == "2" && want[stream]["server hello"] != "" {
					name = "server hello again"
				}
				side := Dir(Client)
				if clients[stream] != v[2] {
					side = Server
				}
				kind, _ := strconv.Atoi(typ)
				if part, ok := partOf(side, byte(kind)); ok {
					name = partNames[side][part]
				}
				if typ == "20" {
					name = side.String() + " finished"
				}
				if name != "" {
					say(name, at)
				}
			}
		}
		if len(lists[3]) > 0 && lists[3][0] == "2" && len(lists[9]) == 1 {
			suite, _ := strconv.ParseUint(lists[9][0], 0, 16)
			say("cipher", cipherSuiteName(uint16(suite)))
		}
		if v[8] != "" {
			say("ja3", v[8])
		}
		if v[10] != "" {
			say("sni", v[10])
		}
		side := "client "
		if clients[stream] != v[2] {
			side = "server "
		}
		for _, a := range lists[11] {
			if code, _ := strconv.Atoi(a); a == "0" {
				say(side+"close", at)
			} else {
				say("alert", alertName(code)+" "+at)
			}
		}
		if slices.Contains(lists[13], "23") {
			say(side+"data", at)
		}
	}, append(options, "-E", "aggregator=,")...)
	return want
}
