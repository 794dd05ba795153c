package archive

import (
	"context"
	"fmt"
	"runtime"
	"testing"
)

// TestJobs: however many files, points and windows are looked at at a time, and however
// many processors share the reading of one file, the result is the same, byte for byte.
func TestJobs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for cut, c := range map[string]struct {
		packets int
		jobs    []int
	}{"one file": {1 << 30, []int{1, 3}}, "rotated": {700, []int{1, 2, 8}}} {
		t.Run(cut, func(t *testing.T) {
			in := cutSample(t, "tcp-loss", func() int { return c.packets })
			var want map[string]string
			for _, jobs := range c.jobs {
				runtime.GOMAXPROCS(jobs)
				out := t.TempDir()
				r, err := Run(context.Background(), Options{Paths: []string{in}, Out: out, Memory: small, Jobs: jobs, Report: diagnosed})
				if err != nil {
					t.Fatal(err)
				}
				if r.Windows < 2 {
					t.Errorf("%d windows", r.Windows)
				}
				if want == nil {
					want = contents(t, out)
				}
				same(t, fmt.Sprint(jobs, " jobs"), want, contents(t, out))
			}
		})
	}
}
