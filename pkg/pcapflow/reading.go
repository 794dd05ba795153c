package pcapflow

import (
	"net/netip"
	"time"
)

// Reading is what a packet tells of its sender's clock: the sender read it after
// the packet at After had reached it and before the one at Before left it, and
// the clock showed something in [Time, Time+Width).
type Reading struct {
	Protocol string // "smb", "ntlm", "kerberos", "syslog", "icmp"
	From     Dir    // whose clock
	After    Stamp  // unseen: nothing bounds it
	Before   Stamp
	Time     int64 // ns since the Unix epoch, as told
	Width    int64 // ns
	Local    bool  // Time is read as if UTC, but its zone is not told
	Host     string
}

// HostReading is a Reading of no flow, with the address of the host.
type HostReading struct {
	Reading
	Addr netip.Addr
}

// maxReadings bounds those kept of a flow, and maxHostReadings those of none.
const (
	maxReadings     = 256
	maxHostReadings = 1 << 14
)

func (f *Flow) tell(r Reading) {
	if len(f.Readings) < maxReadings {
		f.Readings = append(f.Readings, r)
	}
}

// fileTime converts 100 ns since 1601 (MS-DTYP §2.3.3) to ns since the Unix
// epoch; false for what is no time between 1990 and 2150.
func fileTime(t uint64) (ns int64, ok bool) {
	const (
		unix     = 116444736000000000
		earliest = unix + 20*31557600*10_000_000
		latest   = unix + 180*31557600*10_000_000
	)
	if t < earliest || t > latest {
		return 0, false
	}
	return int64(t-unix) * 100, true
}

// windowsTick is how long a Windows clock may stand still: its default timer
// interrupt, 64 a second.
const windowsTick = int64(time.Second) / 64
