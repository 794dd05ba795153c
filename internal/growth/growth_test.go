package growth

import "testing"

// TestTellsSquaresApart: what grows with the square is noticed, what is linear is not.
func TestTellsSquaresApart(t *testing.T) {
	sum := 0
	loop := func(n int) func() {
		return func() {
			for i := range n {
				sum += i & 3
			}
		}
	}
	Linear(t, 40_000_000, loop)
	small, large := took(loop(6000*6000)), took(loop(16*6000*6000))
	if large <= bound*small {
		t.Errorf("the square of four is told as %.1f", float64(large)/float64(small))
	}
	if sum == 0 {
		t.Error("nothing was done")
	}
}
