package correlate

import (
	"fmt"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestReferenceThatOthersAgreeWith: three clients agree; the server, which most
// evidence reaches and which therefore is asked first, does not. Of two that
// disagree the first stays, and one that steps is not taken however many it
// agrees with.
func TestReferenceThatOthersAgreeWith(t *testing.T) {
	const server = 0
	for _, c := range []struct {
		name    string
		offsets []int64 // of the clients against the server, ms
		step    int     // a client that its own records say was stepped; 0: none
		want    clock.ID
	}{
		{"three clients", []int64{840, 841, 840}, 0, 3},
		{"one client", []int64{840}, 0, server},
		{"all right", []int64{0, 1, 0}, 0, server},
		{"each another's", []int64{840, 200, -300}, 0, server},
		{"the best of them was stepped", []int64{840, 841, 840}, 3, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &evidence{inc: &incident.Incident{}, domains: &domains{byKey: map[string]*Clock{}}}
			for i := range len(c.offsets) + 1 {
				k := e.get(fmt.Sprint(i), kindCapture, fmt.Sprint(i))
				k.Files = []*incident.File{{Path: k.Name, First: epoch, Last: epoch + 60e9}}
				for n := range 20 * i {
					own := -c.offsets[i-1] * 1e6 // of the server against this one
					e.add(e.clocks[i], e.clocks[server], epoch+int64(n)*1e9, own-2e6, own+2e6, clock.NTP)
				}
			}
			if c.step > 0 {
				e.steps = append(e.steps, clock.Step{Clock: clock.ID(c.step), At: epoch - 3600e9, After: epoch - 3599e9, Size: 1e9})
			}
			if s := e.solve(Options{}); s.Reference != c.want {
				t.Errorf("the reference is %d, want %d", s.Reference, c.want)
			}
			if s := e.solve(Options{Reference: "0"}); s.Reference != server {
				t.Errorf("asked for 0, the reference is %d", s.Reference)
			}
		})
	}
}
