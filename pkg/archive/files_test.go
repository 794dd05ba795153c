package archive

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSameNames: folders of one name hold different files.
func TestSameNames(t *testing.T) {
	top := t.TempDir()
	var paths []string
	for _, host := range []string{"a", "b", "c", "d"} {
		p := filepath.Join(top, host, "input")
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p, "access.log"), []byte(host), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	names := map[string]bool{}
	for _, f := range list(paths, "") {
		names[f.Path] = true
	}
	if len(names) != len(paths) {
		t.Errorf("%d names for %d files: %v", len(names), len(paths), names)
	}
}
