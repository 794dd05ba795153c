package pcapflow

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Result is what one capture (a file, or a rotated set read as one) told.
type Result struct {
	Flows       []*Flow // in order of first frame
	Neighbours  []*Resolution
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
	Snapped     int64    // packets cut by the snap length
	Offload     [2]int64 // segments larger than the MSS: sent, received by the capturing host as far as known
	BadSums     int64
	Undecoded   map[string]int64 // what was not understood, by reason
	Vantage     Vantage
	VantageHost netip.Addr   // the host the capture was taken on, where Vantage is client or server
	VantageTurn int64        // how soon that host answers in this capture, median, ns: of two captures that name one host, the other may be its next router
	Own         []netip.Addr // all addresses of that host
}
