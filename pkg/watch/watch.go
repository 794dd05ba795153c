// Package watch follows an incident while it happens: logs that grow and are
// rotated, and a folder into which a capture program writes. What is new is
// analysed again and again, and findings are told once they are certain.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/flowcorr/flowcorr/internal/lock"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Options of Run. Paths, State, Analyse and Found are needed.
type Options struct {
	Paths []string // logs, captures, and folders of both
	State string   // a folder of its own: what was read, and how far
	// Every is the time between two analyses at least; they also rest three
	// times as long as the last one took. 0: 5 s.
	Every time.Duration
	// Window is how far back evidence is kept and analysed, by the time it
	// arrived. 0: 15 min.
	Window time.Duration
	// Settle is how long before the end of the evidence a journey must have
	// ended for what is said of it to be certain. 0: 5 s.
	Settle time.Duration
	// FromStart reads logs that are there already from their beginning; without
	// it only what is appended counts.
	FromStart bool
	// Analyse makes the report of the evidence in a folder. An error that is
	// NoEvidence means that there is nothing to analyse yet.
	Analyse    func(ctx context.Context, folder string) (*report.Report, error)
	NoEvidence error
	// Found is told of each finding once, when it is certain.
	Found func(r *report.Report, f *report.Finding) error
	// Problem is told what goes wrong with one file, or one analysis.
	Problem func(path string, err error)
	// Set is told when the clock of this machine was set, also while nobody watched. nil:
	// nobody asks.
	Set func(Set)

	clocks func() reading // another one in tests
}

// watcher is one run.
type watcher struct {
	opt    Options
	state  *state
	logs   map[string]*followedLog // by path
	pieces chan piece
	begun  bool      // what was there at the beginning is known
	dirty  bool      // there is something that was not analysed
	latest time.Time // when packets or lines last came
	held   int       // of them, in the analysis before
	rest   time.Time
	read   func() reading
	set    *Set // of the clock, since the run before
	// problems are those told, and when last.
	problems map[string]time.Time
	certain
}

// Run watches until ctx ends, then analyses once more and returns the last
// report; nil where there was nothing to report on. What it had read is noted
// in the state folder, from which another Run goes on.
func Run(ctx context.Context, opt Options) (*report.Report, error) {
	opt.defaults()
	if err := os.MkdirAll(filepath.Join(opt.State, evidenceFolder), 0o700); err != nil {
		return nil, err
	}
	unlock, err := lock.Folder(opt.State, ErrBusy)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := restore(opt.State)
	if err != nil {
		return nil, err
	}
	w := &watcher{opt: opt, state: s, logs: map[string]*followedLog{}, pieces: make(chan piece, 64), problems: map[string]time.Time{}}
	w.certain.told = s.Told
	w.read = opt.clocks
	w.set = w.noticeSet()
	if err := s.tidy(opt.State); err != nil {
		return nil, err
	}
	w.scan(opt.FromStart)
	w.begun = true
	err = w.loop(ctx)
	w.stop()
	r, last := w.analyse(context.WithoutCancel(ctx), true)
	err = errors.Join(err, last, w.save())
	for _, l := range w.logs {
		err = errors.Join(err, l.spool.close())
	}
	return r, err
}

func (o *Options) defaults() {
	if o.clocks == nil {
		o.clocks = readClocks
	}
	for _, d := range []struct {
		v  *time.Duration
		to time.Duration
	}{{&o.Every, 5 * time.Second}, {&o.Window, 15 * time.Minute}, {&o.Settle, 5 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.to
		}
	}
}

const evidenceFolder = "evidence"

// loop takes lines as they come, and looks at all of it from time to time.
func (w *watcher) loop(ctx context.Context) error {
	tick := time.NewTicker(w.opt.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-w.pieces:
			w.take(p)
		case <-tick.C:
			w.scan(true)
			if w.noticeSet() != nil { // told once, also where this run is killed
				w.dirty = true
			}
			if !w.dirty && !w.pending || time.Now().Before(w.rest) {
				continue
			}
			begun := time.Now()
			if _, err := w.analyse(ctx, false); err != nil {
				return err
			}
			w.rest = time.Now().Add(3 * time.Since(begun))
			if err := w.save(); err != nil { // it is tried again
				w.problem(w.opt.State, err)
			}
		}
	}
}

// take adds what was read of a log to the evidence.
func (w *watcher) take(p piece) {
	if p.err != nil {
		w.problem(p.log.path, p.err)
		return
	}
	if err := p.log.spool.add(p.line); err != nil {
		w.problem(p.log.path, err)
		return
	}
	p.log.move(p.at)
	w.dirty = true
}

// stop ends the followers and takes what they had read.
func (w *watcher) stop() {
	for _, l := range w.logs {
		l.tail.Kill(nil)
	}
	for _, l := range w.logs {
		for gone := false; !gone; {
			select {
			case p := <-w.pieces:
				w.take(p)
			case <-l.gone:
				gone = true
			}
		}
	}
	for len(w.pieces) > 0 {
		w.take(<-w.pieces)
	}
}

// analyse looks at the evidence of the window and tells what is certain. At the
// end all that was found is certain.
func (w *watcher) analyse(ctx context.Context, end bool) (*report.Report, error) {
	now := time.Now()
	bases := map[string]int{}
	for _, l := range w.logs {
		if err := l.spool.flush(now.Add(-w.opt.Window)); err != nil {
			w.problem(l.path, err)
		}
		bases[l.name] = l.spool.base
	}
	w.dirty = false
	w.look(now)
	r, err := w.opt.Analyse(ctx, filepath.Join(w.opt.State, evidenceFolder))
	switch {
	case err != nil && w.opt.NoEvidence != nil && errors.Is(err, w.opt.NoEvidence), errors.Is(err, context.Canceled):
		return nil, nil
	case err != nil:
		w.problem("", err)
		return nil, nil
	}
	if n := records(r); n != w.held { // programs rotate also when nothing comes
		w.held, w.latest = n, now
	}
	renumber(r, bases)
	for _, f := range w.certain.of(r, now, w.opt.Settle, now.Sub(w.latest) >= w.opt.Settle, end) {
		if err := w.opt.Found(r, f); err != nil {
			return r, err
		}
	}
	return r, nil
}

// records are the packets and lines of the evidence.
func records(r *report.Report) (n int) {
	for i := range r.Evidence {
		n += r.Evidence[i].Records
	}
	return n
}

// problem tells what goes wrong, the same once in a while.
func (w *watcher) problem(path string, err error) {
	what := path + "\x00" + err.Error()
	if last, told := w.problems[what]; w.opt.Problem == nil || told && time.Since(last) < time.Minute {
		return
	}
	if len(w.problems) > maxProblems {
		clear(w.problems)
	}
	w.problems[what] = time.Now()
	w.opt.Problem(path, err)
}

// maxProblems bounds what is remembered of them.
const maxProblems = 1000

// save notes how far everything was read.
func (w *watcher) save() error {
	for _, l := range w.logs {
		w.state.Logs[l.path] = l.note()
	}
	w.state.Told = w.certain.told
	if err := w.state.save(w.opt.State); err != nil {
		return fmt.Errorf("noting what was read: %w", err)
	}
	return nil
}
