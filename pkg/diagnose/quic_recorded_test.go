package diagnose

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestQUICAsRecorded: of 23 connections of real programs one found no version in common,
// one no group, one nobody at the port, which went on over TCP; four paid a round trip.
func TestQUICAsRecorded(t *testing.T) {
	d := Run(readFolder(t, filepath.Join("..", "pcapflow", "testdata", "recorded", "quic", "quic.pcap")), Options{})
	for rule, want := range map[string][]string{
		"healthy":               nil,
		"quic-blocked":          {"port unreachable", "took its place"},
		"quic-failed":           {"no version in common", "handshake_failure"},
		"quic-extra-round-trip": {"Version Negotiation", "HelloRetryRequest", "Retry:"},
		"quic-slow-handshake":   nil,
	} {
		text := ""
		for _, f := range of(d, rule) {
			text += f.Text + "\n"
		}
		for _, x := range want {
			if !strings.Contains(text, x) {
				t.Errorf("%s: %q lacks %q", rule, text, x)
			}
		}
		if want == nil && text != "" {
			t.Errorf("%s: %s", rule, text)
		}
	}
}
