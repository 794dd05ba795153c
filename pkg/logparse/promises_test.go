package logparse

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// checkPromises holds what a kind of event promises to those who use it.
func checkPromises(t *testing.T, f *Format, e *Event) {
	t.Helper()
	switch {
	case (e.Kind == ClockReading || e.Kind == ClockStep) && e.Reading == nil, e.Kind == ClientHTTP && e.Timing == nil, e.Kind == ClientDNS && e.Lookup == nil:
		t.Fatalf("%s:%d: %s without what it promises", f.Name, e.Line, e.Kind)
	case e.HasTime && e.NoDate:
		t.Fatalf("%s:%d: a time with and without date", f.Name, e.Line)
	}
	if r := e.Reading; r != nil {
		switch {
		case r.Bound < 0 || r.RemBound < 0:
			t.Fatalf("%s:%d: a negative bound: %+v", f.Name, e.Line, r)
		case !r.HasOffset && r.Offset != 0 && r.Synchronised:
			t.Fatalf("%s:%d: an offset that is none: %+v", f.Name, e.Line, r)
		}
	}
}

// CRLF, a byte order mark and foreign bytes change nothing of what is read.
func TestGoldensInOtherClothes(t *testing.T) {
	for _, path := range goldens(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, src := ByName(filepath.Base(filepath.Dir(path))), goldenSource(path)
		if f == nil || f.Name == "journal-export" { // CR is data there
			continue
		}
		plain, _, _, _ := ReadAll(bytes.NewReader(text), f, src)
		for name, other := range map[string][]byte{
			"CRLF":  bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
			"BOM":   append([]byte("\xef\xbb\xbf"), text...),
			"bytes": append(append([]byte(nil), text...), "\x00\x00\xff\xfe\n"...),
		} {
			if name == "CRLF" && bytes.Contains(text, []byte("\r\n")) || name == "bytes" && f.Name == "har" {
				continue
			}
			readThrough(t, f, other, src)
			got, _, _, _ := ReadAll(bytes.NewReader(other), f, src)
			if len(got) < len(plain) {
				t.Errorf("%s with %s: %d events, not %d", path, name, len(got), len(plain))
			}
			for i := range plain {
				if i < len(got) && (got[i].Kind != plain[i].Kind || got[i].Time != plain[i].Time || got[i].Line != plain[i].Line) {
					t.Errorf("%s with %s: event %d differs", path, name, i+1)
					break
				}
			}
		}
	}
}

// Texts of servers are not taken for the output of clients and daemons.
func TestServersAreNotClients(t *testing.T) {
	for _, path := range []string{"daemons/web/logs/access.log", "daemons/web/logs/error.log", "daemons/web/logs/aerror.log", "incidents/s06_ssh/input/ssh/auth.log", "incidents/s15_journal_step/input/web/journal.json"} {
		text, err := os.ReadFile(need.Shared(t, strings.Split(path, "/")...))
		if err != nil {
			t.Fatal(err)
		}
		head := wholeLines(text[:min(len(text), HeadBytes)])
		for _, f := range []*Format{chronydLog, chronyc, ntpdLog, ntpq, timesyncStatus, sntp, dig, curl, sshVerbose, nslookup, resolvectl, resolvConf, ping, hostState, har, bindLog, unboundLog, dnsmasqLog, corednsLog, powerdnsLog} {
			if n := f.Score(head); n > 50 {
				t.Errorf("%s scores %d as %s", path, n, f.Name)
			}
		}
	}
}
