package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"time"
)

// What ssh -v (-vv, -vvv) prints: one event a session, plain, with -E, or
// through ts(1), with its prompt and the lines of "time". The program itself
// writes no stamps; ts puts one before each line.

var sshVerbose = &Format{
	Name: "ssh-verbose",
	Score: func(head []byte) int {
		for _, sign := range []string{"debug1: ", "ssh: connect to host ", "ssh: Could not resolve hostname"} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 96, &sshText{strict: true})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newTranscriptDecoder(r, &sshText{src: src}) },
	Hints: []string{"ssh"},
}

type sshText struct {
	src    Source
	strict bool // lines that ssh does not print are not taken for a session's output

	open     bool
	event    Event
	prompted bool // the session began with its prompt, and nothing came since
	method   string
	denials  int // answers that name the methods that can continue; the first is to "none"
	exit     int
	over     bool

	year          yearless
	yearless      bool  // the latest stamp had none
	last, days    int64 // of stamps without a date
	first         int64
	hasFirst      bool
	fromBeginning bool // ts -s: the stamps count from the start
}

func (s *sshText) start(at place) {
	s.open, s.prompted, s.method, s.denials, s.exit, s.over = true, false, "", 0, -1, false
	s.year = yearless{year: s.src.Year}
	s.last, s.days, s.hasFirst, s.fromBeginning = 0, 0, false, false
	s.event = begin(ClientSSH, at)
	s.event.Process, s.event.Means = "ssh", ClientStart
}

func (s *sshText) finish(out *outbox) {
	if !s.open {
		return
	}
	s.open = false
	e := s.event
	if e.Type == "" {
		e.Type = s.method
	}
	if e.Outcome == "" && s.exit == 255 {
		e.Outcome = "failed"
	}
	if s.denials > 1 {
		e.Values = append(e.Values, Value{Name: "auth-failures", Number: float64(s.denials - 1)})
	}
	if s.exit >= 0 {
		e.Values = append(e.Values, Value{Name: "exit", Number: float64(s.exit)})
	}
	if e.Lines <= 1 && e.Outcome == "" && e.Agent == "" && !e.Server.IsValid() {
		return // a prompt and nothing after it
	}
	out.put(e)
}

func (s *sshText) end(out *outbox) { s.finish(out) }

func (s *sshText) line(line []byte, at place, out *outbox) bool {
	line = bytes.TrimRight(line, "\r")
	if command, _, ok := prompt(line, "ssh"); ok {
		s.finish(out)
		s.start(at)
		s.prompted = true
		s.target(arguments(command)[1:])
		return true
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return true
	}
	if code, ok := exitLine(line); ok {
		if s.open {
			s.exit = code
			s.event.reach(at)
		}
		return true
	}
	if name, ns, ok := timeLine(line); ok {
		if s.open && name == "real" {
			s.event.Duration = time.Duration(ns)
			s.event.reach(at)
		}
		s.over = true
		return true
	}
	text, stamp, stamped := s.stamp(line)
	if bytes.HasPrefix(text, []byte("OpenSSH_")) && bytes.Contains(text, []byte(", ")) {
		if !s.prompted {
			s.finish(out)
			s.start(at)
			_, stamp, stamped = s.stamp(line)
		}
		s.prompted = false
		s.event.reach(at)
		s.at(stamp, stamped, "")
		return true
	}
	debug, isDebug := sshDebug(text)
	if !isDebug && !s.speaks(text) {
		if s.open {
			s.event.reach(at)
		}
		return s.open && !s.strict
	}
	if !s.open {
		s.start(at)
	}
	s.prompted = false
	s.event.reach(at)
	if isDebug {
		text = debug
	}
	s.message(text, stamp, stamped)
	return true
}

// sshDebug takes "debug1: " and the like from a line.
func sshDebug(b []byte) ([]byte, bool) {
	if len(b) > 8 && bytes.HasPrefix(b, []byte("debug")) && b[5] >= '1' && b[5] <= '3' && b[6] == ':' && b[7] == ' ' {
		return b[8:], true
	}
	return nil, false
}

// target reads the command line: [user@]host, -p, -l.
func (s *sshText) target(args []string) {
	const withArgument = "BbcDEeFIiJLlmOopQRSWw"
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) > 1 && a[0] == '-' {
			for k := 1; k < len(a); k++ {
				if strings.IndexByte(withArgument, a[k]) < 0 {
					continue
				}
				value := a[k+1:]
				if value == "" && i+1 < len(args) {
					i++
					value = args[i]
				}
				if a[k] == 'l' {
					s.event.User = value
				}
				break
			}
			continue
		}
		if user, host, ok := strings.Cut(a, "@"); ok {
			s.event.User, a = user, host
		}
		s.event.Name = strings.ToLower(a)
		return
	}
}

// sshFailures are the endings that ssh prints, with or without "debug1: ", and
// the word for each.
var sshFailures = []struct{ text, outcome string }{
	{"Could not resolve hostname", "unresolved"},
	{"no matching ", "no-common-algorithm"},
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "host-key"},
	{"Host key verification failed", "host-key"},
	{"Connection refused", "refused"},
	{"No route to host", "unreachable"},
	{"Network is unreachable", "unreachable"},
	{"timed out during banner exchange", "timeout"},
	{"Connection timed out", "timeout"},
	{"Operation timed out", "timeout"},
	{"not responding", "timeout"},
	{"Too many authentication failures", "failed"},
	{"Connection reset", "reset"},
	{"Connection closed", "closed"},
	{"Broken pipe", "closed"},
	{"Permission denied (", "failed"},
	{"Received disconnect from", "disconnected"},
	{"Disconnected from", "disconnected"},
	{"Protocol mismatch", "protocol"},
	{"Bad packet length", "protocol"},
	{"Corrupted MAC", "protocol"},
}

// speaks tells a line that ssh prints without "debug".
func (s *sshText) speaks(b []byte) bool {
	for _, prefix := range []string{
		"Authenticated to ", "Transferred: sent ", "Bytes per second: ", "Permission denied, please try again", "Warning: Permanently added ", "Unable to negotiate with ",
		"ssh: ", "kex_exchange_identification: ", "ssh_exchange_identification: ", "ssh_dispatch_run_fatal: ", "banner exchange: ", "Connection closed by ", "Connection reset by ",
		"Connection to ", "Host key verification failed", "Received disconnect from ", "Disconnected from ", "Timeout, server ", "client_loop: ", "@@@@", "@ ", "  #", "debug",
		"Bad packet length", "Corrupted MAC", "Read from ",
	} {
		if bytes.HasPrefix(b, []byte(prefix)) {
			return true
		}
	}
	return bytes.Contains(b, []byte(": Permission denied ("))
}

func (s *sshText) message(text []byte, st stamp, stamped bool) {
	e := &s.event
	s.at(st, stamped, sshMark(text))
	switch {
	case bytes.HasPrefix(text, []byte("Connecting to ")):
		s.connecting(text[len("Connecting to "):])
	case bytes.HasPrefix(text, []byte("Remote protocol version ")):
		if _, v, ok := bytes.Cut(text, []byte("remote software version ")); ok {
			e.Agent = string(v)
		}
	case bytes.HasPrefix(text, []byte("Authenticating to ")):
		if _, user, ok := bytes.Cut(text, []byte(" as '")); ok {
			e.User = string(bytes.TrimRight(user, "'"))
		}
	case bytes.HasPrefix(text, []byte("Authentications that can continue: ")):
		s.denials++
	case bytes.HasPrefix(text, []byte("Next authentication method: ")):
		s.method = string(text[len("Next authentication method: "):])
	case bytes.HasPrefix(text, []byte("Authenticated to ")):
		e.Outcome, e.Text = "accepted", ""
		if _, method, ok := bytes.Cut(text, []byte(` using "`)); ok {
			method, _, _ = cutAt(method, '"')
			e.Type = string(method)
		}
	case bytes.HasPrefix(text, []byte("Authentication succeeded (")):
		method, _, _ := cutAt(text[len("Authentication succeeded ("):], ')')
		e.Outcome, e.Type, e.Text = "accepted", string(method), ""
	case bytes.HasPrefix(text, []byte("Transferred: sent ")):
		var f [7][]byte
		words(bytes.ReplaceAll(text, []byte{','}, nil), f[:])
		sent, ok1 := integer(f[2])
		received, ok2 := integer(f[4])
		if ok1 && ok2 {
			e.Sent, e.Received = sent, received
		}
	default:
		s.failure(text)
	}
}

// failure notes why the session ended or never was. After a login was accepted
// it is only told, unless the connection broke.
func (s *sshText) failure(text []byte) {
	e := &s.event
	for _, f := range sshFailures {
		if !bytes.Contains(text, []byte(f.text)) {
			continue
		}
		if bytes.HasPrefix(text, []byte("channel ")) || bytes.HasPrefix(text, []byte("connect to address ")) && e.Outcome != "" {
			return
		}
		if e.Outcome == "accepted" {
			e.Text = string(text)
			return
		}
		if e.Outcome == "" || e.Outcome == "closed" || e.Outcome == "disconnected" {
			e.Outcome = f.outcome
		}
		e.Text = string(text)
		return
	}
	if bytes.HasPrefix(text, []byte("Connection established")) { // an address before this one failed
		e.Outcome, e.Text = "", ""
	}
}

// connecting reads "servidor.ejemplo.com [10.20.0.22] port 22."
func (s *sshText) connecting(b []byte) {
	e := &s.event
	var f [4][]byte
	if words(bytes.TrimRight(b, "."), f[:]) < 4 {
		return
	}
	e.Name = strings.Clone(lowerName(f[0]))
	a, ok1 := address(bytes.Trim(f[1], "[]"))
	p, ok2 := port(f[3])
	if ok1 && ok2 {
		e.Server = netip.AddrPortFrom(a, p)
	}
}

// sshMarks are the messages that end a phase.
var sshMarks = []struct{ text, name string }{
	{"Connecting to ", "connecting"},
	{"Connection established", "tcp.connect"},
	{"Remote protocol version ", "ssh.banner"},
	{"SSH2_MSG_NEWKEYS received", "ssh.kex"},
	{"SSH2_MSG_SERVICE_ACCEPT received", "ssh.service"},
	{"Authenticated to ", "ssh.auth"},
	{"Authentication succeeded (", "ssh.auth"},
	{"Entering interactive session", "ssh.session"},
	{"Transferred: sent ", "closed"},
}

func sshMark(text []byte) string {
	for _, m := range sshMarks {
		if bytes.HasPrefix(text, []byte(m.text)) {
			return m.name
		}
	}
	return ""
}
