//go:build race

package correlate

// raceDetector: the race detector slows analysis ten times; the largest
// incident is left to the run without it.
const raceDetector = true
