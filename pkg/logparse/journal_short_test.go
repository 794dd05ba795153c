package logparse

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// entries cuts a text before each line that begins an event of it.
func entries(t *testing.T, f *Format, text []byte) [][]byte {
	t.Helper()
	events, problems, _, err := ReadAll(bytes.NewReader(text), f, Source{})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	var out [][]byte
	for i, e := range events {
		end := len(text)
		if i+1 < len(events) {
			end = int(events[i+1].Offset)
		}
		out = append(out, text[e.Offset:end])
	}
	return out
}

// TestJournalShort: what is shown of an entry in fields is what journalctl wrote of
// the same journal in a line, but for how it writes the date.
func TestJournalShort(t *testing.T) {
	lines, err := os.ReadFile("../../samples/clock-step/input/web/journal.short-iso-precise.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(lines)) {
		stamp, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		at, err := time.Parse("2006-01-02T15:04:05.000000-0700", stamp)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, at.UTC().Format("Jan _2 15:04:05.000000 ")+rest)
	}
	for name, f := range map[string]*Format{"journal.export": journalExport, "journal.json": journalJSON} {
		text, err := os.ReadFile("../../samples/clock-step/input/web/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got := entries(t, f, text)
		if len(got) != len(want) {
			t.Fatalf("%s: %d entries, %d lines", name, len(got), len(want))
		}
		for i, entry := range got {
			if s := JournalShort(entry); s != want[i] {
				t.Errorf("%s: entry %d is shown as\n%s\njournalctl:\n%s", name, i+1, s, want[i])
			}
		}
	}
}

func TestJournalShortForms(t *testing.T) {
	const want = "Jan  5 08:00:00.000007 h sshd[7]: Failed password\n\nfor a"
	for name, entry := range map[string]string{
		"export, a binary field": "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1767600000000007\n_HOSTNAME=h\n_COMM=sshd\nSYSLOG_PID=7\nMESSAGE\n\x16\x00\x00\x00\x00\x00\x00\x00Failed password\n\nfor a\n\n",
		"json, a list of bytes":  `{"__REALTIME_TIMESTAMP":"1767600000000007","_HOSTNAME":"h","_COMM":"sshd","_PID":"7","MESSAGE":[70,97,105,108,101,100,32,112,97,115,115,119,111,114,100,10,10,102,111,114,32,97]}`,
		"json-pretty":            "{\n\t\"__REALTIME_TIMESTAMP\" : \"1767600000000007\",\n\t\"_HOSTNAME\" : \"h\",\n\t\"SYSLOG_IDENTIFIER\" : \"sshd\",\n\t\"_PID\" : \"7\",\n\t\"MESSAGE\" : \"Failed password\\n\\nfor a\"\n}\n",
		"json-seq":               "\x1e{\"__REALTIME_TIMESTAMP\":\"9\",\"_SOURCE_REALTIME_TIMESTAMP\":\"1767600000000007\",\"_HOSTNAME\":\"h\",\"_COMM\":\"sshd\",\"_PID\":\"7\",\"MESSAGE\":\"Failed password\\n\\nfor a\"}",
		"json-sse":               "data: {\"__REALTIME_TIMESTAMP\":\"1767600000000007\",\"_HOSTNAME\":\"h\",\"_COMM\":\"sshd\",\"_PID\":\"7\",\"MESSAGE\":\"Failed password\\n\\nfor a\"}",
	} {
		if got := JournalShort([]byte(entry)); got != want {
			t.Errorf("%s: %q", name, got)
		}
		for n := range entry { // cut anywhere
			if got := JournalShort([]byte(entry[:n])); got != "" && !strings.HasPrefix(got, "Jan  ") {
				t.Errorf("%s, %d bytes: %q", name, n, got)
			}
		}
	}
	verbose, err := os.ReadFile("testdata/golden/journal-verbose/sshd.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries(t, journalVerbose, verbose) {
		_, message, whole := strings.Cut(string(entry), "\n    MESSAGE=") // the last one is cut off before it
		message, _, _ = strings.Cut(message, "\n")
		if got := JournalShort(entry); strings.HasSuffix(got, "]: "+message) != whole {
			t.Errorf("verbose, entry %d: %q", i+1, got)
		}
	}
	for _, none := range []string{"", "{", "{}", "__CURSOR=s", "no entry", "__REALTIME_TIMESTAMP=1\n\n", "MESSAGE=x\n\n", `{"__REALTIME_TIMESTAMP":"1","_COMM":"x"}`} {
		if got := JournalShort([]byte(none)); got != "" {
			t.Errorf("%q: %q", none, got)
		}
	}
}
