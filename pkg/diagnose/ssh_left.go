package diagnose

import (
	"net/netip"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// leftAuthenticating tells sshd's line about a client that named a user, was not let
// in, and went: all that a server that takes keys alone logs of a failed login at its
// default level (auth.c, auth_log; packet.c, sshpkt_fatal).
func leftAuthenticating(e *logparse.Event) bool {
	return e.Kind == logparse.SSHClosed && e.User != "" &&
		(strings.HasPrefix(e.Text, "Connection closed by authenticating user ") || strings.HasPrefix(e.Text, "Disconnected from authenticating user "))
}

// keysTurnedDown lists the connections of a log of which nothing but such a line
// tells. Whoever is asked for a password may as well go on his own: only where
// packets show that he was turned down, or as many connections of one address went
// the same way as are no longer mistyped.
func (c *Case) keysTurnedDown(r *Rule, l *incident.Log) map[netip.AddrPort]bool {
	other := map[netip.AddrPort]bool{}
	for i := range l.Events {
		switch e := &l.Events[i]; e.Kind {
		case logparse.SSHAccepted, logparse.SSHFailed, logparse.SSHInvalidUser:
			other[e.Client] = true
		}
	}
	left, of := map[netip.AddrPort]bool{}, map[netip.Addr]int{}
	for i := range l.Events {
		if e := &l.Events[i]; leftAuthenticating(e) && e.Client.IsValid() && !other[e.Client] && !left[e.Client] {
			left[e.Client] = true
			of[e.Client.Addr()]++
		}
	}
	if len(left) == 0 {
		return nil
	}
	refused := map[netip.AddrPort]bool{}
	for _, j := range c.Journeys {
		if j.SSH != nil && j.SSH.Auth == "failure" && j.SSH.AuthAttempts > 0 {
			refused[j.Client] = true
			refused[j.ClientSeen] = true
		}
	}
	for from := range left {
		if !refused[from] && of[from.Addr()] < c.count(r, severalUsers) {
			delete(left, from)
		}
	}
	return left
}
