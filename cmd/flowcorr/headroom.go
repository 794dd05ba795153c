package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/flowcorr/flowcorr/internal/hugepage"
)

// What a command that reads a stream keeps is what is open in it: the heap grows
// to that and stays there, with little garbage. Collecting on the way, each time
// the heap has doubled, finds next to nothing, and later leaves as much room
// again for garbage as there is life.
const (
	firstCollection = 32 << 20 // bytes of heap below which nothing is collected
	headroom        = 20       // percent of what lives, above it
	leastLife       = 4 << 20  // bytes for which the runtime scales its percentage at least
)

// tightHeap makes the garbage collector start late and then leave less room, for
// the rest of the process. What GOGC asks for comes first.
func tightHeap() {
	if os.Getenv("GOGC") != "" {
		return
	}
	setRoom()
	afterEachCollection(setRoom)
}

// reserveHeap has what is read from now on lie in huge pages. What that allocates for the
// moment is no reason to collect.
func reserveHeap() {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	hugepage.Reserve()
}

// afterEachCollection has the runtime call act when it has collected garbage, from
// now on.
func afterEachCollection(act func()) {
	type turn struct{ _ [64]byte } // not so small that it shares its room
	var again func(*turn)
	again = func(*turn) {
		act()
		runtime.SetFinalizer(new(turn), again)
	}
	runtime.SetFinalizer(new(turn), again)
}

func setRoom() { debug.SetGCPercent(percentAbove(living())) }

// living is what the last collection found in use, bytes: of the heap, and globals.
func living() (heap, globals uint64) {
	lives := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(lives)
	return lives[0].Value.Uint64(), lives[1].Value.Uint64()
}

// percentAbove is the percentage for the runtime's rule, which counts globals as
// well: live bytes of heap and so many percent of them and of globals.
func percentAbove(live, globals uint64) int {
	room := max(live*headroom/100, firstCollection-min(live, firstCollection))
	return int(max(1, room*100/max(leastLife, live+globals)))
}

// mostRoom and leastRoom bound the room for garbage, percent of what lives, where a limit
// is given: more of it would save little, and with less the limit itself says when.
const (
	mostRoom  = 400
	leastRoom = 15
)

// percentWithin is the percentage by which the heap grows to so many bytes.
func percentWithin(bytes, live, globals uint64) int {
	room := bytes - min(live, bytes)
	return int(min(max(room*100/max(leastLife, live+globals), leastRoom), mostRoom))
}
