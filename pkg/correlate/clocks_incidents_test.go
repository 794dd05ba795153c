package correlate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// truthFile is the part of an incident's truth that tells of clocks.
type truthFile struct {
	Start    float64 `json:"t_start_true"`
	End      float64 `json:"t_end_true"`
	Hosts    map[string]truthHost
	Captures []struct {
		Files     []string
		ClockHost string `json:"clock_host"`
	}
	Logs []struct{ File, Clock string }
}

type truthHost struct {
	Clock []struct {
		From   float64  `json:"from_true"`
		Offset *float64 `json:"offset_s"`
		Drift  float64  `json:"drift_ppm"`
	}
	Samples [][2]float64 `json:"clock_samples"`
}

// offset of the host's clock at an instant of true time, s.
func (h truthHost) offset(t float64) float64 {
	s := h.Clock[0]
	for _, x := range h.Clock[1:] {
		if x.From <= t {
			s = x
		}
	}
	if s.Offset != nil {
		return *s.Offset + s.Drift*1e-6*(t-s.From)
	}
	i, _ := slices.BinarySearchFunc(h.Samples, t, func(p [2]float64, t float64) int {
		if p[0] <= t {
			return -1
		}
		return 1
	})
	i = min(max(i, 1), len(h.Samples)-1)
	a, b := h.Samples[i-1], h.Samples[i]
	return a[1] + (b[1]-a[1])*(t-a[0])/(b[0]-a[0])
}

// TestClocksOfIncidents compares every measured clock with the truth.
func TestClocksOfIncidents(t *testing.T) {
	dir := need.Shared(t, "incidents")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all clockFigures
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			all.incident(t, filepath.Join(dir, e.Name()), filepath.Join(dir, e.Name(), "input"))
		})
	}
	t.Logf("clocks measured %d of %d; instants inside %d of %d; within 5 ms %d, within 50 ms %d", all.measured, all.clocks, all.inside, all.instants, all.within5, all.within50)
	if all.inside*100 < all.instants*99 || all.measured*100 < all.clocks*95 || all.within5*100 < all.measured*80 {
		t.Error("below the figures that were reached")
	}
}

// TestClocksOfLackingCaptures: captures that begin later, or lack packets here and
// there, tell clocks less narrowly or not at all, but not wrongly.
func TestClocksOfLackingCaptures(t *testing.T) {
	var all clockFigures
	for seed := range uint64(6) {
		for _, incident := range []string{"s01_healthy_web", "s02_slow_app", "s03_slow_dns", "s04_loss", "s06_ssh", "s11_apache", "s13_tls_failures", "s14_two_points"} {
			t.Run(fmt.Sprintf("%s %d", incident, seed), func(t *testing.T) {
				all.incident(t, need.Shared(t, "incidents", incident), rewritten(t, incident, func(name string, b []byte) (string, []byte) {
					switch {
					case !strings.HasSuffix(name, ".pcap"):
					case seed == 0:
						b = withoutBeginning(b, 0.3)
					default:
						b = withoutSome(b, seed)
					}
					return name, b
				}))
			})
		}
	}
	if all.instants < 1000 || all.inside*1000 < all.instants*995 {
		t.Errorf("bounds hold the truth at %d of %d instants", all.inside, all.instants)
	}
	t.Logf("bounds hold the truth at %d of %d instants", all.inside, all.instants)
}

type clockFigures struct {
	clocks, measured, within5, within50 int
	instants, inside                    int
}

// incident adds the clocks of the evidence in input, of an incident whose truth is
// in dir.
func (all *clockFigures) incident(t *testing.T, dir, input string) {
	b, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth truthFile
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	inc, err := incident.Read(context.Background(), []string{input}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	for _, c := range truth.Captures {
		for _, f := range c.Files {
			owner[strings.TrimPrefix(f, "input/")] = c.ClockHost
		}
	}
	for _, l := range truth.Logs {
		if !strings.Contains(l.File, "/chrony/") {
			owner[strings.TrimPrefix(l.File, "input/")] = l.Clock
		}
	}
	lines := 0
	for _, l := range inc.Logs {
		lines += len(l.Events)
	}
	var clocks []*Clock
	if lines > 1500 { // the matching of so many lines has its own test
		clocks = measureClocks(inc, Options{})
	} else {
		clocks = Correlate(inc, Options{}).Clocks
	}
	for _, k := range clocks {
		t.Logf("clock %d %s %q %s %s %v %v", k.ID, k.Kind, k.Name, k.Status, k.Why, k.Supports, k.Notes)
		for _, s := range k.Segments {
			t.Logf("      from %d for %.3f s: %+.6f s, %+.6f … %+.6f; end %+.6f … %+.6f; %+.3f ppm step %v", s.From, float64(s.To-s.From)/1e9, float64(s.Offset)/1e9,
				float64(s.Low)/1e9, float64(s.High)/1e9, float64(s.LowEnd)/1e9, float64(s.HighEnd)/1e9, s.Drift, s.StepBefore)
		}
		for _, c := range k.Candidates {
			t.Logf("      candidate %+.3f s, score %.0f %s", float64(c.Offset)/1e9, c.Score, c.Reason)
		}
	}
	table := newClockTable(inc, clocks)
	ref := ""
	for _, f := range inc.Files {
		if k := table.ofFile(f); k != nil && k.Status == clock.Reference && owner[f.Path] != "" {
			ref = owner[f.Path]
		}
	}
	if ref == "" {
		t.Errorf("the reference is no clock of a file")
		return
	}
	for _, f := range inc.Files {
		host := owner[f.Path]
		if host == "" || host == ref {
			continue
		}
		all.file(t, f, table.ofFile(f), truth, truth.Hosts[host], truth.Hosts[ref])
	}
}

func (all *clockFigures) file(t *testing.T, f *incident.File, k *Clock, truth truthFile, host, ref truthHost) {
	all.clocks++
	if k == nil || k.Status != clock.Measured {
		t.Logf("MISS %s: not measured", f.Path)
		return
	}
	all.measured++
	var errs []float64
	inside := 0
	for i := 1; i < 10; i++ {
		at := truth.Start + (truth.End-truth.Start)*float64(i)/10
		own := int64((at + host.offset(at)) * 1e9)
		want := host.offset(at) - ref.offset(at)
		s := k.Segments[0]
		for _, x := range k.Segments {
			if x.From <= own {
				s = x
			}
		}
		d := s.Drift * 1e-6 * float64(own-s.From) / 1e9
		errs = append(errs, max(float64(s.Offset)/1e9+d-want, want-float64(s.Offset)/1e9-d))
		if float64(s.Low)/1e9+d-5e-4 <= want && want <= float64(s.High)/1e9+d+5e-4 {
			inside++
		}
	}
	slices.Sort(errs)
	med := errs[len(errs)/2]
	all.instants += len(errs)
	all.inside += inside
	mark := "    "
	if med <= 0.005 {
		all.within5++
	} else {
		mark = "FAR "
	}
	if med <= 0.05 {
		all.within50++
	}
	if inside < len(errs) {
		mark = "OUT "
	}
	t.Logf("%s%s: median error %.6f s, inside %d of %d, width %.6f", mark, f.Path, med, inside, len(errs), float64(k.Segments[len(k.Segments)/2].High-k.Segments[len(k.Segments)/2].Low)/1e9)
}
