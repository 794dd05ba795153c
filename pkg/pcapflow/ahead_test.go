package pcapflow

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// handedOut analyses a capture file and tells each flow handed out, in order,
// and the result. Slowly means in little pieces, so that packets move often.
func handedOut(t *testing.T, b []byte, processors int, slowly bool) (out []string, r *Result) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	keys := &KeyLog{}
	open := func(b []byte) *capture.Reader {
		opt := capture.Options{OnSecrets: func(text []byte) { keys.Add(text) }}
		var c *capture.Reader
		var err error
		if slowly {
			c, err = capture.NewReader(iotest.HalfReader(bytes.NewReader(b)), opt)
		} else {
			c, err = capture.NewReader(bytes.NewReader(b), opt)
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r, err := Analyse(open(b), Options{Keys: keys, OnFlow: func(f *Flow) {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.ReplaceAll(string(text), "[]", "null")) // room used again is empty, not nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

// TestReadAhead: reading ahead changes neither flows nor their order nor the
// result, secrets inside the capture included.
func TestReadAhead(t *testing.T) {
	var files []string
	for _, folder := range []string{need.Shared(t, "incidents"), need.Shared(t, "captures")} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	compared := 0
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := capture.Recognise(b); !ok || len(b) > 8<<20 {
			continue
		}
		compared++
		one, r1 := handedOut(t, b, 1, false)
		for _, slowly := range []bool{false, true} {
			two, r2 := handedOut(t, b, 2, slowly)
			if len(one) != len(two) {
				t.Errorf("%s: %d flows, read ahead %d", filepath.Base(path), len(one), len(two))
				continue
			}
			for i := range one {
				if one[i] != two[i] {
					t.Errorf("%s: flow %d differs:\n%.500s\n%.500s", filepath.Base(path), i, one[i], two[i])
					break
				}
			}
			a, _ := json.Marshal(r1)
			z, _ := json.Marshal(r2)
			if !bytes.Equal(a, z) {
				t.Errorf("%s: results differ:\n%.2000s\n%.2000s", filepath.Base(path), a, z)
			}
		}
	}
	if compared < 100 {
		t.Errorf("%d captures compared", compared)
	}
}

// TestPanicComesBack: what OnFlow panics with comes out of Analyse, and nothing
// is left running.
func TestPanicComesBack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	b, err := os.ReadFile("../../samples/slow-application/input/client.pcap")
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	func() {
		defer func() {
			if r := recover(); r != "no more" {
				t.Errorf("%v came out of Analyse", r)
			}
		}()
		c, err := capture.NewReader(bytes.NewReader(b), capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		Analyse(c, Options{OnFlow: func(*Flow) { panic("no more") }})
		t.Error("Analyse returned")
	}()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}
