package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// pieces writes captures of about so many bytes each, one behind the other in time and
// numbered as hosts are, out of those given: as many of each as counts says. It gives the
// name of the sample of each file.
func pieces(t *testing.T, to string, bytes int64, from []string, counts []int) []string {
	t.Helper()
	var of []string
	at := int64(1_795_000_000e9)
	for i, name := range from {
		set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) {
			return os.Open(filepath.Join(sample(t, filepath.Dir(name)), filepath.Base(name)))
		}}}, capture.Options{})
		var p capture.Packet
		next := set.Next(&p)
		for range counts[i] {
			of = append(of, name)
			f, err := os.Create(filepath.Join(to, fmt.Sprintf("host-%06d.pcap", len(of))))
			if err != nil {
				t.Fatal(err)
			}
			w := capture.NewWriter(f, false)
			shift := at - p.Time
			for size := int64(0); size < bytes; size += int64(len(p.Data)) + 16 {
				if next != nil {
					t.Fatalf("%s has too few packets", name)
				}
				p.Time += shift
				at = max(at, p.Time)
				if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
					t.Fatal(err)
				}
				next = set.Next(&p)
			}
			if err := errors.Join(w.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
			at += 5e9
		}
	}
	return of
}

// TestNumberedHosts: captures of several hosts that are numbered like the files of a ring,
// as large as each other and one behind the other, are a capture point each; those of one
// host are one. That holds of an archive as of one incident.
func TestNumberedHosts(t *testing.T) {
	all := []string{"apache/client.pcap", "slow-application/client.pcap", "clock-step/client.pcap", "tcp-loss/client.pcap", "slow-application/server.pcap"}
	for name, counts := range map[string][]int{"hosts": {1, 1, 1, 1, 1}, "a ring": {0, 4, 0, 0, 0}, "a ring, then hosts": {0, 0, 0, 4, 1}} {
		in := t.TempDir()
		of := pieces(t, in, 60_000, all, counts)
		r := runOn(t, in, t.TempDir(), 1<<30)
		want := len(slices.Compact(slices.Clone(of)))
		for _, f := range r.Files {
			if f.Outcome != Done || f.Note != "" {
				t.Errorf("%s: %s: %s %s %s", name, f.Path, f.Outcome, f.Reason, f.Note)
			}
		}
		a := &archive{opt: Options{Paths: []string{in}, Out: t.TempDir(), Jobs: 1, Progress: func(Step) {}}}
		if err := errors.Join(os.MkdirAll(a.index(), 0o755), a.look(context.Background())); err != nil || len(a.points) != want {
			t.Errorf("%s: %d points, want %d: %v", name, len(a.points), want, err)
		}
		inc, err := incident.Read(context.Background(), []string{in}, incident.Options{})
		if err != nil || len(inc.Captures) != want {
			t.Errorf("%s: %d captures of one incident, want %d (%v)", name, len(inc.Captures), want, err)
		}
	}
}
