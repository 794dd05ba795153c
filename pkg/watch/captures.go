package watch

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/internal/folder"
)

// held is a file that lies in the evidence as it is: a capture, or what is packed.
type held struct {
	info    os.FileInfo
	head    string    // of its first bytes: they change when it is overwritten
	arrived time.Time // when it last changed, by a clock that nobody sets
	linked  bool
	looked  time.Time // when the first analysis since then began; zero: none has
}

// overwrittenBytes of a file tell whether it was begun anew: the first packet's stamp is
// among them.
const overwrittenBytes = 256

// link puts a file as it is into the evidence, if it was written to within the
// window, and notices when it has grown. before is what was held before this scan.
func (w *watcher) link(f found, before map[string]*held) {
	h := w.state.held[f.name]
	if h == nil {
		h = w.newlyHeld(f, before)
		w.state.held[f.name] = h
	} else if !h.isAs(f.info) {
		head, _ := headOf(f.path, min(f.info.Size(), overwrittenBytes))
		h = &held{info: f.info, head: head, arrived: time.Now()}
		w.state.held[f.name] = h
	}
	if old := time.Since(h.arrived) > w.opt.Window; old == !h.linked {
		return
	} else if old {
		os.Remove(w.inEvidence(f.name))
		h.linked = false
		return
	}
	target := w.inEvidence(f.name)
	if err := os.Remove(target); err != nil && !os.IsNotExist(err) {
		w.problem(f.path, err)
		return
	}
	if err := folder.Link(f.path, target); err != nil {
		w.problem(f.path, err)
		return
	}
	h.linked = true
	w.dirty = true
}

// isAs tells whether a file did not change.
func (h *held) isAs(info os.FileInfo) bool {
	return os.SameFile(h.info, info) && h.info.Size() == info.Size() && h.info.ModTime().Equal(info.ModTime())
}

// newlyHeld is a file that was not there before: one that came while others were watched
// has arrived now, unless it only has another name; how old it is when the watching
// begins, the file system knows.
func (w *watcher) newlyHeld(f found, before map[string]*held) *held {
	h := &held{info: f.info, arrived: time.Now()}
	h.head, _ = headOf(f.path, min(f.info.Size(), overwrittenBytes))
	if !w.begun {
		h.arrived = h.arrived.Add(-time.Duration(w.state.Clock.age(f.info.ModTime().UnixNano(), w.set)))
		return h
	}
	for _, other := range before {
		if other.isAs(f.info) {
			h.arrived, h.looked = other.arrived, other.looked
		}
	}
	return h
}

func (w *watcher) inEvidence(name string) string {
	return filepath.Join(w.opt.State, evidenceFolder, filepath.FromSlash(name))
}

// look notes that an analysis begins.
func (w *watcher) look(now time.Time) {
	for _, h := range w.state.held {
		if h.looked.IsZero() {
			h.looked = now
		}
	}
}

// unlink takes files out of the evidence that are no more.
func (w *watcher) unlink(present map[string]bool) {
	for name, h := range w.state.held {
		if !present[name] {
			if h.linked {
				os.Remove(w.inEvidence(name))
			}
			delete(w.state.held, name)
		}
	}
}

// errUnlooked says what a ring that is too small does.
var errUnlooked = errors.New("overwritten or removed before what it shows was certain: findings about it may be missing")

// miss tells of what was held before a scan, and is not there any more though nothing of
// it can have become certain.
func (w *watcher) miss(before map[string]*held) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		h := before[name]
		if w.state.held[name] == h || !h.linked || !h.looked.IsZero() && time.Since(h.looked) >= w.opt.Settle {
			continue
		}
		there := false
		for _, other := range w.state.held {
			there = there || os.SameFile(other.info, h.info) && other.info.Size() >= h.info.Size() && (other.head == h.head || h.info.Size() < overwrittenBytes)
		}
		if !there {
			w.problem(name, errUnlooked)
		}
	}
}
