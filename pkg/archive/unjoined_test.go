package archive

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// TestUnjoined: captures of two sites that nothing joins, of the same minute. Each site's
// clocks are measured against one of its own.
func TestUnjoined(t *testing.T) {
	const later = 1210_500_000_000 // ns, from the recording of the one to that of the other
	in, out := t.TempDir(), t.TempDir()
	for site, name := range map[string]string{"a": "slow-application", "b": "tcp-loss"} {
		if err := os.Mkdir(filepath.Join(in, site), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"client.pcap", "server.pcap"} {
			ahead := int64(0)
			if site == "b" {
				ahead = later
			}
			if err := cutCapture(filepath.Join(sample(t, name), file), filepath.Join(in, site, file), func() int { return 1 << 30 }, ahead); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := runOn(t, in, out, 512<<20)
	if r.Windows != 1 {
		t.Fatalf("%d windows", r.Windows)
	}
	against := map[string]string{} // reference of each clock that was measured
	err := EachRow(out, "clocks", func(c *trend.ClockRow) error {
		if c.Kind == "capture" {
			against[c.Name] += c.Status + " " + c.Reference + ";"
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for name, by := range against {
		site := strings.TrimPrefix(name, "capture ")[:2]
		if strings.Contains(by, "measured capture "+site) {
			own++
		} else if !strings.Contains(by, "reference "+name) {
			t.Errorf("%s: %s", name, by)
		}
	}
	if groups := r.Summary.Whole().Groups(); own != 2 || len(groups) != 2 || len(groups[0].Others) != 1 {
		t.Errorf("%v in groups %v", against, groups)
	}
}
