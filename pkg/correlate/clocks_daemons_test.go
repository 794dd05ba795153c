package correlate

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// folder lays out evidence as an analyst would have it: name in the incident →
// file of the shared material.
func folder(t *testing.T, files map[string]string) *incident.Incident {
	t.Helper()
	dir := t.TempDir()
	for to, from := range files {
		b, err := os.ReadFile(need.Shared(t, strings.Split(from, "/")...))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inc, err := incident.Read(context.Background(), []string{dir}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inc
}

func show(t *testing.T, clocks []*Clock) {
	t.Helper()
	for _, k := range clocks {
		t.Logf("%s %q %s %s %v", k.Kind, k.Name, k.Status, k.Why, k.Supports)
		for _, s := range k.Segments {
			t.Logf("      from %s for %.1f s: %+.6f s, %+.6f … %+.6f, %+.3f ppm, step %v", time.Unix(0, s.From).UTC().Format("15:04:05.000"), float64(s.To-s.From)/1e9,
				float64(s.Offset)/1e9, float64(s.Low)/1e9, float64(s.High)/1e9, s.Drift, s.StepBefore)
		}
	}
}

func named(clocks []*Clock, kind, name string) *Clock {
	for _, k := range clocks {
		if k.Kind == kind && k.Name == name {
			return k
		}
	}
	return nil
}

// apart gives how far clock a is ahead of clock b, with bounds, when a shows at.
func apart(t *testing.T, a, b *Clock, at int64) (mid, low, high float64) {
	t.Helper()
	if a == nil || b == nil {
		t.Fatal("a clock is missing")
	}
	m1, l1, h1, ok1 := a.At(at)
	m2, l2, h2, ok2 := b.At(at - m1)
	if !ok1 || !ok2 {
		t.Fatalf("%s %s, %s %s: not measured", a.Name, a.Why, b.Name, b.Why)
	}
	return float64(m1-m2) / 1e9, float64(l1-h2) / 1e9, float64(h1-l2) / 1e9
}

// TestPitfall01ChronyOffsetIsNotTheHosts: chronyd says 5e-7 s of a host whose clock is 28 s slow.
// Only the remaining correction tells.
func TestPitfall01ChronyOffsetIsNotTheHosts(t *testing.T) {
	inc := folder(t, map[string]string{
		"web/chrony/tracking.log": "daemons/chrony_sim/slow/tracking.log", "web/chrony/measurements.log": "daemons/chrony_sim/slow/measurements.log",
		"web/chrony/chronyd.log": "daemons/chrony_sim/slow/log.2",
	})
	clocks := measureClocks(inc, Options{})
	show(t, clocks)
	compare(t, clocks, "slow", 3900)
}

// TestPitfall07OffsetIsNotConstant compares with the true error of a clock under chronyd's
// control.
func TestPitfall07OffsetIsNotConstant(t *testing.T) {
	for _, name := range []string{"slew", "step"} {
		t.Run(name, func(t *testing.T) {
			inc := folder(t, map[string]string{
				"web/chrony/tracking.log":     "daemons/chrony_sim/" + name + "/tracking.log",
				"web/chrony/measurements.log": "daemons/chrony_sim/" + name + "/measurements.log",
				"web/chrony/chronyd.log":      "daemons/chrony_sim/" + name + "/log.2",
			})
			clocks := measureClocks(inc, Options{})
			show(t, clocks)
			compare(t, clocks, name, 1900)
		})
	}
}

// compare holds the host's clock against the simulation, second by second.
func compare(t *testing.T, clocks []*Clock, name string, seconds int) {
	t.Helper()
	b, err := os.ReadFile(need.Shared(t, "daemons", "chrony_sim", name, "log.offset"))
	if err != nil {
		t.Fatal(err)
	}
	var truth []float64
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.Fields(line)
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		truth = append(truth, v)
	}
	host, server := named(clocks, kindLog, "web"), named(clocks, kindNTPServer, "192.168.123.1")
	begin := time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	inside, n := 0, 0
	var errs []float64
	for s := 5; s < seconds; s++ {
		want := truth[s]
		mid, low, high := apart(t, host, server, begin+int64((float64(s)+want)*1e9))
		n++
		if low-5e-4 <= want && want <= high+5e-4 {
			inside++
		} else if n-inside < 20 {
			t.Logf("after %d s: %+.6f … %+.6f, truth %+.6f", s, low, high, want)
		}
		errs = append(errs, math.Abs(mid-want))
	}
	slices.Sort(errs)
	t.Logf("%s: inside %d of %d, median error %.6f s", name, inside, n, errs[n/2])
	if inside*100 < n*99 || errs[n/2] > 0.005 {
		t.Errorf("%s: inside %d of %d, median error %.6f s", name, inside, n, errs[n/2])
	}
}

// TestCapturedNTP: servers are measured by the capture's own stamps, whatever
// the client puts into its packets.
func TestCapturedNTP(t *testing.T) {
	for _, c := range []struct {
		pcap      string
		server    string
		low, high float64 // where the offset must lie at the first exchange
		width     float64
	}{
		{"daemons/chrony/ntp.pcap", "127.0.0.1", 4.9990, 5.0030, 0.004},    // +5 s, +100 ppm: no constant fits
		{"daemons/ntpd/n.pcap", "", 0.04985, 0.05015, 0.001},               // +50 ms
		{"daemons/xleave/x.pcap", "", -0.0001, 0.0001, 0.001},              // interleaved: naive arithmetic gives −0.5 s
		{"daemons/tsd/t.pcap", "", math.Inf(-1), math.Inf(1), math.Inf(1)}, // random transmit stamps
	} {
		t.Run(c.pcap, func(t *testing.T) {
			inc := folder(t, map[string]string{"x.pcap": c.pcap})
			clocks := measureClocks(inc, Options{})
			show(t, clocks)
			servers := 0
			for _, k := range clocks {
				switch {
				case k.Kind == kindNTPServer && k.Status == clock.Measured:
					servers++
					at := inc.Captures[0].First.Time
					o, l, h, _ := k.At(at + k.Segments[0].Offset)
					if x := float64(o) / 1e9; x < c.low || x > c.high || float64(h-l)/1e9 > c.width {
						t.Errorf("%s: %+.6f s, %d ns wide", k.Name, x, h-l)
					}
				case k.Kind == kindLog:
					t.Errorf("a client's clock was measured from a random stamp: %s", k.Name)
				}
			}
			if servers == 0 {
				t.Error("no server was measured")
			}
		})
	}
}

// TestTwoPoints: two real pairs of captures with known answers.
func TestTwoPoints(t *testing.T) {
	const folderOf = "captures/practical-packet-analysis/"
	for _, c := range []struct {
		first, second string
		low, high     float64
	}{
		{"ip_ttl_source.pcapng", "ip_ttl_dest.pcapng", -48.851806, -48.850822},
		{"stranded_clientside.pcapng", "stranded_branchdns.pcapng", 5958.961188, 5958.961459},
	} {
		t.Run(c.first, func(t *testing.T) {
			inc := folder(t, map[string]string{"a.pcapng": folderOf + c.first, "b.pcapng": folderOf + c.second})
			clocks := measureClocks(inc, Options{})
			show(t, clocks)
			b, a := named(clocks, kindCapture, "b.pcapng"), named(clocks, kindCapture, "a.pcapng")
			mid, low, high := apart(t, b, a, inc.Captures[1].First.Time)
			if math.Abs(mid-(c.low+c.high)/2) > 2e-6 || low > c.low || high < c.high || high-low > c.high-c.low+1e-3 {
				t.Errorf("%+.6f s, %+.6f … %+.6f", mid, low, high)
			}
		})
	}
}

// TestOneHost: what servers wrote beside the packets that caused it, all on one
// clock: every log must come out at nothing.
func TestOneHost(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"web": {"web.pcap": "daemons/web/web.pcap", "nginx/access.log": "daemons/web/logs/access.log", "apache/access.log": "daemons/web/logs/aaccess.log", "apache/error.log": "daemons/web/logs/aerror.log"},
		"dns": {"dns.pcap": "daemons/dns/dns.pcap", "bind/query.log": "daemons/dns/q.log", "unbound/unbound.log": "daemons/dns/unb.log", "dnsmasq/dnsmasq.log": "daemons/dns/dm.log"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := folder(t, files)
			clocks := measureClocks(inc, Options{})
			show(t, clocks)
			for _, k := range clocks {
				if k.Kind != kindLog || k.Status != clock.Measured {
					continue
				}
				o, l, h, _ := k.At(inc.Captures[0].First.Time + int64(10*time.Second))
				if l > 1e6 || h < -1e6 {
					t.Errorf("%s: %+.6f s, %+.6f … %+.6f", k.Name, float64(o)/1e9, float64(l)/1e9, float64(h)/1e9)
				}
			}
		})
	}
}

// TestPitfall14StepInTheJournal: the journal itself tells of a step, to the microsecond.
func TestPitfall14StepInTheJournal(t *testing.T) {
	inc := folder(t, map[string]string{"web/journal.export": "daemons/journal/in.export"})
	e := gather(inc, buildDomains(inc, nil, lang.EN))
	for _, s := range e.steps {
		t.Logf("%+v", s)
	}
	if len(e.steps) != 1 || e.steps[0].Size != -44_123_456_000 {
		t.Errorf("%d steps", len(e.steps))
	}
}
