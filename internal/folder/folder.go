// Package folder finds the files of folders, and gives files other names.
package folder

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Walk calls use with every file below a folder, in order of name: the path to
// open it by, the one below the folder (with slashes), and what it is, links
// followed. Folders are entered once, by however many links they are reached; skip
// are true paths of folders that are left out. What cannot be looked at comes with
// an error; of a folder that cannot be read the name ends in "/.".
func Walk(folder string, skip []string, use func(open, name string, st fs.FileInfo, err error)) {
	w := walk{use, map[string]bool{}}
	for _, s := range skip {
		w.entered[s] = true
	}
	w.enter(folder, "")
}

type walk struct {
	use     func(open, name string, st fs.FileInfo, err error)
	entered map[string]bool // folders by their true path
}

func (w *walk) enter(open, name string) {
	if real, err := True(open); err == nil {
		if w.entered[real] {
			return
		}
		w.entered[real] = true
	}
	entries, err := os.ReadDir(open) // sorted; what was read before an error
	for _, e := range entries {
		below, as := filepath.Join(open, e.Name()), path.Join(name, e.Name())
		st, err := os.Stat(below)
		if err == nil && st.IsDir() {
			w.enter(below, as)
			continue
		}
		w.use(below, as, st, err)
	}
	if err != nil {
		w.use(open, path.Join(name, "."), nil, err)
	}
}

// True is the absolute path of a file, without links in it.
func True(file string) (string, error) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// Link makes target another name of a file, in folders that are made for it.
func Link(file, target string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(abs, target); err != nil {
		return os.Link(abs, target) // where symbolic links need a privilege
	}
	return nil
}
