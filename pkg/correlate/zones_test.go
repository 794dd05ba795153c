package correlate

import (
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
)

// TestZoneOfKnownClocks: the zone of a log that states none is the one nearest to
// UTC, unless another makes the log's clock one that is known.
func TestZoneOfKnownClocks(t *testing.T) {
	const half = 30 * time.Minute
	for _, x := range []struct {
		name   string
		offset time.Duration // as read in UTC
		width  time.Duration
		known  []time.Duration
		east   time.Duration
	}{
		{"the nearest", -5*time.Hour + time.Second, 100 * time.Millisecond, []time.Duration{0}, -5 * time.Hour},
		{"the reference is half an hour behind, another clock says it too", -5*time.Hour + half + 200*time.Millisecond, 200 * time.Millisecond,
			[]time.Duration{0, half + 190*time.Millisecond}, -5 * time.Hour},
		{"nobody says it", -4*time.Hour + half - time.Second, 200 * time.Millisecond, []time.Duration{0}, -210 * time.Minute},
		{"as near to both", -time.Hour + 500*time.Millisecond, time.Second, []time.Duration{0, 4*time.Hour + 500*time.Millisecond}, -time.Hour},
		{"UTC is known, and the reference is hours behind", -time.Hour + 500*time.Millisecond, time.Second, []time.Duration{4*time.Hour + 600*time.Millisecond, 0}, -5 * time.Hour},
		{"no zone", 700 * time.Second, time.Second, []time.Duration{0}, 0},
	} {
		track := &clock.Track{Status: clock.Measured, Segments: []clock.Segment{{Offset: int64(x.offset), Low: int64(x.offset - x.width/2), High: int64(x.offset + x.width/2)}}}
		var known []int64
		for _, k := range x.known {
			known = append(known, int64(k))
		}
		if got := time.Duration(zoneOf(track, known)) * time.Second; got != x.east {
			t.Errorf("%s: %v east, want %v", x.name, got, x.east)
		}
	}
}
