package diagnose

import (
	"path/filepath"
	"testing"
)

// TestQUICFailuresAreNotHealthy: a tenth of the connections found no version or no
// group in common, or nobody at the port; nothing of that is a rule's.
func TestQUICFailuresAreNotHealthy(t *testing.T) {
	d := Run(readFolder(t, filepath.Join("..", "pcapflow", "testdata", "recorded", "quic", "quic.pcap")), Options{})
	if f := of(d, "healthy"); len(f) != 1 || f[0].Confidence != NotEvaluable {
		t.Errorf("%+v", f)
	}
}
