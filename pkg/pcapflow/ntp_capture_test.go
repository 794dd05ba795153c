package pcapflow

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// ntpFrames lists the time packets that a result holds, by frame.
func ntpFrames(r *Result) map[int]*NTPMessage {
	of := map[int]*NTPMessage{}
	for _, f := range r.Flows {
		for i := range f.NTP {
			for _, m := range []*NTPMessage{&f.NTP[i].Request, &f.NTP[i].Response} {
				if m.Seen() {
					of[m.Frame] = m
				}
			}
			for _, again := range f.NTP[i].Repeats {
				of[again.Frame] = &f.NTP[i].Request
			}
		}
	}
	return of
}

// TestNTPAsWireshark compares the stamps of every NTP packet to the nanosecond.
func TestNTPAsWireshark(t *testing.T) {
	list := capturesOf(t, "s08_ntp_clocks", "s10_integrador")
	for _, name := range []string{
		"tcpdump/tests/ntp.pcap", "tcpdump/tests/ntp-control.pcap", "tcpdump/tests/ntp-mode7.pcap",
		"zeek/testing/btest/Traces/ntp/NTP-digest.pcap", "zeek/testing/btest/Traces/ntp/NTP_sync.pcap",
		"zeek/testing/btest/Traces/ntp/ntp.pcap", "zeek/testing/btest/Traces/ntp/ntpmode67.pcap",
	} {
		list = append(list, need.Shared(t, "captures", name))
	}
	daemons, _ := filepath.Glob(filepath.Join(need.Shared(t, "daemons"), "*", "*.pcap"))
	list = append(list, daemons...)
	for _, path := range list {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			r, err := Analyse(readPackets(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			of := ntpFrames(r)
			fields := []string{"frame.number", "ntp.flags.mode", "ntp.stratum", "ntp.rec", "ntp.xmt", "ntp.org", "icmp.type"}
			tsharkFields(t, path, "ntp", fields, func(v []string) {
				frame, _ := strconv.Atoi(v[0])
				mode, _ := strconv.Atoi(v[1])
				m := of[frame]
				switch {
				case v[6] != "":
				case mode > ntpBroadcast || mode == 0:
					if m != nil {
						t.Errorf("frame %d: mode %d taken for time", frame, mode)
					}
				case m == nil:
					t.Errorf("frame %d: mode %d not found", frame, mode)
				case int(m.Mode) != mode || itoa(int(m.Stratum)) != v[2]:
					t.Errorf("frame %d: mode %d stratum %d, tshark %s %s", frame, m.Mode, m.Stratum, v[1], v[2])
				default:
					for i, stamp := range []uint64{m.Rec, m.Xmt, m.Org} {
						checkNTPStamp(t, frame, stamp, v[3+i], m.Time)
					}
				}
			})
		})
	}
}

func checkNTPStamp(t *testing.T, frame int, stamp uint64, text string, pivot int64) {
	t.Helper()
	want, err := time.Parse("Jan _2, 2006 15:04:05.999999999 MST", text)
	if err != nil {
		if stamp != 0 && text != "" && text != "NULL" {
			t.Errorf("frame %d: tshark writes %q", frame, text)
		}
		return
	}
	got, ok := NTPUnix(stamp, want.UnixNano())
	if d := got - want.UnixNano(); !ok || d < -1 || d > 1 {
		t.Errorf("frame %d: %#x is %d, tshark %s (%d)", frame, stamp, got, text, want.UnixNano())
	}
}

func TestNTPAsZeek(t *testing.T) {
	for _, test := range []struct {
		trace, baseline string
		modes           map[uint8]int
	}{
		{"ntp/ntp.pcap", "scripts.base.protocols.ntp.ntp", map[uint8]int{3: 16, 4: 16}},
		{"ntp/NTP_sync.pcap", "scripts.base.protocols.ntp.ntp3", nil},
		{"ntp/NTP-digest.pcap", "scripts.base.protocols.ntp.ntp-digest", nil},
	} {
		r, err := Analyse(readPackets(t, zeekTrace(t, test.trace)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		of := ntpFrames(r)
		var frames []int
		for frame := range of {
			frames = append(frames, frame)
		}
		slices.Sort(frames)
		rows := zeekLog(t, test.baseline, "ntp.log")
		if len(rows) != len(frames) {
			t.Errorf("%s: %d packets, Zeek %d", test.trace, len(frames), len(rows))
			continue
		}
		modes := map[uint8]int{}
		for i, frame := range frames {
			m, row := of[frame], rows[i]
			modes[m.Mode]++
			if itoa(int(m.Mode)) != row["mode"] || itoa(int(m.Version)) != row["version"] || row["stratum"] != itoa(int(m.Stratum)) {
				t.Errorf("%s frame %d: %+v, Zeek %v", test.trace, frame, m, row)
			}
			for name, stamp := range map[string]uint64{"org_time": m.Org, "rec_time": m.Rec, "xmt_time": m.Xmt} {
				want, err := strconv.ParseFloat(row[name], 64)
				if got, ok := NTPUnix(stamp, m.Time); err == nil && want > 0 && (!ok || abs(float64(got)/1e9-want) > 2e-6) {
					t.Errorf("%s frame %d: %s %d, Zeek %s", test.trace, frame, name, got, row[name])
				}
			}
		}
		for mode, n := range test.modes {
			if modes[mode] != n {
				t.Errorf("%s: %d packets of mode %d, want %d", test.trace, modes[mode], mode, n)
			}
		}
	}
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

// Every answered exchange of the incidents bounds the server's clock from both
// sides; the bounds may not cross by more than capturing takes.
func TestNTPBoundsHold(t *testing.T) {
	n := 0
	for _, path := range capturesOf(t, "s08_ntp_clocks", "s10_integrador", "s14_two_points") {
		r, err := Analyse(readPackets(t, path), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Flows {
			for i := range f.NTP {
				low, high, ok := f.NTP[i].Bounds()
				if !ok {
					continue
				}
				if n++; high-low < -400_000 {
					t.Errorf("%s frame %d: %d..%d", filepath.Base(path), f.NTP[i].Response.Frame, low, high)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d exchanges", n)
	}
}
