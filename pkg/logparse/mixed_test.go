package logparse

import (
	"strings"
	"testing"
	"time"
)

// Two formats in one file, each line in its own, with the colours of a terminal
// or without; the last line is cut off.
func TestTwoFormatsInOneFile(t *testing.T) {
	access := `10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] "GET /a HTTP/1.1" 200 12 "-" "curl/8"`
	failure := `2026/11/22 11:55:36 [error] 7#7: *9 open() "/x" failed (2: No such file or directory), client: 10.0.0.1, server: _, request: "GET /x HTTP/1.1", host: "a"`
	login := "2026-11-22T11:55:37+01:00 web sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2"
	coloured := "\x1b[32m" + strings.Replace(access, "/a", "/c\x1b[0m", 1) + "\x1b[1;31m"
	text := strings.Join([]string{access, failure, login, coloured, "\x1b[0m", "nonsense", access[:40]}, "\n")
	for _, name := range []string{"access-log", "nginx-error"} {
		events, problems, lines, err := ReadAll(strings.NewReader(text), ByName(name), Source{})
		if err != nil || lines != 7 {
			t.Fatal(err, lines)
		}
		var kinds, paths []string
		for i := range events {
			kinds, paths = append(kinds, string(events[i].Kind)), append(paths, events[i].Path)
		}
		if got := strings.Join(kinds, " "); got != "http-request http-error ssh-accepted http-request" || strings.Join(paths, " ") != "/a /x  /c" {
			t.Errorf("as %s: %s of %q", name, got, paths)
		}
		n := len(problems)
		if n == 0 || problems[0].Line != 5 || problems[n-1].Line+problems[n-1].Count != 7 {
			t.Errorf("as %s: %+v", name, problems)
		}
	}
}

// A year begins where stamps go back by more than half of one, though the log
// was quiet for months; months may be Spanish.
func TestYearlessQuietForMonths(t *testing.T) {
	y := yearless{year: 2026}
	for _, c := range []struct{ text, want string }{
		{"nov 03 09:23:38", "2026-11-03"},
		{"feb 03 09:23:38", "2027-02-03"},
		{"ago 03 09:23:38", "2027-08-03"},
		{"dic 31 09:23:38", "2027-12-31"},
		{"ene 01 09:23:38", "2028-01-01"},
		{"Feb 29 09:23:38", "2028-02-29"},
		{"abr 01 09:23:38", "2028-04-01"},
	} {
		st, inferred, known, n := y.read([]byte(c.text))
		if got := time.Unix(0, st.time).UTC().Format(time.DateOnly); n != len(c.text) || !known || !inferred || got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}
