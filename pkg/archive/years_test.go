package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// played copies a capture as if it had been taken later, by a clock that is ahead: stamp
// gives what it shows, ns, of what was stamped.
func played(t *testing.T, from, to string, stamp func(ns int64) int64) {
	t.Helper()
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(f, false)
	var p capture.Packet
	for err = set.Next(&p); err == nil; err = set.Next(&p) {
		p.Time = stamp(p.Time)
		if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// trackOf is what a result tells of a clock, by the day of its piece: the least and the
// most that it was ahead.
func trackOf(t *testing.T, out, clock string) map[string][2]float64 {
	t.Helper()
	days := map[string][2]float64{}
	err := EachRow(out, "clocks", func(row *trend.ClockRow) error {
		if row.Name != clock || row.From == nil {
			return nil
		}
		day := time.Unix(0, *row.From).UTC().Format(time.DateOnly)
		was, seen := days[day]
		if !seen {
			was = [2]float64{math.Inf(1), math.Inf(-1)}
		}
		days[day] = [2]float64{math.Min(was[0], *row.Low), math.Max(was[1], *row.High)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return days
}

// TestYearOfClocks: of a year of daily files of two points, of which one drifts and is set
// back and forth by an hour, each day has its track: that of one day alone, moved by what
// its clock was ahead. Each day's journeys are told once. A second run measures nothing
// again, and one with a day more only that day and the last one before.
func TestYearOfClocks(t *testing.T) {
	const server = "capture server_server-_.pcap"
	days := 365
	if testing.Short() {
		days = 30
	}
	ahead := func(day int) int64 {
		drift := int64(day) * 50e6 // 50 ms a day: 0.6 ppm
		if day*3 >= days && day*3 < 2*days {
			drift -= 3600e9
		}
		return drift
	}
	add := func(in string, day int) (date string) {
		at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day) // the sample's
		for _, point := range []string{"client", "server"} {
			by := int64(day) * 86400e9
			if point == "server" {
				by += ahead(day)
			}
			played(t, filepath.Join(sample(t, "slow-application"), point+".pcap"), filepath.Join(in, point, point+"-"+at.Format("20060102")+".pcap"), func(ns int64) int64 { return ns + by })
		}
		return at.Format(time.DateOnly)
	}
	one, outOfOne := t.TempDir(), t.TempDir()
	first := add(one, 0)
	runOn(t, one, outOfOne, 64<<20)
	base := trackOf(t, outOfOne, server)[first]
	journeys, _ := told(t, outOfOne)
	if base[0] >= base[1] || len(journeys) < 10 {
		t.Fatalf("one day: %v, %d journeys", base, len(journeys))
	}

	in, out := t.TempDir(), t.TempDir()
	var dates []string
	for day := range days {
		dates = append(dates, add(in, day))
	}
	begun := time.Now()
	r := runOn(t, in, out, 64<<20)
	t.Logf("%d windows in %v", r.Windows, time.Since(begun).Round(time.Second))
	check := func() {
		t.Helper()
		tracks, wrong := trackOf(t, out, server), 0
		for day, date := range dates {
			got, by := tracks[date], float64(ahead(day))/1e9
			if math.Abs(got[0]-base[0]-by) > 1e-5 || math.Abs(got[1]-base[1]-by) > 1e-5 {
				if wrong++; wrong < 5 {
					t.Errorf("%s: %v, want %v moved by %g", date, got, base, by)
				}
			}
		}
		all, _ := told(t, out)
		count := map[string]int{} // without when it began
		for _, j := range all {
			count[began.ReplaceAllString(j, "")]++
		}
		if len(tracks) != len(dates) || wrong > 0 || len(all) != len(dates)*len(journeys) {
			t.Errorf("%d days of tracks, %d wrong, %d journeys; want %d days, and %d journeys each", len(tracks), wrong, len(all), len(dates), len(journeys))
		}
		for _, j := range journeys {
			if n := count[began.ReplaceAllString(j, "")]; n != len(dates) {
				t.Errorf("told %d times: %s", n, j)
			}
		}
	}
	check()
	if r := runOn(t, in, out, 64<<20); r.Fresh != 0 {
		t.Errorf("%d of %d windows anew in a second run", r.Fresh, r.Windows)
	}
	dates = append(dates, add(in, days))
	if r := runOn(t, in, out, 64<<20); r.Fresh > 2 {
		t.Errorf("%d of %d windows anew for a day more", r.Fresh, r.Windows)
	}
	check()
}

// renumbered copies a capture in which every TCP connection has other sequence numbers by
// so much: connections that begin alike again and again tell nothing of clocks.
func renumbered(t *testing.T, from, to string, by uint32) {
	t.Helper()
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(f, false)
	var p capture.Packet
	for set.Next(&p) == nil {
		if ip := p.Data[14:]; p.Link == 1 && len(ip) >= 40 && ip[0] == 0x45 && ip[9] == 6 {
			tcp := ip[20:]
			fields := [][]byte{tcp[4:8]}
			if tcp[13]&0x10 != 0 {
				fields = append(fields, tcp[8:12])
			}
			for _, field := range fields {
				was := binary.BigEndian.Uint32(field)
				binary.BigEndian.PutUint32(field, was+by)
				// RFC 1624: what the sum becomes of words that change
				sum := uint32(^binary.BigEndian.Uint16(tcp[16:])) + uint32(^uint16(was)) + uint32(^uint16(was>>16)) + (was+by)&0xffff + (was+by)>>16
				for sum > 0xffff {
					sum = sum&0xffff + sum>>16
				}
				binary.BigEndian.PutUint16(tcp[16:], ^uint16(sum))
			}
		}
		if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestSetBackByAnHour: the clock of one point is set back by an hour in mid-archive, so
// that it shows moments twice, between two files and inside of one. Each journey is told
// once, at the instant it had by the other point's clock, and none besides.
func TestSetBackByAnHour(t *testing.T) {
	plays := []int64{0, 1800e9, 4200e9} // set back before the third
	one := t.TempDir()
	for _, point := range []string{"client", "server"} {
		played(t, filepath.Join(sample(t, "slow-application"), point+".pcap"), filepath.Join(one, point, point+".pcap"), func(ns int64) int64 { return ns })
	}
	outOfOne := t.TempDir()
	runOn(t, one, outOfOne, 64<<20)
	want := map[string]bool{}
	name := func(j *trend.JourneyRow, by int64) string {
		return fmt.Sprint(j.Service, " ", j.Client, ":", j.ClientPort, " ", j.Name, " ", j.Ordinal, " ", (*j.Corrected-by)/1e6)
	}
	each := func(out string, use func(j *trend.JourneyRow)) {
		if err := EachRow(out, "journeys", func(j *trend.JourneyRow) error { use(j); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	each(outOfOne, func(j *trend.JourneyRow) { want[name(j, 0)] = true })
	for kind, whole := range map[string]bool{"between files": false, "inside of a file": true} {
		t.Run(kind, func(t *testing.T) {
			in, out := t.TempDir(), t.TempDir()
			for _, point := range []string{"client", "server"} {
				var parts []string
				for i, by := range plays {
					date := time.Date(2026, 11, 26, 23, 20, 0, int(by), time.UTC).Format("20060102150405")
					if point == "server" && i == 2 {
						by -= 3600e9
					}
					part := filepath.Join(in, point, point+"-"+date+".pcap")
					other := filepath.Join(t.TempDir(), "renumbered.pcap")
					renumbered(t, filepath.Join(sample(t, "slow-application"), point+".pcap"), other, uint32(i)*1_000_003)
					played(t, other, part, func(ns int64) int64 { return ns + by })
					parts = append(parts, part)
				}
				if whole {
					joined(t, parts, filepath.Join(in, point, point+".pcap"))
				}
			}
			runOn(t, in, out, 64<<20)
			got := map[string]int{}
			each(out, func(j *trend.JourneyRow) {
				if j.Corrected == nil {
					t.Errorf("not corrected: %s at %d", j.Point, j.Start)
					return
				}
				for _, by := range plays {
					if want[name(j, by)] {
						got[name(j, by)]++
						return
					}
				}
				t.Errorf("%s at %d is of no play", name(j, 0), *j.Corrected)
			})
			for j := range want {
				if got[j] != len(plays) {
					t.Errorf("told %d times: %s", got[j], j)
				}
			}
		})
	}
}

// joined puts captures one behind the other into one file.
func joined(t *testing.T, parts []string, to string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(f, false)
	for _, part := range parts {
		set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(part) }}}, capture.Options{})
		var p capture.Packet
		for set.Next(&p) == nil {
			if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
