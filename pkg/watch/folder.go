package watch

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/folder"
	"github.com/flowcorr/flowcorr/internal/regular"
)

// found is a file under the paths watched.
type found struct {
	path string // to open it by
	name string // in the evidence folder, with slashes
	info os.FileInfo
}

// scan looks for files that are new and captures that changed. Logs are
// followed; captures and packed files are linked into the evidence as they are.
// fromStart: new logs are read from their beginning.
func (w *watcher) scan(fromStart bool) {
	present, before := map[string]bool{}, maps.Clone(w.state.held)
	for _, f := range w.list() {
		if w.logs[f.path] != nil {
			continue
		}
		if w.rotated(f.path) {
			continue
		}
		lines, err := follows(f.path)
		if err != nil { // it is tried again the next time
			present[f.name] = true
			w.problem(f.path, err)
			continue
		}
		if !lines {
			present[f.name] = true
			w.link(f, before)
			continue
		}
		if err := w.begin(f, fromStart); err != nil {
			w.problem(f.path, err)
		}
	}
	w.unlink(present)
	w.miss(before)
}

// rotated tells whether a file is an older part of a log that is followed: its
// lines were read under the log's own name.
func (w *watcher) rotated(path string) bool {
	for _, l := range w.logs {
		if filepath.Dir(l.path) != filepath.Dir(path) {
			continue
		}
		rest, named := strings.CutPrefix(path, l.path)
		if named && rest != "" && strings.ContainsAny(rest[:1], ".-") {
			if lines, err := follows(path); err == nil && !lines {
				return true // and packed since
			}
		}
		if l.at.isOf(path) || slices.ContainsFunc(l.past, func(p position) bool { return p.isOf(path) }) {
			return true
		}
	}
	return false
}

// list finds the files under the paths given, in order of name. The state
// folder is not among them.
func (w *watcher) list() []found {
	own, _ := folder.True(w.opt.State)
	var all []found
	for _, p := range w.opt.Paths {
		st, err := os.Stat(p)
		if err != nil {
			if !os.IsNotExist(err) { // what is not there yet may come
				w.problem(p, err)
			}
			continue
		}
		if !st.IsDir() {
			all = append(all, found{p, filepath.Base(p), st})
			continue
		}
		prefix := ""
		if len(w.opt.Paths) > 1 {
			prefix = filepath.Base(filepath.Clean(p))
		}
		folder.Walk(p, []string{own}, func(open, name string, st os.FileInfo, err error) {
			if err == nil && st.Mode().IsRegular() { // else it is tried again the next time
				all = append(all, found{open, path.Join(prefix, name), st})
			}
		})
	}
	slices.SortStableFunc(all, func(a, b found) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if all[i].name == all[i-1].name && all[i].path != all[i-1].path { // of two arguments
			all[i].name = strings.TrimLeft(filepath.ToSlash(filepath.Clean(all[i].path)), "./")
		}
	}
	return all
}

// still are the first bytes of files that are not followed line by line:
// captures, and what is packed.
var still = [][]byte{
	{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1},
	{0x0a, 0x0d, 0x0d, 0x0a}, {0x1f, 0x8b}, {0x28, 0xb5, 0x2f, 0xfd}, {0xfd, '7', 'z', 'X', 'Z'}, {0x04, 0x22, 0x4d, 0x18},
}

// follows tells whether a file is one of lines. An empty one is, unless its
// name says that packets will come.
func follows(path string) (bool, error) {
	f, err := regular.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 8)
	n, _ := io.ReadFull(f, head)
	if n == 0 {
		return !strings.Contains(strings.ToLower(filepath.Base(path)), ".pcap"), nil
	}
	return !slices.ContainsFunc(still, func(magic []byte) bool { return bytes.HasPrefix(head[:n], magic) }), nil
}

// begin follows a log, from where an earlier run left it if there was one.
func (w *watcher) begin(f found, fromStart bool) error {
	noted, known := w.state.Logs[f.path]
	if !known && !fromStart {
		base, size, err := countLines(f.path)
		if err != nil {
			return err
		}
		noted = logState{Base: base}
		noted.Position.Offset = size
		noted.Position.learn(f.path)
		if size > 0 && noted.Position.Len == 0 {
			return fmt.Errorf("cannot be read")
		}
	}
	s, err := openSpool(filepath.Join(w.opt.State, evidenceFolder, filepath.FromSlash(f.name)), noted.Base, noted.Spooled)
	if err != nil {
		return err
	}
	delete(w.state.held, f.name) // if it was taken for a capture before
	l, err := follow(f.path, f.name, s, noted, w.pieces)
	if err != nil {
		s.close()
		return err
	}
	w.logs[f.path] = l
	w.dirty = w.dirty || s.size > 0
	return nil
}

// countLines gives the whole lines of a file and where the last one ends.
func countLines(path string) (lines int, end int64, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	var at int64
	for {
		n, err := f.Read(b)
		lines += bytes.Count(b[:n], []byte{'\n'})
		if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 {
			end = at + int64(i) + 1
		}
		at += int64(n)
		if err == io.EOF {
			return lines, end, nil
		} else if err != nil {
			return lines, end, err
		}
	}
}
