package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestNearestHoldsTheRightOne: of far more journeys of one path than an output is
// held against, its own is among them, by its duration or by its place.
func TestNearestHoldsTheRightOne(t *testing.T) {
	const n, few = 6000, 64
	to := netip.MustParseAddrPort("10.1.0.10:80")
	wait := func(i int) time.Duration { return time.Duration(1+i*7919%n) * time.Millisecond }
	var list []*Journey
	for i := range n {
		at := epoch + int64(i)*second
		list = append(list, &Journey{Service: "http", Client: netip.MustParseAddrPort("10.0.0.2:5000"), Server: to, Exchange: &pcapflow.Exchange{Path: "/"}, Ordinal: 1,
			Phases: []Phase{{Phase: pcapflow.Phase{Name: pcapflow.HTTPWait, Begin: pcapflow.Stamp{Time: at, Frame: 1}, End: pcapflow.Stamp{Time: at + int64(wait(i)), Frame: 2}}}}})
	}
	own := newOwnJourneys(list, logparse.ClientHTTP)
	output := func(i int, told bool) *logparse.Event {
		x := &logparse.Timing{Exit: -1, PreTransfer: -1, StartTransfer: -1}
		if told {
			x.PreTransfer, x.StartTransfer = time.Millisecond, time.Millisecond+wait(i)
		}
		return &logparse.Event{Kind: logparse.ClientHTTP, Path: "/", Server: to, Timing: x}
	}
	for i := 0; i < n; i += 37 {
		for _, x := range []struct {
			event *logparse.Event
			at    float64
		}{{output(i, true), float64(n-i) / n}, {output(i, false), float64(i) / n}} {
			found := own.nearest(x.event, x.at, few)
			holds := false
			for k, place := range found {
				holds = holds || place == i
				if k > 0 && found[k-1] >= place {
					t.Fatalf("%v are not in order", found)
				}
			}
			if !holds || len(found) > few {
				t.Fatalf("output %d at %.2f of the way: %d journeys, its own among them %v", i, x.at, len(found), holds)
			}
		}
	}
}
