package main

import (
	"io"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// BenchmarkFlows runs `flows --format jsonl` on the capture that CAPTURE names,
// as a whole. Its profile is what releases are compiled by (scripts/profile.sh).
func BenchmarkFlows(b *testing.B) {
	path := need.Named(b, "CAPTURE")
	for range b.N {
		if status := run([]string{"flows", "--format", "jsonl", path}, strings.NewReader(""), io.Discard, io.Discard); status != exitDone {
			b.Fatal("exit status ", status)
		}
	}
}
