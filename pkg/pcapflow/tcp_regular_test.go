package pcapflow

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TestRegular: the short way of most segments tells the same as the general way,
// which every segment goes where its frame is asked for.
func TestRegular(t *testing.T) {
	short := 0
	for _, path := range regularCaptures(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := capture.Recognise(b); !ok || len(b) > 8<<20 {
			continue
		}
		var told [2][]*Flow
		for i := range told {
			c, err := capture.NewReader(bytes.NewReader(b), capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := Analyse(c, Options{Frames: i == 1})
			if err != nil {
				t.Fatal(err)
			}
			told[i] = r.Flows
		}
		if len(told[0]) != len(told[1]) {
			t.Errorf("%s: %d flows, the general way %d", filepath.Base(path), len(told[0]), len(told[1]))
			continue
		}
		for i, f := range told[0] {
			g := told[1][i]
			if f.Conn != nil && f.Packets[Client]+f.Packets[Server] > 8 {
				short++
			}
			g.Frames = nil
			a, _ := json.Marshal(f)
			z, _ := json.Marshal(g)
			if !bytes.Equal(a, z) {
				t.Errorf("%s: flow %d differs:\n%.1000s\n%.1000s", filepath.Base(path), i, a, z)
				break
			}
		}
	}
	if short < 1000 {
		t.Errorf("only %d connections long enough to have gone the short way", short)
	}
}

func regularCaptures(t *testing.T) (files []string) {
	for _, x := range [][2]string{
		{"incidents", "/*/input/*.pcap*"}, {"captures", "/*/*.pcap*"}, {"captures", "/ndpi/tests/cfgs/default/pcap/*.pcap*"},
	} {
		list, err := filepath.Glob(need.Shared(t, x[0]) + x[1])
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) == 0 {
		t.Fatal("no captures")
	}
	return files
}
