//go:build unix

package pcapflow

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// BenchmarkDissectors tells how much processor time all dissectors add to the
// analysis of the capture that CAPTURE names: the same file, by turns without
// any and with all of them, on one processor.
//
//	CAPTURE=mix5m.pcap go test ./pkg/pcapflow -run '^$' -bench Dissectors -benchtime 5x
func BenchmarkDissectors(b *testing.B) {
	path := need.Named(b, "CAPTURE")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer func(all []*Dissector) { dissectors = all }(dissectors)
	tables := [2][]*Dissector{nil, dissectors}
	var took [2][]time.Duration
	analyseWhole(b, path) // the file is in memory from here on
	b.ResetTimer()
	for range b.N {
		for i, table := range tables {
			dissectors = table
			runtime.GC()
			before := processorTime()
			analyseWhole(b, path)
			took[i] = append(took[i], processorTime()-before)
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	none, all := took[0][b.N/2].Seconds(), took[1][b.N/2].Seconds()
	b.ReportMetric(none, "none-s")
	b.ReportMetric(all, "all-s")
	b.ReportMetric((all/none-1)*100, "more-%")
}

func analyseWhole(b *testing.B, path string) {
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	r, err := capture.NewReader(file, capture.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := Analyse(r, Options{OnFlow: func(*Flow) {}}); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what the process has used so far, its system calls included.
func processorTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
