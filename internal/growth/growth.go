// Package growth tests that work grows no faster than its input: what compares each
// with each is slow on large input alone, which no other test has.
package growth

import (
	"runtime"
	"testing"
	"time"
)

// times the input is larger in the second run. Work that is linear takes as many
// times as long, that grows with the square the square of it: the bound between the
// two leaves room for sorting, memory that is farther away, and noise.
const (
	times = 4
	bound = 9
)

// Linear runs what prepare returns for n and for four times n, and fails where the
// second takes more than nine times as long: processors' time where it can be had, of
// everything that runs in the process. prepare is not measured. Work on n should take
// some tens of milliseconds.
func Linear(t *testing.T, n int, prepare func(n int) func()) {
	t.Helper()
	if testing.Short() || raced {
		t.Skip("measures time")
	}
	ratio := 0.0
	for range 3 { // a machine may be busy for a while
		small, large := took(prepare(n)), took(prepare(times*n))
		if ratio = float64(large) / float64(max(small, time.Millisecond)); ratio <= bound {
			return
		}
	}
	t.Errorf("%d times as much takes %.1f times as long", times, ratio)
}

func took(work func()) time.Duration {
	runtime.GC()
	begin := spent()
	work()
	return spent() - begin
}
