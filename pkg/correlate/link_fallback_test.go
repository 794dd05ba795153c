package correlate

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestFallback: of 22 connections over QUIC one was refused, and a connection over TCP to
// the same port took its place; those that failed at other ports have no such end.
func TestFallback(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{filepath.Join("..", "pcapflow", "testdata", "recorded", "quic", "quic.pcap")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, j := range Correlate(inc, Options{}).Journeys {
		for _, l := range j.Links {
			if l.Kind != Fallback {
				continue
			}
			links++
			if j.Service != "https" || l.Journey.Service != "quic" || l.Journey.Server != j.Server || !strings.Contains(j.Notes[0].EN, "300.") {
				t.Errorf("%s %s in place of %s %s: %q", j.Service, j.Server, l.Journey.Service, l.Journey.Server, j.Notes)
			}
		}
	}
	if links != 1 {
		t.Errorf("%d links", links)
	}
}
