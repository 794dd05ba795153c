package incident

import (
	"io"
	"os"
)

// Reopen gives the unpacked bytes of a file that was read before.
func Reopen(f *File) (io.ReadCloser, error) {
	return os.Open(f.Open) // packed files: see Read
}
