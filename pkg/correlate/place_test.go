package correlate

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestPlace: a number within its connection is told of what the captures show from the
// connection's beginning on, and of nothing else.
func TestPlace(t *testing.T) {
	journey := func(change func(j *Journey, f *pcapflow.Flow)) *Journey {
		f := &pcapflow.Flow{Conn: &pcapflow.Conn{SYN: []pcapflow.Stamp{{Frame: 1}}}, Payload: [2]int64{300, 900}}
		j := &Journey{Service: "https", Ordinal: 2, Points: []Point{{Flow: f}}, Exchange: &pcapflow.Exchange{Ordinal: 2}}
		change(j, f)
		return j
	}
	whole := func(j *Journey, _ *pcapflow.Flow) { j.Exchange, j.Ordinal = nil, 1 }
	for name, x := range map[string]struct {
		change func(j *Journey, f *pcapflow.Flow)
		want   int
	}{
		"seen from the beginning":     {func(*Journey, *pcapflow.Flow) {}, 2},
		"begun before the capture":    {func(_ *Journey, f *pcapflow.Flow) { f.Conn.SYN = nil }, 0},
		"bytes of the client missing": {func(_ *Journey, f *pcapflow.Flow) { f.Conn.Count[pcapflow.Client].AckedUnseen = 80 }, 0},
		"bytes of an answer missing":  {func(_ *Journey, f *pcapflow.Flow) { f.Conn.Count[pcapflow.Server].AckedUnseen = 80 }, 2},
		"of an encrypted one": {func(j *Journey, f *pcapflow.Flow) {
			j.Exchange.Estimated, f.Conn.Count[pcapflow.Server].AckedUnseen = true, 80
		}, 0},
		"QUIC":                          {func(_ *Journey, f *pcapflow.Flow) { f.Conn = nil }, 2},
		"no content to be read":         {whole, 0},
		"cut to headers":                {func(j *Journey, f *pcapflow.Flow) { whole(j, f); j.Service = "tcp" }, 0},
		"no content, nothing was asked": {func(j *Journey, f *pcapflow.Flow) { whole(j, f); f.Payload = [2]int64{} }, 1},
		"a login":                       {func(j *Journey, f *pcapflow.Flow) { whole(j, f); j.Service = "ssh" }, 1},
	} {
		if got := journey(x.change).Place(); got != x.want {
			t.Errorf("%s: %d, want %d", name, got, x.want)
		}
	}
}
