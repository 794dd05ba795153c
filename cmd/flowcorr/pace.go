package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Up to usualMemory bytes the garbage collector may let the heap grow to twice
// what is alive, as it does by default. Near a gigabyte it works for its room, hard
// where a command promises to stay below; where more than that is alive, time is
// worth more again.
const (
	usualMemory = 800 << 20
	gigabyte    = 1000 << 20

	hard = 16 // one part of what is alive is left beside it, while it is near a gigabyte
	easy = 2
)

// memoryLimit is what may be taken while so many bytes are alive.
func memoryLimit(alive, effort int64) int64 {
	return max(usualMemory, alive+alive/effort, 2*alive-gigabyte)
}

var pacing sync.Once // of several analyses of one process, with the first

// paceMemory keeps to these bounds from now on, with so much effort. What the
// environment says of memory goes before.
func paceMemory(effort int64) {
	if os.Getenv("GOMEMLIMIT") != "" || os.Getenv("GOGC") != "" {
		return
	}
	pacing.Do(func() {
		debug.SetMemoryLimit(memoryLimit(0, effort))
		afterEachCollection(func() { debug.SetMemoryLimit(memoryLimit(alive(), effort)) })
	})
}

// alive is what the last collection found in use, and what the runtime holds
// beside it: metadata, stacks, and room between objects.
func alive() int64 {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	n := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return n(0) + n(1) - n(2) - n(3) - n(4)
}
