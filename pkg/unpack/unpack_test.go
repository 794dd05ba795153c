package unpack

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/flowcorr/flowcorr/internal/need"
)

// sample is text that packs well but not absurdly so.
func sample(n int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString("10.0.0.")
		b.WriteByte(byte('0' + i%7))
		b.WriteString(" GET /")
		b.WriteString(strings.Repeat(string(rune('a'+i*i%26)), i%13))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// pack runs the program that made the format.
func pack(t testing.TB, program string, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(need.Program(t, program), append(args, "-c")...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out
}

var programs = []string{"gzip", "zstd", "xz", "lz4", "bzip2"}

func TestPackings(t *testing.T) {
	data := sample(300_000)
	for _, name := range programs {
		t.Run(name, func(t *testing.T) {
			one := pack(t, name, data)
			for what, in := range map[string]struct{ packed, want []byte }{
				"one":    {one, data},
				"two":    {append(bytes.Clone(one), one...), append(bytes.Clone(data), data...)},
				"empty":  {pack(t, name, nil), nil},
				"padded": {append(bytes.Clone(one), make([]byte, 512)...), data},
			} {
				if what == "padded" && name != "gzip" {
					continue
				}
				for _, r := range []io.Reader{bytes.NewReader(in.packed), iotest.OneByteReader(bytes.NewReader(in.packed))} {
					u, err := NewReader(r, Options{})
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					got, err := io.ReadAll(u)
					if err != nil || !bytes.Equal(got, in.want) || u.Packing() != name {
						t.Fatalf("%s: %d bytes of %d, %q, %v", what, len(got), len(in.want), u.Packing(), err)
					}
					u.Close()
				}
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("x"), []byte("\x1f\x8b"), []byte("BZh9 is a name"), sample(1 << 20)} {
		u, err := NewReader(bytes.NewReader(data), Options{})
		if err != nil {
			t.Fatal(err)
		}
		head := bytes.Clone(u.Head(1000))
		if !bytes.Equal(head, data[:min(1000, len(data))]) {
			t.Errorf("head of %d bytes", len(head))
		}
		if got, err := io.ReadAll(u); err != nil || !bytes.Equal(got, data) || u.Packing() != "" {
			t.Errorf("%d bytes of %d, %q, %v", len(got), len(data), u.Packing(), err)
		}
	}
}

func TestHead(t *testing.T) {
	data := sample(100_000)
	u, err := NewReader(bytes.NewReader(pack(t, "gzip", data)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(u.Head(10), data[:10]) || !bytes.Equal(u.Head(5000), data[:5000]) || !bytes.Equal(u.Head(7), data[:7]) {
		t.Error("heads differ")
	}
	if got, err := io.ReadAll(u); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
}

// Cut anywhere, a file yields a beginning of the data and then says where it ended.
func TestCut(t *testing.T) {
	data := sample(40_000)
	for _, name := range programs {
		packed := pack(t, name, data)
		for cut := 11; cut < len(packed); cut += 1 + len(packed)/200 {
			u, err := NewReader(bytes.NewReader(packed[:cut]), Options{})
			var got []byte
			if err == nil {
				got, err = io.ReadAll(u)
			}
			var where *Error
			if !errors.As(err, &where) || where.Packing != name || where.Packed > int64(cut) || where.Unpacked != int64(len(got)) {
				t.Fatalf("%s cut at %d of %d: %v", name, cut, len(packed), err)
			}
			if !bytes.HasPrefix(data, got) {
				t.Fatalf("%s cut at %d: other data", name, cut)
			}
		}
	}
}

// The data before the damage is delivered: most of it, where a format packs in blocks.
func TestDataBeforeDamage(t *testing.T) {
	data := sample(8 << 20)
	for _, name := range []string{"gzip", "zstd", "xz", "lz4"} {
		packed := pack(t, name, data)
		packed = packed[:len(packed)*9/10]
		u, err := NewReader(bytes.NewReader(packed), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(u)
		if !errors.Is(err, ErrCut) && name != "xz" || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(got) < len(data)/4 || !bytes.HasPrefix(data, got) {
			t.Errorf("%s: %d bytes of %d", name, len(got), len(data))
		}
	}
}

func TestTail(t *testing.T) {
	packed := append(pack(t, "gzip", []byte("data")), "and more"...)
	u, err := NewReader(bytes.NewReader(packed), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(u)
	if string(got) != "data" || !errors.Is(err, ErrTail) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBombs(t *testing.T) {
	zeros := make([]byte, 8<<20)
	for _, name := range programs {
		packed := pack(t, name, zeros)
		for what, opt := range map[string]Options{
			"size":  {MaxSize: 1 << 20},
			"ratio": {MaxRatio: 10, Slack: 1 << 20},
		} {
			u, err := NewReader(bytes.NewReader(packed), opt)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, u)
			if !errors.Is(err, ErrBomb) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if n > 4<<20 || what == "size" && n > 1<<20 {
				t.Errorf("%s, %s: %d bytes came through", name, what, n)
			}
		}
	}
}

// A window larger than allowed is refused, not allocated.
func TestWindow(t *testing.T) {
	data := sample(6 << 20)
	for name, args := range map[string][]string{"zstd": {"--long=27", "--no-progress"}, "xz": {"--lzma2=dict=64MiB"}} {
		path := filepath.Join(t.TempDir(), "data")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		packed, err := exec.Command(need.Program(t, name), append(args, "-c", path)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		u, err := NewReader(bytes.NewReader(packed), Options{Window: 1 << 20})
		if err == nil {
			_, err = io.Copy(io.Discard, u)
		}
		if err == nil {
			t.Errorf("%s: nothing refused", name)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, name := range programs {
		if _, err := exec.LookPath(name); err == nil {
			f.Add(pack(f, name, []byte("some text, some text")))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := NewReader(bytes.NewReader(b), Options{MaxSize: 1 << 20, Window: 1 << 20})
		if err != nil {
			return
		}
		defer u.Close()
		if n, _ := io.Copy(io.Discard, u); u.Packing() != "" && n > 1<<20 {
			t.Fatalf("%d bytes", n)
		}
	})
}
