package correlate

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestBoundsAroundStep: a host is stepped back by 1.2 s while chronyd, which only
// watches, still averages samples of both sides. At every tenth of a second around
// it the bounds of the host's clocks hold the truth.
func TestBoundsAroundStep(t *testing.T) {
	b, err := os.ReadFile(need.Shared(t, "incidents", "s08_ntp_clocks", "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth truthFile
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	inc := analysed(t, need.Shared(t, "incidents", "s08_ntp_clocks", "input"))
	clocks := measureClocks(inc, Options{})
	table := newClockTable(inc, clocks)
	if len(clocks[0].Files) == 0 || clocks[0].Files[0].Path != "ntp.pcap" {
		t.Fatalf("the reference is %s", clocks[0].Name)
	}
	host, seen := truth.Hosts["web"], 0
	for _, f := range inc.Files {
		if f.Path != "web.pcapng" && f.Path != "web/access.log" {
			continue
		}
		k := table.ofFile(f)
		for n := -150; n <= 150; n++ {
			at := host.Clock[1].From + float64(n)/10
			ahead := host.offset(at)
			_, low, high, ok := k.At(int64((at + ahead) * 1e9))
			want := ahead - truth.Hosts["ntp"].offset(at)
			if seen++; !ok || want < float64(low)/1e9-5e-4 || want > float64(high)/1e9+5e-4 {
				t.Errorf("%s, %.1f s from the step: %+.6f s, bounds %+.6f … %+.6f", f.Path, float64(n)/10, want, float64(low)/1e9, float64(high)/1e9)
			}
		}
	}
	if seen != 602 {
		t.Errorf("%d instants", seen)
	}
}
