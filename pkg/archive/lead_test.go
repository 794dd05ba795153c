package archive

import (
	"fmt"
	"math"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestPointsApart: a connection that two points saw is told once, however far apart
// their clocks are and however small the windows.
func TestPointsApart(t *testing.T) {
	const second = int64(1e9)
	for _, name := range []string{"slow-application", "tcp-loss"} {
		for _, ahead := range []int64{10 * second, -3700 * second} {
			t.Run(fmt.Sprint(name, " ", ahead/second), func(t *testing.T) {
				shift := map[string]int64{"server.pcap": ahead, "server.pcapng": ahead}
				in := shiftedSample(t, name, func() int { return 1 << 30 }, shift)
				whole, out := t.TempDir(), t.TempDir()
				runOn(t, in, whole, 1<<30)
				if r := runOn(t, in, out, small); r.Windows < 3 {
					t.Errorf("%d windows", r.Windows)
				}
				want, _ := told(t, whole)
				got, _ := told(t, out)
				if missing, extra := apart(want, got), apart(got, want); len(missing)+len(extra) > 0 || len(want) != len(got) {
					t.Errorf("%d journeys, %d in the whole; missing %q, extra %q", len(got), len(want), missing, extra)
				}
			})
		}
	}
}

// TestLead: the clock of a point that drifts is followed, and there and back is the
// same instant.
func TestLead(t *testing.T) {
	var seen []knot
	for i := int64(0); i < 1000; i++ {
		at := i * 600 * 1e9
		seen = append(seen, knot{at, 5e9 + at/10_000})
	}
	x := leadOf(seen)
	for _, k := range seen {
		if off := x.local(k.At) - k.At - k.By; off < -knotStep || off > knotStep {
			t.Fatalf("%d ns off at %d", off, k.At)
		}
		if back := x.common(x.local(k.At)); back-k.At < -1000 || back-k.At > 1000 {
			t.Fatalf("%d and back is %d", k.At, back)
		}
	}
	if x.local(math.MinInt64) != math.MinInt64 || x.common(math.MaxInt64) != math.MaxInt64 {
		t.Error("what is for ever is not")
	}
	if y := leadOf([]knot{{0, 4e8}, {1, 3e8}, {2, -4e8}}); y != nil {
		t.Errorf("a lead of less than half a second: %v", y)
	}
}

// TestAgain: a flow whose name comes again later, as of traffic that is played back, says
// nothing of clocks; several interfaces that see one flow do not make it another.
func TestAgain(t *testing.T) {
	s := newSightings()
	for _, at := range []int64{86400e9, 0, 2 * 86400e9} {
		s.add(1, pcapflow.Stamp{Time: at, Frame: 1})
	}
	s.add(2, pcapflow.Stamp{Time: 1e9, Frame: 2})
	s.add(2, pcapflow.Stamp{Time: 0, Frame: 3})
	if s.At[1].Time != again || s.At[2] != (pcapflow.Stamp{Time: 0, Frame: 3}) {
		t.Errorf("%v", s.At)
	}
	a := &archive{}
	for _, days := range [][]int64{{0, 5, 6}, {5, 6}} { // the second begins later
		p := &point{name: string(rune('a' + len(a.points))), done: &capturePoint{Sightings: *newSightings()}}
		for _, day := range days {
			for x := range uint64(10) {
				t := day*86400e9 + int64(x)*1e9
				p.done.Legs.see(int(day*10)+int(x)+1, t)
				p.done.Sightings.add(x+1, pcapflow.Stamp{Time: t, Frame: int(day*10) + int(x) + 1})
			}
		}
		a.points = append(a.points, p)
	}
	a.align()
	if a.points[1].legs != nil {
		t.Errorf("a clock that is right is taken to be ahead: %v", a.points[1].legs)
	}
}
