package archive

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// searched is offsetsOf by looking through the windows one by one.
func searched(all []*kept, i int) (out []offset) {
	for j := range all[i].Clocks {
		c := &all[i].Clocks[j]
		if slices.ContainsFunc(all[i].Clocks[:j], func(x clockSeen) bool { return x.Name == c.Name }) {
			continue
		}
		for _, step := range [...]int{-1, 1} {
			for k := i + step; k >= 0 && k < len(all); k += step {
				n := slices.IndexFunc(all[k].Clocks, func(x clockSeen) bool { return x.Measured && x.Name == c.Name && x.Of == c.Of })
				if n < 0 {
					continue
				}
				x := &all[k].Clocks[n]
				at := x.To
				if step > 0 {
					at = x.From
				}
				if !c.Measured || x.High-x.Low+drifted(at, c.From, c.To) < (c.High-c.Low)/looser {
					out = append(out, offset{c.Name, c.Of, at, x.Low, x.High})
				}
				break
			}
		}
	}
	return out
}

// TestOffsetsOf: a clock that a window does not measure, or loosely, is known by the
// nearest window before and behind that does.
func TestOffsetsOf(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 9))
	told := 0
	for range 200 {
		var all []*kept
		for i := range 1 + rnd.IntN(12) {
			k := &kept{}
			for range rnd.IntN(4) {
				from, low := int64(i)*10e9, rnd.Int64N(1e9)
				k.Clocks = append(k.Clocks, clockSeen{
					Name: string('a' + rune(rnd.IntN(3))), Of: string('p' + rune(rnd.IntN(2))), Measured: rnd.IntN(3) == 0,
					From: from, To: from + 9e9, Low: low, High: low + 1<<rnd.IntN(30),
				})
			}
			all = append(all, k)
		}
		for i, got := range offsetsOf(all) {
			if want := searched(all, i); !slices.Equal(got, want) {
				t.Fatalf("window %d of %d: %v, want %v", i, len(all), got, want)
			}
			told += len(got)
		}
	}
	if told < 100 {
		t.Errorf("only %d offsets told", told)
	}
}
