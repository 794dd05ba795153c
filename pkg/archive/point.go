package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

func (a *archive) pointFolder(p *point) string {
	if p.small() {
		return a.smallFolder()
	}
	return filepath.Join(a.index(), "points", p.name)
}

// pass is one reading of a point.
type pass struct {
	a         *archive
	p         *point
	keys      *pcapflow.KeyLog
	analysis  *pcapflow.Analysis
	set       capture.SetState
	spread    *spread
	sightings *sightings
	legs      legs
	out       *recordWriter
	journal   *recordWriter // nil: no entry since the last note
	entries   int           // of the journal, all
	last      int64         // stamp of the latest
	refused   error         // why they cannot be written
	noted     time.Time     // when it was noted last
	took      time.Duration // and how long that took
}

// readPoint reads what is new of a point.
func (a *archive) readPoint(ctx context.Context, p *point, keys *pcapflow.KeyLog) error {
	if p.small() {
		return a.readSmall(ctx, p, keys)
	}
	x := &pass{a: a, p: p, keys: keys, noted: time.Now()}
	if err := os.MkdirAll(a.pointFolder(p), 0o755); err != nil {
		return err
	}
	if err := x.begin(); err != nil {
		return err
	}
	if p.chain.Whole != nil && x.load() == nil {
		return nil
	}
	if err := x.resume(); err != nil {
		return err
	}
	// From here on the flows behind the last note are written anew.
	if err := writeJSON(filepath.Join(a.pointFolder(p), "chain.json"), &p.chain); err != nil {
		return err
	}
	at := 0
	if n := len(p.chain.Notes); n > 0 {
		at = p.chain.Notes[n-1].Files
	}
	if err := x.newOut(); err != nil {
		return err
	}
	defer func() {
		x.out.file.Close()
		if x.journal != nil {
			x.journal.file.Close()
		}
	}()
	for _, f := range p.files[:at] {
		a.opt.Progress(Step{"read", f.Size, 1, a.toRead})
	}
	ahead := &queue{a: a, files: p.files[at:], most: a.opt.Jobs}
	defer ahead.close()
	for i := at; i < len(p.files); i++ {
		f := p.files[i]
		open := func() (io.ReadCloser, error) { return f.begin(a) }
		if a.opt.Jobs > 1 {
			open = ahead.next().open
		}
		if err := x.file(ctx, f, open); err != nil {
			return err
		}
		if i+1 < len(p.files) && (time.Since(x.noted) < max(a.opt.NoteEvery, 20*x.took)) {
			continue
		}
		if err := x.note(i + 1); err != nil {
			return err
		}
	}
	return x.end()
}

// begin finds how far an earlier run came with the same files.
func (x *pass) begin() error {
	p, folder := x.p, x.a.pointFolder(x.p)
	known := chain{}
	b, err := os.ReadFile(filepath.Join(folder, "chain.json"))
	if err != nil || json.Unmarshal(b, &known) != nil || known.Schema != schema || known.Key != x.a.flowKey() {
		known = chain{}
	}
	same := known.same(p.files)
	if same < len(p.files) || same < len(known.Files) || known.Whole != nil && !intact(folder, known.Whole.stored, &known.Whole.met) {
		known.Whole = nil
	}
	upTo := 0
	for n, note := range known.Notes {
		if note.Files > same || !intact(folder, note.stored, &note.met) {
			break
		}
		upTo = n + 1
	}
	if upTo < len(known.Notes) {
		known.Whole = nil
	}
	known.Notes = known.Notes[:upTo]
	p.chain = chain{Schema: schema, Key: x.a.flowKey(), Files: known.Files, Notes: known.Notes, Whole: known.Whole}
	return nil
}

// resume takes up what the latest note that can be read keeps.
func (x *pass) resume() error {
	folder, c := x.a.pointFolder(x.p), &x.p.chain
	files := c.Files
	c.Files, c.Whole = nil, nil
	opt := x.options()
	for len(c.Notes) > 0 {
		last := c.Notes[len(c.Notes)-1]
		b, err := os.ReadFile(filepath.Join(folder, last.State))
		var u underway
		if err == nil {
			x.analysis, b, err = pcapflow.Resume(b, opt)
		}
		if err == nil {
			_, err = stateCodec.Decode(b, &u)
		}
		if err == nil {
			x.set, x.spread, x.sightings, x.legs, x.entries, x.last = u.Set, &u.Spread, &u.Sightings, u.Legs, u.Entries, u.Last
			c.Files = files[:last.Files]
			return nil
		}
		c.Notes = c.Notes[:len(c.Notes)-1]
	}
	x.afresh()
	return nil
}

// afresh begins at the first file.
func (x *pass) afresh() {
	x.analysis, x.set, x.spread, x.sightings, x.legs = pcapflow.NewAnalysis(x.options()), capture.SetState{}, newSpread(), newSightings(), legs{}
}

func (x *pass) options() pcapflow.Options {
	return pcapflow.Options{Keys: x.keys, Marks: true, MaxOpen: x.a.maxOpen(), OnFlow: func(f *pcapflow.Flow) {
		beginnings(f, func(s pcapflow.Stamp) { x.spread.add(s.Time, 1) })
		x.sightings.add(addFlow(x.out, f), f.Start)
	}}
}

// file reads one file behind those before.
func (x *pass) file(ctx context.Context, f *File, open func() (io.ReadCloser, error)) error {
	opened := false
	set := capture.ContinueSet(x.set, []capture.File{{Name: f.Path, Open: func() (io.ReadCloser, error) {
		in, err := open()
		opened = err == nil
		return in, err
	}}}, capture.Options{OnJournal: x.entry, OnSecrets: func(text []byte) {
		if x.keys != nil {
			x.keys.Add(text)
		}
	}})
	err := x.analysis.Take(&stoppable{Set: set, ctx: ctx, legs: &x.legs})
	set.Close()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	part := set.Parts()[0]
	r := readFile{SHA256: f.SHA256, Frames: part.Frames, Count: part.Packets, First: part.First, Last: part.Last}
	if !opened || !f.isAsListed() {
		r.SHA256 = ""
	}
	if len(part.Problems) > 0 {
		r.Reason, r.At = part.Problems[0].Text, part.Problems[0].Offset
	}
	x.set = set.State()
	x.p.chain.Files = append(x.p.chain.Files, r)
	x.a.opt.Progress(Step{"read", 0, 1, x.a.toRead})
	if x.journal != nil {
		return errors.Join(x.out.err, x.journal.err)
	}
	return errors.Join(x.out.err, x.refused)
}

// stoppable ends a set early when ctx does, and looks at its clock.
type stoppable struct {
	*capture.Set
	ctx  context.Context
	legs *legs
	n    uint
}

func (s *stoppable) Next(p *capture.Packet) error {
	if s.n++; s.n&0xfff == 0 && s.ctx.Err() != nil {
		return io.EOF
	}
	err := s.Set.Next(p)
	if err == nil && p.HasTime {
		s.legs.see(p.Frame, p.Time)
	}
	return err
}

func (s *stoppable) More(list []capture.Packet) int {
	n := s.Set.More(list)
	for i := range list[:n] {
		if p := &list[i]; p.HasTime {
			s.legs.see(p.Frame, p.Time)
		}
	}
	return n
}

func (x *pass) newOut() (err error) {
	x.out, err = newRecordWriter(x.a.pointFolder(x.p), fmt.Sprintf("flows-%d", len(x.p.chain.Notes)), flowLanes)
	x.journal = nil
	return err
}

// close completes what was written since the last note.
func (x *pass) close() (m met, err error) {
	if m.Flows, err = x.out.end(); err != nil || x.journal == nil {
		return m, err
	}
	entries, err := x.journal.end()
	m.Journal = &entries
	return m, err
}

// finish tells what is open as it is, and gives what the whole is known by.
func (x *pass) finish() (state []byte, part met, err error) {
	r := x.analysis.End()
	if part, err = x.close(); err != nil {
		return nil, part, err
	}
	r.Problems = nil // told of each file
	r.Interfaces, r.Names = x.set.Interfaces, x.set.Names
	x.p.done = &capturePoint{*r, *x.spread, *x.sightings, x.legs}
	state, err = stateCodec.Encode(nil, x.p.done)
	return state, part, err
}

// end finishes a point, and notes what it is known by.
func (x *pass) end() error {
	p := x.p
	folder, c := x.a.pointFolder(p), &p.chain
	b, part, err := x.finish()
	if err != nil {
		return err
	}
	c.Whole = &whole{stored{"whole", len(b)}, part}
	if err := wholefile.Write(filepath.Join(folder, c.Whole.State), rowMode, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(folder, "chain.json"), c); err != nil {
		return err
	}
	named := map[string]bool{"chain.json": true, c.Whole.State: true}
	for _, n := range c.Notes {
		named[n.State] = true
	}
	for _, m := range p.met() {
		for _, r := range m.files() {
			named[r.Name] = true
		}
	}
	return x.a.forget(folder, named)
}

// load takes up what is known of a point that was read to its end.
func (x *pass) load() error {
	c := &x.p.chain
	b, err := os.ReadFile(filepath.Join(x.a.pointFolder(x.p), c.Whole.State))
	x.p.done = &capturePoint{}
	if err == nil {
		_, err = stateCodec.Decode(b, x.p.done)
	}
	for _, f := range x.p.files {
		x.a.opt.Progress(Step{"read", f.Size, 1, x.a.toRead})
	}
	return err
}

// flowKey names what flows depend on beside the files.
func (a *archive) flowKey() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%d\x00%x", schema, a.opt.Version, a.maxOpen(), a.keySum)
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// maxOpen bounds the flows open at one time at one point, by the memory they
// take: measured, with what they have carried, below 4 KiB.
func (a *archive) maxOpen() int { return int(max(1000, a.opt.Memory/4/(4<<10))) }
