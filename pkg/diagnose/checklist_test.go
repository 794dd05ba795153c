package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestChecklistKinds: whatever is read belongs to an item of the checklist, or
// tells neither side nor clock; nothing stands there that is not read.
func TestChecklistKinds(t *testing.T) {
	left := []string{"pcap", "pcapng", "server-config", "kernel-log", "text-log", "resolv-conf", "ping", "time", "socket-state"}
	known := slices.Clone(left[:2])
	for _, f := range logparse.Formats() {
		kind := f.EvidenceKind()
		known = append(known, kind)
		if !slices.Contains(left, kind) && !slices.ContainsFunc(checklistRows, func(r row) bool { return slices.Contains(r.kinds, kind) }) {
			t.Errorf("%s shows nothing of the checklist", kind)
		}
	}
	for _, r := range checklistRows {
		for _, kind := range r.kinds {
			if !slices.Contains(known, kind) {
				t.Errorf("%s: there is no %s", r.item, kind)
			}
		}
	}
}

// TestChecklistOfBroadcasts: what a server tells unasked names no place to collect at.
func TestChecklistOfBroadcasts(t *testing.T) {
	w := newWorld()
	heard := w.ntp(netip.MustParseAddrPort("10.2.0.255:123"), true)
	heard.Request = pcapflow.NTPMessage{}
	w.ntp(timeServer, true)
	for _, check := range checklist(newCase(w.c, Options{})) {
		if strings.Contains(check.Command, "10.2.0.255") {
			t.Errorf("%s: %s", check.Item, check.Command)
		}
		if check.Item == "client-timing" && !strings.Contains(check.Command, "sntp 10.2.0.123") {
			t.Errorf("%s: %s", check.Item, check.Command)
		}
	}
}
