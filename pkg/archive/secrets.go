package archive

import (
	"crypto/sha256"
	"io"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// secrets gathers the TLS secrets of the archive. What it returns makes a key log
// for each point, as more may be met there; nil where there is none.
func (a *archive) secrets() (func() *pcapflow.KeyLog, error) {
	texts := slices.Clone(a.opt.Read.KeyLogs)
	inside := false
	for _, f := range a.files {
		inside = inside || f.Secrets
		if f.Kind != incident.TLSKeys || f.Outcome == Failed || f.Outcome == Copy {
			continue
		}
		b, err := readAll(f.open, a.opt.Unpack)
		if err != nil { // it was there when it was looked at
			f.Outcome, f.Reason, f.SHA256 = Failed, reasonOf(err), ""
			continue
		}
		texts = append(texts, b)
	}
	if len(texts) == 0 && !inside {
		return func() *pcapflow.KeyLog { return nil }, nil
	}
	sum := sha256.New()
	for _, t := range texts {
		sum.Write(t)
		sum.Write([]byte{0})
	}
	a.keySum = sum.Sum(nil)
	return func() *pcapflow.KeyLog {
		k := new(pcapflow.KeyLog)
		for _, t := range texts {
			k.Add(t) // lines that are no keys were told of when the file was read
		}
		return k
	}, nil
}

// maxSecrets bounds the bytes read of one key log.
const maxSecrets = 64 << 20

func readAll(path string, bounds unpack.Options) ([]byte, error) {
	in, err := unpack.Open(path, bounds)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxSecrets))
	if len(b) > 0 {
		err = nil // what comes before damage counts
	}
	return b, err
}
