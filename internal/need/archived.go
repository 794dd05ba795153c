package need

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Archived visits the captures of the archive of further ones, in its order, until
// visit tells that it has seen enough.
func Archived(t testing.TB, visit func(name string, data []byte) (enough bool)) {
	t.Helper()
	f, err := os.Open(Shared(t, "captures", "more.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && visit(h.Name, data) {
			return
		}
	}
}
