package pcapflow

import (
	"strings"
	"testing"
)

// TestSteppers: a client steps where all of the interval lies beyond its threshold, and
// not where a part of it does.
func TestSteppers(t *testing.T) {
	const ms = 1_000_000
	for _, c := range []struct {
		low, high int64
		want      string
	}{
		{-1 * ms, 1 * ms, ""},
		{127 * ms, 129 * ms, ""},
		{128 * ms, 140 * ms, ""},
		{129 * ms, 140 * ms, "ntpd"},
		{-140 * ms, -129 * ms, "ntpd"},
		{-2000 * ms, 2000 * ms, ""}, // off by anything, or by nothing
		{390 * ms, 410 * ms, "ntpd"},
		{401 * ms, 410 * ms, "ntpd systemd-timesyncd"},
		{-1200 * ms, -1001 * ms, "ntpd systemd-timesyncd chronyd"},
	} {
		if got := strings.Join(Steppers(c.low, c.high), " "); got != c.want {
			t.Errorf("%d to %d ms: %q, want %q", c.low/ms, c.high/ms, got, c.want)
		}
	}
}
