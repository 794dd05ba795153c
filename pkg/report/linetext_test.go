package report

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestQuoteJournal: of an entry in fields the first line is quoted as it is
// written, and what is shown of it comes from the message, wherever that stands.
func TestQuoteJournal(t *testing.T) {
	const head = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1767600000000001\n_HOSTNAME=h\n"
	export := head + "BIG=" + strings.Repeat("x", 100<<10) + "\nSYSLOG_IDENTIFIER=sshd\n_PID=7\nMESSAGE=Server listening on 0.0.0.0 port 22.\n\n" +
		head + "SYSLOG_IDENTIFIER=sshd\n_PID=8\nMESSAGE\n\x0a\x00\x00\x00\x00\x00\x00\x00one\n\nthree\n\n" +
		head + "MESSAGE=" + strings.Repeat("long ", 200) + "\n\n"
	pretty := "{\n \"__REALTIME_TIMESTAMP\" : \"1767600000000001\",\n \"_COMM\" : \"a\",\n \"MESSAGE\" : \"first\"\n}\n{\n \"__REALTIME_TIMESTAMP\" : \"1767600000000001\",\n \"_COMM\" : \"a\",\n \"MESSAGE\" : \"second\"\n}\n"
	plain := "Nov 26 20:23:42 web sshd[300]: Connection from 192.0.2.1 port 36224 on 192.0.2.2 port 22\n"
	const at = "Jan  5 08:00:00.000001 "
	want := map[string][]quotation{
		"a.export": {
			{"__CURSOR=s=1", at + "h sshd[7]: Server listening on 0.0.0.0 port 22."},
			{"__CURSOR=s=1", at + "h sshd[8]: one\n\nthree"},
			{"__CURSOR=s=1", trim([]byte(at + "h unknown: " + strings.Repeat("long ", 200)))},
		},
		"b.json": {{"{", at + "a: first"}, {"{", at + "a: second"}},
		"c.log":  {{text: strings.TrimSuffix(plain, "\n")}},
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"a.export": export, "b.json": pretty, "c.log": plain} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inc, err := incident.Read(context.Background(), []string{dir}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range inc.Logs {
		all := make([]int, len(l.Events))
		for i := range all {
			all[i] = i
		}
		got, expected := quote(l, all), want[filepath.Base(l.File.Path)]
		if len(got) != len(expected) {
			t.Fatalf("%s: %d quotations", l.File.Path, len(got))
		}
		for i, q := range expected {
			if got[i] != q {
				t.Errorf("%s, entry %d: %q, want %q", l.File.Path, i+1, got[i], q)
			}
		}
	}
	if len(inc.Logs) != len(want) {
		t.Errorf("%d logs", len(inc.Logs))
	}
}
