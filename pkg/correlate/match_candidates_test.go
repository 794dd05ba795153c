package correlate

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// mixed makes n journeys of one client, of three servers, each to a path of its
// own where the packets tell it.
func mixed(n int) []*Journey {
	var own []*Journey
	for i := range n {
		j := &Journey{Service: "https", Client: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(1024+i%60000)),
			Server: netip.MustParseAddrPort(fmt.Sprintf("10.1.0.%d:443", 10+i%3)), Name: fmt.Sprintf("host%d.example", i%3), Ordinal: 1, Outcome: pcapflow.Done}
		if i%5 > 0 {
			j.Exchange = &pcapflow.Exchange{Path: fmt.Sprintf("/%d", i)}
		}
		if i%50 == 0 {
			j.Service, j.Outcome = "dns", pcapflow.Unanswered
		}
		own = append(own, j)
	}
	return own
}

func printedOf(i int) *logparse.Event {
	e := &logparse.Event{Kind: logparse.ClientHTTP, Path: fmt.Sprintf("/%d", i), Name: fmt.Sprintf("host%d.example", i%3), Timing: &logparse.Timing{Total: time.Second, Exit: -1}}
	switch i % 4 {
	case 0:
		e.Server = netip.MustParseAddrPort(fmt.Sprintf("10.1.0.%d:443", 10+i%3))
	case 1:
		e.Path = ""
	case 2:
		e.Timing.Local = netip.MustParseAddrPort(fmt.Sprintf("10.0.0.2:%d", 1024+i))
	}
	return e
}

// TestCandidatesLeaveNothingOut: what is not a candidate is hopeless.
func TestCandidatesLeaveNothingOut(t *testing.T) {
	own := newOwnJourneys(mixed(300), logparse.ClientHTTP)
	for i := range 300 {
		e := printedOf(i)
		among := own.candidates(e)
		if !slices.IsSorted(among) {
			t.Fatalf("output %d: %v are not in order", i, among)
		}
		for n, j := range own.list {
			if _, found := slices.BinarySearch(among, n); !found && outputScore(e, j) > hopeless {
				t.Errorf("output %d may tell of journey %d", i, n)
			}
		}
	}
}

// TestCandidatesAreFew: outputs that name what they are of are held against as
// many journeys as fit, however many there are.
func TestCandidatesAreFew(t *testing.T) {
	const n = 20_000
	var list []*Journey
	for i := range n {
		list = append(list, &Journey{Service: "http", Client: netip.MustParseAddrPort("10.0.0.2:5000"), Server: netip.MustParseAddrPort("10.1.0.10:80"),
			Exchange: &pcapflow.Exchange{Path: fmt.Sprintf("/%d", i)}, Ordinal: 1})
	}
	own := newOwnJourneys(list, logparse.ClientHTTP)
	var run []output
	held := 0
	for i := range n {
		e := &logparse.Event{Kind: logparse.ClientHTTP, Path: fmt.Sprintf("/%d", i), Server: netip.MustParseAddrPort("10.1.0.10:80"), Timing: &logparse.Timing{Exit: -1}}
		run = append(run, output{event: e})
		held += len(own.candidates(e))
	}
	if held != n {
		t.Errorf("%d outputs are held against %d journeys", n, held)
	}
	edges, _ := fitSeries(run, own, asWritten{})
	for _, e := range edges {
		if e.line != e.target || e.p < 0.9 {
			t.Fatalf("output %d is of journey %d with %g", e.line, e.target, e.p)
		}
	}
	if len(edges) != n {
		t.Errorf("%d pairs of %d outputs", len(edges), n)
	}
}
