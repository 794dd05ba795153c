package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/folder"
	"github.com/flowcorr/flowcorr/internal/regular"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// File is one file of the archive and what became of it.
type File struct {
	Path    string `json:"path"` // in the archive, with slashes
	Size    int64  `json:"size"`
	Changed int64  `json:"changed_ns"` // as the file system says
	SHA256  string `json:"sha256,omitempty"`
	Kind    string `json:"kind"`
	Records int    `json:"records"`
	First   int64  `json:"first_ns,omitempty"` // raw stamps; both 0 where there is none
	Last    int64  `json:"last_ns,omitempty"`
	// Outcome is done; partial: a part could not be read or understood; failed:
	// nothing could; copy: another file holds the same bytes.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	// Note says what is doubtful about a file that was used.
	Note string `json:"note,omitempty"`

	Link    int  `json:"link,omitempty"` // of a capture
	Snap    int  `json:"snap,omitempty"`
	Secrets bool `json:"secrets,omitempty"`  // of a capture: it holds TLS secrets
	Zoned   bool `json:"zoned,omitempty"`    // of a log: its stamps say where they belong
	Dated   bool `json:"dated,omitempty"`    // and in which year
	Year    int  `json:"year,omitempty"`     // of the first line of a log that states none, as the archive tells
	NoTime  bool `json:"timeless,omitempty"` // what clients printed, a configuration: it may belong anywhere

	Sight   *capture.Sight `json:"sight,omitempty"`   // of a capture
	Undated *undated       `json:"undated,omitempty"` // of a log whose lines state no year

	// Blocks of a long log, in order; none: it is laid whole.
	Blocks []logBlock `json:"blocks,omitempty"`

	open string // the path to open it by
}

// Outcomes of a File.
const (
	Done    = "done"
	Partial = "partial"
	Failed  = "failed"
	Copy    = "copy"
)

func (f *File) isCapture() bool { return f.Kind == capture.PCAP || f.Kind == capture.PCAPNG }

// list finds every file under paths, in order of name, without reading it. What
// cannot be looked at is a file that failed. skip is a folder left out.
func list(paths []string, skip string) []*File {
	var all []*File
	add := func(open, name string, err error, st fs.FileInfo) {
		f := &File{Path: name, open: open, Kind: incident.Unrecognised}
		switch {
		case err != nil:
			f.Outcome, f.Reason = Failed, reasonOf(err)
		case !st.Mode().IsRegular():
			f.Outcome, f.Reason = Failed, fmt.Sprintf("not a regular file (%v)", st.Mode().Type())
		default:
			f.Size, f.Changed = st.Size(), st.ModTime().UnixNano()
		}
		all = append(all, f)
	}
	for _, p := range paths {
		name := ""
		if len(paths) > 1 {
			name = filepath.Base(filepath.Clean(p))
		}
		st, err := os.Stat(p)
		if err == nil && st.IsDir() {
			folder.Walk(p, []string{skip}, func(open, below string, st fs.FileInfo, err error) { add(open, path.Join(name, below), err, st) })
			continue
		}
		add(p, filepath.Base(p), err, st)
	}
	slices.SortStableFunc(all, func(a, b *File) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.open, b.open)) })
	taken := map[string]bool{}
	for _, f := range all {
		if taken[f.Path] {
			f.Path = strings.TrimLeft(filepath.ToSlash(filepath.Clean(f.open)), "./")
		}
		taken[f.Path] = true
	}
	return all
}

// reasonOf leaves the path out of an error: it stands beside it.
func reasonOf(err error) string {
	if e, ok := err.(*fs.PathError); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// isAsListed tells whether a file is the one that was listed still, as far as its
// size and time tell.
func (f *File) isAsListed() bool {
	st, err := os.Stat(f.open)
	return err == nil && st.Mode().IsRegular() && st.Size() == f.Size && st.ModTime().UnixNano() == f.Changed
}

// scan reads a file once to know what it is, what it spans, and its sum.
func (f *File) scan(ctx context.Context, bounds unpack.Options) {
	defer func() {
		if v := recover(); v != nil {
			f.Outcome, f.Reason = Failed, fmt.Sprintf("internal error, please report it: %v", v)
		}
	}()
	in, err := regular.Open(f.open)
	if err != nil {
		f.Outcome, f.Reason = Failed, reasonOf(err)
		return
	}
	defer in.Close()
	sum := sha256.New()
	raw := io.TeeReader(in, sum)
	plain, err := unpack.NewReader(raw, bounds)
	if err != nil {
		f.Outcome, f.Reason = Failed, err.Error()
		return
	}
	defer plain.Close()
	kind, ok := capture.Recognise(plain.Head(16))
	if !ok && f.scanText(ctx, bounds) {
		return
	}
	if ok {
		f.Kind = kind
		f.scanHead(plain.Head(logparse.HeadBytes))
	}
	if _, err := io.Copy(io.Discard, untilDone{raw, ctx}); err != nil {
		f.Outcome, f.Reason = Partial, reasonOf(err)
		if !errors.Is(err, regular.ErrHole) {
			return // it may be read the next time
		}
		fmt.Fprintf(sum, "%v of %d", err, f.Size)
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
}

// untilDone is a reader that fails when ctx has ended.
type untilDone struct {
	io.Reader
	ctx context.Context
}

func (r untilDone) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// scanHead takes from a capture's head what its place among others depends on.
// The rest is read once, in its turn.
func (f *File) scanHead(head []byte) {
	r, err := capture.NewReader(bytes.NewReader(head), capture.Options{})
	if err != nil {
		f.Outcome, f.Reason = Failed, err.Error()
		return
	}
	var p capture.Packet
	for f.First == 0 && r.Next(&p) == nil {
		if p.HasTime {
			f.First = p.Time
		}
	}
	if list := r.Interfaces(); len(list) > 0 {
		f.Link, f.Snap = int(list[0].Link), list[0].SnapLen
	}
	f.Sight = capture.SightOf(head)
	f.Outcome, f.Secrets = Done, len(r.Secrets()) > 0
	if f.First == 0 && len(head) < logparse.HeadBytes {
		f.Outcome, f.Reason = Failed, "the capture holds no packet"
		if problems := r.Problems(); len(problems) > 0 {
			f.Reason = fmt.Sprintf("byte %d: %s", problems[0].Offset, problems[0].Text)
		}
	}
}

// lastTime reads the last stamp of a capture, where that is what tells whether
// another goes on behind it.
func (f *File) lastTime(bounds unpack.Options) {
	if f.Last != 0 {
		return
	}
	in, err := unpack.Open(f.open, bounds)
	if err != nil {
		return
	}
	defer in.Close()
	if in.Packing() == "" {
		if raw, err := regular.Open(f.open); err == nil {
			defer raw.Close()
			f.Last, _ = capture.LastTime(raw, f.Size)
		}
		return
	}
	r, err := capture.NewReader(in, capture.Options{})
	if err != nil {
		return
	}
	var p capture.Packet
	for r.Next(&p) == nil {
		if p.HasTime {
			f.Last = max(f.Last, p.Time)
		}
	}
}

// scanText has a text recognised and read. It tells whether the sum of the file
// came of that: what is not read to its end has none.
func (f *File) scanText(ctx context.Context, bounds unpack.Options) bool {
	var cut logCutter
	inc, err := incident.Read(ctx, []string{f.open}, incident.Options{DetectOnly: true, Unpack: bounds, Workers: 1, OnApart: cut.event, Year: func(string) int { return anyYear }})
	if inc == nil || len(inc.Files) != 1 {
		f.Outcome, f.Reason = Failed, fmt.Sprint(err)
		return false
	}
	g := inc.Files[0]
	f.SHA256 = g.SHA256
	f.Kind, f.Records, f.First, f.Last = g.Kind, g.Records, g.First, g.Last
	f.Zoned, f.Dated = g.Zoned, g.Dated
	if f.Outcome = Done; len(cut.blocks) > 2 {
		f.Blocks = cut.blocks
	}
	if !f.Dated {
		f.setAside(&cut)
	}
	f.NoTime = f.First == 0 && f.Undated == nil
	switch {
	case f.Kind == incident.Unrecognised || f.Records == 0:
		f.Outcome, f.Reason = Failed, "not recognised as a capture or a log"
		if len(g.Problems) > 0 {
			f.Reason = g.Problems[0].Text
		}
	default:
		for _, p := range g.Problems {
			// What is said of the file as a whole is that it lacks years or zones:
			// here it is looked at without the captures that tell them.
			if p.Record > 0 || p.Offset > 0 {
				f.Outcome, f.Reason = Partial, fmt.Sprintf("record %d, byte %d: %s", p.Record, p.Offset, p.Text)
				break
			}
		}
	}
	return f.SHA256 != ""
}

// Span is a stretch of time. ns
type Span struct{ From, To int64 }

// Include widens it.
func (s *Span) Include(from, to int64) {
	if s.From == 0 || from < s.From {
		s.From = from
	}
	s.To = max(s.To, to)
}

// Overlapping gives, of the files under paths, those that touch a stretch of
// time as an earlier run on the archive knows them, and those that it does not
// know, by the path to open them. The stretch is told as it was stamped, and by the
// reference clock: other captures show it by their own.
func Overlapping(out string, paths []string, stamped, corrected Span) (map[string]bool, error) {
	own, err := filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	known := map[string]*File{}
	if err := eachLine(filepath.Join(out, "files.jsonl"), func(f *File) error { known[f.Path] = f; return nil }); err != nil {
		return nil, err
	}
	spans, err := byAnyClock(out, stamped, corrected)
	if err != nil {
		return nil, err
	}
	touched := map[string]bool{}
	for _, f := range list(paths, own) {
		k := known[f.Path]
		if k == nil || slices.ContainsFunc(spans, func(s Span) bool {
			return k.isCapture() && k.First <= s.To && k.Last >= s.From || !k.isCapture() && k.near(s.From, s.To)
		}) {
			touched[f.open] = true
		}
	}
	return touched, nil
}

// byAnyClock tells a stretch of time by the clock of each capture, and some time beside
// it: names are looked up before they are used.
func byAnyClock(out string, stamped, corrected Span) ([]Span, error) {
	offsets := map[string]Span{"": {}} // of captures that nothing measured
	err := EachRow(out, "clocks", func(row *trend.ClockRow) error {
		if row.Kind == "capture" && row.Low != nil {
			s, seen := offsets[row.Name]
			low, high := int64(*row.Low*1e9), int64(*row.High*1e9)
			if !seen {
				s = Span{low, high}
			}
			offsets[row.Name] = Span{min(s.From, low), max(s.To, high)}
		}
		return nil
	})
	spans := []Span{{sub(stamped.From, mostBeside), sub(stamped.To, -mostBeside)}}
	for _, o := range offsets {
		if corrected.From != 0 {
			spans = append(spans, Span{sub(corrected.From, mostBeside-o.From), sub(corrected.To, -mostBeside-o.To)})
		}
	}
	return spans, err
}

// near tells whether a log may tell of a stretch of time: its clock may be off,
// and stamps without a zone or a year may be of any.
func (f *File) near(from, to int64) bool {
	m := f.margin()
	return f.First == 0 || !f.Dated && f.Year == 0 || f.First <= sub(to, -m) && f.Last >= sub(from, m)
}

// margin is how far the clock of a log may be off. ns
func (f *File) margin() int64 {
	if !f.Zoned {
		return zoneMargin
	}
	return clockMargin
}
