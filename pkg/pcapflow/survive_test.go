package pcapflow_test

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// cuts is at how many places each capture is cut: make survive asks for a
// hundred.
func cuts() int {
	if n, err := strconv.Atoi(os.Getenv("CUTS")); err == nil {
		return n
	}
	return 10
}

// longest is how long one capture may take, ns.
const longest = 10 * time.Second

// TestSurviveCaptures analyses every third-party capture, whole and cut at many
// places: no panic, and in time.
func TestSurviveCaptures(t *testing.T) {
	n := 0
	pcapflow.EachCapture(t, func(name string, data []byte) {
		n++
		survive(t, name, data)
		for i, places := 1, cuts(); i < places; i++ {
			survive(t, name, data[:len(data)*i/places])
		}
	})
	if n < 2000 {
		t.Errorf("only %d captures", n)
	}
}

func survive(t *testing.T, name string, data []byte) {
	begin := time.Now()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s, %d bytes: panic: %v", name, len(data), p)
		}
		if took := time.Since(begin); took > longest {
			t.Errorf("%s, %d bytes: %v", name, len(data), took)
		}
	}()
	r, err := capture.NewReader(bytes.NewReader(data), capture.Options{})
	if err != nil {
		return
	}
	if _, err := pcapflow.Analyse(r, pcapflow.Options{Turns: true}); err != nil {
		t.Errorf("%s, %d bytes: %v", name, len(data), err)
	}
}
