package archive

import (
	"io"
	"os"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// logBlock is a run of whole lines of a log, by the first of which an event begins:
// where they stand, and their time. A window needs the blocks of its time alone.
type logBlock struct {
	Offset int64 `json:"offset"` // in the unpacked file
	Line   int   `json:"line"`   // from 1
	First  int64 `json:"first_ns,omitempty"`
	Last   int64 `json:"last_ns,omitempty"`  // both 0 where no stamp is
	Began  int64 `json:"began_ns,omitempty"` // its first stamp, where lines state no year
}

// The first block is laid in every window, so that what is told at the head of a log
// is known; it is a small one. bytes
const (
	firstLogBlock = 32 << 10
	logBlockBytes = 512 << 10
)

// logCutter cuts a log into blocks while it is read.
type logCutter struct {
	blocks []logBlock
	dated  int // events whose lines state a year
}

func (c *logCutter) event(_ string, e *logparse.Event) {
	n := len(c.blocks)
	switch {
	case n == 0:
		c.blocks = append(c.blocks, logBlock{Line: 1})
	case e.Offset-c.blocks[n-1].Offset >= logBlockBytes || n == 1 && e.Offset >= firstLogBlock:
		c.blocks = append(c.blocks, logBlock{Offset: e.Offset, Line: e.Line})
	}
	if !e.HasTime {
		return
	}
	b := &c.blocks[len(c.blocks)-1]
	if b.First == 0 && b.Last == 0 {
		b.First, b.Last = e.Time, e.Time
		if e.YearInferred {
			b.Began = e.Time
		}
	}
	if !e.YearInferred {
		c.dated++
	}
	b.First, b.Last = min(b.First, e.Time), max(b.Last, e.Time)
}

// logRun is a part of a log that a window needs: lines on end.
type logRun struct {
	from, to int64 // bytes of the unpacked file; to is 0: to its end
	line     int
}

// elsewhere tells whether all of a log is of another time than what is wanted. The first
// of those of a rotation is laid in any case: by it the log is recognised.
func (f *File) elsewhere(wanted func(*logBlock) bool) bool {
	return f.First != 0 && (f.Dated || f.Year != 0) && !wanted(&logBlock{First: f.First, Last: f.Last})
}

// runs are the parts of a log whose blocks are wanted.
func (f *File) runs(wanted func(*logBlock) bool) []logRun {
	if len(f.Blocks) == 0 {
		return []logRun{{line: 1}}
	}
	var all []logRun
	open := false
	for i := range f.Blocks {
		b := &f.Blocks[i]
		want := i == 0 && f.Year == 0 || b.First == 0 || wanted(b)
		switch {
		case want && !open:
			all = append(all, logRun{from: b.Offset, line: b.Line})
		case !want && open:
			all[len(all)-1].to = b.Offset
		}
		open = want
	}
	return all
}

// wanted tells which blocks of logs a window needs: those of the time that around gives,
// where it knows the clock of a log, or of its own, as far as a clock may be off.
func (a *archive) wanted(w *window, around func(log string) (from, to int64, ok bool)) func(*series, *File, *logBlock) bool {
	from, to := a.anyClock(w)
	return func(s *series, f *File, b *logBlock) bool {
		if around != nil {
			if from, to, ok := around(s.name); ok {
				return b.First <= to && b.Last >= from
			}
		}
		m := f.margin()
		return b.First <= sub(to, -m) && b.Last >= sub(from, m)
	}
}

// copyRuns writes parts of a log; begin is told of each before. What cannot be read was
// told when the log was looked at: the errors are those of w.
func (f *File) copyRuns(w *lineCounter, runs []logRun, bounds unpack.Options, begin func(logRun) error) error {
	in, err := unpack.Open(f.open, bounds)
	if err != nil {
		return nil
	}
	defer in.Close()
	plain := io.Reader(in)
	skip := func(n int64) error { _, err := io.CopyN(io.Discard, in, n); return err }
	if in.Packing() == "" {
		raw, err := os.Open(f.open)
		if err != nil {
			return nil
		}
		defer raw.Close()
		plain = raw
		skip = func(n int64) error { _, err := raw.Seek(n, io.SeekCurrent); return err }
	}
	at := int64(0)
	for _, run := range runs {
		if skip(run.from-at) != nil {
			return nil
		}
		if err := begin(run); err != nil {
			return err
		}
		if run.to == 0 {
			io.Copy(w, plain)
			return w.err
		}
		n, err := io.CopyN(w, plain, run.to-run.from)
		if err != nil {
			return w.err
		}
		at = run.from + n
	}
	return nil
}
