package pcapflow

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Result is what one capture (a file, or a rotated set read as one) told.
type Result struct {
	Flows       []*Flow // in order of first frame
	Neighbours  []*Resolution
	Routers     []*Router
	Echoes      []*Echo
	Readings    []HostReading // of clocks, told outside of flows
	ICMP        []ICMPError   // those that quote no flow of this capture
	Interfaces  []capture.Interface
	Names       map[netip.Addr][]string // from Name Resolution Blocks
	Problems    []capture.Problem
	Packets     int64
	Beyond      int64 // packets behind these that were not looked at: Options.MaxKept
	Bytes       int64 // captured
	First, Last Stamp
	Backward    int64    // packets stamped earlier than the one before by over 1 ms
	Duplicates  int64    // capture duplicates removed
	Twins       *Twins   // the capture is two that were merged; nil: it does not look so
	Snapped     int64    // packets cut by the snap length
	Offload     [2]int64 // segments larger than the MSS: sent, received by the capturing host as far as known
	BadSums     int64
	Undecoded   map[string]int64 // what was not understood, by reason
	Vantage     Vantage
	VantageHost netip.Addr   // the host the capture was taken on, where Vantage is client or server
	VantageTurn int64        // how soon that host answers in this capture, median, ns: of two captures that name one host, the other may be its next router
	Own         []netip.Addr // all addresses of that host
}

// Unread says which packets a user would miss: those of link types that are not
// read, and where nothing else was understood of a capture (told: of so many flows and
// the like), what most of its packets are. At most ten reasons.
func (r *Result) Unread(told int) (reasons []string) {
	const most = 10
	list := slices.SortedFunc(maps.Keys(r.Undecoded), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Undecoded[b], r.Undecoded[a]), strings.Compare(a, b))
	})
	for i, reason := range list {
		if strings.HasSuffix(reason, notSupported) || i == 0 && told+len(r.Neighbours)+len(r.Routers)+len(r.Echoes)+len(r.ICMP)+len(r.Readings) == 0 {
			if reasons = append(reasons, fmt.Sprintf("packets that are not read: %d (%s)", r.Undecoded[reason], reason)); len(reasons) == most {
				break
			}
		}
	}
	return reasons
}
