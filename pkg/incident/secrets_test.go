package incident

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
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
		if len(f.Problems) > 0 || f.Records == 0 || f.SHA256 == "" {
			t.Errorf("%+v", f)
		}
	}
}
