//go:build race

package render

// raceDetector: the race detector slows analysis ten times; most incidents are
// left to the run without it.
const raceDetector = true
