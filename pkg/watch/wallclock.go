package watch

import (
	"math"
	"time"
)

// reading is what both clocks of this machine show at one moment.
type reading struct {
	Wall int64 `json:"wall_ns"`
	// Up is the time since the machine was started, ns, also that in which it slept:
	// nobody sets it. Boot names that start. "": neither is known.
	Up   int64  `json:"up_ns,omitempty"`
	Boot string `json:"boot,omitempty"`
}

// Set says that the wall clock of this machine was set.
type Set struct {
	By      time.Duration // forward, or less than nothing: back
	AtLeast bool          // back by that at least: the machine was started anew meanwhile
	Since   time.Time     // by the clock as it was: when it was last known not to be
	passed  int64         // since then, ns, by a clock that nobody sets; none is so long where that is not known
}

// leastSet is the least by which a clock is set rather than read late, ns.
const leastSet = int64(time.Second)

// setSince tells whether the clock was set since an earlier reading; nil: it was not, or
// nothing tells. Of a machine that was started anew it is known only that it has been up
// for so long since.
func (r reading) setSince(before reading) *Set {
	if before.Wall == 0 {
		return nil
	}
	s := &Set{Since: time.Unix(0, before.Wall), passed: math.MaxInt64}
	if r.Boot != "" && r.Boot == before.Boot {
		s.passed = r.Up - before.Up
		s.By = time.Duration(r.Wall - before.Wall - s.passed)
	} else {
		s.By, s.AtLeast = time.Duration(min(0, r.Wall-before.Wall-r.Up)), true
	}
	if s.By.Abs() < time.Duration(leastSet) {
		return nil
	}
	return s
}

// age is how long ago a file was written, by its stamp and what is known of the clock: it
// was written before the clock was set, or after. Where it may be either it is taken for
// the younger. ns
func (r reading) age(written int64, set *Set) int64 {
	after := r.Wall - written
	if set == nil {
		return max(0, after)
	}
	before := after - int64(set.By)
	switch {
	case after < 0 || after > set.passed:
		return max(0, before)
	case before < 0:
		return after
	}
	return min(before, after)
}

// noticeSet tells of a clock that was set since it was last noted.
func (w *watcher) noticeSet() *Set {
	now := w.read()
	set := now.setSince(w.state.Clock)
	w.state.Clock = now
	if set != nil && w.opt.Set != nil {
		w.opt.Set(*set)
	}
	return set
}
