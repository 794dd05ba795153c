package pcapflow

import "testing"

// TestSSHEnding: how long a connection without a login lasted, and how long one with a
// login was silent before its end; nothing where the end, or the login, is not known.
func TestSSHEnding(t *testing.T) {
	at := func(ms int) Stamp { return Stamp{int64(ms) * 1e6, ms} }
	for _, c := range []struct {
		name, auth     string
		fin            [2]Stamp
		rst            int // ms; 0: none
		turned         bool
		by             string
		before, silent string
	}{
		{"a login in time", "success", [2]Stamp{at(9000), at(9001)}, 0, false, "client", "", "4000 ms"},
		{"the server's patience ends", "", [2]Stamp{{}, at(120_010)}, 0, false, "server", "120000 ms", ""},
		{"refused", "failure", [2]Stamp{at(7010), at(7020)}, 0, false, "client", "7000 ms", ""},
		{"reset", "", [2]Stamp{}, 7010, false, "server", "7000 ms", ""},
		{"the SSH server opened the connection", "", [2]Stamp{at(7010), at(7020)}, 0, true, "server", "7000 ms", ""},
		{"open until the capture ends", "success", [2]Stamp{}, 0, false, "", "", ""},
		{"nobody knows whether it logged in", "unknown", [2]Stamp{at(7010), at(7020)}, 0, false, "client", "", ""},
	} {
		f := &Flow{Start: at(1), Conn: &Conn{ACK: at(10), FIN: c.fin}, LastPayload: [2]Stamp{at(5000), at(4000)}}
		if c.rst > 0 {
			f.Conn.RST = []Reset{{Stamp: at(c.rst), Dir: Server}}
		}
		s := &SSH{Auth: c.auth, Turned: c.turned}
		list := s.AppendMetrics(nil, f)
		if by, before, silent := s.EndedBy(f), metricOf(list, "ended_before_login_seconds"), metricOf(list, "silent_before_end_seconds"); by != c.by || before != c.before || silent != c.silent {
			t.Errorf("%s: by %q, before login %q, silent %q", c.name, by, before, silent)
		}
	}
}
