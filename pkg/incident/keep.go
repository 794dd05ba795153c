package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// maxEvents is how many events of one log are kept at most where nothing else is said.
// Of a longer log those nearest to the time of the incident are; of one that has more in
// that time alone, those of clients that the captures show.
const maxEvents = 250_000

// keeper keeps the events of a log within bounds.
type keeper struct {
	most    int                     // events at most
	near    func(stamp int64) int64 // distance from the time of the incident, ns
	strings logparse.Keeper
	events  []logparse.Event
	size    int64 // bytes of the log, as far as known; 0: not
	limit   int64 // distance from which on events are dropped; 0: none yet
	full    bool  // what is kept is all equally near: no more is taken
	dropped int

	strange   func(*logparse.Event) bool // of a client that no capture shows; nil: not known
	sifting   bool                       // such events are dropped
	strangers int                        // of dropped
}

func (k *keeper) add(e *logparse.Event) {
	if k.full || k.limit > 0 && e.HasTime && k.near(e.Time) >= k.limit {
		k.dropped++
		return
	}
	if k.sifting && k.strange(e) {
		k.dropped++
		k.strangers++
		return
	}
	if len(k.events) >= k.most {
		k.halve()
		if k.full {
			k.dropped++
			return
		}
	}
	if len(k.events) == cap(k.events) && len(k.events) >= 1000 && e.Offset > 0 && k.size > e.Offset {
		// By what the bytes so far held: growing step by step takes twice the room.
		all := float64(len(k.events)) * float64(k.size) / float64(e.Offset) * 1.05
		k.events = slices.Grow(k.events, int(min(all, float64(k.most)))-len(k.events)+1)
	}
	k.events = append(k.events, k.strings.Keep(*e))
}

// halve drops the farther half of what is kept, or all that lies outside of the
// incident's time where half of it lies inside. Events without a time count as
// near.
func (k *keeper) halve() {
	far := make([]int64, 0, len(k.events))
	for i := range k.events {
		if e := &k.events[i]; e.HasTime {
			far = append(far, k.near(e.Time))
		}
	}
	slices.Sort(far)
	if len(far) < len(k.events)/2 || far[len(far)-1] == 0 {
		k.sift()
		return
	}
	k.limit = max(far[len(far)/2], 1)
	before := len(k.events)
	k.events = slices.DeleteFunc(k.events, func(e logparse.Event) bool {
		return e.HasTime && k.near(e.Time) >= k.limit
	})
	k.dropped += before - len(k.events)
}

// sift drops the events of clients that no capture shows: no line of theirs has a
// request to be matched with. Where that makes no room, no more is taken.
func (k *keeper) sift() {
	before := len(k.events)
	if k.strange != nil && !k.sifting {
		k.sifting = true
		k.events = slices.DeleteFunc(k.events, func(e logparse.Event) bool { return k.strange(&e) })
		k.strangers = before - len(k.events)
		k.dropped += k.strangers
	}
	k.full = len(k.events) >= k.most
}

// kept are the events, without the room for more where that is much.
func (k *keeper) kept() []logparse.Event {
	if cap(k.events) > len(k.events)*9/8 {
		return slices.Clone(k.events)
	}
	return k.events
}

// told says what is missing.
func (k *keeper) told() string {
	switch {
	case k.full && k.strangers > 0:
		return fmt.Sprintf("only its first %d events of clients that the captures show are used: %d more are of the same time, and %d of other clients", len(k.events), k.dropped-k.strangers, k.strangers)
	case k.full:
		return fmt.Sprintf("only its first %d events are used: %d more are of the same time", len(k.events), k.dropped)
	case k.strangers > 0:
		return fmt.Sprintf("%d of its events are not used: %d are of clients that no capture shows, the others lie outside the time of the other evidence", k.dropped, k.strangers)
	}
	if k.limit < int64(time.Second) {
		return fmt.Sprintf("%d of its events lie outside the time of the other evidence and are not used", k.dropped)
	}
	return fmt.Sprintf("%d of its events are %v or more away from the other evidence and are not used", k.dropped, time.Duration(k.limit).Round(time.Second))
}
