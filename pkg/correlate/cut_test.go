package correlate

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestSaidCut: what a client program printed of the end of an answer.
func TestSaidCut(t *testing.T) {
	for exit, want := range map[int]int{18: cutServer, 56: cutServer, 92: cutServer, 28: cutClient, 0: endWhole, -1: endKnown, 6: endKnown} {
		l := &incident.Log{Events: []logparse.Event{{Kind: logparse.ClientHTTP, Timing: &logparse.Timing{Exit: exit}}}}
		if got := saidCut([]Line{{Log: l, Status: "matched"}}); got != want {
			t.Errorf("exit %d: %d, want %d", exit, got, want)
		}
	}
}

// TestSeenCut: how packets tell that an encrypted answer ended, and what its phase and
// its journey say then.
func TestSeenCut(t *testing.T) {
	at := func(ms int64) pcapflow.Stamp { return pcapflow.Stamp{Time: ms * 1e6, Frame: int(ms)} }
	again := func(f *pcapflow.Flow, seq uint32) {
		f.Conn.Retransmissions = []pcapflow.Retransmission{{Stamp: at(900), Dir: pcapflow.Server, Len: 1448, Seq: seq}}
	}
	for _, x := range []struct {
		name    string
		happens func(f *pcapflow.Flow)
		want    int
		outcome pcapflow.Outcome
	}{
		{"nobody closed", func(*pcapflow.Flow) {}, endKnown, pcapflow.Done},
		{"the server's close with it", func(f *pcapflow.Flow) { f.Conn.FIN[pcapflow.Server] = at(320) }, endUnknown, pcapflow.Unseen},
		{"the server's RST with it", func(f *pcapflow.Flow) {
			f.Conn.RST = []pcapflow.Reset{{Stamp: at(320), Dir: pcapflow.Server}}
		}, endUnknown, pcapflow.Unseen},
		{"close_notify before it", func(f *pcapflow.Flow) {
			f.TLS.CloseNotify[pcapflow.Server], f.Conn.FIN[pcapflow.Server] = at(319), at(320)
		}, endKnown, pcapflow.Done},
		{"the client closed first", func(f *pcapflow.Flow) {
			f.Conn.FIN = [2]pcapflow.Stamp{at(310), at(320)}
		}, endKnown, pcapflow.Done},
		{"an idle connection's close", func(f *pcapflow.Flow) { f.Conn.FIN[pcapflow.Server] = at(60_000) }, endKnown, pcapflow.Done},
		{"sent again, and nobody heard it", func(f *pcapflow.Flow) { again(f, 5000) }, cutClient, pcapflow.Failed},
		{"the capture ends with it", func(f *pcapflow.Flow) { f.LastPayload[pcapflow.Server] = at(985) }, endUnknown, pcapflow.Unseen},
		{"the capture went on for a round trip", func(f *pcapflow.Flow) { f.LastPayload[pcapflow.Server] = at(975) }, endKnown, pcapflow.Done},
		{"sent again, and acknowledged", func(f *pcapflow.Flow) { again(f, 3000) }, endKnown, pcapflow.Done},
	} {
		f := &pcapflow.Flow{Conn: &pcapflow.Conn{}, TLS: &pcapflow.TLS{}}
		f.Conn.RTT, f.LastPayload[pcapflow.Server] = 20e6, at(300)
		f.Conn.Heard = [2]int64{at(300).Time, at(300).Time}
		f.Conn.AckedTo[pcapflow.Server] = 4000
		e := &pcapflow.Exchange{Ordinal: 1, Estimated: true, RequestFirst: at(100), RequestLast: at(100), ResponseFirst: at(200), ResponseReadable: at(200), ResponseLast: at(300)}
		x.happens(f)
		k := &incident.Capture{}
		k.Last = at(1000)
		jn := &Journey{Points: []Point{{Capture: k, Flow: f, Exchange: e}}, Exchange: e}
		got := seenCut(jn)
		if got > endWhole {
			jn.cut(got)
		}
		if o := exchangeOutcome(jn.Exchange); got != x.want || o != x.outcome {
			t.Errorf("%s: %d and %s, want %d and %s", x.name, got, o, x.want, x.outcome)
		}
		phases := exchangePhases(jn.Points[0], jn.Exchange)
		last := phases[len(phases)-1]
		if (last.Reason == reasonClosed || last.Reason == reasonEnds) != (x.outcome == pcapflow.Unseen) || !last.End.Seen() || e.Truncated || e.EndOpen {
			t.Errorf("%s: %+v; the flow's own exchange %+v", x.name, last, e)
		}
	}
}
