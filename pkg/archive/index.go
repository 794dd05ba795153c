package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/flowcorr/flowcorr/internal/lock"
	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Options of Run. Paths, Out and Report are needed.
type Options struct {
	Paths  []string
	Out    string // the folder of the result and of the index
	Memory int64  // bytes that a slice may need, about; 0: 512 MiB
	Jobs   int    // files looked at at a time; 0: 2. The result does not depend on it.
	Read   incident.Options
	Link   correlate.Options
	// Report diagnoses what was correlated.
	Report   func(context.Context, *correlate.Case) (*report.Report, error)
	Unpack   unpack.Options
	Version  string // of the program: another one does everything anew
	Settings string // whatever else the result depends on, in words
	Progress func(stage string, done, all int64)
}

// ErrBusy says that another run works on the folder of the result.
var ErrBusy = errors.New("another run works on this folder")

// archive is one run.
type archive struct {
	opt    Options
	files  []*File
	plan   *plan
	cutter cutter
}

// Result is what became of an archive.
type Result struct {
	Files   []*File
	Slices  int
	Fresh   int // slices that were analysed in this run; the others were known
	Summary *trend.Summary
}

func (a *archive) index() string { return filepath.Join(a.opt.Out, "index") }
func (a *archive) work() string  { return filepath.Join(a.index(), "work") }

// schema of what the index keeps. Another one is not read.
const schema = "flowcorr.archive/1"

// Run analyses the archive, or what of it is new, and completes the result in
// opt.Out. Ended at any instant, it goes on where it was when it is run again;
// the result is the same, byte for byte.
func Run(ctx context.Context, opt Options) (*Result, error) {
	opt.Memory, opt.Jobs = cmp.Or(opt.Memory, 512<<20), cmp.Or(opt.Jobs, 2)
	if opt.Progress == nil {
		opt.Progress = func(string, int64, int64) {}
	}
	a := &archive{opt: opt}
	if err := os.MkdirAll(a.index(), 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock.Folder(a.index(), ErrBusy)
	if err != nil {
		return nil, err
	}
	defer unlock()
	defer os.RemoveAll(a.work())
	if err := errors.Join(wholefile.Sweep(opt.Out), wholefile.Sweep(a.index())); err != nil {
		return nil, err
	}
	if err := a.look(ctx); err != nil {
		return nil, err
	}
	a.plan = planOf(a.files, opt.Memory)
	r := &Result{Files: a.files, Slices: len(a.plan.slices), Summary: trend.NewSummary()}
	if err := a.slices(ctx, r); err != nil {
		return r, err
	}
	return r, a.saveOutcomes()
}

// look lists the archive and reads what is new or changed, to know what it is.
func (a *archive) look(ctx context.Context) error {
	own, err := filepath.Abs(a.opt.Out)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	a.files = list(a.opt.Paths, own)
	known := a.knownFiles()
	var fresh []*File
	for _, f := range a.files {
		if f.Outcome != "" {
			continue
		}
		if k := known[f.Path]; k != nil && k.Size == f.Size && k.Changed == f.Changed && k.SHA256 != "" {
			open := f.open
			*f = *k
			f.open = open
			if f.Outcome == Copy {
				f.Outcome, f.Reason = Done, ""
			}
			continue
		}
		fresh = append(fresh, f)
	}
	a.scanAll(ctx, fresh)
	if err := ctx.Err(); err != nil {
		return err
	}
	first := map[string]*File{}
	for _, f := range a.files {
		if f.SHA256 == "" || f.Outcome == Failed {
			continue
		}
		if o := first[f.SHA256]; o != nil {
			f.Outcome, f.Reason = Copy, "the same, byte by byte, as "+o.Path
		} else {
			first[f.SHA256] = f
		}
	}
	return a.saveFiles()
}

// scanAll scans files, some at a time, and notes from time to time what is known.
func (a *archive) scanAll(ctx context.Context, fresh []*File) {
	var all, done int64
	for _, f := range fresh {
		all += f.Size
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, a.opt.Jobs)
	for _, f := range fresh {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f.scan(ctx, a.opt.Unpack)
			mu.Lock()
			defer mu.Unlock()
			done += f.Size
			a.opt.Progress("scan", done, all)
		})
	}
	wg.Wait()
}

func (a *archive) knownFiles() map[string]*File {
	var kept struct {
		Schema string
		Files  []*File
	}
	known := map[string]*File{}
	b, err := os.ReadFile(filepath.Join(a.index(), "files.json"))
	if err != nil || json.Unmarshal(b, &kept) != nil || kept.Schema != schema {
		return known // everything is read anew
	}
	for _, f := range kept.Files {
		known[f.Path] = f
	}
	return known
}

func (a *archive) saveFiles() error {
	return writeJSON(filepath.Join(a.index(), "files.json"), struct {
		Schema string
		Files  []*File
	}{schema, a.files})
}

// saveOutcomes tells beside the tables what became of every file.
func (a *archive) saveOutcomes() error {
	return wholefile.Write(filepath.Join(a.opt.Out, "files.jsonl"), rowMode, func(w io.Writer) error { return writeLines(w, a.files) })
}

// kept is what the index holds of one slice.
type kept struct {
	Schema  string         `json:"schema"`
	Rows    []string       `json:"rows"` // files of the result, relative to its folder
	Summary *trend.Summary `json:"summary"`
	Carry   *carry         `json:"carry"`
	Digest  string         `json:"digest"` // of what is carried
}

// slices looks at each slice that is not known, in order.
func (a *archive) slices(ctx context.Context, r *Result) error {
	defer a.cutter.close()
	before := &carry{}
	digest := ""
	expected := map[string]bool{}
	names := map[string]bool{}
	for i := range a.plan.slices {
		s := &a.plan.slices[i]
		key := a.keyOf(s, digest)
		names[key] = true
		k := a.load(key)
		if k == nil {
			var err error
			if k, err = a.fresh(ctx, s, before, key); err != nil {
				return err
			}
			r.Fresh++
		}
		for _, row := range k.Rows {
			expected[row] = true
		}
		r.Summary.Merge(k.Summary)
		before, digest = k.Carry, k.Digest
		a.opt.Progress("analyse", int64(i+1), int64(len(a.plan.slices)))
	}
	return a.tidy(names, expected)
}

// keyOf names a slice by everything its result depends on.
func (a *archive) keyOf(s *slicePlan, before string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00", schema, a.opt.Version, a.opt.Settings, before)
	for _, p := range s.parts {
		point := a.plan.point[p.file]
		fmt.Fprintf(sum, "%s\x00%s\x00%d\x00%d\x00%s\x00", p.file.Path, p.file.SHA256, p.from, p.to, point)
	}
	fmt.Fprintf(sum, "%q\x00", slices.Sorted(maps.Keys(s.last)))
	for _, f := range s.logs {
		fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

func (a *archive) sliceFolder(key string) string { return filepath.Join(a.index(), "slices", key) }

// load gives what is known of a slice; nil where that is not all of it.
func (a *archive) load(key string) *kept {
	folder := a.sliceFolder(key)
	b, err := os.ReadFile(filepath.Join(folder, "slice.json"))
	if err != nil {
		return nil
	}
	k := &kept{}
	if json.Unmarshal(b, k) != nil || k.Schema != schema || k.Carry == nil || k.Summary == nil {
		return nil
	}
	for _, row := range k.Rows {
		if _, err := os.Stat(filepath.Join(a.opt.Out, filepath.FromSlash(row))); err != nil {
			return nil
		}
	}
	for i := range k.Carry.Files {
		c := &k.Carry.Files[i]
		c.open = filepath.Join(folder, c.Name)
		if _, err := os.Stat(c.open); err != nil {
			return nil
		}
	}
	return k
}

// fresh analyses a slice, writes its rows and last what it was: what is there
// is whole.
func (a *archive) fresh(ctx context.Context, s *slicePlan, before *carry, key string) (*kept, error) {
	folder := a.sliceFolder(key)
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return nil, err
	}
	out, after, err := a.analyse(ctx, s, before, folder)
	if err != nil {
		return nil, err
	}
	rows, err := a.writeRows(out, key)
	if err != nil {
		return nil, err
	}
	digest, err := after.digest()
	if err != nil {
		return nil, err
	}
	summary := trend.NewSummary()
	summary.Add(out)
	k := &kept{Schema: schema, Rows: rows, Summary: summary, Carry: after, Digest: digest}
	return k, writeJSON(filepath.Join(folder, "slice.json"), k)
}

// digest is a sum over all that is carried.
func (c *carry) digest() (string, error) {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	if err := enc.Encode(c); err != nil {
		return "", err
	}
	for _, f := range c.Files {
		b, err := os.ReadFile(f.open)
		if err != nil {
			return "", err
		}
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// tidy removes what earlier runs left and nothing needs any more.
func (a *archive) tidy(slices, rows map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(a.index(), "slices"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !slices[e.Name()] {
			if err := os.RemoveAll(a.sliceFolder(e.Name())); err != nil {
				return err
			}
		}
	}
	for _, top := range rowFolders {
		err := filepath.WalkDir(filepath.Join(a.opt.Out, top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return ignoreMissing(err)
			}
			rel, err := filepath.Rel(a.opt.Out, path)
			if err != nil || rows[filepath.ToSlash(rel)] {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			for dir := filepath.Dir(path); dir != a.opt.Out && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
