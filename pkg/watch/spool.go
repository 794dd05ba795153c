package watch

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// spool is the part of a log that is analysed: its last lines, as they arrived,
// in a file of their own. The watched file may be rotated away at any time.
type spool struct {
	path  string
	file  *os.File
	wait  []byte // not written yet
	base  int    // lines dropped at the beginning
	lines int    // lines in the file
	size  int64  // bytes in the file
	marks []arrival
}

// arrival says how much had arrived by when.
type arrival struct {
	at    time.Time
	lines int
	size  int64
}

// openSpool opens the file, cut to the size that was noted with the position of
// the log: what lies behind it will be read again.
func openSpool(path string, base int, size int64) (*spool, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// What was linked as it is, is lines by now: the watched file is not written to.
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &spool{path: path, file: f, base: base, size: size}
	if st, err := f.Stat(); err != nil || st.Size() < size {
		s.size = 0
	}
	if err := f.Truncate(s.size); err != nil {
		f.Close()
		return nil, err
	}
	in := bufio.NewReaderSize(f, 1<<16)
	for {
		part, err := in.ReadSlice('\n')
		if bytes.HasSuffix(part, []byte{'\n'}) {
			s.lines++
		}
		if err == io.EOF {
			break
		} else if err != nil && err != bufio.ErrBufferFull {
			f.Close()
			return nil, err
		}
	}
	s.marks = []arrival{{time.Now(), s.lines, s.size}}
	return s, nil
}

// Lines wait until there are someBytes of them; while they cannot be written, on a full
// disk, up to mostBytes wait, and what comes then is lost.
const (
	someBytes = 64 << 10
	mostBytes = 16 << 20
)

// add appends one line. An error says that it is lost.
func (s *spool) add(line string) error {
	if len(s.wait)+len(line) >= mostBytes {
		if err := s.write(); err != nil {
			return err
		}
	}
	s.lines++
	s.size += int64(len(line)) + 1
	s.wait = append(append(s.wait, line...), '\n')
	if len(s.wait) >= someBytes {
		_ = s.write() // it is tried again, and told, with the next flush
	}
	return nil
}

// write writes what waits, as far as there is room.
func (s *spool) write() error {
	n, err := s.file.Write(s.wait)
	s.wait = s.wait[:copy(s.wait, s.wait[n:])]
	return err
}

// flush writes what was added, and drops what arrived before the time given
// once that is half of the file or more.
func (s *spool) flush(before time.Time) error {
	if err := s.write(); err != nil {
		return err
	}
	s.marks = append(s.marks, arrival{time.Now(), s.lines, s.size})
	old := 0
	for old+1 < len(s.marks) && s.marks[old+1].at.Before(before) {
		old++
	}
	if cut := s.marks[old]; cut.at.Before(before) && cut.size > 0 && cut.size*2 >= s.size {
		return s.drop(cut, old)
	}
	return nil
}

// drop leaves out the first lines.
func (s *spool) drop(cut arrival, mark int) (err error) {
	defer func() {
		if err != nil { // the next line goes behind the last
			_, at := s.file.Seek(0, io.SeekEnd)
			err = errors.Join(err, at)
		}
	}()
	if _, err := s.file.Seek(cut.size, io.SeekStart); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(filepath.Dir(s.path)), ".spool-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := io.Copy(tmp, s.file); err != nil {
		tmp.Close()
		return err
	}
	if err := os.Rename(tmp.Name(), s.path); err != nil {
		tmp.Close()
		return err
	}
	s.file.Close()
	s.file = tmp
	s.base += cut.lines
	s.lines -= cut.lines
	s.size -= cut.size
	s.marks = s.marks[mark:]
	for i := range s.marks {
		s.marks[i].lines -= cut.lines
		s.marks[i].size -= cut.size
	}
	return nil
}

func (s *spool) close() error {
	if err := s.write(); err != nil {
		s.file.Close()
		return err
	}
	return s.file.Close()
}
