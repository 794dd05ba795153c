//go:build !race

package diagnose

// raceEnabled tells that the race detector slows everything.
const raceEnabled = false
