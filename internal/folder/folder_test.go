package folder

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWalk(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"b/x", "a", "b/c/new\nline", "skipped/y"} {
		target := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"b/loop": top, "gone": filepath.Join(top, "nowhere"), "z": filepath.Join(top, "a"), "zz": filepath.Join(top, "b")} {
		if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	skip, err := True(filepath.Join(top, "skipped"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	Walk(top, []string{skip}, func(open, name string, st fs.FileInfo, err error) {
		got = append(got, fmt.Sprintf("%q %v", name, err == nil))
		if err == nil && (st.IsDir() || filepath.Join(top, filepath.FromSlash(name)) != open) {
			t.Errorf("%s: %s", name, open)
		}
	})
	const want = `"a" true, "b/c/new\nline" true, "b/x" true, "gone" false, "z" true`
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	Walk(filepath.Join(top, "none"), nil, func(_, name string, _ fs.FileInfo, err error) {
		if name != "." || err == nil {
			t.Errorf("%s %v", name, err)
		}
	})
}

func TestLink(t *testing.T) {
	top := t.TempDir()
	file, target := filepath.Join(top, "file"), filepath.Join(top, "x", "y", "name")
	if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Link(file, target); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "text" {
		t.Errorf("%q %v", b, err)
	}
	if Link(file, target) == nil {
		t.Error("a name was taken twice")
	}
}
