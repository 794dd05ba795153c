// Package archive analyses archives of captures and logs too large to be looked
// at in one piece: capture points in one pass each, then stretches of time with
// their logs, resumable at any instant, with rows and trends as its result.
package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	series []series // the same, those of a rotation as one
	toRead int      // captures of all points
	keySum []byte   // of the TLS secrets
	inputs string   // names all that the result depends on, once the points are read
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
// 9: windows keep what they tell about no journey, and a clock may have the reference of its
// own group alone.
const schema = "flowcorr.archive/9"

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
	if err := errors.Join(wholefile.Sweep(opt.Out), wholefile.Sweep(a.index()), wholefile.Sweep(a.smallFolder())); err != nil {
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
	if err := a.distrust(); err != nil {
		return r, err
	}
	return r, a.saveOutcomes()
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

// readPoints reads all captures, by point, and tells from then on what is in each.
func (a *archive) readPoints(ctx context.Context) error {
	keys, err := a.secrets()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(a.smallFolder(), 0o755); err != nil {
		return err
	}
	err = each(a.pointsAtOnce(), len(a.points), func(i int) error {
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
	a.align()
	return a.forgetPoints()
}
