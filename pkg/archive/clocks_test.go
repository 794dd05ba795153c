package archive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report/trend"
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

// TestOwnPieces: a window tells of a clock in its own time alone, by bounds that lie on
// those of the track; what it was measured by is not lost, nor a clock that it saw at
// other times only.
func TestOwnPieces(t *testing.T) {
	piece := func(from, to int64, low, high float64, step bool, evidence map[string]int32) trend.ClockRow {
		off := (low + high) / 2
		return trend.ClockRow{Name: "web", Kind: "log", From: &from, To: &to, Offset: &off, Low: &low, High: &high, Drift: new(float64), Step: step, Evidence: evidence}
	}
	seen := map[string]int32{"intervals": 3}
	track := []trend.ClockRow{
		piece(0, 100e9, -1, 1, false, seen), piece(100e9, 200e9, -0.5, 0.5, false, nil), piece(200e9, 300e9, 9, 11, true, nil),
	}
	text := func(rows []trend.ClockRow) (all []string) {
		for _, r := range rows {
			all = append(all, fmt.Sprintf("%d..%d %.2f..%.2f %v %d", *r.From/1e9, *r.To/1e9, *r.Low, *r.High, r.Step, r.Evidence["intervals"]))
		}
		return all
	}
	for _, c := range []struct {
		w    window
		want []string
	}{
		{window{from: math.MinInt64, to: math.MaxInt64}, []string{"0..100 -1.00..1.00 false 3", "100..200 -0.50..0.50 false 0", "200..300 9.00..11.00 true 0"}},
		{window{from: 50e9, to: 150e9}, []string{"50..100 -0.75..0.75 false 3", "100..150 -0.50..0.50 false 0"}},
		{window{from: 150e9, to: 240e9}, []string{"150..200 -0.53..0.53 false 3", "200..250 9.00..11.00 true 0"}},
		{window{from: 900e9, to: 990e9}, []string{"200..300 9.00..11.00 true 3"}},
	} {
		if got := text(c.w.ownPieces(track)); !slices.Equal(got, c.want) {
			t.Errorf("%d..%d: %q, want %q", c.w.from, c.w.to, got, c.want)
		}
	}
	two := append(slices.Clone(track), trend.ClockRow{Name: "db", Kind: "log", Evidence: map[string]int32{}})
	if got := (&window{from: 50e9, to: 90e9}).ownPieces(two); len(got) != 2 || got[1].Name != "db" {
		t.Errorf("%+v", got)
	}
}
