package incident

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// pcapngBlock writes a block with its padding and both lengths.
func pcapngBlock(typ uint32, body []byte) []byte {
	o := binary.LittleEndian
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	b := o.AppendUint32(o.AppendUint32(nil, typ), n)
	return o.AppendUint32(append(b, body...), n)
}

// TestSecretsFarInside: secrets behind the first packets of one capture open
// the connections of another.
func TestSecretsFarInside(t *testing.T) {
	from := need.Shared(t, "incidents", "s13_tls_failures", "input")
	secrets, err := os.ReadFile(filepath.Join(from, "c1", "sslkeys.log"))
	if err != nil {
		t.Fatal(err)
	}
	locked, err := os.ReadFile(filepath.Join(from, "c1_con_claves.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	o := binary.LittleEndian
	b := pcapngBlock(0x0a0d0d0a, append(o.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	b = append(b, pcapngBlock(1, []byte{1, 0, 0, 0, 0, 0, 0, 0})...)
	packet := append(o.AppendUint32(nil, 0), 0, 0, 6, 0, 0, 0, 0, 0)
	packet = append(o.AppendUint32(o.AppendUint32(packet, 1000), 1000), bytes.Repeat([]byte{1}, 1000)...)
	for range 200 {
		b = append(b, pcapngBlock(6, packet)...)
	}
	b = append(b, pcapngBlock(10, append(o.AppendUint32(o.AppendUint32(nil, 0x544c534b), uint32(len(secrets))), secrets...))...)
	dir := write(t, map[string]string{"a.pcap": string(locked), "z.pcapng": string(b)})
	inc := read(t, Options{}, dir)
	opened := 0
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			if f.TLS != nil && f.TLS.Decrypted {
				opened++
			}
		}
	}
	if opened < 5 {
		t.Errorf("%d connections were opened", opened)
	}
	for _, f := range inc.Files {
		told := 0
		if f.Path == "z.pcapng" {
			told = 1 // what its packets are
		}
		if len(f.Problems) != told || f.Records == 0 || f.SHA256 == "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestSecretsBehind: flows of a file are decrypted with secrets that stand behind
// all packets; of a stream that is said.
func TestSecretsBehind(t *testing.T) {
	from := need.Shared(t, "incidents", "s13_tls_failures", "input", "c1_con_claves_dsb.pcapng")
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	var secrets, others []byte
	for rest := b; len(rest) >= 12; {
		n := binary.LittleEndian.Uint32(rest[4:])
		if binary.LittleEndian.Uint32(rest) == 10 {
			secrets = append(secrets, rest[:n]...)
		} else {
			others = append(others, rest[:n]...)
		}
		rest = rest[n:]
	}
	dir := write(t, map[string]string{"late.pcapng": string(others) + string(secrets), "none.pcapng": string(others)})
	opened := func(path string, stdin io.Reader) (n int, problems []Problem) {
		problems, err := EachFlow(context.Background(), path, stdin, Options{}, func(f *pcapflow.Flow) {
			if f.TLS != nil && f.TLS.Decrypted {
				n++
			}
		}, nil)
		if err != nil {
			t.Error(err)
		}
		return n, problems
	}
	want, problems := opened(from, nil)
	if want < 5 || len(problems) > 0 {
		t.Fatalf("%d connections were opened, %v", want, problems)
	}
	if n, problems := opened(filepath.Join(dir, "late.pcapng"), nil); n != want || len(problems) > 0 {
		t.Errorf("%d connections were opened, %v", n, problems)
	}
	if n, _ := opened(filepath.Join(dir, "none.pcapng"), nil); n != 0 {
		t.Errorf("%d connections were opened without secrets", n)
	}
	if n, problems := opened("-", bytes.NewReader(append(others, secrets...))); n == want || len(problems) != 1 {
		t.Errorf("%d connections were opened, %v", n, problems)
	}
}

// TestJournalInside: the journal entries between the packets of a capture are a
// log of their own.
func TestJournalInside(t *testing.T) {
	o := binary.LittleEndian
	b := pcapngBlock(0x0a0d0d0a, append(o.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	b = append(b, pcapngBlock(1, []byte{1, 0, 0, 0, 0, 0, 0, 0})...)
	packet := append(o.AppendUint32(nil, 0), 0, 0, 6, 0, 0, 0, 0, 0)
	packet = append(o.AppendUint32(o.AppendUint32(packet, 20), 20), bytes.Repeat([]byte{1}, 20)...)
	entry := func(us, message string) []byte {
		return pcapngBlock(9, []byte("__REALTIME_TIMESTAMP="+us+"\n_HOSTNAME=web\nSYSLOG_IDENTIFIER=sshd\nMESSAGE="+message+"\n"))
	}
	b = append(b, entry("1800000000000000", "Server listening on 0.0.0.0 port 22.")...)
	b = append(b, pcapngBlock(6, packet)...)
	b = append(b, entry("1800000001500000", "Accepted publickey for admin from 192.0.2.1 port 40000 ssh2")...)
	b = append(b, pcapngBlock(9, []byte("no journal at all"))...)
	inc := read(t, Options{}, write(t, map[string]string{"a.pcapng": string(b), "b.log": "dear diary"}))
	if len(inc.Logs) != 1 || len(inc.Captures) != 1 || inc.Captures[0].Packets != 1 {
		t.Fatalf("%d logs, %d captures", len(inc.Logs), len(inc.Captures))
	}
	l := inc.Logs[0]
	f := l.File
	if f.Path != "a.pcapng (journal)" || f.Kind != "journal-export" || f.Records != 3 || len(f.Problems) != 1 || f.First != 1800000000_000000000 || f.Last != 1800000001_500000000 {
		t.Errorf("%+v", f)
	}
	if len(l.Events) < 1 || l.Events[len(l.Events)-1].Line != 2 {
		t.Fatalf("%+v", l.Events)
	}
	e := l.Events[len(l.Events)-1]
	r, err := Reopen(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil || !bytes.HasPrefix(all[e.Offset:], []byte("__REALTIME_TIMESTAMP=1800000001500000")) && !bytes.HasPrefix(all[e.Offset:], []byte("MESSAGE=Accepted")) {
		t.Errorf("%v: offset %d", err, e.Offset)
	}
	// As many lines as are its own, so that its message can be shown.
	if own := bytes.SplitAfterN(all[e.Offset:], []byte("\n"), e.Lines+1); e.Lines != 4 || !bytes.HasPrefix(own[3], []byte("MESSAGE=Accepted")) {
		t.Errorf("%d lines: %.200q", e.Lines, all[e.Offset:])
	}
	if inc.Files[1] != f {
		t.Errorf("files %v", inc.Files)
	}
}
