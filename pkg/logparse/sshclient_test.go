package logparse

import (
	"fmt"
	"testing"
	"time"
)

func TestSSHClientTruth(t *testing.T) {
	for _, incident := range []string{"s06_ssh", "s10_integrador", "s15_journal_step"} {
		truth := truthOf(t, incident)
		for i, want := range truth.SSH {
			name := fmt.Sprintf("ssh_%02d.log", i+1)
			events := readFile(t, "ssh-verbose", "incidents", incident, "input", want.ClientHost, name)
			if len(events) != 1 {
				t.Errorf("%s %s: %d sessions", incident, name, len(events))
				continue
			}
			e := events[0]
			outcome := map[string]string{"accepted": "accepted", "denied": "failed", "failed": "no-common-algorithm"}[want.Outcome]
			if e.Outcome != outcome || e.User != want.User || e.Name != want.Target || e.Server.String() != want.Server {
				t.Errorf("%s %s: %s %s@%s %v, want %s %+v", incident, name, e.Outcome, e.User, e.Name, e.Server, outcome, want)
			}
			if outcome != "no-common-algorithm" && e.Type != want.Method {
				t.Errorf("%s %s: method %q, want %q", incident, name, e.Type, want.Method)
			}
			if d := e.Duration.Seconds() - want.Duration; d > 0.005 || d < -0.005 {
				t.Errorf("%s %s: %v, want %v s", incident, name, e.Duration, want.Duration)
			}
			if last := e.Values[len(e.Values)-1]; last.Name != "exit" || int(last.Number) != want.Exit {
				t.Errorf("%s %s: %+v, want exit %d", incident, name, e.Values, want.Exit)
			}
			if e.HasTime || e.NoDate || len(e.Marks) > 0 {
				t.Errorf("%s %s: a time from nowhere: %+v", incident, name, e)
			}
		}
	}
}

func TestSSHClientForms(t *testing.T) {
	events := readText(t, "ssh-verbose", `$ ssh -v -p 2222 ana@vieja.ejemplo.com
ssh: connect to host vieja.ejemplo.com port 2222: Connection refused
$ ssh -vl ana nadie.ejemplo.com
ssh: Could not resolve hostname nadie.ejemplo.com: Name or service not known
`, 2)
	if events[0].Outcome != "refused" || events[0].User != "ana" || events[0].Name != "vieja.ejemplo.com" || events[1].Outcome != "unresolved" || events[1].User != "ana" {
		t.Errorf("%+v\n%+v", events[0], events[1])
	}
	for form, want := range map[string]struct {
		time    int64
		hasTime bool
		noDate  bool
		step    time.Duration
	}{
		"2026-11-22T10:15:32.100000 %s\n":   {1795342532100e6, true, false, time.Second},
		"[2026-11-22 10:15:32.100000] %s\n": {1795342532100e6, true, false, time.Second},
		"1795342532.100000 %s\n":            {1795342532100e6, true, false, time.Second},
		"10:15:32.100000 %s\n":              {36932100e6, false, true, time.Second},
		"00:00:00 %s\n":                     {0, false, false, time.Second},
	} {
		later := map[bool]string{true: "1795342533.100000 %s\n", false: ""}[form[0] == '1' && form[1] == '7']
		switch {
		case later != "":
		case form[0] == '0':
			later = "00:00:01 %s\n"
		case form[0] == '2':
			later = "2026-11-22T10:15:33.100000 %s\n"
		case form[0] == '[':
			later = "[2026-11-22 10:15:33.100000] %s\n"
		default:
			later = "10:15:33.100000 %s\n"
		}
		text := fmt.Sprintf(form, "OpenSSH_9.2p1, OpenSSL 3.0") + fmt.Sprintf(form, "debug1: Connecting to s.ejemplo.com [10.20.0.22] port 22.") +
			fmt.Sprintf(later, "debug1: Connection established.") + fmt.Sprintf(later, `Authenticated to s.ejemplo.com ([10.20.0.22]:22) using "publickey".`)
		e := readText(t, "ssh-verbose", text, 1)[0]
		if e.Time != want.time || e.HasTime != want.hasTime || e.NoDate != want.noDate || len(e.Marks) != 3 || time.Duration(e.Marks[1].Time-e.Marks[0].Time) != want.step || e.Marks[1].Name != "tcp.connect" || e.Outcome != "accepted" {
			t.Errorf("%s: %+v", form, e)
		}
	}
}
