package incident

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// FuzzRead gives any bytes as evidence beside a capture: nothing panics, the
// file is told of, and its stamps and problems lie within it.
func FuzzRead(f *testing.F) {
	for _, text := range evidence() {
		f.Add([]byte(text))
	}
	f.Add([]byte(keys))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		for name, text := range map[string]string{"a.pcap": capturing(at, 2), "web/file": string(b)} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		inc, err := Read(context.Background(), []string{dir}, Options{Unpack: unpack.Options{MaxSize: 1 << 20}})
		if err != nil && !errors.Is(err, ErrNoInput) {
			t.Fatal(err)
		}
		file := inc.file(t, "web/file")
		if strings.Contains(file.told(), "internal error") {
			t.Fatal(file.told())
		}
		if file.Bytes != int64(len(b)) || file.Records < 0 || file.First > file.Last || len(file.Problems) == 0 && file.Records == 0 {
			t.Fatalf("%+v", file)
		}
		for _, p := range file.Problems {
			if p.Offset < 0 || p.Offset > int64(len(b)) && file.Packing == "" || p.Record < 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
}
