package clock

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSortedInts: as slices.Sort sorts, whatever the numbers and their range.
func TestSortedInts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.SampledFrom([]int64{0, 3, 300, 1e9, 1e15, math.MaxInt64}).Draw(t, "bound")
		seed := rapid.SliceOfN(rapid.Int64Range(-bound, bound), 1, 50).Draw(t, "seed")
		var list []int64
		for i := range rapid.SampledFrom([]int{1, 1999, 2000, 5000}).Draw(t, "n") {
			list = append(list, seed[i%len(seed)]^int64(i%97))
		}
		if rapid.Bool().Draw(t, "ends") {
			list = append(list, math.MinInt64, math.MaxInt64)
		}
		want := slices.Clone(list)
		slices.Sort(want)
		got, other := sortedInts(list, make([]int64, len(list)))
		if !slices.Equal(got, want) || len(other) != len(list) {
			t.Fatalf("not sorted: %v", got)
		}
	})
}
