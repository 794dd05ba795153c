package correlate

import (
	"maps"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestSenderWaits: while a request or an answer is under way, what its sender had nothing
// to send is the sender's, and what it had used up the window its receiver's; what of a
// turn lies outside may be any of it, and is taken off.
func TestSenderWaits(t *testing.T) {
	const msec = int64(time.Millisecond)
	at := func(ms int64) pcapflow.Stamp { return pcapflow.Stamp{Time: ms * msec, Frame: int(ms)} }
	turn := func(d pcapflow.Dir, from, to, idle, full int64) pcapflow.Turn {
		h := pcapflow.Held{pcapflow.LimitApplication: idle * msec, pcapflow.LimitReceiver: full * msec}
		return pcapflow.Turn{Dir: d, First: at(from), Last: at(to), Held: &h}
	}
	for _, x := range []struct {
		name  string
		phase pcapflow.PhaseName
		turns []pcapflow.Turn
		want  map[Cause]int64 // ms, of 100 to 1100
	}{
		{"an upload that pauses", pcapflow.HTTPSend, []pcapflow.Turn{turn(pcapflow.Client, 100, 1100, 800, 50)}, map[Cause]int64{CauseClient: 800, CauseWindow: 50, CauseNetwork: 150}},
		{"an answer that pauses", pcapflow.HTTPReceive, []pcapflow.Turn{turn(pcapflow.Server, 100, 1100, 800, 50)}, map[Cause]int64{CauseServer: 800, CauseWindow: 50, CauseNetwork: 150}},
		{"a turn that began before", pcapflow.HTTPSend, []pcapflow.Turn{turn(pcapflow.Client, 70, 1100, 800, 50)}, map[Cause]int64{CauseClient: 770, CauseWindow: 20, CauseNetwork: 210}},
		{"two turns", pcapflow.HTTPSend, []pcapflow.Turn{turn(pcapflow.Client, 100, 500, 200, 0), turn(pcapflow.Client, 510, 1100, 300, 0)}, map[Cause]int64{CauseClient: 500, CauseNetwork: 500}},
		{"the other side's pause", pcapflow.HTTPSend, []pcapflow.Turn{turn(pcapflow.Server, 100, 1100, 800, 50)}, map[Cause]int64{CauseNetwork: 1000}},
		{"a turn elsewhere", pcapflow.HTTPSend, []pcapflow.Turn{turn(pcapflow.Client, 1100, 2000, 800, 0)}, map[Cause]int64{CauseNetwork: 1000}},
		{"not judged", pcapflow.HTTPSend, []pcapflow.Turn{{Dir: pcapflow.Client, First: at(100), Last: at(1100)}}, map[Cause]int64{CauseNetwork: 1000}},
	} {
		t.Run(x.name, func(t *testing.T) {
			f := &pcapflow.Flow{Conn: &pcapflow.Conn{Talk: &pcapflow.Talk{Turns: x.turns}}}
			e := &pcapflow.Exchange{RequestFirst: at(100), RequestLast: at(1100), ResponseFirst: at(100), ResponseLast: at(1100), ResponseBytes: -1}
			k := &incident.Capture{}
			p := Phase{Phase: pcapflow.Phase{Name: x.phase, Begin: at(100), End: at(1100)}, Capture: k, Flow: f}
			j := &Journey{Points: []Point{{Capture: k, Flow: f, Exchange: e}}, Exchange: e, Phases: []Phase{p}, Start: at(100), End: at(1100)}
			b := &bill{spent: map[Cause]int64{}, mishaps: map[Mishap]int64{}}
			b.breakDown(j, asWritten{})
			got := map[Cause]int64{}
			for c, d := range b.spent {
				got[c] = d / msec
			}
			if !maps.Equal(got, x.want) {
				t.Errorf("%v, want %v", got, x.want)
			}
		})
	}
}
