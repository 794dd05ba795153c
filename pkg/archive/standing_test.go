package archive

import (
	"context"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// TestStanding: what windows tell about no journey is told of all of them, once.
func TestStanding(t *testing.T) {
	in, out := cutSample(t, "slow-application", func() int { return 200 }), t.TempDir()
	r := runOn(t, in, out, small)
	if r.Windows < 3 {
		t.Fatalf("%d windows", r.Windows)
	}
	var offsets []trend.FindingRow
	texts := map[string]int{}
	err := EachRow(out, "findings", func(f *trend.FindingRow) error {
		if f.Journeys > 0 {
			return nil
		}
		if texts[f.Text]++; texts[f.Text] > 1 || f.Start == nil || f.End == nil || *f.Start > *f.End {
			t.Errorf("%+v", f)
		}
		if f.Rule == "clock-offset" {
			offsets = append(offsets, *f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(offsets) == 0 || !slices.ContainsFunc(offsets, func(f trend.FindingRow) bool { return f.Windows > 1 }) {
		t.Errorf("%d windows, and clocks off: %+v", r.Windows, offsets)
	}
	if n := r.Summary.Whole().Rules["clock-offset"].Told(); n != len(offsets) {
		t.Errorf("%d told of %d", n, len(offsets))
	}
}

// TestElsewhere: the report of a window holds the journeys that it tells, and not those
// beside it, which are looked at as well.
func TestElsewhere(t *testing.T) {
	in, out := cutSample(t, "slow-application", func() int { return 200 }), t.TempDir()
	beside := 0
	_, err := Run(context.Background(), Options{Paths: []string{in}, Out: out, Memory: small, Jobs: 1, Report: func(ctx context.Context, c *correlate.Case) (*report.Report, error) {
		r, err := diagnosed(ctx, c)
		own := 0
		for _, j := range c.Journeys {
			if !j.Elsewhere {
				own++
			}
		}
		if beside += len(c.Journeys) - own; len(r.Journeys) != own {
			t.Errorf("%d journeys of %d that are told", len(r.Journeys), own)
		}
		return r, err
	}})
	if err != nil || beside == 0 {
		t.Errorf("%d journeys beside windows: %v", beside, err)
	}
}
