package correlate

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestDelegationRecorded: what kept a resolver of its own busy, by its packets, is what
// it says itself: a server that does not serve its zone, and one that refuses EDNS.
func TestDelegationRecorded(t *testing.T) {
	dir := filepath.Join("..", "pcapflow", "testdata", "recorded")
	inc, err := incident.Read(context.Background(), []string{filepath.Join(dir, "delegation.pcap")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "delegation.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]DNSCause{"www.old.example": DNSEDNS, "ftp.old.example": DNSEDNS, "www.good.example": DNSUpstream, "ftp.good.example": DNSUpstream}
	for _, m := range regexp.MustCompile(`REFUSED unexpected RCODE resolving '([^/]+)/`).FindAllStringSubmatch(string(b), -1) {
		want[m[1]] = DNSLame
	}
	asked := 0
	for _, h := range historiesOf(inc) {
		for _, try := range h.tries {
			if try.Resolver.Addr().String() != "10.9.0.2" || !try.Answer.Seen() {
				continue
			}
			asked++
			expected := want[try.Name]
			if expected == "" {
				expected = DNSUpstream // its zone's other server happened to be asked first
			}
			if got := reasonBehind(h.behind(try)); got != expected {
				t.Errorf("%s: %s, want %s", try.Name, got, expected)
			}
		}
	}
	if asked != 7 || !strings.Contains(string(b), "lame-servers") {
		t.Errorf("%d lookups", asked)
	}
}
