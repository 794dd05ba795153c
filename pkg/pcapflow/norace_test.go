//go:build !race

package pcapflow_test

// raceEnabled tells that the race detector slows everything.
const raceEnabled = false
