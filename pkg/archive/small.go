package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// smallPoint is how many bytes the captures of a point have together, as they lie there,
// that is read anew rather than noted: all that is kept of it is one file. Archives have
// very many of them, or a few.
const smallPoint = 1 << 20

func (p *point) small() bool {
	n := int64(0)
	for _, f := range p.files {
		if n += f.Size; n > smallPoint {
			return false
		}
	}
	return true
}

func (a *archive) smallFolder() string { return filepath.Join(a.index(), "small") }

// readSmall reads a small point, unless it is known.
func (a *archive) readSmall(ctx context.Context, p *point, keys *pcapflow.KeyLog) error {
	if a.loadSmall(p) {
		for _, f := range p.files {
			a.opt.Progress(Step{"read", f.Size, 1, a.toRead})
		}
		return nil
	}
	x := &pass{a: a, p: p, keys: keys}
	p.chain = chain{Schema: schema, Key: a.flowKey()}
	x.afresh()
	x.out = packedRecords(p.name)
	for _, f := range p.files {
		if err := x.file(ctx, f, func() (io.ReadCloser, error) { return f.begin(a) }); err != nil {
			return err
		}
	}
	state, part, err := x.finish()
	if err != nil {
		return err
	}
	p.chain.Whole = &whole{met: part}
	return a.saveSmall(p, state, x.out.packed, x.journal)
}

// A small point's file has the sum of what follows, and then, each behind its length,
// the chain, the state, the flows and the entries of a journal.
func (a *archive) saveSmall(p *point, state []byte, flows *bytes.Buffer, journal *recordWriter) error {
	head, err := json.Marshal(&p.chain)
	if err != nil {
		return err
	}
	b := make([]byte, sha256.Size, sha256.Size+16+len(head)+len(state)+flows.Len())
	parts := [][]byte{head, state, flows.Bytes(), nil}
	if journal != nil {
		parts[3] = journal.packed.Bytes()
	}
	for _, part := range parts {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	sum := sha256.Sum256(b[sha256.Size:])
	copy(b, sum[:])
	p.locate(len(head), len(state), flows.Len())
	return wholefile.Write(filepath.Join(a.smallFolder(), p.name), rowMode, func(w io.Writer) error { _, err := w.Write(b); return err })
}

// locate tells where in the file of a small point its records begin.
func (p *point) locate(head, state, flows int) {
	m := &p.chain.Whole.met
	m.Flows.base = int64(sha256.Size + 3*4 + head + state)
	if m.Journal != nil {
		m.Journal.base = m.Flows.base + int64(flows+4)
	}
}

// loadSmall takes up what is known of a small point with the same files.
func (a *archive) loadSmall(p *point) bool {
	b, err := os.ReadFile(filepath.Join(a.smallFolder(), p.name))
	if err != nil || len(b) < sha256.Size || sha256.Sum256(b[sha256.Size:]) != [sha256.Size]byte(b) {
		return false
	}
	var parts [4][]byte
	rest := b[sha256.Size:]
	for i := range parts {
		if len(rest) < 4 || len(rest)-4 < int(binary.LittleEndian.Uint32(rest)) {
			return false
		}
		parts[i], rest = rest[4:][:binary.LittleEndian.Uint32(rest)], rest[4+binary.LittleEndian.Uint32(rest):]
	}
	var c chain
	if json.Unmarshal(parts[0], &c) != nil || c.Schema != schema || c.Key != a.flowKey() || c.Whole == nil || c.same(p.files) < max(len(p.files), len(c.Files)) {
		return false
	}
	done := &capturePoint{}
	if _, err := stateCodec.Decode(parts[1], done); err != nil {
		return false
	}
	p.chain, p.done = c, done
	p.locate(len(parts[0]), len(parts[1]), len(parts[2]))
	return true
}
