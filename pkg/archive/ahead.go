package archive

import (
	"io"
)

// aheadFile is a file that is unpacked on a goroutine of its own while those before
// it are still read. A bounded part of it waits in memory.
type aheadFile struct {
	full  chan aheadPart
	spare chan []byte
	stop  chan struct{}
	ended chan struct{}
	now   aheadPart // being read
	read  int       // bytes of it
}

// aheadPart is a piece of a file, and the error behind it.
type aheadPart struct {
	bytes []byte
	err   error
}

// aheadBytes are those of a part.
const aheadBytes = 256 << 10

// aheadParts is how many parts of one file wait at most.
func (a *archive) aheadParts() int { return int(min(max(a.opt.Memory/64/aheadBytes, 1), 32)) }

// unpackAhead begins to unpack a capture. It is to be closed, also when nothing of
// it was read.
func (a *archive) unpackAhead(f *File) *aheadFile {
	n := a.aheadParts()
	x := &aheadFile{full: make(chan aheadPart, n), spare: make(chan []byte, n+2), stop: make(chan struct{}), ended: make(chan struct{})}
	go x.unpack(a, f)
	return x
}

func (x *aheadFile) unpack(a *archive, f *File) {
	defer close(x.ended)
	in, err := f.begin(a)
	if err != nil {
		x.send(aheadPart{nil, err})
		return
	}
	defer in.Close()
	for err == nil {
		b, n := x.buffer(), 0
		for n < len(b) && err == nil {
			var k int
			k, err = in.Read(b[n:])
			n += k
		}
		if !x.send(aheadPart{b[:n], err}) {
			return
		}
	}
}

func (x *aheadFile) buffer() []byte {
	select {
	case b := <-x.spare:
		return b[:aheadBytes]
	default:
		return make([]byte, aheadBytes)
	}
}

// send tells whether anybody still wants the file.
func (x *aheadFile) send(p aheadPart) bool {
	select {
	case x.full <- p:
		return true
	case <-x.stop:
		return false
	}
}

// open waits for the beginning. The error is that of opening the file.
func (x *aheadFile) open() (io.ReadCloser, error) {
	x.now = <-x.full
	if x.now.bytes == nil {
		x.Close()
		return nil, x.now.err
	}
	return x, nil
}

func (x *aheadFile) Read(b []byte) (int, error) {
	for x.read == len(x.now.bytes) {
		if x.now.err != nil {
			return 0, x.now.err
		}
		select {
		case x.spare <- x.now.bytes:
		default:
		}
		x.now, x.read = <-x.full, 0
	}
	n := copy(b, x.now.bytes[x.read:])
	x.read += n
	return n, nil
}

// Close ends the unpacking. It may be called again.
func (x *aheadFile) Close() error {
	select {
	case <-x.stop:
	default:
		close(x.stop)
	}
	<-x.ended
	return nil
}

// queue has the next files of a point unpacked ahead.
type queue struct {
	a     *archive
	files []*File // behind those in begun
	begun []*aheadFile
	most  int // files at a time, that in use among them
}

// next gives what opens the next file.
func (q *queue) next() *aheadFile {
	for len(q.begun) < q.most && len(q.files) > 0 {
		q.begun = append(q.begun, q.a.unpackAhead(q.files[0]))
		q.files = q.files[1:]
	}
	x := q.begun[0]
	q.begun = q.begun[1:]
	return x
}

func (q *queue) close() {
	for _, x := range q.begun {
		x.Close()
	}
}
