package correlate

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// steppedFrom moves the stamps of a pcap file (microseconds, little-endian) from one
// frame on, as a capture whose host's clock is set meanwhile.
func steppedFrom(t *testing.T, b []byte, frame int, by time.Duration) []byte {
	t.Helper()
	if binary.LittleEndian.Uint32(b) != 0xa1b2c3d4 {
		t.Fatalf("magic %x", b[:4])
	}
	out := append([]byte(nil), b...)
	for n, at := 1, 24; at+16 <= len(out); n++ {
		if n >= frame {
			us := (int64(binary.LittleEndian.Uint32(out[at:]))*1e6 + int64(binary.LittleEndian.Uint32(out[at+4:]))) + by.Microseconds()
			binary.LittleEndian.PutUint32(out[at:], uint32(us/1e6))
			binary.LittleEndian.PutUint32(out[at+4:], uint32(us%1e6))
		}
		at += 16 + int(binary.LittleEndian.Uint32(out[at+8:]))
	}
	return out
}

// tickStepsOf are the steps that TCP time stamps show, and what is said of them.
func tickStepsOf(inc *incident.Incident) (steps []clock.Step, notes []string) {
	e := gather(inc, buildDomains(inc, eachAlone(inc), 0))
	for _, s := range e.steps {
		if s.Method == clock.Timestamps {
			steps = append(steps, s)
		}
	}
	for _, k := range e.clocks {
		for _, n := range k.Notes {
			if strings.Contains(n.EN, "TCP time stamps") {
				notes = append(notes, n.EN)
			}
		}
	}
	return steps, notes
}

// TestTimestampsShowStep: a capture whose clock is set while connections are open is
// found out by the counters of their hosts, forward and back, and its clock is then
// measured on both sides.
func TestTimestampsShowStep(t *testing.T) {
	base := need.Shared(t, "incidents", "s06_ssh", "input")
	const file, frame = "ssh_servidor.pcap", 291
	plain := offsets(analysed(t, base))[file]
	for _, by := range []time.Duration{7250 * time.Millisecond, -3100 * time.Millisecond, 900 * time.Millisecond} {
		inc := analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
			if name == file {
				b = steppedFrom(t, b, frame, by)
			}
			return map[string][]byte{name: b}
		}))
		steps, notes := tickStepsOf(inc)
		if len(steps) != 1 || len(notes) != 1 {
			t.Errorf("%v: steps %v, notes %q", by, steps, notes)
			continue
		}
		s := steps[0]
		if abs64(s.Size-int64(by)) > s.Slack || s.Slack > int64(30*time.Millisecond) {
			t.Errorf("%v: found %v ± %v", by, time.Duration(s.Size), time.Duration(s.Slack))
		}
		clocks := measureClocks(inc, Options{})
		k := newClockTable(inc, clocks).ofFile(inc.Captures[0].Files[0])
		for _, c := range inc.Captures {
			if c.Files[0].Path == file {
				k = newClockTable(inc, clocks).ofFile(c.Files[0])
			}
		}
		first, low, high, _ := k.At(s.At - int64(time.Second))
		last, low2, high2, ok := k.At(s.After + int64(2*time.Second))
		if !ok || low > plain[2] || high < plain[0] || low2-int64(by) > plain[2] || high2-int64(by) < plain[0] {
			t.Errorf("%v: %v … %v before and %v … %v behind it, without it %v", by, time.Duration(low), time.Duration(high), time.Duration(low2), time.Duration(high2), plain)
		}
		if d := last - first - int64(by); abs64(d) > int64(20*time.Millisecond) {
			t.Errorf("%v: the track moves by %v", by, time.Duration(last-first))
		}
	}
}

// TestTimestampsShowNoStep: loss, queues, idle connections and slews are no steps.
func TestTimestampsShowNoStep(t *testing.T) {
	seen := 0
	for _, name := range []string{"s01_healthy_web", "s04_loss", "s06_ssh", "s08_ntp_clocks", "s10_integrador", "s14_two_points"} {
		inc := analysed(t, need.Shared(t, "incidents", name, "input"))
		for _, c := range inc.Captures {
			for _, f := range c.Flows {
				if f.Conn != nil && len(f.Conn.Marks) > 1 && f.Conn.Marks[1].TSVal != 0 {
					seen++
				}
			}
		}
		if steps, notes := tickStepsOf(inc); len(steps)+len(notes) > 0 {
			t.Errorf("%s: %v %q", name, steps, notes)
		}
	}
	if seen < 100 {
		t.Errorf("%d connections with time stamps", seen)
	}
	inc := analysed(t, need.Shared(t, "incidents", "s15_journal_step", "input"))
	if steps, _ := tickStepsOf(inc); len(steps) != 1 || abs64(steps[0].Size-8_398_000_000) > steps[0].Slack {
		t.Errorf("of a host set 8.398 s forward: %v", steps)
	}
}
