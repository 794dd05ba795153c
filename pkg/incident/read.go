package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Options of Read. The zero value is right for most uses.
type Options struct {
	// DetectOnly has files recognised and their records counted, and nothing
	// analysed: Captures and Logs stay empty.
	DetectOnly bool
	// Only tells which of the files found are evidence, by the path to open them. nil:
	// all are.
	Only func(open string) bool
	// KeyLogs are texts of TLS key logs beside those found in the evidence.
	KeyLogs [][]byte
	// Told is what is said of the evidence.
	Told Told
	// Stdin is read for the path "-"; nil: there is none.
	Stdin io.Reader
	// Unpack bounds what compressed files may become.
	Unpack unpack.Options
	// Point names the capture point of a capture by its path in the report: those
	// of one point are read as one capture, in order of time. nil: rotated sets
	// are recognised by name.
	Point func(path string) string
	// Given are captures that were read already: those of the paths are, beside
	// them, as if all had been found there.
	Given []Given
	// Around gives the stretch of time, as its own clock has it, outside of which
	// the events of a log are not wanted, by its path. nil, and not ok: all are.
	Around func(path string) (from, to int64, ok bool)
	// Year tells, by its path, in which year a log begins whose lines state none; 0, and
	// nil: that is inferred from the other evidence.
	Year func(path string) int
	// OnApart is told every event of a log that can be read from any of them on
	// (logparse.Format.Cuttable), its year stated or given by Year, in order, whether they are
	// wanted or not. It is called from several goroutines, of one log from one. The
	// event is valid during the call only. nil: nobody asks.
	OnApart func(path string, e *logparse.Event)
	// MaxEvents is how many events of one log are kept at most, those nearest to the
	// time of the captures; 0: 250,000.
	MaxEvents int
	// MaxFlows is how many flows of one capture are kept at most, the first ones;
	// 0: 250,000.
	MaxFlows int
	// Frames has every flow list its frames.
	Frames bool
	// Turns has EachFlow tell the turns of connections, and what held their senders
	// back; flows that are kept always have them.
	Turns bool
	// Workers is how many files are read at a time; 0: 2. What is read does not
	// depend on it.
	Workers int
	// Progress is told how many bytes of the files were read, as they are: packed
	// ones packed. It is called from several goroutines. nil: nobody asks.
	Progress func(bytes int)
	// Parts is how many parts of one log EachEvent reads at a time; 0: 2. What is
	// read does not depend on it.
	Parts int
}

// Given is a capture that was read elsewhere, and the folder it lies in, as in
// Log.
type Given struct {
	*Capture
	Folder  string
	Journal *Log // of entries between its packets; nil: there are none
}

// ErrNoInput says that no file given could be used.
var ErrNoInput = errors.New("no usable evidence")

// Read finds, recognises and reads all evidence under paths, each file once.
//
// What cannot be used becomes a File with a Problem. If nothing can, the error
// is ErrNoInput, and the incident is returned all the same. An error of ctx
// ends the reading.
func Read(ctx context.Context, paths []string, opt Options) (*Incident, error) {
	r := &reader{ctx: ctx, opt: opt}
	if r.opt.Workers <= 0 {
		r.opt.Workers = 2
	}
	r.items = find(paths, opt)
	r.opt.Told.hear(r.items)
	r.each(len(r.items), func(i int) { r.recognise(r.items[i]) })
	r.collectKeys()
	inc := &Incident{Told: opt.Told}
	inc.Captures = r.readCaptures()
	for _, g := range opt.Given {
		g.given, g.journal = true, g.Journal
		r.opt.Told.place(g.Capture, g.Folder)
		inc.Captures = append(inc.Captures, g.Capture)
		inc.Files = append(inc.Files, g.Files...)
	}
	inc.Logs = r.readLogs(inc.Captures)
	for _, it := range r.items {
		it.stop()
		inc.Files = append(inc.Files, it.file)
	}
	inc.addJournals()
	inc.dropCopies()
	if err := ctx.Err(); err != nil {
		return inc, err
	}
	if len(opt.Given) > 0 {
		return inc, nil
	}
	for _, it := range r.items {
		if it.file.Records > 0 && (it.isCapture() || it.format != nil) {
			return inc, nil
		}
	}
	return inc, noInput(inc)
}

// noInput says why nothing was of use.
func noInput(inc *Incident) error {
	if len(inc.Files) == 1 && len(inc.Files[0].Problems) > 0 {
		f := inc.Files[0]
		return fmt.Errorf("%w: %s: %s", ErrNoInput, f.Path, f.Problems[0].Text)
	}
	if why := sameProblem(inc.Files); why != "" {
		return fmt.Errorf("%w: all %d files: %s", ErrNoInput, len(inc.Files), why)
	}
	return NoneUsable(len(inc.Files))
}

// NoneUsable is the error of so many files of which none was of use.
func NoneUsable(files int) error {
	if files == 0 {
		return fmt.Errorf("%w: there is no file in what was given", ErrNoInput)
	}
	return fmt.Errorf("%w: none of the %d files is a capture or a log with content", ErrNoInput, files)
}

// sameProblem is the first problem of every file where all have the same, else "".
func sameProblem(files []*File) string {
	why := ""
	for i, f := range files {
		if len(f.Problems) == 0 || i > 0 && f.Problems[0].Text != why {
			return ""
		}
		why = f.Problems[0].Text
	}
	return why
}

// addJournals makes logs of the journals found inside captures.
func (inc *Incident) addJournals() {
	for _, c := range inc.Captures {
		if c.journal == nil {
			continue
		}
		i := slices.Index(inc.Files, c.Files[0])
		inc.Files = slices.Insert(inc.Files, i+1, c.journal.File)
		inc.Logs = append(inc.Logs, c.journal)
		c.journal = nil
	}
	slices.SortStableFunc(inc.Logs, func(a, b *Log) int { return slices.Index(inc.Files, a.File) - slices.Index(inc.Files, b.File) })
}

// reader is one run of Read.
type reader struct {
	ctx   context.Context
	opt   Options
	items []*item  // in order of path
	keys  [][]byte // texts of all TLS key logs
}

// each runs work for 0 … n-1, a few at a time, until ctx ends.
func (r *reader) each(n int, work func(int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.opt.Workers)
	for i := range n {
		if r.ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			work(i)
		})
	}
	wg.Wait()
}

// guard makes a Problem of a panic, so that one file cannot end the run.
func guard(f *File, work func()) {
	defer func() {
		if v := recover(); v != nil {
			f.problem("%s", internalError(v))
		}
	}()
	work()
}

func internalError(v any) string { return fmt.Sprintf("internal error, please report it: %v", v) }

func (f *File) problem(format string, args ...any) {
	f.Problems = append(f.Problems, Problem{Text: fmt.Sprintf(format, args...)})
}

// dropCopies takes captures and logs out that are the same, byte by byte, as an
// earlier one: counting an event twice makes every match ambiguous.
func (inc *Incident) dropCopies() {
	first := map[string]*File{}
	copies := map[*File]bool{}
	for _, f := range inc.Files {
		if f.SHA256 == "" || f.Records == 0 {
			continue
		}
		if known := first[f.SHA256]; known != nil {
			copies[f] = true
			f.problem("the same, byte by byte, as %s: counted once", known.Path)
		} else {
			first[f.SHA256] = f
		}
	}
	inc.Logs = slices.DeleteFunc(inc.Logs, func(l *Log) bool { return copies[l.File] })
	inc.Captures = slices.DeleteFunc(inc.Captures, func(c *Capture) bool {
		return len(c.Files) == 1 && copies[c.Files[0]]
	})
}

// byPath is the order of files everywhere.
func byPath(a, b *item) int {
	return cmp.Or(cmp.Compare(a.file.Path, b.file.Path), cmp.Compare(a.file.Open, b.file.Open))
}
