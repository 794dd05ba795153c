package report

import (
	"encoding/json"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestFlowsOfSubject: a journey's flow is told whole, once for each capture that
// saw it, and those of no more than a few journeys.
func TestFlowsOfSubject(t *testing.T) {
	near := &incident.Capture{Files: []*incident.File{{Path: "near.pcap"}}, Frames: []int{10}}
	far := &incident.Capture{Files: []*incident.File{{Path: "far.pcap"}}, Frames: []int{10}}
	flow := func() *pcapflow.Flow {
		return &pcapflow.Flow{Transport: pcapflow.TCP, Start: pcapflow.Stamp{Time: 1, Frame: 1}, TLS: &pcapflow.TLS{JA4: "t13d1516h2"}}
	}
	one, two := flow(), flow()
	c := &correlate.Case{Journeys: []*correlate.Journey{
		{ID: "j1", Points: []correlate.Point{{Capture: near, Flow: one}, {Capture: far, Flow: two}}},
		{ID: "j2", Points: []correlate.Point{{Capture: near, Flow: one}}}, // the next request of the connection
	}}
	a := &About{Journeys: []Journey{{ID: "j1"}, {ID: "j2"}}}
	a.TellFlows(c)
	var files []string
	for _, raw := range a.Flows {
		var f struct {
			Evidence string
			TLS      struct{ JA4 string }
		}
		if err := json.Unmarshal(raw, &f); err != nil || f.TLS.JA4 != "t13d1516h2" {
			t.Errorf("%s: %v", raw, err)
		}
		files = append(files, f.Evidence)
	}
	if len(files) != 2 || files[0] != "near.pcap" || files[1] != "far.pcap" {
		t.Errorf("flows of %v", files)
	}
}
