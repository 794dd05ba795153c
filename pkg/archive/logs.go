package archive

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowcorr/flowcorr/internal/folder"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// series is one log: a file, or those that a rotation made of it, oldest first.
type series struct {
	name  string // of the youngest, not packed
	files []*File
}

// seriesOf puts the files of rotated logs together, in order of time: cut into
// files or not, a log is one. Files whose time is not known, or that overlap, stay
// apart. What the files of a log have in common is its name, also where there is but
// one: its clock is known by it in every window.
func seriesOf(logs []*File) []series {
	byName, paths := map[string][]*File{}, map[string]bool{}
	var order []string
	for _, f := range logs {
		paths[f.Path] = true
		name := f.Path
		if f.First != 0 && f.Outcome != Copy {
			name = incident.LogSeries(f.Path)
		}
		if byName[name] == nil {
			order = append(order, name)
		}
		byName[name] = append(byName[name], f)
	}
	var all []series
	for _, name := range order {
		list := byName[name]
		// The names tell the order where stamps of whole seconds do not.
		slices.SortStableFunc(list, func(a, b *File) int { return cmp.Compare(incident.LogAge(b.Path), incident.LogAge(a.Path)) })
		if !oneAfterAnother(list) {
			slices.SortStableFunc(list, func(a, b *File) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
		}
		if !oneAfterAnother(list) {
			for _, f := range list {
				all = append(all, series{f.Path, []*File{f}})
			}
			continue
		}
		if len(list) == 1 && paths[name] {
			name = list[0].Path // another file bears it
		}
		all = append(all, series{name, list})
	}
	return all
}

// overlap is how far the times of two files of one log may overlap: lines of
// requests that take long come late. ns
const overlap = 60 * int64(1e9)

func oneAfterAnother(list []*File) bool {
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		if a.Kind != b.Kind || a.Zoned != b.Zoned || a.Dated != b.Dated || a.Year == 0 != (b.Year == 0) || b.First < a.Last-overlap {
			return false
		}
	}
	return true
}

// laid tells where the lines of a log in a window's folder stand in the archive.
type laid []laidPart

// laidPart is a run of lines.
type laidPart struct {
	file *File
	line int // the first in the log, from 1
	was  int // in the file
}

// lines of the archive, by log of the window.
type lines map[string]laid

// place tells where a line stands.
func (m lines) place(name string, line int) (string, int) {
	parts := m[name]
	for i := len(parts) - 1; i >= 0; i-- {
		if p := &parts[i]; line >= p.line || i == 0 {
			return p.file.Path, line - p.line + p.was
		}
	}
	return name, line
}

// year is that of the first line of a log, where its lines state none and the archive
// tells it; 0: it is not known.
func (m lines) year(name string) int {
	if parts := m[name]; len(parts) > 0 {
		return parts[0].file.yearAt(parts[0].was)
	}
	return 0
}

// lay puts logs into a folder, as far as they are wanted: other names of files, those of
// a rotation as one, and parts of long ones.
func lay(ctx context.Context, top string, logs []series, bounds unpack.Options, wanted func(*series, *File, *logBlock) bool) (lines, error) {
	if err := os.RemoveAll(top); err != nil {
		return nil, err
	}
	at := lines{}
	for i := range logs {
		s := &logs[i]
		target := filepath.Join(top, filepath.FromSlash(s.name))
		if len(s.files) == 1 && len(s.files[0].Blocks) == 0 {
			if err := folder.Link(s.files[0].open, target); err != nil {
				return nil, err
			}
			at[s.name] = laid{{s.files[0], 1, 1}}
			continue
		}
		parts, err := join(ctx, target, s, bounds, wanted)
		if err != nil {
			return nil, err
		}
		at[s.name] = parts
	}
	return at, os.MkdirAll(top, 0o700)
}

// join writes files one behind the other, as far as they are wanted.
func join(ctx context.Context, target string, s *series, bounds unpack.Options, wanted func(*series, *File, *logBlock) bool) (laid, error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return nil, err
	}
	out, err := os.Create(target)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	w := &lineCounter{w: bufio.NewWriterSize(out, 256<<10), ctx: ctx}
	var parts laid
	for i, f := range s.files {
		in := func(b *logBlock) bool { return wanted(s, f, b) }
		if i > 0 && f.elsewhere(in) {
			continue
		}
		err := f.copyRuns(w, f.runs(in), bounds, func(run logRun) error {
			if w.open {
				if _, err := w.Write([]byte{'\n'}); err != nil {
					return err
				}
			}
			parts = append(parts, laidPart{f, w.lines + 1, run.line})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return parts, w.w.Flush()
}

// lineCounter counts what is written through it, until ctx ends.
type lineCounter struct {
	ctx   context.Context
	w     *bufio.Writer
	lines int  // that are complete
	open  bool // one is not
	err   error
}

func (c *lineCounter) Write(b []byte) (int, error) {
	if len(b) > 0 {
		c.lines += bytes.Count(b, []byte{'\n'})
		c.open = b[len(b)-1] != '\n'
	}
	if c.err = cmp.Or(c.err, c.ctx.Err()); c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(b)
	c.err = err
	return n, err
}
