package logparse

import (
	"bytes"
	"net/netip"
)

// pamMessage reads what PAM modules and libpam write under the name of the
// program that called them:
//
//	pam_unix(sshd:auth): authentication failure; logname= uid=0 … rhost=192.0.2.1  user=root
//	pam_unix(sshd:session): session opened for user ana(uid=1000) by (uid=0)
//	PAM 2 more authentication failures; … rhost=192.0.2.1  user=root
//	PAM: Authentication failure for ana from 192.0.2.1
//
// None has a port. What is none of these stays a message.
func pamMessage(msg []byte, e *Event) {
	if name, rest, ok := bytes.Cut(msg, []byte(": ")); ok && bytes.HasPrefix(name, []byte("pam_")) {
		e.Kind, e.Means = PAM, Written
		if open := bytes.IndexByte(name, '('); open > 0 && name[len(name)-1] == ')' {
			_, part, _ := cutAt(name[open+1:len(name)-1], ':')
			e.Type = view(part)
		}
		pamText(rest, e)
		return
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("(pam_unix) ")); ok { // before Linux-PAM 0.99
		e.Kind, e.Means = PAM, Written
		pamText(rest, e)
		return
	}
	switch {
	case bytes.HasPrefix(msg, []byte("PAM ")) && bytes.Contains(msg, []byte(" more authentication failure")):
		e.Kind, e.Means = PAM, Written
		pamText(msg, e)
	case bytes.HasPrefix(msg, []byte("PAM: ")):
		e.Kind, e.Means, e.Outcome = PAM, AuthResult, "failed"
		if _, rest, ok := bytes.Cut(msg, []byte(" for ")); ok {
			via, _, _ := bytes.Cut(rest, []byte(" via "))
			sshdUserFromText(via, e)
		}
	case bytes.HasPrefix(msg, []byte("PAM service(")):
		e.Kind, e.Means = PAM, Written
	}
}

func pamText(b []byte, e *Event) {
	if rest, ok := bytes.CutPrefix(b, []byte("session opened for user ")); ok {
		e.Kind, e.Outcome = SSHSession, "opened"
		if !isSSHD(e.Process) {
			e.Kind = PAM
		}
		user := upTo(rest, ' ')
		e.User = view(upTo(user, '('))
		return
	}
	if rest, ok := bytes.CutPrefix(b, []byte("session closed for user ")); ok {
		e.Kind, e.Outcome = SSHSession, "closed"
		if !isSSHD(e.Process) {
			e.Kind = PAM
		}
		e.User = view(upTo(rest, ' '))
		return
	}
	if bytes.Contains(b, []byte("authentication failure")) {
		e.Outcome, e.Means = "failed", AuthResult
	}
	// "… ruser=R rhost=H  user=U": both names come from outside and may hold
	// anything, U up to the line's end, R before H.
	start := bytes.Index(b, []byte(" rhost="))
	if start < 0 {
		return
	}
	b, user, found := bytes.Cut(b[start:], []byte(" user="))
	if found {
		e.User = view(bytes.TrimRight(user, " "))
	}
	if _, v, _ := lastCut(b, " rhost="); len(upTo(v, ' ')) > 0 {
		v = upTo(v, ' ')
		if a, isAddress := address(v); isAddress {
			e.Client = netip.AddrPortFrom(a, 0)
		} else {
			e.Name = view(v) // the client's name, where sshd resolves it
		}
	}
}

// authPrograms are those whose lines make a log an auth.log.
func isAuthProgram(name string) bool {
	switch name {
	case "sshd", "sshd-session", "sshd-auth", "sudo", "su", "login", "systemd-logind", "polkitd", "passwd", "useradd", "usermod", "groupadd", "chage", "gdm-password", "pkexec", "dropbear", "unix_chkpwd", "PAM-rootok":
		return true
	}
	return false
}

// logindMessage reads what systemd-logind says of sessions.
func logindMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	if rest, ok := bytes.CutPrefix(msg, []byte("New session ")); ok {
		e.Outcome = "opened"
		if _, user, ok := bytes.Cut(rest, []byte(" of user ")); ok {
			e.User = view(bytes.TrimSuffix(upTo(user, ' '), []byte{'.'}))
		}
	} else if bytes.HasPrefix(msg, []byte("Session ")) && bytes.Contains(msg, []byte("logged out")) || bytes.HasPrefix(msg, []byte("Removed session ")) {
		e.Outcome = "closed"
	}
}
