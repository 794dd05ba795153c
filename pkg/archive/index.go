// Package archive analyses archives of captures and logs too large to be looked
// at in one piece: capture points in one pass each, then stretches of time with
// their logs, resumable at any instant, with rows and trends as its result.
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
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flowcorr/flowcorr/internal/lock"
	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Options of Run. Paths, Out and Report are needed.
type Options struct {
	Paths  []string
	Out    string // the folder of the result and of the index
	Memory int64  // bytes that the work may take, about; 0: 512 MiB
	Jobs   int    // files, points and windows looked at at a time; 0: 2. The result does not depend on it.
	Read   incident.Options
	Link   correlate.Options
	// Report diagnoses what was correlated.
	Report func(context.Context, *correlate.Case) (*report.Report, error)
	// Redact replaces who and where in what becomes part of the result; nil: all
	// stays. What the index keeps stays as it is.
	Redact   Redactor
	Unpack   unpack.Options
	Version  string // of the program: another one does everything anew
	Settings string // whatever else the result depends on, in words
	// Progress is told what was done. It is called from several goroutines. nil:
	// nobody asks.
	Progress func(Step)
	// NoteEvery is how often it is noted how far the reading came, at most. 0: 4 s.
	NoteEvery time.Duration
}

// Step is a piece of work that was done.
type Step struct {
	Stage string // "scan", "read" or "analyse"
	// Bytes that were read, as they lie there; of "analyse", the share of all bytes
	// whose analysis is done.
	Bytes int64
	// Files that were completed, and of how many in this stage; windows of time where
	// it is "analyse".
	Files, Of int
}

// ErrBusy says that another run works on the folder of the result.
var ErrBusy = errors.New("another run works on this folder")

// Redactor replaces who and where in rows, in place. It must replace alike in
// every slice and run.
type Redactor interface {
	Rows(r *report.Report, rows *trend.Rows) error
	Files(files []File) error
}

// archive is one run.
type archive struct {
	opt    Options
	files  []*File
	points []*point // in order of name
	logs   []*File
	toRead int    // captures of all points
	keySum []byte // of the TLS secrets
}

// Result is what became of an archive.
type Result struct {
	Files   []*File
	Windows int // stretches of time that were looked at one by one
	Fresh   int // those that were analysed in this run; the others were known
	Summary *trend.Summary
}

func (a *archive) index() string { return filepath.Join(a.opt.Out, "index") }
func (a *archive) work() string  { return filepath.Join(a.index(), "work") }

// schema of what the index keeps. Another one is not read.
const schema = "flowcorr.archive/3"

// Run analyses the archive, or what of it is new, and completes the result in
// opt.Out. Ended at any instant, it goes on where it was when it is run again;
// the result is the same, byte for byte.
//
// Each capture point is read in one pass, file after file, into flows that lie on
// disk. Then time is cut into windows, by what the captures hold, and each is
// analysed with its logs.
func Run(ctx context.Context, opt Options) (*Result, error) {
	opt.Memory, opt.Jobs, opt.NoteEvery = cmp.Or(opt.Memory, 512<<20), cmp.Or(opt.Jobs, 2), cmp.Or(opt.NoteEvery, 4*time.Second)
	if opt.Progress == nil {
		opt.Progress = func(Step) {}
	}
	a := &archive{opt: opt}
	if err := os.MkdirAll(filepath.Join(a.index(), "windows"), 0o755); err != nil {
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
	if err := a.readPoints(ctx); err != nil {
		return nil, err
	}
	r := &Result{Files: a.files, Summary: trend.NewSummary()}
	if err := a.windows(ctx, r); err != nil {
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
	a.namePoints()
	return a.saveFiles()
}

// scanAll scans files, some at a time.
func (a *archive) scanAll(ctx context.Context, fresh []*File) {
	_ = each(a.opt.Jobs, len(fresh), func(i int) error {
		if ctx.Err() == nil {
			fresh[i].scan(ctx, a.opt.Unpack)
			a.opt.Progress(Step{"scan", fresh[i].Size, 1, len(fresh)})
		}
		return nil
	})
}

// each runs work for 0 … n-1, some at a time, until one fails.
func each(jobs, n int, work func(int) error) error {
	var g errgroup.Group
	g.SetLimit(max(1, jobs))
	var failed atomic.Bool
	for i := range n {
		g.Go(func() error {
			if failed.Load() {
				return nil
			}
			err := work(i)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return g.Wait()
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
	files := make([]File, len(a.files))
	for i, f := range a.files {
		files[i] = *f
	}
	if a.opt.Redact != nil {
		if err := a.opt.Redact.Files(files); err != nil {
			return err
		}
	}
	return wholefile.Write(filepath.Join(a.opt.Out, "files.jsonl"), rowMode, func(w io.Writer) error { return writeLines(w, files) })
}

// readPoints reads all captures, by point, and tells from then on what is in each.
func (a *archive) readPoints(ctx context.Context) error {
	keys, err := a.secrets()
	if err != nil {
		return err
	}
	err = each(a.opt.Jobs, len(a.points), func(i int) error {
		p := a.points[i]
		if err := a.readPoint(ctx, p, keys()); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.settle()
		return nil
	})
	if err != nil {
		return err
	}
	return a.forgetPoints()
}

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
		if err != nil {
			return nil, err
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

// kept is what the index holds of one window.
type kept struct {
	Schema  string         `json:"schema"`
	Key     string         `json:"key"`
	Rows    []string       `json:"rows"` // files of the result, relative to its folder
	Summary *trend.Summary `json:"summary"`
	Clocks  []clockSeen    `json:"clocks,omitempty"`
}

// inputs names all that the result depends on: where it is the same, so are the
// windows, and no flow has to be looked at.
func (a *archive) inputs() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%d\x00", schema, a.opt.Version, a.opt.Settings, a.flowKey(), a.opt.Memory)
	for _, p := range a.points {
		fmt.Fprintf(sum, "%s\x00", p.name)
		for _, f := range p.files {
			fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
		}
		fmt.Fprint(sum, "\x00")
	}
	for _, f := range a.logs {
		fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// plan is what the windows of an earlier run were.
type plan struct {
	Inputs string   `json:"inputs"`
	Keys   []string `json:"keys"`
	Alone  []string `json:"alone"` // of the same windows by what they alone tell
}

// windows looks at each window that is not known.
func (a *archive) windows(ctx context.Context, r *Result) error {
	all := a.known()
	if all == nil {
		var err error
		if all, err = a.freshWindows(ctx, r); err != nil {
			return err
		}
	}
	keys, rows := map[string]bool{}, map[string]bool{}
	for _, key := range a.readPlan().Alone {
		keys[key+".json"] = true
	}
	for _, k := range all {
		keys[k.Key+".json"] = true
		for _, row := range k.Rows {
			rows[row] = true
		}
		r.Summary.Merge(k.Summary)
	}
	r.Windows = len(all)
	return a.tidy(keys, rows)
}

func (a *archive) readPlan() *plan {
	p := &plan{}
	b, err := os.ReadFile(filepath.Join(a.index(), "plan.json"))
	if err != nil || json.Unmarshal(b, p) != nil {
		return &plan{}
	}
	return p
}

// known gives the windows of an earlier run on the same; nil where there is none,
// or not all of them are there.
func (a *archive) known() []*kept {
	was := a.readPlan()
	if was.Inputs != a.inputs() {
		return nil
	}
	var all []*kept
	for _, key := range was.Keys {
		k := a.load(key)
		if k == nil || !a.rowsThere(k) {
			return nil
		}
		all = append(all, k)
	}
	return all
}

func (a *archive) freshWindows(ctx context.Context, r *Result) ([]*kept, error) {
	s := newSpread()
	var bytes int64
	for _, p := range a.points {
		s.merge(&p.done.Spread)
	}
	for _, f := range a.files {
		bytes += f.Size
	}
	list := windowsOf(s, int(max(a.opt.Memory/windowsAtOnce/memoryOfJourney, 1)))
	x := &looking{a: a, ctx: ctx, list: list, all: make([]*kept, len(list)), fresh: make([]atomic.Bool, len(list)), near: make([]bounds, len(list)), wide: make([]bool, len(list))}
	var err error
	if x.looked, err = a.resumeLooked(); err != nil {
		return nil, err
	}
	defer x.looked.out.Close()
	if err := x.alone(bytes); err != nil {
		return nil, err
	}
	all, jobs := x.all, min(a.opt.Jobs, windowsAtOnce)
	// What a window alone does not tell of a clock, others may.
	was := plan{Inputs: a.inputs()}
	for _, k := range all {
		was.Alone = append(was.Alone, k.Key)
	}
	known := offsetsOf(all)
	err = each(jobs, len(list), func(i int) error {
		if len(known[i]) == 0 && a.rowsThere(all[i]) {
			return nil
		}
		return x.look(i, known[i], true)
	})
	if err != nil {
		return nil, err
	}
	for i, k := range all {
		was.Keys = append(was.Keys, k.Key)
		if x.fresh[i].Load() {
			r.Fresh++
		}
	}
	return all, writeJSON(filepath.Join(a.index(), "plan.json"), was)
}

// looking is the work on all windows.
type looking struct {
	a      *archive
	ctx    context.Context
	list   []window
	all    []*kept
	fresh  []atomic.Bool // analysed in this run
	looked *looked
	near   []bounds // of clocks, for each window, as some of those before it have measured them
	wide   []bool   // lines are looked for far and wide, whatever near tells
}

func (x *looking) look(i int, known []offset, rowsToo bool) error {
	var near bounds
	if !x.wide[i] {
		near = x.near[i]
	}
	at := lookedAt{i, len(known) > 0, x.wide[i]}
	if k := x.a.load(x.looked.key(at)); k != nil && (!rowsToo || x.a.rowsThere(k)) {
		x.all[i] = k
		return nil
	}
	k, isNew, err := x.a.analyse(x.ctx, i, &x.list[i], near, known, rowsToo)
	if err != nil {
		return err
	}
	x.all[i] = k
	x.fresh[i].Store(isNew || x.fresh[i].Load())
	return x.looked.note(at, k.Key)
}

// alone looks at each window by what it tells itself. A few look for their lines as
// far as a clock may be off: the first, and those whose number is a power of two, so
// that windows to come change nothing. By what those before them found the others
// look near, unless a clock is not there.
func (x *looking) alone(bytes int64) error {
	n := len(x.list)
	order, done := []int{0}, make([]chan struct{}, n)
	for i := 1; i < n; i *= 2 {
		order = append(order, i)
	}
	for _, i := range order {
		x.wide[i], done[i] = true, make(chan struct{})
	}
	for i := range n {
		if !x.wide[i] {
			order = append(order, i)
		}
	}
	failed, fail := context.WithCancel(x.ctx)
	defer fail()
	return each(min(x.a.opt.Jobs, windowsAtOnce), n, func(k int) (err error) {
		defer func() {
			if err != nil {
				fail()
			}
		}()
		i := order[k]
		defer x.a.opt.Progress(Step{"analyse", bytes*int64(k+1)/int64(n) - bytes*int64(k)/int64(n), 1, n})
		if done[i] != nil {
			if err = x.look(i, nil, false); err == nil {
				close(done[i])
			}
			return err
		}
		var measured []*kept
		for j := range i {
			if done[j] == nil {
				continue
			}
			select {
			case <-done[j]:
			case <-failed.Done():
				return x.ctx.Err() // nil where another has failed, and tells why
			}
			measured = append(measured, x.all[j])
		}
		x.near[i] = boundsOf(measured)
		err = x.look(i, nil, false)
		if err == nil && x.near[i].lost(x.all[i], seriesOf(x.a.logsNear(&x.list[i]))) {
			x.wide[i] = true
			err = x.look(i, nil, false)
		}
		return err
	})
}

func (a *archive) windowFile(key string) string {
	return filepath.Join(a.index(), "windows", key+".json")
}

// load gives what is known of a window; nil where that is not all of it.
func (a *archive) load(key string) *kept {
	b, err := os.ReadFile(a.windowFile(key))
	if err != nil {
		return nil
	}
	k := &kept{}
	if json.Unmarshal(b, k) != nil || k.Schema != schema || k.Summary == nil {
		return nil
	}
	return k
}

// rowsThere tells whether all the rows of a window are on disk.
func (a *archive) rowsThere(k *kept) bool {
	for _, row := range k.Rows {
		if _, err := os.Stat(filepath.Join(a.opt.Out, filepath.FromSlash(row))); err != nil {
			return false
		}
	}
	return true
}

// keep writes the rows of a window and last what it was: what is there is whole.
func (a *archive) keep(out *trend.Rows, clocks []clockSeen, key string) (*kept, error) {
	rows, err := a.writeRows(out, key)
	if err != nil {
		return nil, err
	}
	summary := trend.NewSummary()
	summary.Add(out)
	k := &kept{schema, key, rows, summary, clocks}
	return k, writeJSON(a.windowFile(key), k)
}

// forgetPoints removes what is kept of points that are no more.
func (a *archive) forgetPoints() error {
	there := map[string]bool{}
	for _, p := range a.points {
		there[p.name] = true
	}
	return a.forget(filepath.Join(a.index(), "points"), there)
}

// forget removes what a folder of the index holds beyond what is named.
func (a *archive) forget(folder string, named map[string]bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		if !named[e.Name()] {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// tidy removes what earlier runs left and nothing needs any more.
func (a *archive) tidy(windows, rows map[string]bool) error {
	if err := a.forget(filepath.Join(a.index(), "windows"), windows); err != nil {
		return err
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
