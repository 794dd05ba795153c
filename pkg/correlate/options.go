package correlate

import "time"

// Options steer the correlation; the zero value measures everything.
type Options struct {
	// Offsets declares clocks by host, log folder or file name: how far that
	// clock is ahead of the reference. A declared clock is not measured.
	Offsets map[string]time.Duration
	// Reference names the clock (as Clock.Name tells it) that corrected
	// instants are on; "": the one with the best evidence.
	Reference string
	// NoCorrect leaves every stamp as recorded.
	NoCorrect bool
}
