package clock

import (
	"slices"
	"testing"
)

func TestStretches(t *testing.T) {
	piece := func(low, high, lowEnd, highEnd int64) Segment {
		return Segment{Low: low, High: high, LowEnd: lowEnd, HighEnd: highEnd}
	}
	stepped := piece(900, 910, 905, 915)
	stepped.StepBefore = true
	for name, c := range map[string]struct {
		track []Segment
		want  []Stretch
	}{
		"no track":                     {nil, nil},
		"one constant fits":            {[]Segment{piece(-20, 20, -5, 5), piece(-5, 5, -8, 8), piece(-8, 8, 1, 40)}, []Stretch{{1, false}}},
		"none fits":                    {[]Segment{piece(-5, 5, 0, 10), piece(0, 10, 6, 16)}, []Stretch{{0, true}}},
		"cut where it jumped":          {[]Segment{piece(-9, 9, -5, 5), piece(-5, 5, -5, 5), stepped}, []Stretch{{1, false}, {2, false}}},
		"both sides of a step, apart":  {[]Segment{piece(0, 10, 20, 30), stepped}, []Stretch{{0, true}, {1, false}}},
		"equal bounds: the first one":  {[]Segment{piece(0, 10, 0, 10), piece(0, 10, 0, 10)}, []Stretch{{0, false}}},
		"bounds that touch are common": {[]Segment{piece(0, 10, 10, 20)}, []Stretch{{0, false}}},
	} {
		if got := Stretches(c.track); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
