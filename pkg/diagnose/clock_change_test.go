package diagnose

import (
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestMonotonic: that the clock was stepped and its host did not sleep is told by a
// journal, which records both clocks, where there is one.
func TestMonotonic(t *testing.T) {
	entry := func(wall, monotonic time.Duration) logparse.Event {
		return logparse.Event{JournalTime: int64(wall), Monotonic: int64(monotonic), HasMonotonic: true, BootID: "b"}
	}
	for name, c := range map[string]struct {
		events []logparse.Event
		want   string
	}{
		"no journal":               {nil, "not-collected"},
		"the wall clock jumps":     {[]logparse.Event{entry(50*time.Second, 20*time.Second), entry(61*time.Second, 30*time.Second)}, "not-found"},
		"a jump of another size":   {[]logparse.Event{entry(50*time.Second, 20*time.Second), entry(90*time.Second, 30*time.Second)}, "not-collected"},
		"neither jumps in it":      {[]logparse.Event{entry(50*time.Second, 20*time.Second), entry(60*time.Second, 30*time.Second)}, "not-collected"},
		"another boot lies behind": {[]logparse.Event{entry(50*time.Second, 20*time.Second), {JournalTime: int64(61 * time.Second), Monotonic: int64(30 * time.Second), HasMonotonic: true, BootID: "c"}}, "not-collected"},
	} {
		w := newWorld()
		w.clock("web", "log", clock.Measured, known(0, 0, ms), stepBefore(known(time.Second, time.Second, ms)))
		w.log("journal-export", c.events...)
		found := checkClockStepped(newCase(w.c, Options{}), &clockStepped)
		if len(found) != 1 || found[0].Refuters[0].Status != c.want {
			t.Errorf("%s: %+v, want %s", name, found, c.want)
		}
	}
}
