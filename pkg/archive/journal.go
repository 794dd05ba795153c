package archive

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// entry keeps one entry of a journal that lies between the packets of a capture: its
// number in the point, where it lies in its file, and its text.
func (x *pass) entry(text []byte, offset int64) {
	x.entries++
	if x.journal == nil {
		var err error
		if x.out.packed != nil {
			x.journal = packedRecords(x.p.name)
		} else if x.journal, err = newRecordWriter(x.a.pointFolder(x.p), fmt.Sprintf("journal-%d", len(x.p.chain.Notes)), 1); err != nil {
			x.refused, x.journal = err, nil
			return
		}
	}
	t, ok := incident.EntryTime(text)
	if !ok {
		t = x.last
	}
	x.last = t
	x.journal.add(&recordHead{from: t, to: t, end: t}, func(b []byte) ([]byte, error) {
		b = binary.AppendUvarint(b, uint64(x.entries))
		b = binary.AppendUvarint(b, uint64(offset))
		return append(b, text...), nil
	})
}

// journalOf gives the entries of a point's journal that may belong to a window; nil:
// there are none.
func (a *archive) journalOf(p *point, w *window, g *gathered) (*incident.Log, error) {
	if !slices.ContainsFunc(p.met(), func(m *met) bool { return m.Journal != nil }) {
		return nil, nil
	}
	first := p.files[0]
	j := incident.NewJournal(&incident.File{Path: first.Path, Open: first.open}, folderOf(first.Path), a.opt.Read.Told.Named)
	for _, m := range p.met() {
		if m.Journal == nil {
			continue
		}
		all := func(*recordHead) bool { return true }
		err := g.read.each(m.Journal, a.pointFolder(p), sub(w.from, clockMargin), sub(w.to, -clockMargin), all, func(r *record) error {
			b := r.body
			g.sum.Write(r.head)
			g.sum.Write(b)
			number, n := binary.Uvarint(b)
			offset, k := binary.Uvarint(b[max(n, 0):])
			if n <= 0 || k <= 0 {
				return fmt.Errorf("%s: damaged", m.Journal.Name)
			}
			j.Add(int(number), b[n+k:], int64(offset))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return j.Log(), nil
}
