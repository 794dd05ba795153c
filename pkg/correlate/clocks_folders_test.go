package correlate

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// put writes a file of a made-up folder of evidence.
func put(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(need.Shared(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func analysed(t *testing.T, paths ...string) *incident.Incident {
	t.Helper()
	inc, err := incident.Read(context.Background(), paths, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inc
}

// TestTwoHostsInOneFolder: one folder is not always one host.
func TestTwoHostsInOneFolder(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"oficina_c1.pcap", "oficina_c3.pcap", "web.pcapng"} {
		put(t, dir, f, read(t, "incidents", "s08_ntp_clocks", "input", f))
	}
	put(t, dir, "logs/access.log", read(t, "incidents", "s08_ntp_clocks", "input", "web", "access.log"))
	put(t, dir, "logs/query.log", read(t, "incidents", "s08_ntp_clocks", "input", "dns", "query.log"))
	clocks := measureClocks(analysed(t, dir), Options{})
	show(t, clocks)
	at := time.Date(2026, 11, 22, 10, 53, 30, 0, time.UTC).UnixNano()
	var web, dns *Clock
	for _, k := range clocks {
		for _, f := range k.Files {
			switch f.Path {
			case "logs/access.log":
				web = k
			case "logs/query.log":
				dns = k
			}
		}
	}
	if web == dns {
		t.Fatal("both logs have one clock")
	}
	if mid, _, _ := apart(t, web, dns, at); math.Abs(mid-(2.35+0.8)) > 0.02 {
		t.Errorf("the clocks are %+.4f s apart", mid)
	}
}

// TestPitfall13CentralLogIsTwoClocks: in a file that gathers the lines of several hosts, each name
// is a clock.
func TestPitfall13CentralLogIsTwoClocks(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "c1.pcap", read(t, "incidents", "s06_ssh", "input", "c1.pcap"))
	put(t, dir, "c2.pcap", read(t, "incidents", "s06_ssh", "input", "c2.pcap"))
	log := read(t, "incidents", "s06_ssh", "input", "ssh", "auth.log")
	stamp := regexp.MustCompile(`^(\S+) ssh `)
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(log)), "\n") {
		m := stamp.FindStringSubmatch(line)
		if m == nil {
			t.Fatal(line)
		}
		at, err := time.Parse(time.RFC3339Nano, m[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line, at.Add(7*time.Second).Format("2006-01-02T15:04:05.000000-07:00")+" other "+line[len(m[0]):])
	}
	put(t, dir, "loghost/auth.log", []byte(strings.Join(out, "\n")+"\n"))
	clocks := measureClocks(analysed(t, dir), Options{})
	show(t, clocks)
	a, b := named(clocks, kindLog, "ssh"), named(clocks, kindLog, "other")
	if a == nil || b == nil || a.Status != clock.Measured || b.Status != clock.Measured {
		t.Fatal("not two clocks")
	}
	mid, low, high := apart(t, b, a, b.Segments[len(b.Segments)/2].From)
	if math.Abs(mid-7) > 0.01 || low > 7 || high < 7 {
		t.Errorf("%+.4f s, %+.4f … %+.4f", mid, low, high)
	}
}

// TestShiftedLog: a log moved by δ moves its clock by δ and nothing else.
func TestShiftedLog(t *testing.T) {
	base := need.Shared(t, "incidents", "s10_integrador", "input")
	plain := measureClocks(analysed(t, base), Options{})
	dir := t.TempDir()
	err := filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(base, path)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.ToSlash(name) == "dns/query.log" || filepath.ToSlash(name) == "dns/named.log" {
			b = later(t, b, "02-Jan-2006 15:04:05.000", 11*time.Second)
		}
		put(t, dir, name, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	moved := measureClocks(analysed(t, dir), Options{})
	for _, k := range plain {
		other := named(moved, k.Kind, k.Name)
		if other == nil || other.Status != k.Status {
			t.Errorf("%s: lost", k.Name)
			continue
		}
		if k.Status != clock.Measured {
			continue
		}
		want := int64(0)
		if k.Name == "dns" {
			want = int64(11 * time.Second)
		}
		at := k.Segments[len(k.Segments)/2].From
		o1, l1, h1, _ := k.At(at)
		o2, l2, h2, _ := other.At(at + want)
		if d := max(math.Abs(float64(o2-o1-want)), math.Abs(float64(l2-l1-want)), math.Abs(float64(h2-h1-want))); d > 20e3 {
			t.Errorf("%s moved by %+.6f s, bounds by %+.6f and %+.6f", k.Name, float64(o2-o1)/1e9, float64(l2-l1)/1e9, float64(h2-h1)/1e9)
		}
	}
}

// later moves the stamp that begins each line.
func later(t *testing.T, b []byte, layout string, by time.Duration) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, line := range bytes.SplitAfter(b, []byte("\n")) {
		if len(line) > len(layout) {
			at, err := time.Parse(layout, string(line[:len(layout)]))
			if err != nil {
				t.Fatal(err)
			}
			line = append([]byte(at.Add(by).Format(layout)), line[len(layout):]...)
		}
		out.Write(line)
	}
	return out.Bytes()
}

// TestZoneOfTheProgram: a log that nothing tells the zone of has that of the
// program's other log.
func TestZoneOfTheProgram(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "client.pcap", read(t, "incidents", "s10_integrador", "input", "historia.pcap"))
	query := later(t, read(t, "incidents", "s10_integrador", "input", "dns", "query.log"), "02-Jan-2006 15:04:05.000", -3*time.Hour)
	put(t, dir, "dns/query.log", query)
	stamp, _, _ := bytes.Cut(query, []byte(" queries:"))
	put(t, dir, "dns/named.log", append(bytes.Clone(stamp), " general: notice: running\n"...))
	inc := analysed(t, dir)
	measureClocks(inc, Options{})
	zones := map[string]int{}
	for _, l := range inc.Logs {
		zones[l.File.Path] = l.Events[0].ZoneSeconds
	}
	if zones["dns/query.log"] != -3*3600 || zones["dns/named.log"] != zones["dns/query.log"] {
		t.Errorf("zones %v", zones)
	}
}
