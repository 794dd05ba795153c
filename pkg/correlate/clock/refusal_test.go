package clock

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPitfall15PhaseLockedCron: what happens every minute on the second never
// tells an offset, however often: neither a job that has nothing to do with the
// traffic, nor one that makes it.
func TestPitfall15PhaseLockedCron(t *testing.T) {
	h := truth{start: start, offset: 0.37e9}
	checks := periodic(200, 60)
	for i := range checks { // health checks, with some milliseconds of jitter
		j := 0.004 * float64(i%5)
		checks[i].from, checks[i].to = checks[i].from+j, checks[i].to+j
	}
	cron := make([]exchange, 200) // at the full minute of another clock
	for i := range cron {
		at := 41 + float64(i)*60
		cron[i] = exchange{at, at + 0.01, 0}
	}
	for name, xs := range map[string][]exchange{"another's": cron, "its own": checks} {
		r := rand.New(rand.NewPCG(20, 1))
		tr := solveSeries(logOf(h, xs, time.Second, 1, r), partnersOf(h, checks), 12_000)
		if tr.Status == Measured || len(tr.Segments) > 0 {
			t.Errorf("%s: %s %+v", name, tr.Status, tr.Segments)
		}
		if tr.Status == Ambiguous && len(tr.Candidates) < 2 {
			t.Errorf("%s: candidates %+v", name, tr.Candidates)
		}
	}
}

// TestPhaseLockedPairsStayWide: where the pairs are certain, but each line is
// written at the same place within its second, a thousand leave the offset open
// by nearly a second.
func TestPhaseLockedPairsStayWide(t *testing.T) {
	h := truth{start: start, offset: 0.37e9}
	var cs []Constraint
	for i := range 1000 {
		at := h.at(3.3 + 60*float64(i))
		stamp := (at + int64(h.offset)) / 1e9 * 1e9
		cs = append(cs, Constraint{A: 0, B: 1, At: at, Low: stamp - at - 4e6, High: stamp + 1e9 - at, Method: Keyed, Ref: i})
	}
	tr := &Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}}).Tracks[1]
	_, low, high, ok := tr.At(start + 30_000e9)
	if want := int64(h.offset); !ok || low > want || high < want || high-low < 0.9e9 {
		t.Errorf("%s: %d … %d", tr.Status, low, high)
	}
}

// twice has all exchanges come again so many seconds later.
func twice(once []exchange, later float64) []exchange {
	both := slices.Clone(once)
	for _, x := range once {
		both = append(both, exchange{x.from + later, x.to + later, x.client})
	}
	return both
}

// TestTwoPeaks: the same clicks came twice, five minutes apart, and the log is of
// one of them. Both offsets are told, and none is taken.
func TestTwoPeaks(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 1))
	h := truth{start: start, offset: 2e9}
	once := bursty(r, 80, 120, 2)
	tr := solveSeries(logOf(h, once, time.Second, 1, r), partnersOf(h, twice(once, 300)), 420)
	if tr.Status != Ambiguous || len(tr.Segments) > 0 {
		t.Fatalf("%s %s %+v", tr.Status, tr.Why, tr.Segments)
	}
	for _, want := range [...]int64{2e9, -298e9} {
		if !slices.ContainsFunc(tr.Candidates, func(c Candidate) bool { return abs(c.Offset-want) < 1e9 }) {
			t.Errorf("%+d s is no candidate of %+v", want/1e9, tr.Candidates)
		}
	}
}

// TestZoneByName: a log an hour and some off repeats itself every half an hour.
// Of the candidates each that a time zone would explain says so, with the rest.
func TestZoneByName(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 1))
	h := truth{start: start, offset: 3600.41e9}
	once := bursty(r, 60, 100, 2)
	tr := solveSeries(logOf(h, once, time.Millisecond, 1, r), partnersOf(h, twice(once, 1800)), 2000)
	if tr.Status != Ambiguous || len(tr.Candidates) < 2 {
		t.Fatalf("%s %s %+v", tr.Status, tr.Why, tr.Candidates)
	}
	for _, c := range tr.Candidates {
		if abs(c.Offset-3600.41e9) < 0.1e9 && (!strings.HasPrefix(c.Reason.EN, "time zone +01:00 and +0.4") || !strings.HasPrefix(c.Reason.ES, "huso horario +01:00 y +0.4")) {
			t.Errorf("%+d ns: %q", c.Offset, c.Reason)
		}
		if abs(c.Offset-1800.41e9) < 0.1e9 && c.Reason.EN != "" {
			t.Errorf("half an hour is of no zone: %q", c.Reason.EN)
		}
	}
}

// TestOneServerAfterTheOther: clients ask a dead server first and the living one a
// second later, every time. The living one's log fits both; where its clock is
// known roughly, neither fit may narrow it beyond what both allow.
func TestOneServerAfterTheOther(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 1))
	h := truth{start: start, offset: 0.051e9}
	living := uniform(r, 4, 60, 1)
	var dead []Instant
	for i, x := range living {
		dead = append(dead, Instant{Low: h.at(x.from - 1), High: h.at(x.from - 0.5), Ref: i})
	}
	lines := logOf(h, living, time.Second, 1, r)
	var cs []Constraint
	for k := range 20 { // rough: a path of 1.2 s
		cs = append(cs, Constraint{A: 0, B: 1, At: h.at(float64(3 * k)), Low: int64(h.offset - 0.6e9), High: int64(h.offset + 0.6e9), Method: NTP, Ref: 1000 + k})
	}
	series := []Series{{A: 0, B: 1, Lines: lines, Partners: dead, Method: Intervals, Choice: 1}, {A: 0, B: 1, Lines: lines, Partners: partnersOf(h, living), Method: Intervals, Choice: 1}}
	for range 2 {
		s := Solve(Problem{Clocks: 2, Prefer: []ID{0}, Constraints: cs, Series: series, Spans: []Span{{start, start + 60e9}, {}}})
		if in, _, _ := score(&s.Tracks[1], h, 0, 60); in < 1 {
			t.Errorf("truth inside %.3f: %+v", in, s.Tracks[1].Segments)
		}
		slices.Reverse(series)
	}
}

// TestMissingPartner: a web server's log has stamps of a second, the application's
// of a millisecond, but lacks what the server answers itself. The one request of
// one client that the capture holds has a line of the former only; its next one,
// behind the capture's end, looks like it, and its offset puts a few others right
// by chance. More are right at the true one.
func TestMissingPartner(t *testing.T) {
	const trip = 0.01
	h := truth{start: start}
	var sent, coarse, fine []Instant
	for i, x := range []struct {
		at                    float64
		client                int
		captured, application bool
	}{
		{0.091, 6, true, false},
		{0.228, 4, true, true}, {0.290, 4, true, true}, {0.345, 4, true, true}, {0.458, 4, true, true},
		{0.505, 4, false, true}, {0.566, 4, false, true}, {0.706, 4, false, true},
		{0.798, 6, false, true},
		{0.930, 4, false, true}, {1.027, 4, false, true}, {1.160, 4, false, true}, {1.303, 4, false, true},
	} {
		at := h.at(x.at)
		if x.captured {
			sent = append(sent, Instant{Low: h.at(x.at - trip), High: h.at(x.at + trip), Group: x.client, Ref: i})
		}
		if x.application {
			fine = append(fine, Instant{Low: at, High: at + 1e6, Group: x.client, Ref: i})
		}
		coarse = append(coarse, Instant{Low: at / 1e9 * 1e9, High: at/1e9*1e9 + 1e9, Group: x.client, Ref: i})
	}
	solve := func(series ...[]Instant) *Track {
		p := Problem{Clocks: 2, Prefer: []ID{0}, Spans: []Span{{start, start + 2e9}, {}}}
		p.Constraints = []Constraint{{A: 0, B: 1, At: start, Low: -0.9e9, High: 0.9e9, Method: Keyed, Ref: 1}}
		for _, lines := range series {
			p.Series = append(p.Series, Series{A: 0, B: 1, Lines: lines, Partners: sent, Method: Intervals})
		}
		return &Solve(p).Tracks[1]
	}
	for name, tr := range map[string]*Track{"both": solve(coarse, fine), "the server's alone": solve(coarse)} {
		_, low, high, ok := tr.At(start + 3e8)
		if tr.Status != Measured || !ok {
			t.Fatalf("%s: %s %s: the trial shows nothing", name, tr.Status, tr.Why)
		}
		if low > 0 || high < 0 {
			t.Errorf("%s: the clock is measured %d … %d ns ahead, and is right", name, low, high)
		}
	}
}
