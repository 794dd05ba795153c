package archive

import (
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/shifted"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// addDays adds a sample to an archive as if it had been so many days later.
func addDays(t *testing.T, name, archive string, days int) {
	t.Helper()
	if err := shifted.Days(sample(t, name), archive, days); err != nil {
		t.Fatal(err)
	}
}

// began is when a journey did, ns.
var began = regexp.MustCompile(` \d{19} `)

// TestCopies: what is played again on later days is told once for each day, however
// large windows are.
func TestCopies(t *testing.T) {
	one := t.TempDir()
	runOn(t, sample(t, "slow-application"), one, 1<<30)
	want, _ := told(t, one)
	in := t.TempDir()
	for _, days := range []int{0, 1, 8} {
		addDays(t, "slow-application", in, days)
	}
	for _, memory := range []int64{1 << 30, small} {
		out := t.TempDir()
		r := runOn(t, in, out, memory)
		got, _ := told(t, out)
		count := map[string]int{} // without when it began
		for _, j := range got {
			count[began.ReplaceAllString(j, "")]++
		}
		for _, j := range want {
			if n := count[began.ReplaceAllString(j, "")]; n != 3 {
				t.Errorf("%d times: %s", n, j)
			}
		}
		t.Logf("%d windows, %d journeys, of one day %d", r.Windows, len(got), len(want))
		if len(got) != 3*len(want) {
			t.Errorf("%d journeys of three days, %d of one", len(got), len(want))
		}
	}
}

// TestTrends: what is summed up of weeks is what the rows tell, counted another way:
// percentiles within the error that is stated, times, findings, and clocks.
func TestTrends(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for name, days := range map[string][]int{"slow-application": {0, 1, 8, 15}, "tcp-loss": {8, 15}, "clock-step": {1, 16}, "three-clocks": {9}} {
		for _, d := range days {
			addDays(t, name, filepath.Join(in, name), d)
		}
	}
	r := runOn(t, in, out, 8<<20)
	type sums struct {
		times    map[string][]int64 // by phase
		spent    map[string]int64   // "servers ADDRESS"
		findings map[string]int
		low      map[string]float64 // of clocks
		high     map[string]float64
	}
	days := map[string]*sums{}
	of := func(path string) *sums {
		_, day, _ := strings.Cut(filepath.ToSlash(path), "day=")
		day = day[:10]
		if days[day] == nil {
			days[day] = &sums{map[string][]int64{}, map[string]int64{}, map[string]int{}, map[string]float64{}, map[string]float64{}}
		}
		return days[day]
	}
	number := func(v any) float64 { x, _ := v.(float64); return x }
	eachFile(t, out, func(path string, row map[string]any) {
		d := of(path)
		switch table, _, _ := strings.Cut(filepath.ToSlash(path), "/"); table {
		case "journeys":
			service, role := row["service"].(string), "servers "
			if service == "dns" {
				role = "resolvers "
			}
			if row["total_seconds"] != nil {
				ns := int64(math.Round(number(row["total_seconds"]) * 1e9))
				d.times[service+" total"] = append(d.times[service+" total"], ns)
				d.spent[role+row["server"].(string)] += ns
				d.spent["clients "+row["client"].(string)] += ns
			}
			for phase, v := range row["phase_seconds"].(map[string]any) {
				d.times[service+" "+phase] = append(d.times[service+" "+phase], int64(math.Round(number(v)*1e9)))
			}
		case "findings":
			d.findings[row["rule"].(string)]++
		case "clocks":
			if name := row["name"].(string); row["from_ns"] != nil {
				if low, known := d.low[name]; !known || number(row["low_seconds"]) < low {
					d.low[name] = number(row["low_seconds"])
				}
				if high, known := d.high[name]; !known || number(row["high_seconds"]) > high {
					d.high[name] = number(row["high_seconds"])
				}
			}
		}
	})
	whole, percentiles := map[string][]int64{}, 0
	check := func(day, phase string, times []int64, h *report.Histogram) {
		slices.Sort(times)
		p := h.Percentiles()
		for percent, got := range map[int]report.Seconds{50: p.P50, 90: p.P90, 95: p.P95, 99: p.P99} {
			exact := times[(len(times)*percent+99)/100-1]
			if percentiles++; int64(got) < exact-1 || int64(got) > exact+exact/32+1 {
				t.Errorf("%s, %s: p%d is %d, exactly %d", day, phase, percent, got, exact)
			}
		}
		if int(p.Count) != len(times) || apartNS(int64(p.Max), times[len(times)-1]) > 1 {
			t.Errorf("%s, %s: %d up to %d, want %d up to %d", day, phase, p.Count, p.Max, len(times), times[len(times)-1])
		}
	}
	for day, d := range days {
		s := r.Summary.Days[day]
		if s == nil {
			t.Fatalf("%s is not told of", day)
		}
		for phase, times := range d.times {
			whole[phase] = append(whole[phase], times...)
			check(day, phase, times, s.Phases[phase])
		}
		for what, ns := range d.spent {
			role, address, _ := strings.Cut(what, " ")
			got := map[string]map[string]*trend.Spent{"servers": s.Servers, "resolvers": s.Resolvers, "clients": s.Clients}[role][address]
			if got == nil || int64(got.Seconds) != ns {
				t.Errorf("%s: %s took %d, told %v", day, what, ns, got)
			}
		}
		for rule, n := range d.findings {
			if s.Rules[rule].Told() != n {
				t.Errorf("%s: %s %d times, told %d", day, rule, n, s.Rules[rule].Told())
			}
		}
		for name, low := range d.low {
			if c := s.Clocks[name]; c == nil || c.Low != low || c.High != d.high[name] {
				t.Errorf("%s: %s lay between %g and %g, told %+v", day, name, low, d.high[name], c)
			}
		}
	}
	all := r.Summary.Whole()
	for phase, times := range whole {
		check("all days", phase, times, all.Phases[phase])
	}
	steps := 0
	for _, s := range r.Summary.Days {
		for _, c := range s.Clocks {
			steps += c.Steps
		}
	}
	t.Logf("%d windows, %d days, %d percentiles of %d phases, %d steps of clocks", r.Windows, len(days), percentiles, len(whole), steps)
	if len(days) < 5 || percentiles < 100 || steps < 2 {
		t.Error("that is too little to tell")
	}
}

func apartNS(a, b int64) int64 { return max(a-b, b-a) }

// eachFile reads the lines of all tables of a result as any reader of JSON does.
func eachFile(t *testing.T, out string, use func(path string, row map[string]any)) {
	t.Helper()
	for _, table := range rowFolders {
		err := filepath.WalkDir(filepath.Join(out, table), func(path string, e fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".jsonl" {
				return err
			}
			rel, _ := filepath.Rel(out, path)
			return eachLine(path, func(row *map[string]any) error { use(rel, *row); return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
