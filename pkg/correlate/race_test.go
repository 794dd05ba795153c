//go:build race

package correlate

// raceDetector: the race detector slows analysis ten times; most incidents are
// left to the run without it.
const raceDetector = true
