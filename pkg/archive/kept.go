package archive

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

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
		if !isLong(filepath.Join(a.opt.Out, filepath.FromSlash(row.Path)), row.Bytes) {
			return false
		}
	}
	return true
}

// keep writes the rows of a window and last what it was: what is there is whole.
func (a *archive) keep(out *trend.Rows, clocks []clockSeen, key, day string) (*kept, error) {
	rows, err := a.writeRows(out, key, day)
	if err != nil {
		return nil, err
	}
	summary := trend.NewSummary()
	summary.Add(out, day)
	k := &kept{schema, key, rows, summary, clocks, day, out.Standing, out.Proven}
	return k, writeJSON(a.windowFile(key), k)
}

// distrust forgets what windows came to where a log went away or became less while it
// was read: its lines were not all there, and it may come back as it was.
func (a *archive) distrust() error {
	for _, f := range a.logs {
		if st, err := os.Stat(f.open); err != nil || st.Size() < f.Size {
			return os.RemoveAll(filepath.Join(a.index(), "windows"))
		}
	}
	return nil
}

// forgetPoints removes what is kept of points that are no more.
func (a *archive) forgetPoints() error {
	large, small := map[string]bool{}, map[string]bool{}
	for _, p := range a.points {
		if p.small() {
			small[p.name] = true
		} else {
			large[p.name] = true
		}
	}
	return errors.Join(a.forget(filepath.Join(a.index(), "points"), large), a.forget(a.smallFolder(), small))
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
