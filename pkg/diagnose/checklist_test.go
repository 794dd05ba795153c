package diagnose

import (
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/logparse"
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
