package correlate

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
)

// TestPitfall13MergedCaptureIsTwoClocks: what mergecap put into one file is compared interface by
// interface, as if the files had stayed apart.
func TestPitfall13MergedCaptureIsTwoClocks(t *testing.T) {
	from := need.Shared(t, "incidents", "s14_two_points", "input")
	names := []string{filepath.Join(from, "punto_a_cliente.pcap"), filepath.Join(from, "punto_b_servidor.pcap")}
	dir := t.TempDir()
	merged := filepath.Join(dir, "merged.pcapng")
	if out, err := exec.Command(need.Program(t, "mergecap"), append([]string{"-w", merged}, names...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := Correlate(analysed(t, dir), Options{})
	var other *Clock
	for _, k := range c.Clocks {
		if k.Kind == "capture" && k.Status == clock.Measured && other == nil {
			other = k
		} else if k.Kind == "capture" && k.Status != clock.Reference {
			t.Errorf("clock %s is %v", k.Name, k.Status)
		}
	}
	if other == nil || len(other.Segments) == 0 {
		t.Fatalf("%d clocks, and no second one was measured", len(c.Clocks))
	}
	// The second point's clock is 4.86 s behind, by the two captures apart.
	if s := other.Segments[0]; s.Low > s.Offset || s.Offset > s.High || s.Offset < -4.87e9 || s.Offset > -4.85e9 || s.High-s.Low > 60e6 {
		t.Errorf("offset %d in %d … %d", s.Offset, s.Low, s.High)
	}
	both := 0
	for _, j := range c.Journeys {
		if len(j.Points) > 1 {
			both++
		}
	}
	if both < 20 {
		t.Errorf("%d of %d journeys are seen on both interfaces", both, len(c.Journeys))
	}
}
