package diagnose

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// sshGuesses are failures of so many addresses, each as so many users, one a
// second.
func sshGuesses(addresses, users int) []logparse.Event {
	var out []logparse.Event
	for i := range addresses * users {
		from := netip.AddrFrom4([4]byte{10, 9, 0, byte(1 + i%addresses)})
		out = append(out, logparse.Event{Kind: logparse.SSHFailed, Client: netip.AddrPortFrom(from, uint16(40000+i)), User: fmt.Sprintf("u%02d", i/addresses),
			Time: int64(i) * 1e9, HasTime: true, Line: i + 1})
	}
	return out
}

// TestGuessedLogins: whoever tries many names is one finding, with what it
// tried; who mistypes is told alone.
func TestGuessedLogins(t *testing.T) {
	own := netip.MustParseAddrPort("10.8.0.7:50000")
	mistyped := []logparse.Event{
		{Kind: logparse.SSHFailed, Client: own, User: "ana", Time: 3e9, HasTime: true, Line: 900},
		{Kind: logparse.SSHAccepted, Client: own, User: "ana", Time: 5e9, HasTime: true, Line: 901},
	}
	taken := logparse.Event{Kind: logparse.SSHAccepted, Client: netip.MustParseAddrPort("10.9.0.1:61000"), User: "root", Time: 99e9, HasTime: true, Line: 990}
	unknown := sshGuesses(1, 4)
	for i := range unknown {
		unknown[i].Kind = logparse.SSHInvalidUser
	}
	for _, x := range []struct {
		name   string
		events []logparse.Event
		want   []string
	}{
		{"one address, many users, and one who mistypes", append(sshGuesses(1, 12), mistyped...), []string{
			`12 failed SSH logins from 10.9.0.1 as 12 users ("u00", "u01", "u02", "u03", "u04", "u05", …), over 12 connections in 11.00 s: so many are guessed, not mistyped.`,
			`1 failed SSH login from 10.8.0.7 as "ana", over 1 connection.`}},
		{"and one of its logins is accepted", append(sshGuesses(1, 12), taken), []string{
			`12 failed SSH logins from 10.9.0.1 as 12 users ("u00", "u01", "u02", "u03", "u04", "u05", …), over 12 connections in 11.00 s: so many are guessed, not mistyped. From there a login was accepted, as "root".`}},
		{"many addresses, one user", sshGuesses(20, 1), []string{
			`20 failed SSH logins from 20 addresses (10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4, 10.9.0.5, 10.9.0.6, …) as "u00", over 20 connections in 19.00 s: so many are guessed, not mistyped.`}},
		{"three users behind one address", sshGuesses(1, 3), []string{
			`3 failed SSH logins from 10.9.0.1 as 3 users ("u00", "u01", "u02"), over 3 connections in 2.00 s.`}},
		{"two users of one address", sshGuesses(1, 2), []string{
			`1 failed SSH login from 10.9.0.1 as "u00", over 1 connection.`, `1 failed SSH login from 10.9.0.1 as "u01", over 1 connection.`}},
		{"users that sshd does not know, no password asked", unknown, []string{
			`4 failed SSH logins from 10.9.0.1 as 4 users ("u00", "u01", "u02", "u03"), over 4 connections in 3.00 s.`}},
	} {
		w := newWorld()
		w.log("auth-log", x.events...)
		got := of(Run(w.c, Options{}), "ssh-auth-failed")
		if len(got) == 0 {
			t.Errorf("%s: no finding", x.name)
			continue
		}
		var texts []string
		for _, f := range got {
			texts = append(texts, f.Text)
		}
		if strings.Join(texts, "\n") != strings.Join(x.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", x.name, strings.Join(texts, "\n"), strings.Join(x.want, "\n"))
		}
		if n := len(got[0].Evidence[0].Lines); x.name == "many addresses, one user" && n != 20 {
			t.Errorf("%s: %d lines prove it", x.name, n)
		}
	}
}

// TestShedByACrowd: where connections are shed while one address holds most of
// the logins under way, it is named.
func TestShedByACrowd(t *testing.T) {
	for _, crowd := range []int{2, 8} {
		w := newWorld()
		for range crowd {
			j, s := w.ssh(1010)
			j.Client, s.AuthEnd = netip.MustParseAddrPort("10.9.0.1:40000"), w.at(6000)
		}
		j, s := w.ssh(0)
		s.ServerBanner = pcapflow.Stamp{}
		n := j.Points[0].Flow.Conn
		n.ACK, n.RST = w.at(1500), []pcapflow.Reset{{Stamp: w.at(1510), Dir: sv}}
		got := of(Run(w.c, Options{}), "ssh-shed")
		if len(got) != 1 || strings.Contains(got[0].Text, "8 of the 8 logins under way meanwhile were from 10.9.0.1.") != (crowd == 8) {
			t.Errorf("%d logins under way: %v", crowd, got)
		}
	}
}
