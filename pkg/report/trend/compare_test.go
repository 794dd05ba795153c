package trend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// dayWith makes a day of so many journeys of a service, some of them with a finding.
func dayWith(day string, journeys, affected int) *Summary {
	s := NewSummary()
	start := dateOf(day).UnixNano() + 3600e9
	o := &Rows{}
	for i := range journeys {
		o.Journeys = append(o.Journeys, JourneyRow{Service: "https", Client: "c", Server: "s", Start: start + int64(i), Outcome: "done"})
		if i < affected {
			o.Affected = append(o.Affected, Affected{"app-slow", "https", "s", start + int64(i)})
		}
	}
	s.Add(o, day)
	return s
}

// TestCompareFindings: what was found in one period alone is new or gone where the other
// had occasions enough to show it; a share is grown where chance does not explain it.
func TestCompareFindings(t *testing.T) {
	for _, c := range []struct {
		journeysBefore, before, journeysNow, now int
		want                                     Kind
	}{
		{100, 0, 100, 5, New}, {10, 0, 1000, 5, OnlyNow}, {0, 0, 100, 50, OnlyNow}, {100, 0, 100, 2, OnlyNow},
		{100, 5, 100, 0, Gone}, {1000, 5, 10, 0, OnlyBefore}, {100, 50, 0, 0, OnlyBefore},
		{100, 5, 100, 5, ""}, {100, 5, 100, 9, ""}, {100, 5, 1000, 50, ""}, {0, 0, 0, 0, ""},
		{100, 5, 100, 40, Grown}, {100, 40, 100, 5, Shrunk}, {1000, 5, 100, 40, Grown}, {100, 50, 10000, 50, Shrunk},
	} {
		before, now := dayWith("2026-01-01", c.journeysBefore, c.before).Whole(), dayWith("2026-01-02", c.journeysNow, c.now).Whole()
		changes, _ := Compare(before, now)
		got := Kind("")
		for _, x := range changes {
			if x.Of == Findings {
				got = x.Kind
			}
		}
		if got != c.want {
			t.Errorf("%d of %d, then %d of %d: %q, want %q", c.before, c.journeysBefore, c.now, c.journeysNow, got, c.want)
		}
	}
}

// TestCompareServers: a finding that was there before is new at another server.
func TestCompareServers(t *testing.T) {
	before, now := dayWith("2026-01-01", 50, 10), dayWith("2026-01-02", 50, 5)
	now.Add(&Rows{Affected: []Affected{{"app-slow", "https", "t", dateOf("2026-01-02").UnixNano()}}}, "")
	changes, _ := Compare(before.Whole(), now.Whole())
	if len(changes) != 1 || changes[0].Kind != New || !slices.Equal(changes[0].Servers, []string{"t"}) || changes[0].Before.N != 10 || changes[0].Now.N != 6 {
		t.Errorf("%+v", changes)
	}
}

// TestComparePhases: of two samples of the same times a phase is hardly ever told to
// have changed, whatever their spread; where times doubled it is.
func TestComparePhases(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	draw := func(n int, factor float64) *Day {
		d := NewSummary().day("2026-01-01")
		for range n {
			count(d.Phases, "https http.wait").Add(int64(factor * 50e6 * math.Exp(rnd.NormFloat64())))
		}
		return d
	}
	told := map[float64]int{}
	const rounds = 400
	for range rounds {
		for _, factor := range []float64{1, 2, 0.5} {
			changes, _ := Compare(draw(300+rnd.IntN(500), 1), draw(300+rnd.IntN(500), factor))
			for _, c := range changes {
				if c.Of == Phases && (c.Kind == Grown) == (factor > 1) {
					told[factor]++
				}
			}
		}
	}
	t.Logf("of %d: unchanged told %d times, doubled %d, halved %d", rounds, told[1], told[2], told[0.5])
	if told[1] > rounds/50 || told[2] < rounds*9/10 || told[0.5] < rounds*9/10 {
		t.Error("that is too often or too seldom")
	}
}

// TestWithin: the percentile of what samples are drawn from lies within its bounds.
func TestWithin(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	for _, percent := range []int64{50, 95} {
		out, bounded := 0, 0
		for range 500 {
			var h report.Histogram
			for range 10 + rnd.IntN(400) {
				h.Add(rnd.Int64N(1e9))
			}
			b, ok := h.Within(percent, 2)
			if !ok {
				continue
			}
			bounded++
			if truth := report.Seconds(percent * 1e7); truth < b.Low || truth > b.High {
				out++
			}
		}
		if bounded < 250 || out*100 > bounded*5 {
			t.Errorf("p%d: %d of %d outside", percent, out, bounded)
		}
	}
}

// TestPrevious: periods are told by their dates, and what lies between them is known.
func TestPrevious(t *testing.T) {
	s := NewSummary()
	for _, day := range []string{"2026-01-28", "2026-01-30", "2026-02-03", "2026-02-09", "2026-02-10"} {
		s.Merge(dayWith(day, 3, 0))
	}
	s.day("2026-03-01") // where a clock was measured, and nothing happened
	text := func(p Period) string { return fmt.Sprint(p.From, "–", p.To, " ", p.Days) }
	before, now, ok := s.Previous(1)
	if got := text(before) + " | " + text(now); !ok || got != "2026-02-09–2026-02-09 [2026-02-09] | 2026-02-10–2026-02-10 [2026-02-10]" || now.GapAfter(before) != 0 {
		t.Error(got)
	}
	before, now, ok = s.Previous(7)
	if got := text(before) + " | " + text(now); !ok || got != "2026-01-28–2026-02-03 [2026-01-28 2026-01-30 2026-02-03] | 2026-02-04–2026-02-10 [2026-02-09 2026-02-10]" || now.GapAfter(before) != 0 {
		t.Error(got)
	}
	if _, _, ok := dayWith("2026-01-01", 1, 0).Previous(1); ok {
		t.Error("a day before the only one")
	}
	var gaps []string
	for _, g := range s.Gaps() {
		gaps = append(gaps, g.From+"–"+g.To)
	}
	if got := strings.Join(gaps, " "); got != "2026-01-29–2026-01-29 2026-01-31–2026-02-02 2026-02-04–2026-02-08" {
		t.Error(got)
	}
}

// TestSteps: a trend has few steps, which hold all there is, each once.
func TestSteps(t *testing.T) {
	for days, want := range map[int]string{1: "day", 31: "day", 32: "week", 200: "week", 300: "month"} {
		s := NewSummary()
		for i := range days {
			s.Merge(dayWith(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format(time.DateOnly), i%3+1, 0))
		}
		length, steps := s.Steps()
		n, held, last := 0, 0, ""
		for _, step := range steps {
			n += step.Journeys["https"]
			held += len(step.Days)
			if step.From <= last || step.To < step.From || step.Days[0] < step.From || step.Days[len(step.Days)-1] > step.To {
				t.Errorf("%d days: %+v behind %s", days, step.Period, last)
			}
			last = step.To
			if length == "week" && dateOf(step.From).Weekday() != time.Monday {
				t.Errorf("a week from %s", step.From)
			}
		}
		if length != want || len(steps) > mostSteps || held != days || n != s.Whole().Journeys["https"] {
			t.Errorf("%d days: %d of a %s with %d days and %d journeys", days, len(steps), length, held, n)
		}
	}
}
