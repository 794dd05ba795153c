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
	for cut, packets := range map[string]int{"one file": 1 << 30, "rotated": 700} {
		t.Run(cut, func(t *testing.T) {
			in := cutSample(t, "tcp-loss", func() int { return packets })
			var want map[string]string
			for _, jobs := range []int{1, 2, 3, 8} {
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
