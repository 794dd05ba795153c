package diagnose

import (
	"net/netip"
	"strings"
	"testing"
)

// TestUnansweredAlone: a server that answers another client is not down.
func TestUnansweredAlone(t *testing.T) {
	for name, other := range map[string]bool{"the server is down": false, "the server answers others": true} {
		w := newWorld()
		w.ntp(timeServer, false)
		w.ntp(timeServer, false)
		w.ntp(timeServer, other)
		w.c.Journeys[2].Client = netip.MustParseAddrPort("10.1.0.99:123")
		found := checkNTPUnanswered(newCase(w.c, Options{}), &ntpUnanswered)
		if len(found) == 0 || !strings.Contains(found[0].Text, name) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
