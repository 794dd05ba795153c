package correlate

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Options steer the correlation; the zero value measures everything.
type Options struct {
	// Offsets declares clocks by host, log folder or file name: how far that
	// clock is ahead of the reference. A declared clock is not measured.
	Offsets map[string]time.Duration
	// Known are offsets that were measured elsewhere, as on other days of an archive.
	// They are evidence beside what the incident holds.
	Known []Known
	// Reference names the clock (as Clock.Name tells it) that corrected
	// instants are on; "": the one with the best evidence.
	Reference string
	// NoCorrect leaves every stamp as recorded.
	NoCorrect bool
	// Lang is the language of clocks' names.
	Lang lang.Lang
	// LinesOnly leaves out what says how a journey went: phases, breakdown, what
	// if, the server's view and witnesses. Lines are matched the same.
	LinesOnly bool
}

// Known is an offset that was measured elsewhere: at At (ns, by the clock Of) the
// clock named Clock was between Low and High ns ahead of it. Both are named as in
// Offsets.
type Known struct {
	Clock, Of     string
	At, Low, High int64
}
