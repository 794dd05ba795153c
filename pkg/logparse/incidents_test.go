package logparse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// clientFormats tells, by its name, the format of an incident's file.
func clientFormat(path string) string {
	base := filepath.Base(path)
	switch {
	case base == "tracking.log", base == "measurements.log", base == "statistics.log":
		return "chrony-" + strings.TrimSuffix(base, ".log")
	case base == "chronyd.log":
		return "chronyd-log"
	case strings.HasPrefix(base, "chronyc"):
		return "chronyc"
	case base == "sntp.txt":
		return "sntp"
	case base == "query.log", base == "named.log":
		return "bind"
	case base == "unbound.log":
		return "unbound"
	case strings.HasPrefix(base, "curl"):
		return "curl"
	case strings.HasPrefix(base, "dig"):
		return "dig"
	case strings.HasPrefix(base, "ssh_") && strings.HasSuffix(base, ".log"):
		return "ssh-verbose"
	}
	return ""
}

// Every file of these kinds is recognised by its content, and every line of it
// is understood.
func TestIncidentFiles(t *testing.T) {
	root := need.Shared(t, "incidents")
	files, events := 0, 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "input") {
			return err
		}
		want := clientFormat(path)
		if want == "" || ByName(want) == nil {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		name, _ := filepath.Rel(root, path)
		got, reason, _ := Detect(text[:min(len(text), HeadBytes)], "file")
		if got == nil || got.Name != want {
			t.Errorf("%s: taken for %v, not %s: %s", name, got, want, reason)
			return nil
		}
		list, problems, _, err := ReadAll(strings.NewReader(string(text)), got, Source{Year: 2026})
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %d events, %v", name, len(list), err)
		}
		events += len(list)
		for _, p := range problems {
			t.Errorf("%s:%d: %s (and %d more)", name, p.Line, p.Text, p.Count)
		}
		return nil
	})
	if err != nil || files < 30 {
		t.Errorf("%d files, %d events, %v", files, events, err)
	}
	t.Logf("%d files, %d events", files, events)
}
