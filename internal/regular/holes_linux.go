package regular

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const nonblock = syscall.O_NONBLOCK

// written is how much of a file takes room on its disk, bytes.
func written(st fs.FileInfo) int64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return st.Size()
}

// firstBeyond finds the hole with which there are more bytes of holes than are
// read: lseek(2), SEEK_DATA and SEEK_HOLE. A file system that does not tell has none.
func firstBeyond(f *os.File, size int64) (at, length int64) {
	defer f.Seek(0, 0)
	var sum int64
	for at < size {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			data = size // no data behind
		} else if err != nil {
			return 0, 0
		}
		if sum += data - at; sum > holes {
			return at, data - at
		}
		if at = data; at < size {
			if at, err = unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE); err != nil {
				return 0, 0
			}
		}
	}
	return 0, 0
}
