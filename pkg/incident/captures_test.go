package incident

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestMaxFlows: a capture with more flows than are kept says how far those reach, and
// is told as if it ended there; its file stays what it is.
func TestMaxFlows(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	read := func(most int) *Capture {
		inc, err := Read(context.Background(), []string{filepath.Join(root, "samples", "slow-application", "input")}, Options{MaxFlows: most})
		if err != nil || len(inc.Captures) == 0 {
			t.Fatal(inc, err)
		}
		return inc.Captures[0]
	}
	whole, cut := read(0), read(3)
	said := ""
	for _, p := range cut.Files[0].Problems {
		said += p.Text
	}
	if len(whole.Flows) <= 3 || len(cut.Flows) != 3 || !strings.Contains(said, "only its first 3 flows are used") || len(whole.Files[0].Problems) > 0 {
		t.Errorf("%d of %d flows, %q", len(cut.Flows), len(whole.Flows), said)
	}
	a, b := cut.Files[0], whole.Files[0]
	if cut.Last.Time >= whole.Last.Time || a.Records != b.Records || a.Last != b.Last || int64(a.Records) != cut.Packets+cut.Beyond {
		t.Errorf("the capture ends at %d, its file at %d with %d packets", cut.Last.Time, a.Last, a.Records)
	}
}
