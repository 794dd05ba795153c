package archive

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// looked notes, while windows are analysed, which of them are done and by which key
// what they come to is known: a run that goes on need not gather their flows to find
// out. It holds for the same inputs alone.
type looked struct {
	mu   sync.Mutex
	out  *os.File
	keys map[lookedAt]string
}

// lookedAt is one look at a window: by what it tells alone, or told of others' clocks,
// with its lines looked for near or far and wide.
type lookedAt struct {
	window      int
	known, wide bool
}

// resumeLooked reads what an earlier run on the same inputs noted.
func (a *archive) resumeLooked() (*looked, error) {
	path := filepath.Join(a.index(), "looked")
	x := &looked{keys: map[lookedAt]string{}}
	if was, err := os.Open(path); err == nil {
		lines := bufio.NewScanner(was)
		for same := lines.Scan() && lines.Text() == a.inputs; same && lines.Scan(); {
			var at lookedAt
			var key string
			if n, _ := fmt.Sscanf(lines.Text(), "%d %t %t %s .", &at.window, &at.known, &at.wide, &key); n == 4 {
				x.keys[at] = key // of a line cut short, no window is known by it
			}
		}
		was.Close()
	}
	var err error
	if x.out, err = os.Create(path); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(x.out, a.inputs)
	for at, key := range x.keys {
		err = errors.Join(err, x.write(at, key))
	}
	return x, err
}

func (x *looked) write(at lookedAt, key string) error {
	_, err := fmt.Fprintf(x.out, "%d %t %t %s .\n", at.window, at.known, at.wide, key)
	return err
}

// key is the one noted of a look; "": none.
func (x *looked) key(at lookedAt) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.keys[at]
}

// note adds a look.
func (x *looked) note(at lookedAt, key string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.keys[at] == key {
		return nil
	}
	x.keys[at] = key
	return x.write(at, key)
}
