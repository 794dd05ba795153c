package pcapflow

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// EachCapture visits the chosen captures and the archive of further ones.
func EachCapture(t *testing.T, visit func(name string, data []byte)) {
	dir := need.Shared(t, "captures")
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) > 8<<20 {
			return err
		}
		if _, ok := capture.Recognise(data); ok {
			visit(e.Name(), data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	need.Archived(t, func(name string, data []byte) bool {
		visit(name, data)
		return false
	})
}
