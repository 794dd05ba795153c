//go:build race

package pcapflow

// RaceEnabled tells that the race detector slows everything.
const RaceEnabled = true
