package logparse

import (
	"bytes"
	"strings"
)

// messages reads the text of messages by the program that wrote them. syslog
// files and the journal share it: the text is the same, only the envelope
// differs. One belongs to one file, since some programs' messages depend on
// those before.
type messages struct {
	src    Source
	access access
	errors nginxErrors
}

func newMessages(src Source) *messages {
	return &messages{src: src, access: access{src: src}, errors: nginxErrors{src: src}}
}

// read fills Kind, Means and what the text says. The caller has filled stamp,
// Process (without its folder) and PID, which pid shows as it was written.
func (m *messages) read(pid, text []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(text)
	program, _, _ := strings.Cut(e.Process, "/") // "httpd/backend1"
	switch program {
	case "sshd", "sshd-session", "sshd-auth":
		e.Connection = view(pid)
		sshdMessage(text, e)
	case "systemd-logind":
		logindMessage(text, e)
	case "kernel":
		kernelMessage(text, e)
	case "filterlog":
		packetLog(text, e)
	case "nginx", "apache2", "httpd":
		m.web(text, e)
	case "haproxy":
		envelope := *e
		e.Text = ""
		if !haproxyMessage(text, &m.src, e) {
			*e = envelope
		}
	default:
		if !daemonMessage(e.Process, text, e) {
			pamMessage(text, e)
		}
	}
}

// web reads access and error lines that a web server sends to syslog. They
// bring their own stamps, which count.
func (m *messages) web(text []byte, e *Event) {
	text = bytes.TrimLeft(text, " ")
	envelope := *e
	e.Text = ""
	m.access.server = "nginx"
	if !strings.HasPrefix(e.Process, "nginx") {
		m.access.server = "apache"
	}
	if m.access.line(text, e) {
		return
	}
	*e = envelope
	if m.access.server == "nginx" {
		if _, n := slashTime(text); n > 0 {
			host, line := e.Host, e.Line
			if m.errors.line(text, e) {
				e.Host, e.Line = host, line
				return
			}
			*e = envelope
		}
		return
	}
	if len(text) > 0 && text[0] == '[' && !apacheMessage(text, e) {
		*e = envelope
	}
}
