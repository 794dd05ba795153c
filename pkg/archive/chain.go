package archive

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/flowcorr/flowcorr/internal/freeze"
	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// point is one capture point: its files, read one after the other in one pass.
// What the pass has come to is noted from time to time, so that it goes on there
// when it is ended, and when files come to be added.
type point struct {
	name  string
	files []*File
	chain chain
	done  *capturePoint // what is known once all is read
	legs  []ledLeg      // and how its clock is by those of others; none: it agrees with them
}

// chain is what the index holds of a point.
type chain struct {
	Schema string     `json:"schema"`
	Key    string     `json:"key"` // of what the flows depend on beside the files
	Files  []readFile `json:"files"`
	Notes  []note     `json:"notes"`
	Whole  *whole     `json:"whole,omitempty"` // of all files
}

// same is how many files it has of the same bytes as these, from the first on.
func (c *chain) same(files []*File) int {
	n := 0
	for n < min(len(c.Files), len(files)) && c.Files[n].SHA256 == files[n].SHA256 && c.Files[n].SHA256 != "" {
		n++
	}
	return n
}

// readFile is what was read of one file.
type readFile struct {
	SHA256 string `json:"sha256"` // "": what was read is not what has that sum
	Frames int    `json:"frames"`
	Count  int    `json:"packets"`
	First  int64  `json:"first_ns,omitempty"`
	Last   int64  `json:"last_ns,omitempty"`
	Reason string `json:"reason,omitempty"` // what could not be read
	At     int64  `json:"at,omitempty"`     // the byte where
}

// note says that the first files were read: what went on then, and the flows that
// had ended since the note before.
type note struct {
	Files int `json:"files"`
	stored
	met
}

// met is what was met in a part of a point.
type met struct {
	Flows   recordFile  `json:"flows"`
	Journal *recordFile `json:"journal,omitempty"` // entries of a journal between the packets
}

// files that hold it.
func (m *met) files() []*recordFile {
	if m.Journal == nil {
		return []*recordFile{&m.Flows}
	}
	return []*recordFile{&m.Flows, m.Journal}
}

// whole is how the pass ended: with the flows that were open then.
type whole struct {
	stored // of capturePoint
	met
}

// stored is a file that holds a state, and how long it is.
type stored struct {
	State string `json:"state"`
	Bytes int    `json:"state_bytes"`
}

// capturePoint is what a point is known by once it was read.
type capturePoint struct {
	Result    pcapflow.Result
	Spread    spread
	Sightings sightings
	Legs      legs
}

// underway is what a note keeps.
type underway struct {
	Set       capture.SetState
	Spread    spread
	Sightings sightings
	Legs      legs
	Entries   int   // of the journal
	Last      int64 // stamp of the latest
}

var stateCodec = freeze.New()

// intact tells whether what was written down of a part is there: what was not on the
// disk yet when power was lost is shorter.
func intact(folder string, s stored, m *met) bool {
	whole := isLong(filepath.Join(folder, s.State), int64(s.Bytes))
	for _, r := range m.files() {
		whole = whole && isLong(filepath.Join(folder, r.Name), r.bytes())
	}
	return whole
}

// isLong tells whether a file is there with as many bytes.
func isLong(path string, bytes int64) bool {
	st, err := os.Stat(path)
	return err == nil && st.Size() == bytes
}

// note writes down that files were read. Connections that are being decrypted
// cannot be kept: then nothing is noted until they have ended.
func (x *pass) note(files int) error {
	begun := time.Now()
	b, err := x.analysis.Keep(nil)
	if err != nil {
		x.noted = begun
		return nil
	}
	if b, err = stateCodec.Encode(b, &underway{x.set, *x.spread, *x.sightings, x.legs, x.entries, x.last}); err != nil {
		return err
	}
	folder, c := x.a.pointFolder(x.p), &x.p.chain
	state := fmt.Sprintf("state-%d", len(c.Notes))
	part, err := x.close()
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(folder, state), rowMode, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	c.Notes = append(c.Notes, note{files, stored{state, len(b)}, part})
	if err := writeJSON(filepath.Join(folder, "chain.json"), c); err != nil {
		return err
	}
	x.noted, x.took = time.Now(), time.Since(begun)
	return x.newOut()
}

// met is what was met at a point, part by part.
func (p *point) met() []*met {
	var all []*met
	for i := range p.chain.Notes {
		all = append(all, &p.chain.Notes[i].met)
	}
	return append(all, &p.chain.Whole.met)
}

// settle takes over what was read of the point's files.
func (p *point) settle() {
	for i, f := range p.files {
		r := &p.chain.Files[i]
		f.Records, f.First, f.Last = r.Count, r.First, r.Last
		f.Outcome, f.Reason = Done, ""
		if r.SHA256 == "" {
			f.SHA256 = ""
		}
		if r.Reason != "" {
			f.Outcome, f.Reason = Partial, fmt.Sprintf("byte %d: %s", r.At, r.Reason)
		}
		if r.Reason != "" && r.Frames == 0 && r.At == 0 { // of the file as a whole
			f.Reason = r.Reason
		}
		if r.Count == 0 {
			f.Outcome = Failed
			if f.Reason == "" {
				f.Reason = "the capture holds no packet"
			}
		}
	}
}
