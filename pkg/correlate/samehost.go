package correlate

import "github.com/flowcorr/flowcorr/pkg/correlate/clock"

// sameHosts looks for captures that were taken on the host that wrote a log:
// both were stamped by one clock. It adds that as evidence where what was
// measured does not speak against it, and tells whether it added any.
func (e *evidence) sameHosts(s *clock.Solution) bool {
	return false
}
