package correlate

import (
	"math"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestDoubtLacking: a line is the less sure the more of the requests its capture lacks,
// where nothing of the request itself can be read; it stays matched.
func TestDoubtLacking(t *testing.T) {
	for _, x := range []struct {
		name           string
		unseen         int64 // of 1000 bytes
		estimated      bool
		status, by     string
		said, expected float64
	}{
		{"a whole capture", 0, true, "matched", "time, order", 0.999, 0.999},
		{"three of a hundred are missing", 30, true, "matched", "time, order", 0.999, 0.969},
		{"half of it is missing", 500, true, "matched", "time, order", 0.999, sure},
		{"in the clear", 30, false, "matched", "time, order", 0.999, 0.999},
		{"an identifier on both sides", 30, true, "matched", "request id", 0.999, 0.999},
		{"several candidates", 30, true, "ambiguous", "time", 0.6, 0.6},
	} {
		f := &pcapflow.Flow{Transport: pcapflow.TCP, Conn: &pcapflow.Conn{}, Packets: [2]int64{9, 9}, Payload: [2]int64{1000 - x.unseen, 5000}}
		f.Conn.Count[pcapflow.Client].AckedUnseen = x.unseen
		k := &incident.Capture{Result: pcapflow.Result{Flows: []*pcapflow.Flow{f}}}
		at := &target{point: Point{Capture: k, Flow: f, Exchange: &pcapflow.Exchange{Estimated: x.estimated}}}
		m := &matcher{result: []match{{target: at, line: Line{Status: x.status, By: x.by, Confidence: x.said}}}}
		m.doubtLacking()
		if got := m.result[0].line; math.Abs(got.Confidence-x.expected) > 1e-3 || got.Status != x.status {
			t.Errorf("%s: %s %.4f, want %.4f", x.name, got.Status, got.Confidence, x.expected)
		}
	}
}
