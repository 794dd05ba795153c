package pcapflow_test

import (
	"bytes"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// corruptions is how many damaged forms of each capture are analysed: make
// survive asks for twenty.
func corruptions() int {
	if n, err := strconv.Atoi(os.Getenv("CORRUPTIONS")); err == nil {
		return n
	}
	return 1
}

// most is the memory that all of it may take, in MB.
const most = 512

// TestSurviveCorruption analyses damaged forms of every third-party capture: no
// panic, in time, and in bounded memory.
func TestSurviveCorruption(t *testing.T) {
	n := 0
	pcapflow.EachCapture(t, func(name string, data []byte) {
		for i := range corruptions() {
			seed := fnv.New64a()
			seed.Write([]byte(name))
			survive(t, name+", corruption "+strconv.Itoa(i), corrupted(data, rand.New(rand.NewPCG(seed.Sum64(), uint64(i)))))
			n++
		}
	})
	if n < 2000 {
		t.Errorf("only %d", n)
	}
	if mb, ok := peakMemory(t); ok && mb > most && !pcapflow.RaceEnabled {
		t.Errorf("%d MB at most", mb)
	} else {
		t.Logf("%d damaged captures, %d MB at most", n, mb)
	}
}

// corrupted is a copy of data with one kind of damage at one to eight places.
func corrupted(data []byte, r *rand.Rand) []byte {
	b := bytes.Clone(data)
	for range 1 + r.IntN(8) {
		if len(b) < 2 {
			break
		}
		at := r.IntN(len(b))
		size := min(1+r.IntN(1<<r.IntN(13)), len(b)-at)
		part := b[at : at+size]
		switch r.IntN(6) {
		case 0: // one bit
			b[at] ^= 1 << r.IntN(8)
		case 1: // a length or a number at its most
			for i := range part[:min(4, size)] {
				part[i] = 0xff
			}
		case 2: // a row of zeros, as a crash leaves
			clear(part)
		case 3: // noise
			for i := range part {
				part[i] = byte(r.Uint32())
			}
		case 4: // a hole
			b = append(b[:at:at], b[at+size:]...)
		case 5: // the same again
			b = append(b[:at+size:at+size], b[at:]...)
		}
	}
	return b
}

// peakMemory is the most that the process has taken so far, in MB, where the
// system tells.
func peakMemory(t *testing.T) (int, bool) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, false
	}
	kb, err := strconv.Atoi(fields[0])
	return kb >> 10, err == nil
}
