package pcapflow

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// KeyLog holds TLS secrets by client random (SSLKEYLOGFILE, or the Decryption
// Secrets Blocks of a pcapng file). The secrets never leave the package.
//
// It is not safe for use by several goroutines while secrets are added.
type KeyLog struct {
	secrets  map[[32]byte]map[string][]byte // client random → label → secret
	before   func()                         // called before more are added; nil: nothing
	sessions sessions

	tap func(f *Flow, r tlsRecord, plain []byte) // sees what each record held; nil: nobody does
}

// Labels of a key log (https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile).
const (
	labelMaster          = "CLIENT_RANDOM"
	labelEarly           = "CLIENT_EARLY_TRAFFIC_SECRET"
	labelClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	labelServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	labelClient          = "CLIENT_TRAFFIC_SECRET_0"
	labelServer          = "SERVER_TRAFFIC_SECRET_0"
)

// unusedLabels are valid and of no use here.
var unusedLabels = map[string]bool{
	"EXPORTER_SECRET": true, "EARLY_EXPORTER_SECRET": true, "EARLY_EXPORTER_MASTER_SECRET": true, "RSA": true,
	"ECH_SECRET": true, "ECH_CONFIG": true, "PMS_CLIENT_RANDOM": true,
}

// isUnused: also the secrets of QUIC, and those after key updates, which follow
// from the first (RFC 8446 §7.2).
func isUnused(label string) bool {
	return unusedLabels[label] || strings.HasPrefix(label, "QUIC_") ||
		strings.HasPrefix(label, "CLIENT_TRAFFIC_SECRET_") || strings.HasPrefix(label, "SERVER_TRAFFIC_SECRET_")
}

// maxSecretLine is longer than any valid line: a label, 32 and 64 bytes in hexadecimal.
const maxSecretLine = 1024

// Add takes the text of a key log and says how many secrets it held. The error
// tells the first line that is none, by its number and never by its content,
// and how many there were; all others are taken.
func (k *KeyLog) Add(text []byte) (n int, err error) {
	if k.before != nil {
		k.before()
	}
	if k.secrets == nil {
		k.secrets = map[[32]byte]map[string][]byte{}
	}
	firstBad, bad := 0, 0
	for number := 1; len(text) > 0; number++ {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case k.addLine(line):
			n++
		default:
			if bad == 0 {
				firstBad = number
			}
			bad++
		}
	}
	if bad > 0 {
		return n, fmt.Errorf("key log: line %d is no secret (%d such lines)", firstBad, bad)
	}
	return n, nil
}

// addLine takes "LABEL client-random secret".
func (k *KeyLog) addLine(line []byte) bool {
	if len(line) > maxSecretLine {
		return false
	}
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return false
	}
	label := string(fields[0])
	switch label {
	case labelMaster, labelEarly, labelClientHandshake, labelServerHandshake, labelClient, labelServer:
	default:
		return isUnused(label)
	}
	var random [32]byte
	if len(fields[1]) != 64 {
		return false
	}
	if _, err := hex.Decode(random[:], fields[1]); err != nil {
		return false
	}
	secret := make([]byte, hex.DecodedLen(len(fields[2])))
	if _, err := hex.Decode(secret, fields[2]); err != nil {
		return false
	}
	if n := len(secret); n != 32 && n != 48 && n != 64 {
		return false
	}
	if k.secrets[random] == nil {
		k.secrets[random] = map[string][]byte{}
	}
	k.secrets[random][label] = secret
	return true
}

// Len is how many secrets there are.
func (k *KeyLog) Len() int {
	n := 0
	if k != nil {
		for _, labels := range k.secrets {
			n += len(labels)
		}
	}
	return n
}

// Empty tells whether there is nothing to decrypt with.
func (k *KeyLog) Empty() bool { return k == nil || len(k.secrets) == 0 }

// secret returns the secret of a connection, nil where there is none.
func (k *KeyLog) secret(random [32]byte, label string) []byte {
	if k == nil {
		return nil
	}
	return k.secrets[random][label]
}
