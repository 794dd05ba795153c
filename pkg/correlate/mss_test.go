package correlate

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestMSSChanges: a router between two captures (nftables, "tcp option maxseg size
// set 1360") clamps what both sides offer for port 8080, and leaves port 8081 alone.
func TestMSSChanges(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{filepath.Join("testdata", "recorded", "mss-clamped")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint16][]string{}
	for _, j := range Correlate(inc, Options{}).Journeys {
		if len(j.Points) != 2 {
			t.Errorf("%s: %d captures", j.ID, len(j.Points))
		}
		list := []string{}
		for _, x := range j.MSSChanges() {
			list = append(list, fmt.Sprintf("%v %d>%d %s>%s", x.Dir, x.Sent, x.Arrived, filepath.Base(x.Seen.Capture.Files[0].Path), filepath.Base(x.Changed.Capture.Files[0].Path)))
		}
		got[j.Server.Port()] = list
	}
	if want := []string{"client 1460>1360 client.pcap>server.pcap", "server 1460>1360 server.pcap>client.pcap"}; !slices.Equal(got[8080], want) {
		t.Errorf("port 8080: %q", got[8080])
	}
	if len(got) != 2 || len(got[8081]) != 0 {
		t.Errorf("%v", got)
	}
}
