package watch

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hpcloud/tail"

	"github.com/flowcorr/flowcorr/internal/regular"
)

// position is how far a log was read. A file is known again by its first bytes:
// its name may have gone to a younger one since.
type position struct {
	Offset int64  `json:"offset"`
	Head   string `json:"head"` // SHA-256 of the first HeadLen bytes
	Len    int64  `json:"head_bytes"`
}

// headBytes by which a file is known again.
const headBytes = 512

// piece is one line that was read, or what went wrong.
type piece struct {
	log  *followedLog
	line string
	at   position
	err  error
}

// followedLog is a log that is being read as it grows.
type followedLog struct {
	path  string
	name  string // in the evidence folder
	spool *spool
	at    position   // behind the last line taken
	past  []position // ends of the files that had the name before
	tail  *tail.Tail
	gone  chan struct{} // closed when the follower has ended
}

// maxPast bounds the files that are remembered of one log.
const maxPast = 64

// move notes how far the log was read, and which file that ended.
func (l *followedLog) move(to position) {
	if l.at.Len > 0 && (to.Len == 0 || to.Offset < l.at.Offset) {
		l.past = append(l.past, l.at)
		l.past = l.past[max(0, len(l.past)-maxPast):]
	}
	l.at = to
}

// Marks that stand between lines where the follower changes files.
var (
	errMoved     = errors.New("the file was moved or removed")
	errTruncated = errors.New("the file was cut short")
	errReopened  = errors.New("another file is read now")
)

// follow reads path from where it was left, and goes on with the file that takes its name
// when it is rotated. Lines of what was rotated away meanwhile come first.
func follow(path, name string, s *spool, noted logState, out chan<- piece) (*followedLog, error) {
	at := noted.Position
	l := &followedLog{path: path, name: name, spool: s, at: at, past: noted.Past, gone: make(chan struct{})}
	begin := at
	if at.Offset > 0 && !at.isOf(path) {
		begin = position{}
	}
	marks := &markingLogger{Logger: tail.DiscardingLogger, ready: make(chan struct{})}
	// Polling: events of the kernel do not come from network file systems, and
	// rotation by copy and truncation is seen by the size alone.
	t, err := tail.TailFile(path, tail.Config{
		Follow: true, ReOpen: true, Poll: true, Logger: marks,
		Location: &tail.SeekInfo{Offset: begin.Offset, Whence: io.SeekStart},
	})
	if err != nil {
		return nil, err
	}
	l.tail = t
	marks.lines = t.Lines
	close(marks.ready)
	go func() {
		defer close(l.gone)
		f := forwarder{log: l, at: begin, out: out}
		if begin.Offset != at.Offset {
			f.rest(at)
		}
		for line := range t.Lines {
			f.take(line)
		}
		if err := t.Err(); err != nil {
			f.out <- piece{log: l, err: err}
		}
	}()
	return l, nil
}

// forwarder hands lines on and counts where each ends.
type forwarder struct {
	log *followedLog
	at  position
	out chan<- piece
}

func (f *forwarder) take(line *tail.Line) {
	switch line.Err {
	case nil:
		f.at.Offset += int64(len(line.Text)) + 1
		f.send(line.Text)
	case errMoved:
		f.rest(f.at)
	case errTruncated, errReopened:
		f.at = position{}
	default:
		f.out <- piece{log: f.log, err: line.Err}
	}
}

func (f *forwarder) send(text string) {
	if f.at.Len < headBytes {
		f.at.learn(f.log.path)
	}
	f.out <- piece{log: f.log, line: strings.TrimSuffix(text, "\r"), at: f.at}
}

// rest sends the lines of a file that has another name now, from where it was
// left. Where it went is found by its first bytes, among the files beside it.
func (f *forwarder) rest(at position) {
	if at.Len == 0 {
		return
	}
	dir := filepath.Dir(f.log.path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if path == f.log.path || !e.Type().IsRegular() || !at.isOf(path) {
			continue
		}
		file, err := regular.Open(path)
		if err != nil {
			continue
		}
		defer file.Close()
		if _, err := file.Seek(at.Offset, io.SeekStart); err != nil {
			return
		}
		lines := bufio.NewReader(file)
		for {
			text, err := lines.ReadString('\n')
			if text != "" {
				f.out <- piece{log: f.log, line: strings.TrimRight(text, "\r\n")}
			}
			if err != nil {
				return
			}
		}
	}
}

// learn takes the first bytes of a file, as far as they were read.
func (p *position) learn(path string) {
	n := min(p.Offset, headBytes)
	if sum, ok := headOf(path, n); ok {
		p.Head, p.Len = sum, n
	}
}

// isOf tells whether path is the file that was read up to p.
func (p position) isOf(path string) bool {
	st, err := os.Stat(path)
	if err != nil || st.Size() < p.Offset || p.Len == 0 {
		return false
	}
	sum, ok := headOf(path, p.Len)
	return ok && sum == p.Head
}

func headOf(path string, n int64) (string, bool) {
	f, err := regular.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	b := make([]byte, min(n, headBytes))
	if _, err := io.ReadFull(f, b); err != nil {
		return "", false
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), true
}

// markingLogger puts what the follower narrates of its files between the lines:
// it is called by the goroutine that sends them, so that the place is exact.
type markingLogger struct {
	*log.Logger
	lines chan *tail.Line
	ready chan struct{}
}

// Printf is called by the follower at each change of files.
func (m *markingLogger) Printf(format string, _ ...any) {
	var mark error
	switch {
	case strings.HasPrefix(format, "Re-opening moved"):
		mark = errMoved
	case strings.HasPrefix(format, "Re-opening truncated"):
		mark = errTruncated
	case strings.HasPrefix(format, "Successfully reopened"):
		mark = errReopened
	default:
		return
	}
	<-m.ready
	m.lines <- &tail.Line{Err: mark}
}
