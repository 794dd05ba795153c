package capture

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// Thousands of captures of other projects' test suites, many made to break
// readers, are read as they are, and each fifth with changes of every kind.
func TestSurvives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	files := 0
	need.Archived(t, func(name string, b []byte) bool {
		if _, ok := Recognise(b); !ok {
			return false
		}
		files++
		t.Run(name, func(t *testing.T) {
			check(t, b)
			if files%5 == 0 && len(b) < 256<<10 {
				for how := range 4 {
					check(t, change(rnd, b, how))
				}
			}
		})
		return false
	})
	if files < 2500 {
		t.Errorf("%d captures", files)
	}
}

// change damages a copy of b in one of four ways.
func change(rnd *rand.Rand, b []byte, how int) []byte {
	c := bytes.Clone(b)
	at := rnd.IntN(len(c))
	switch how {
	case 0: // cut short
		return c[:at]
	case 1: // a few bytes overwritten
		for range 5 {
			c[rnd.IntN(len(c))] = byte(rnd.Uint32())
		}
		return c
	case 2: // bytes missing
		return append(c[:at], c[min(len(c), at+1+rnd.IntN(64)):]...)
	}
	extra := make([]byte, rnd.IntN(64)) // bytes inserted
	return append(append(c[:at], extra...), b[at:]...)
}
