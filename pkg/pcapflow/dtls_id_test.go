package pcapflow

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

const (
	dtlsWithIDs   = "testdata/recorded/dtls-cid/dtls-cid.pcap"
	dtlsIDSecrets = "testdata/recorded/dtls-cid/dtls-cid.keys"
	dtlsIDWant    = "testdata/recorded/dtls-cid/dtls-cid.tshark"
	dtlsIDCBC     = 45406 // pion authenticates content twice under CBC, unlike RFC 9146 §5.1: neither tshark nor this opens it
)

// TestDTLSIDs: records with connection IDs, with keys byte for byte as tshark opens them,
// and without as far as their headers tell.
func TestDTLSIDs(t *testing.T) {
	want, have, res := openedAsWritten(t, dtlsWithIDs, dtlsIDSecrets, dtlsIDWant)
	typed := map[string]int{}
	for _, x := range have {
		_, text, _ := strings.Cut(x, " ")
		typed[text]++
	}
	if hello, answer := typed["68656c6c6f"], typed["616e73776572"]; len(want) < 25 || hello != 6 || answer != 6 {
		t.Errorf("%d records compared, %d times hello, %d times answer", len(want), hello, answer)
	}
	checkDTLSIDs(t, res, true)
	checkDTLSIDs(t, analyseWith(t, dtlsWithIDs, ""), false)
}

// checkDTLSIDs holds each handshake against what both sides were told to choose.
func checkDTLSIDs(t *testing.T, res *Result, opened bool) {
	t.Helper()
	keyed := opened
	lines := written(t, "testdata/recorded/dtls-cid/dtls-cid.jsonl")
	if len(lines) != 7 || len(res.Flows) != 7 {
		t.Errorf("%d cases, %d flows", len(lines), len(res.Flows))
	}
	for _, line := range lines {
		var said struct {
			Name                 string
			Port, Client, Server int // octets of the ID in records to that side
			Suite                uint16
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		f := flowAt(t, res, uint16(said.Port))
		opened = keyed && said.Port != dtlsIDCBC
		x, ids := f.TLS, said.Client >= 0 && said.Server >= 0
		if x.DTLS.IDs != ids || ids && x.DTLS.IDBytes != [2]int{Client: said.Server, Server: said.Client} || x.Cipher != cipherSuiteName(said.Suite) || x.Decrypted != opened || (len(f.Notes) > 0) != (keyed && !opened) {
			t.Errorf("%s: %+v %+v %q", said.Name, x, x.DTLS, f.Notes)
		}
		if !x.HandshakeEnd.Seen() || !x.ClientFinished.Seen() || !x.ServerFinished.Seen() || x.FirstClientData.Time <= x.HandshakeEnd.Time || x.FirstServerData.Time <= x.FirstClientData.Time ||
			x.Resumed || len(x.DTLS.Resent) > 0 || len(x.Alerts) > 0 {
			t.Errorf("%s: %+v", said.Name, x)
		}
		if opened && !x.CloseNotify[Client].Seen() {
			t.Errorf("%s: close %v", said.Name, x.CloseNotify)
		}
	}
}

// TestDTLSIDsMidway: a capture that begins behind the hellos has records whose ID may be
// of any length.
func TestDTLSIDsMidway(t *testing.T) {
	list := slices.DeleteFunc(readPackets(t, dtlsWithIDs).list, func(p capture.Packet) bool {
		b := p.Data[14+20+8:]
		return b[0] != recordDTLSWithID
	})
	n := 0
	for _, f := range analyseList(t, list).Flows {
		if n++; f.Service != "dtls" || !f.TLS.FirstClientData.Seen() && !f.TLS.FirstServerData.Seen() && !f.TLS.ClientFinished.Seen() && !f.TLS.ServerFinished.Seen() {
			t.Errorf("%v: %s %+v", f.Server, f.Service, f.TLS)
		}
	}
	if n != 5 {
		t.Errorf("%d flows", n)
	}
}
