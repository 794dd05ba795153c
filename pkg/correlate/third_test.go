package correlate

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestThirdPartyCaptures correlates every capture by itself: whatever lies in
// it, nothing may panic, and what a journey's shares add up to holds.
func TestThirdPartyCaptures(t *testing.T) {
	dir := need.Shared(t, "captures")
	n, journeys := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || n > 400 {
			return err
		}
		if x := filepath.Ext(path); x != ".pcap" && x != ".pcapng" && x != ".cap" {
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > 3<<20 {
			return nil
		}
		n++
		inc, _ := incident.Read(context.Background(), []string{path}, incident.Options{})
		if inc == nil {
			return nil
		}
		begin := time.Now()
		c := Correlate(inc, Options{})
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", path, took)
		}
		for _, j := range c.Journeys {
			journeys++
			checkBreakdown(t, j)
			if len(j.Points) == 0 || j.ID == "" || j.Service == "" {
				t.Errorf("%s: journey %q of %d points, service %q", path, j.ID, len(j.Points), j.Service)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d captures, %d journeys", n, journeys)
}
