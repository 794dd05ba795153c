//go:build !unix

package growth

import "time"

var begun = time.Now()

// spent is time as it passes.
func spent() time.Duration { return time.Since(begun) }
