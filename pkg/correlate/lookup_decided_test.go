package correlate

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestCachedAsUnbound: which answers came from the cache, and how long the
// resolver took for the others, as its own log has it.
func TestCachedAsUnbound(t *testing.T) {
	dir := filepath.Join("..", "pcapflow", "testdata", "recorded")
	inc, err := incident.Read(context.Background(), []string{filepath.Join(dir, "dns-client.pcap")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "dns-unbound.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`NOERROR ([0-9.]+) ([01]) (\d+)`).FindAllStringSubmatch(string(text), -1)
	var list []*Lookup
	for _, l := range lookups(inc) {
		if l.Decided() != nil {
			list = append(list, l)
		}
	}
	if len(list) != len(lines) || len(lines) != 4 {
		t.Fatalf("%d lookups, %d lines", len(list), len(lines))
	}
	for i, l := range list {
		took, _ := strconv.ParseFloat(lines[i][1], 64)
		if got := l.Cached > 0; got != (lines[i][2] == "1") {
			t.Errorf("%d: cached for %v, the log says %s", i, l.Cached, lines[i][2])
		}
		if off := l.Processing.Seconds() - took; !l.ProcessingKnown || math.Abs(off) > 0.005 {
			t.Errorf("%d: processed in %v, the log says %v s", i, l.Processing, took)
		}
	}
}

// TestCached: what counts down with the clock comes from a cache; what stays, or
// begins anew, does not.
func TestCached(t *testing.T) {
	at := func(seconds float64, ttl uint32) *pcapflow.Transaction {
		return &pcapflow.Transaction{Answer: pcapflow.Stamp{Time: int64(seconds * 1e9), Frame: 1}, HasTTL: true, TTL: ttl}
	}
	var x cached
	for i, c := range []struct {
		*pcapflow.Transaction
		age time.Duration // 0: not from a cache
	}{
		{at(0, 300), 0}, {at(10.4, 290), 10 * time.Second}, {at(20.9, 279), 21 * time.Second}, {at(25, 300), 0}, {at(26, 299), time.Second},
		{at(90, 60), 0}, // neither as old as the clock says nor new: another record
		{at(91, 60), 0}, {at(120, 60), 0}, {at(119, 50), 0},
	} {
		if age, ok := x.answer(c.Transaction); age != c.age || ok != (c.age > 0) {
			t.Errorf("%d: %v, %v", i, age, ok)
		}
	}
}

// TestProxyARP: a router that answers in the name of hosts behind it.
func TestProxyARP(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{filepath.Join("..", "pcapflow", "testdata", "recorded", "dns-client.pcap")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	proxy := map[string]bool{}
	for _, s := range linkSeries(inc) {
		proxy[s.Target.String()] = s.Proxy.Seen()
	}
	if len(proxy) != 4 || !proxy["10.9.1.2"] || proxy["10.9.0.1"] || proxy["10.9.0.2"] {
		t.Errorf("%v", proxy)
	}
}
