package pcapflow

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dtlsKeyed are the recordings of DTLS with a key log.
const (
	dtlsKeyed   = "testdata/recorded/dtls-keys.pcap"
	dtlsSecrets = "testdata/recorded/dtls-keys.keys"
	dtlsWant    = "testdata/recorded/dtls-keys.tshark"
	renewing    = 45310 // the port where a client renegotiates
)

// openedAsWritten opens a capture with its keys; whatever tshark opened of it, as the
// file named wanted has it, must be among what is opened here.
func openedAsWritten(t *testing.T, capture, secrets, wanted string) (want, have []string, res *Result) {
	t.Helper()
	got, res := openedHere(t, capture, secrets)
	if *update {
		if err := os.WriteFile(wanted, []byte(strings.Join(openedByTshark(t, capture, secrets).lines(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, have = written(t, wanted), got.lines()
	for _, x := range want {
		if !slices.Contains(have, x) {
			t.Errorf("only tshark: %s", x)
		}
	}
	return want, have, res
}

// TestDTLSKeysAsWireshark: what the records of DTLS held, frame by frame and byte for
// byte. Of a renegotiation tshark 4.0 opens the ClientHello alone, and of ChaCha20 over
// DTLS nothing: there what was typed at both ends must come out.
func TestDTLSKeysAsWireshark(t *testing.T) {
	want, have, res := openedAsWritten(t, dtlsKeyed, dtlsSecrets, dtlsWant)
	renewed, chacha := flowAt(t, res, renewing), flowAt(t, res, 45302)
	typed := map[string]int{}
	for _, x := range have {
		frame, text, _ := strings.Cut(x, " ")
		n, _ := strconv.Atoi(frame)
		known := n >= renewed.TLS.Renegotiation.Frame && n <= renewed.End.Frame || n >= chacha.Start.Frame && n <= chacha.End.Frame
		if !slices.Contains(want, x) && !known {
			t.Errorf("only here: %s", x)
		}
		typed[text]++
	}
	if hello, answer := typed["68656c6c6f0a"], typed["616e737765720a"]; hello != 13 || answer != 13 {
		t.Errorf("%d times hello, %d times answer", hello, answer)
	}
	if len(want) < 60 {
		t.Errorf("%d records compared", len(want))
	}
	checkDTLSKeys(t, res, true)
	checkDTLSKeys(t, analyseWith(t, dtlsKeyed, ""), false)
}

func flowAt(t *testing.T, res *Result, port uint16) *Flow {
	t.Helper()
	for _, f := range res.Flows {
		if f.Server.Port() == port && f.TLS != nil && f.TLS.DTLS != nil {
			return f
		}
	}
	t.Fatalf("no DTLS at port %d", port)
	return nil
}

// checkDTLSKeys holds each handshake against what OpenSSL's client said of it.
func checkDTLSKeys(t *testing.T, res *Result, opened bool) {
	t.Helper()
	handshakes := map[uint16][]*TLS{}
	for _, f := range res.Flows {
		if len(f.Notes) > 0 {
			t.Errorf("port %d: %q", f.Server.Port(), f.Notes)
		}
		port := f.Server.Port()
		handshakes[port] = append(append(handshakes[port], f.TLS), f.TLS.DTLS.Later...)
		if len(f.Phases) != 1+len(f.TLS.DTLS.Later) {
			t.Errorf("port %d: %d phases", port, len(f.Phases))
		}
	}
	for _, line := range written(t, filepath.Join("testdata", "recorded", "dtls-keys.txt")) {
		words := strings.Fields(line)
		n, _ := strconv.ParseUint(words[1], 10, 16)
		port := uint16(n)
		if len(handshakes[port]) == 0 {
			t.Errorf("%s: no handshake", words[0])
			continue
		}
		x := handshakes[port][0]
		handshakes[port] = handshakes[port][1:]
		if x.Decrypted != opened || x.Resumed != (words[2] == "Reused") || x.Renegotiation.Seen() != (port == renewing) || x.Cipher != opensslSuite(words[3]) {
			t.Errorf("%s: %+v", words[0], x)
		}
		if len(x.DTLS.Resent) > 0 || !x.HandshakeEnd.Seen() || !x.FirstClientData.Seen() || !x.FirstServerData.Seen() || x.RenegotiationBy != Client {
			t.Errorf("%s: %+v %+v", words[0], x, x.DTLS)
		}
		if !x.CloseNotify[Client].Seen() || len(x.Alerts) > 0 {
			t.Errorf("%s: close %v, alerts %v", words[0], x.CloseNotify, x.Alerts)
		}
	}
	for port, left := range handshakes {
		if len(left) > 0 {
			t.Errorf("port %d: %d handshakes that nobody made", port, len(left))
		}
	}
}

// opensslSuite is the IANA name of a suite as OpenSSL names it.
func opensslSuite(name string) string {
	return map[string]string{
		"ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		"ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "AES128-CCM": "TLS_RSA_WITH_AES_128_CCM", "AES256-CCM8": "TLS_RSA_WITH_AES_256_CCM_8",
		"ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
	}[name]
}

// TestDTLSKeysLacking: a session that is resumed is opened by the secret of the first
// one; without any secret, or with wrong ones, the lengths tell what they do without keys.
func TestDTLSKeysLacking(t *testing.T) {
	text, err := os.ReadFile(dtlsSecrets)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	write := func(name string, lines ...[]byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const session, resumed = 8, 9 // the lines of these cases
	_, res := openedHere(t, dtlsKeyed, write("once", append(slices.Clone(lines[:resumed]), lines[resumed+1:]...)...))
	for _, f := range res.Flows {
		if !f.TLS.Decrypted {
			t.Errorf("port %d: %q", f.Server.Port(), f.Notes)
		}
	}
	wrong := bytes.Clone(lines[0])
	if digit := &wrong[len(wrong)-2]; *digit == '0' {
		*digit = '1'
	} else {
		*digit = '0'
	}
	for name, keys := range map[string][][]byte{"not decrypted: the key log has no secret for this connection": lines[session:resumed], "not decrypted: the key log's secrets do not open this connection": {wrong}} {
		_, res := openedHere(t, dtlsKeyed, write("others", keys...))
		f := flowAt(t, res, 45300)
		if !slices.Contains(f.Notes, name) || f.TLS.Decrypted || !f.TLS.HandshakeEnd.Seen() || !f.TLS.FirstServerData.Seen() {
			t.Errorf("%q: %q %+v", name, f.Notes, f.TLS)
		}
	}
}
