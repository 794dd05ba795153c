package logparse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// nginx writes three decimals; a time in whole seconds is Apache's %T, and it
// was cut.
func TestTimesTellTheServer(t *testing.T) {
	for _, x := range []struct {
		time, server string
		took, width  time.Duration
	}{
		{"2.281", "nginx", 2281 * time.Millisecond, time.Millisecond},
		{"2", "apache", 2 * time.Second, time.Second},
		{"0", "apache", 0, time.Second},
	} {
		line := fmt.Sprintf("10.0.0.2 - - [27/Nov/2026:06:44:39 +0000] \"GET /x HTTP/1.1\" 200 1632 \"-\" \"curl/7.88.1\" rt=%s\n", x.time)
		if v := serverSigns([]byte(strings.Repeat(line, 5))); v.leader() != x.server {
			t.Errorf("rt=%s: %q, want %q (%+v)", x.time, v.leader(), x.server, v)
		}
		var e Event
		if a := (&access{}); !a.line([]byte(strings.TrimSpace(line)), &e) || e.Duration != x.took || e.DurationWidth != x.width || e.CoarselyTimed() != (x.width == time.Second) {
			t.Errorf("rt=%s: took %v in steps of %v", x.time, e.Duration, e.DurationWidth)
		}
	}
}
