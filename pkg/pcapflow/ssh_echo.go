package pcapflow

import (
	"fmt"
	"slices"
	"time"
)

// Bounds of listening to a session.
const (
	sshEchoMax  = 256 // samples
	sshEchoBulk = 16  // packets in a row that nobody typed end it
	sshKeyLen   = 10  // CHANNEL_DATA of one octet
	sshEchoLen  = 74  // CHANNEL_DATA of what one key may draw: the key and some control sequences

	// OpenSSH's ObscureKeystrokeTiming sends every 20 ms and up to half of that
	// later, and the network adds its own.
	sshPaceShort = int64(10 * time.Millisecond)
	sshPaceLong  = int64(40 * time.Millisecond)
	sshPause     = int64(200 * time.Millisecond) // it stops when nobody types
	sshPaceLeast = 12                            // intervals before a pace is believed
)

// sshEcho times keystrokes: a packet of one octet from the client, and the small
// one that answers it.
type sshEcho struct {
	samples []int64
	key     Stamp // the keystroke that waits for its echo
	several bool  // more were sent meanwhile: none can be told
	bulk    int
	last    Stamp // the client's latest small packet
	gaps    int   // intervals between those, pauses apart
	paced   int   // of them as long as OpenSSH's
}

// take listens to one packet; done: there is nothing to be learnt any more.
func (e *sshEcho) take(role Dir, at Stamp, size int, up, down *sshSizes) (done bool) {
	if role == Client {
		if size != up.wire(sshKeyLen) {
			e.key, e.bulk = Stamp{}, e.bulk+1
			return e.bulk >= sshEchoBulk
		}
		e.pace(at)
		e.bulk = 0
		e.several = e.key.Seen()
		e.key = at
		return false
	}
	small := size <= down.wire(sshEchoLen)
	if small && e.key.Seen() && !e.several {
		e.samples = append(e.samples, at.Time-e.key.Time)
	}
	if e.key.Seen() {
		e.bulk = 0
	} else {
		e.bulk++
	}
	e.key = Stamp{}
	return e.bulk >= sshEchoBulk || len(e.samples) >= sshEchoMax
}

// pace watches for packets sent at a steady pace, most of them chaff.
func (e *sshEcho) pace(at Stamp) {
	if gap := at.Time - e.last.Time; e.last.Seen() && gap < sshPause {
		e.gaps++
		if gap >= sshPaceShort && gap <= sshPaceLong {
			e.paced++
		}
	}
	e.last = at
}

// stats gives the echo times, unless they tell nothing. client is its software.
func (e *sshEcho) stats(client string) (echo RTTStats, obscured bool) {
	if obscuresKeystrokes(client) && e.gaps >= sshPaceLeast && e.paced*10 >= e.gaps*9 {
		return RTTStats{}, true
	}
	n := len(e.samples)
	if n < 3 {
		return RTTStats{}, false
	}
	slices.Sort(e.samples)
	return RTTStats{N: n, Min: e.samples[0], P50: e.samples[n/2], P95: e.samples[n*95/100]}, false
}

// obscuresKeystrokes tells OpenSSH's clients from 9.5 on.
func obscuresKeystrokes(software string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(software, "OpenSSH_%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 9 || major == 9 && minor >= 5
}
