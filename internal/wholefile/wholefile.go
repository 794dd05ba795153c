// Package wholefile writes files that are never seen half written.
package wholefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// ending is that of files that are being written.
const ending = ".new"

// Write writes beside the target and renames, so that what is there under its
// name is whole; where write fails nothing changes. perm is of a new file, less
// the umask. What a link names is replaced, not the link; what is no regular
// file (a device, a pipe) is written to.
func Write(target string, perm fs.FileMode, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return through(target, write)
	}
	f, err := beside(target, perm)
	if err != nil {
		return err
	}
	if err := fill(f, write); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// through writes to what cannot be replaced.
func through(target string, write func(io.Writer) error) error {
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return fill(f, write)
}

// beside makes a new file in the folder of the target.
func beside(target string, perm fs.FileMode) (*os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(filepath.Dir(target), fmt.Sprintf(".%s.%08x%s", filepath.Base(target), rand.Uint32(), ending))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return f, err
		}
	}
}

// fill writes to a file and closes it.
func fill(f *os.File, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(f, 32<<10) // archives have very many small ones
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	return errors.Join(err, f.Close())
}

// Sweep removes what runs that were killed left in a folder. Nobody else may be
// writing there.
func Sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, ".*"+ending))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
