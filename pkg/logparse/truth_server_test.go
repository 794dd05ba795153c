package logparse

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// serverTruth is what truth.json says of the servers' lines.
type serverTruth struct {
	Logs []struct {
		File, Host, Program string
		Lines               int
	}
	Requests []struct {
		ID  any // a number in one incident
		Log *struct {
			File      string
			Line      int
			Text      string
			End       *float64 `json:"end_true"`
			Start     *float64 `json:"start_true"`
			RequestID string   `json:"request_id"`
			Seen      string   `json:"client_seen"`
		}
	}
	SSH []struct {
		ID, User, Client, Outcome string
		Lines                     []struct {
			File string
			Line int
			Msg  string
		} `json:"log_lines"`
	} `json:"ssh_sessions"`
}

// formatOf is the format of a log by what the truth says of its program; ""
// for programs of other tests.
func formatOf(program string) string {
	for _, p := range []struct{ part, format string }{
		{"nginx error", "nginx-error"}, {"nginx", "nginx-access"}, {"apache error", "apache-error"}, {"apache", "apache-access"},
		{"app (JSON", "app-log"}, {"-o export", "journal-export"}, {"-o json", "journal-json"}, {"-o short", "auth-log"},
		{"rsyslog", "auth-log"},
	} {
		if strings.HasPrefix(program, p.part) || strings.HasPrefix(p.part, "-o") && strings.Contains(program, p.part) {
			return p.format
		}
	}
	return ""
}

// Every line of the servers' logs of every incident is read, as the truth
// numbers them, and says what really happened.
func TestServerLogsAgreeWithTheTruth(t *testing.T) {
	root := need.Shared(t, "incidents")
	dirs, err := filepath.Glob(filepath.Join(root, "*", "truth.json"))
	if err != nil || len(dirs) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var truth serverTruth
			if err := json.Unmarshal(text, &truth); err != nil {
				t.Fatal(err)
			}
			hosts := truthOf(t, filepath.Base(dir))
			events := map[string]map[int]*Event{}
			host := map[string]string{}
			for _, l := range truth.Logs {
				if format := formatOf(l.Program); format != "" {
					events[l.File] = readTruthLog(t, dir, l.File, format, l.Lines)
					host[l.File] = l.Host
				}
			}
			for _, r := range truth.Requests {
				if r.Log == nil {
					continue
				}
				e := events[r.Log.File][r.Log.Line]
				if e == nil {
					t.Errorf("%v: no event at %s:%d", r.ID, r.Log.File, r.Log.Line)
					continue
				}
				checkRequestLine(t, r.ID, e, r.Log.Text, r.Log.RequestID, r.Log.Seen)
				moment := r.Log.End
				if e.Means == RequestStart {
					moment = r.Log.Start
				}
				if moment == nil {
					continue
				}
				truly := int64(math.Round(*moment * 1e9))
				clock := truly + int64(hosts.offset(host[r.Log.File], truly)*1e9)
				// The truth's own figure is a line of the same server, written
				// within the same turn of its loop.
				if slack := 20 * int64(time.Millisecond); clock < e.Time-slack || clock >= e.Time+int64(e.Width)+slack {
					t.Errorf("%v: %s:%d says %s, the clock showed %s", r.ID, r.Log.File, r.Log.Line, time.Unix(0, e.Time).UTC(), time.Unix(0, clock).UTC())
				}
			}
			checkApplication(t, truth, hosts, events, host)
			for _, s := range truth.SSH {
				port := s.Client[strings.LastIndexByte(s.Client, ':')+1:]
				for _, l := range s.Lines {
					e := events[l.File][l.Line]
					if e == nil {
						t.Errorf("%s: no event at %s:%d", s.ID, l.File, l.Line)
						continue
					}
					if strings.TrimSpace(e.Text) != l.Msg || e.Process != "sshd" {
						t.Errorf("%s: %s:%d: %q, want %q", s.ID, l.File, l.Line, e.Text, l.Msg)
					}
					if strings.Contains(l.Msg, " port "+port) && e.Client.String() != s.Client {
						t.Errorf("%s: %s:%d: client %s, want %s", s.ID, l.File, l.Line, e.Client, s.Client)
					}
					if e.Kind == SSHAccepted && (s.Outcome != "accepted" || e.User != s.User) {
						t.Errorf("%s: %s:%d: accepted for %s, outcome %s for %s", s.ID, l.File, l.Line, e.User, s.Outcome, s.User)
					}
				}
			}
		})
	}
}

func readTruthLog(t *testing.T, dir, file, format string, lines int) map[int]*Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	found, why, _ := Detect(text[:min(len(text), HeadBytes)], file)
	if found == nil || found.Name != format && (found.Name != "access-log" || !strings.HasSuffix(format, "-access")) && (found.Name != "syslog" || format != "auth-log") {
		t.Errorf("%s: taken for %v, want %s: %s", file, found, format, why)
	}
	list, problems, n, err := ReadAll(bytes.NewReader(text), ByName(format), Source{Path: file, Year: 2026})
	if err != nil || len(problems) > 0 || n != lines {
		t.Errorf("%s: %d lines of %d, %v, problems %+v", file, n, lines, err, problems)
	}
	at := map[int]*Event{}
	for i := range list {
		at[list[i].Line] = &list[i]
	}
	if format != "journal-export" && len(list) != lines {
		t.Errorf("%s: %d events of %d lines", file, len(list), lines)
	}
	return at
}

// checkRequestLine compares an event with the words of its line.
func checkRequestLine(t *testing.T, id any, e *Event, text, requestID, seen string) {
	t.Helper()
	if e.Kind != HTTPRequest || e.Method == "" || e.Status == 0 {
		t.Errorf("%v: %q gives %+v", id, text, e)
		return
	}
	if text != "" && !strings.Contains(text, e.Method+" "+e.Path+" "+e.Proto) {
		t.Errorf("%v: %s %s %s is not in %q", id, e.Method, e.Path, e.Proto, text)
	}
	if e.RequestID != "" && e.RequestID != requestID {
		t.Errorf("%v: request id %s, want %s", id, e.RequestID, requestID)
	}
	if seen != "" && e.Client.Addr().String() != strings.Trim(seen[:strings.LastIndexByte(seen, ':')], "[]") {
		t.Errorf("%v: client %s, want %s", id, e.Client, seen)
	}
}

// checkApplication holds that an application's line is written when its request
// is done: it and the web server's line of the same id tell one instant, as the
// request of one upstream does.
func checkApplication(t *testing.T, truth serverTruth, hosts incidentTruth, events map[string]map[int]*Event, host map[string]string) {
	t.Helper()
	byID := map[string]*Event{}
	for file, lines := range events {
		for _, e := range lines {
			if strings.HasSuffix(file, "app.log") && e.RequestID != "" {
				if e.Kind != AppRequest || e.Means != RequestEnd {
					t.Errorf("%s:%d: %s, %s", file, e.Line, e.Kind, e.Means)
				}
				byID[e.RequestID] = e
			}
		}
	}
	for _, r := range truth.Requests {
		if r.Log == nil || r.Log.End == nil || byID[r.Log.RequestID] == nil {
			continue
		}
		e := byID[r.Log.RequestID]
		truly := int64(math.Round(*r.Log.End * 1e9))
		end := truly + int64(hosts.offset(host[r.Log.File], truly)*1e9)
		start := end - int64(e.Duration)
		if d := time.Duration(end - e.Time); e.Duration > 100*time.Millisecond && d > time.Duration(e.Time-start) {
			t.Errorf("%v: the application stamps %s before the end of a request of %s", r.ID, d, e.Duration)
		}
	}
}
