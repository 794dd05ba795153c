package pcapflow

import (
	"strconv"
	"strings"
	"testing"
)

// TestHeadOfLineAsClient: how long other answers held one up, by when the client had read
// each frame. The client was woken late, on a busy machine: by up to 20 ms.
func TestHeadOfLineAsClient(t *testing.T) {
	want, before, total := map[int]float64{}, map[int]float64{}, 0.0
	previous := 0.0
	for _, line := range written(t, "testdata/recorded/head-of-line.txt") {
		v := strings.Fields(line)
		now, err := strconv.ParseFloat(v[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		stream, _ := strconv.Atoi(v[1])
		if at, begun := before[stream]; begun {
			want[stream] += total - at
		}
		if previous > 0 {
			total += now - previous
		}
		previous, before[stream] = now, total
	}
	n, longest := 0, 0.0
	for _, f := range recorded(t, "head-of-line.pcap", "").Flows {
		for _, x := range f.HTTP {
			n++
			longest = max(longest, want[x.StreamID])
			if got := float64(x.HeadOfLineWait) / 1e9; got < want[x.StreamID]-0.02 || got > want[x.StreamID]+0.02 {
				t.Errorf("stream %d was held up for %.3f s, its client says %.3f s", x.StreamID, got, want[x.StreamID])
			}
		}
	}
	if n != 3 || longest < 0.05 {
		t.Errorf("%d answers, held up for %.3f s at most", n, longest)
	}
}
