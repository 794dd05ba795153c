package correlate

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestFewLinesProveNothingOfThemselves: of a log that lost many of its lines, none
// is called matched with a request that is not its own: what is learnt of sizes and
// servers is not learnt from the very line.
func TestFewLinesProveNothingOfThemselves(t *testing.T) {
	dir := need.Shared(t, "incidents", "s03_slow_dns")
	b, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth actionsTruth
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	want := truth.wanted()
	linked := 0
	for seed := range int64(12) {
		rnd := rand.New(rand.NewSource(seed))
		var kept []int // by place in the thinned log: the line it was
		c := Correlate(analysed(t, changed(t, filepath.Join(dir, "input"), func(name string, b []byte) map[string][]byte {
			if !strings.HasSuffix(name, "web/access.log") {
				return map[string][]byte{name: b}
			}
			var out []byte
			for i, line := range bytes.SplitAfter(b, []byte("\n")) {
				if len(line) > 0 && rnd.Intn(2) == 0 {
					out, kept = append(out, line...), append(kept, i+1)
				}
			}
			return map[string][]byte{name: out}
		})), Options{})
		for _, j := range c.Journeys {
			for _, l := range j.Lines {
				if l.Log.File.Path != "web/access.log" || l.Confidence < 0.9 {
					continue
				}
				was := kept[l.Log.Events[l.Event].Line-1]
				linked++
				if w := want[lineKey{"input/web/access.log", was}]; !slices.Contains(w.clients, plainText(j.Client)) {
					t.Errorf("seed %d: line %d is linked to %v with %.3f, is of %v", seed, was, j.Client, l.Confidence, w.clients)
				}
			}
		}
	}
	if linked == 0 {
		t.Error("nothing was linked")
	}
}
