package correlate

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestWaitOfSYNs: where a capture at the server shows what became of repeated SYNs, their
// wait is the server's or the path's, and only else that of a loss.
func TestWaitOfSYNs(t *testing.T) {
	conn := func(v pcapflow.Vantage, synAck float64, syn ...float64) *pcapflow.Conn {
		n := &pcapflow.Conn{Vantage: v, SYNACK: []pcapflow.Stamp{{Time: ms(synAck), Frame: 9}}}
		for _, at := range syn {
			n.SYN = append(n.SYN, pcapflow.Stamp{Time: ms(at), Frame: 1})
		}
		return n
	}
	const client, server = pcapflow.VantageClient, pcapflow.VantageServer
	for name, x := range map[string]struct {
		at            []*pcapflow.Conn
		ignored, kept float64
	}{
		"ignored by the server":           {[]*pcapflow.Conn{conn(client, 1040, 0, 1000), conn(server, 1020, 20, 1020)}, 1000, 0},
		"kept on the way":                 {[]*pcapflow.Conn{conn(client, 1040, 0, 1000), conn(server, 1021, 1020, 1021)}, 1, 999},
		"the answer was lost":             {[]*pcapflow.Conn{conn(client, 1040, 0, 1000), conn(server, 20, 20, 1020)}, 0, 0},
		"one lost, one ignored":           {[]*pcapflow.Conn{conn(client, 3040, 0, 1000, 3000), conn(server, 3020, 1020, 3020)}, 2000, 0},
		"lost on the way":                 {[]*pcapflow.Conn{conn(client, 1040, 0, 1000), conn(server, 1020, 1020)}, 0, 0},
		"the server's capture alone":      {[]*pcapflow.Conn{conn(server, 1020, 20, 1020)}, 1000, 0},
		"no capture at the server":        {[]*pcapflow.Conn{conn(client, 1040, 0, 1000)}, 0, 0},
		"a capture at neither of the two": {[]*pcapflow.Conn{conn(client, 1040, 0, 1000), conn(pcapflow.VantageMiddle, 1030, 10, 1010)}, 0, 0},
	} {
		j := &Journey{}
		for _, n := range x.at {
			j.Points = append(j.Points, Point{Flow: &pcapflow.Flow{Conn: n}})
		}
		ignored, kept := waitOfSYNs(j, j.Points[0].Flow)
		if ignored != int64(x.ignored*1e6) || kept != int64(x.kept*1e6) {
			t.Errorf("%s: %d ignored, %d kept", name, ignored, kept)
		}
	}
}
