// Package lock keeps two runs of the program out of one folder.
package lock

import (
	"fmt"
	"os"
	"path/filepath"
)

// Folder locks a folder, by a file in it, until release is called. The lock goes
// with the process, however that ends. An error that wraps busy says that
// another process holds it.
func Folder(path string, busy error) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", busy, path)
	}
	return func() { f.Close() }, nil
}
