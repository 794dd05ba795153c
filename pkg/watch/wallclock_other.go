//go:build !linux

package watch

import "time"

// readClocks reads the wall clock: what tells here whether it was set is that it went back.
func readClocks() reading { return reading{Wall: time.Now().UnixNano()} }
