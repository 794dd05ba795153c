package incident

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Of a log too long to keep, the events nearest to the incident stay.
func TestKeeper(t *testing.T) {
	const n = 3 * maxEvents
	incident := int64(2 * maxEvents)
	k := keeper{most: maxEvents, near: func(t int64) int64 { return max(incident-t, t-incident-1000, 0) }}
	buf := []byte("-agent")
	for i := range n {
		buf[0] = byte('a' + i%7)
		k.add(&logparse.Event{Time: int64(i), HasTime: i != 5, Agent: string(buf)})
	}
	if len(k.events) > maxEvents || len(k.events) < maxEvents/4 || len(k.events)+k.dropped != n {
		t.Fatalf("%d events, %d dropped", len(k.events), k.dropped)
	}
	if cap(k.events) > maxEvents*3/2 {
		t.Errorf("room for %d", cap(k.events))
	}
	inside := 0
	for i, e := range k.events {
		if k.near(e.Time) == 0 {
			inside++
		}
		if i > 0 && e.Time <= k.events[i-1].Time {
			t.Fatal("not in the order of the file")
		}
	}
	if inside != 1001 || k.events[0].HasTime || !strings.Contains(k.told(), "outside the time of the other evidence") {
		t.Errorf("%d of 1001 inside, first %+v, %s", inside, k.events[0], k.told())
	}
	k = keeper{most: maxEvents, near: func(int64) int64 { return 0 }}
	for i := range maxEvents + 10 {
		k.add(&logparse.Event{Time: int64(i), HasTime: true})
	}
	if len(k.events) != maxEvents || k.dropped != 10 || !strings.Contains(k.told(), "only its first") {
		t.Errorf("%d events, %s", len(k.events), k.told())
	}
}

// Of a log that has more lines in the incident's time than are kept, none of a
// client that the captures show is left out for others.
func TestKeepsLinesOfShownClients(t *testing.T) {
	shown, other := netip.MustParseAddrPort("10.0.0.1:0"), netip.MustParseAddrPort("192.0.2.1:0")
	captures := []*Capture{{Result: pcapflow.Result{Flows: []*pcapflow.Flow{{Client: shown}}}}}
	k := keeper{most: maxEvents, near: func(int64) int64 { return 0 }, strange: strangersTo(captures)}
	const every = 10
	for i := range 2 * maxEvents {
		e := logparse.Event{Kind: logparse.HTTPRequest, Client: other, Time: int64(i), HasTime: true}
		if i%every == 0 {
			e.Client = shown
		}
		k.add(&e)
	}
	n := 0
	for i := range k.events {
		if k.events[i].Client == shown {
			n++
		}
	}
	if n != 2*maxEvents/every || k.strangers == 0 || k.full || len(k.events)+k.dropped != 2*maxEvents || !strings.Contains(k.told(), "no capture shows") {
		t.Errorf("%d lines of the client shown, %d others dropped, full %v: %s", n, k.strangers, k.full, k.told())
	}
}
