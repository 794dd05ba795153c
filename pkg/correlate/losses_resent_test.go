package correlate

import (
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestResentElsewhere: what was lost before it came to the client is a wait for a
// timer, by the server's capture, not a server that is slow; where the client's
// own capture tells of the repetition, it counts once.
func TestResentElsewhere(t *testing.T) {
	const msec = int64(time.Millisecond)
	resent := pcapflow.Retransmission{Stamp: pcapflow.Stamp{Time: 305 * msec, Frame: 9}, Dir: pcapflow.Server, Seq: 360, Len: 34, Wait: 265 * msec}
	at := func(rtt int64, list ...pcapflow.Retransmission) Point {
		return Point{Capture: &incident.Capture{}, Flow: &pcapflow.Flow{Conn: &pcapflow.Conn{RTTServer: rtt, Retransmissions: list}}}
	}
	far := at(0, resent)
	for _, x := range []struct {
		name string
		here Point
		loss int64 // of the receive phase from 40 to 320 ms
	}{
		{"the client saw the late one alone", at(26 * msec), 265 * msec},
		{"the client saw both", at(26*msec, pcapflow.Retransmission{Stamp: pcapflow.Stamp{Time: 318 * msec}, Dir: pcapflow.Server, Seq: 360, Wait: 100 * msec}), 100 * msec},
	} {
		receive := Phase{Phase: pcapflow.Phase{Name: pcapflow.HTTPReceive, Begin: pcapflow.Stamp{Time: 40 * msec, Frame: 1}, End: pcapflow.Stamp{Time: 320 * msec, Frame: 2}}, Capture: x.here.Capture, Flow: x.here.Flow}
		j := &Journey{Points: []Point{x.here, far}, Phases: []Phase{receive}, Start: receive.Begin, End: receive.End,
			Losses: []Loss{{Kind: LostData, Dir: pcapflow.Server, Seq: 360, Len: 34, Seen: far, Missed: x.here, Teller: far, Resent: resent.Stamp}}}
		b := &bill{spent: map[Cause]int64{}, mishaps: map[Mishap]int64{}}
		b.breakDown(j, asWritten{})
		if b.spent[CauseLoss] != x.loss {
			t.Errorf("%s: %v for loss, want %v", x.name, time.Duration(b.spent[CauseLoss]), time.Duration(x.loss))
		}
	}
}
