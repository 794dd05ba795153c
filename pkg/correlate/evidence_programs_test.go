package correlate

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
)

// TestProgramsTellTheirClock: of a client of which there are no logs and no NTP, the
// seconds that curl --trace-time printed, and the stamps that ts put before ssh's
// lines, tell the clock against a capture at the server, and the bounds hold how far
// it was off there; beside a capture of other connections they tell nothing.
func TestProgramsTellTheirClock(t *testing.T) {
	dir := filepath.Join("testdata", "printed")
	for _, x := range []struct {
		name    string
		paths   []string
		ahead   time.Duration // as the lab had set it; 0: nothing is to be told
		widest  time.Duration
		nearest time.Duration // of the value said to be likeliest
	}{
		{"curl", []string{filepath.Join(dir, "curl")}, -3184 * time.Millisecond, 500 * time.Millisecond, 250 * time.Millisecond},
		{"ssh", []string{filepath.Join(dir, "ssh")}, 24332 * time.Millisecond, 650 * time.Millisecond, 50 * time.Millisecond},
		{"curl beside other connections", []string{filepath.Join(dir, "curl", "c1"), filepath.Join(dir, "other")}, 0, 0, 0},
	} {
		inc := analysed(t, x.paths...)
		var client *Clock
		for _, k := range Correlate(inc, Options{}).Clocks {
			if k.Kind == kindLog && k.Status == clock.Measured {
				client = k
			}
		}
		if x.ahead == 0 {
			if client != nil {
				t.Errorf("%s: %s is measured: %+v", x.name, client.Name, client.Segments)
			}
			continue
		}
		if client == nil {
			t.Errorf("%s: no clock is measured", x.name)
			continue
		}
		for _, s := range client.Segments {
			off := abs64(s.Offset - int64(x.ahead))
			if s.Low > int64(x.ahead) || s.High < int64(x.ahead) || s.High-s.Low > int64(x.widest) || off > int64(x.nearest) {
				t.Errorf("%s: %v in [%v, %v], truth %v", x.name, time.Duration(s.Offset), time.Duration(s.Low), time.Duration(s.High), x.ahead)
			}
		}
	}
}
