package watch

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// readClocks reads the clocks of this machine.
func readClocks() reading {
	r := reading{Wall: time.Now().UnixNano()}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var up unix.Timespec
	if err == nil && unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) == nil {
		r.Up, r.Boot = up.Nano(), string(bytes.TrimSpace(boot))
	}
	return r
}
