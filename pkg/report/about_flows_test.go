package report

import (
	"bytes"
	"encoding/json"
	"net/netip"
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

// TestFlowsOfEndpoint: a host that took part in no journey has flows and resolutions
// of its own.
func TestFlowsOfEndpoint(t *testing.T) {
	host := netip.MustParseAddr("192.0.2.7")
	k := &incident.Capture{Files: []*incident.File{{Path: "lan.pcap"}}, Frames: []int{100}}
	for i := range 2 * flowsOf {
		client := netip.AddrPortFrom(host, 5353)
		if i%2 == 0 {
			client = netip.MustParseAddrPort("192.0.2.8:5353")
		}
		k.Flows = append(k.Flows, &pcapflow.Flow{Transport: pcapflow.UDP, Client: client, Server: netip.MustParseAddrPort("224.0.0.251:5353"), Start: pcapflow.Stamp{Time: 1, Frame: i + 1}})
		k.Neighbours = append(k.Neighbours, &pcapflow.Resolution{Protocol: "arp", Asker: host, Target: client.Addr(), Requests: []pcapflow.Stamp{{Time: 2, Frame: i + 1}}})
	}
	c := &correlate.Case{Incident: &incident.Incident{Captures: []*incident.Capture{k}}}
	for subject, want := range map[string]int{"192.0.2.7": 2 * flowsOf, "192.0.2.7:5353": flowsOf, "192.0.2.7:99": 0, "192.0.2.9": 0} {
		a := &About{Subject: subject, Kind: "endpoint"}
		if a.TellFlows(c); len(a.Flows) != want {
			t.Errorf("%s: %d lines", subject, len(a.Flows))
		}
	}
	a := &About{Subject: "192.0.2.7", Kind: "endpoint", Journeys: []Journey{{ID: "j1"}}}
	if a.TellFlows(c); len(a.Flows) != flowsOf {
		t.Errorf("beside a journey %d lines, not its resolutions alone", len(a.Flows))
	}
	waited := k.Neighbours[1]
	c.Journeys = []*correlate.Journey{{ID: "j1", Neighbour: waited, Phases: []correlate.Phase{{Phase: waited.Phase(), Capture: k}}}}
	a = &About{Subject: "j1", Kind: "journey", Journeys: []Journey{{ID: "j1"}}}
	if a.TellFlows(c); len(a.Flows) != 1 || !bytes.Contains(a.Flows[0], []byte(`"neighbour"`)) {
		t.Errorf("of a journey that waited for an address: %s", a.Flows)
	}
}
