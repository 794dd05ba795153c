package trend

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/flowcorr/flowcorr/pkg/report"
)

func inWords(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// someRows makes rows of three days.
func someRows(rnd *rand.Rand) *Rows {
	const day = int64(86400e9)
	at := func() int64 { return 1768435200e9 + rnd.Int64N(3)*day + rnd.Int64N(day) }
	o := &Rows{}
	for range rnd.IntN(20) {
		total := float64(rnd.IntN(1e6)) / 1e3
		j := JourneyRow{
			Service: []string{"https", "dns", "ssh"}[rnd.IntN(3)], Client: []string{"10.0.0.1", "10.0.0.2"}[rnd.IntN(2)], Server: "10.1.0.1",
			Start: at(), Outcome: []string{"done", "failed", "estimated"}[rnd.IntN(3)], Total: &total, Phases: map[string]float64{"tcp.connect": total / 3},
		}
		if rnd.IntN(5) == 0 {
			j.Total = nil
		}
		o.Journeys = append(o.Journeys, j)
	}
	for range rnd.IntN(5) {
		start, lost := at(), rnd.Float64()
		f := FindingRow{Rule: []string{"app-slow", "dns-nxdomain"}[rnd.IntN(2)], Severity: []string{"note", "error"}[rnd.IntN(2)], Start: &start, Journeys: 2, Lost: &lost}
		if rnd.IntN(4) == 0 {
			f.Start = nil
		}
		o.Findings = append(o.Findings, f)
		for range rnd.IntN(3) {
			o.Affected = append(o.Affected, Affected{f.Rule, "https", []string{"10.1.0.1", "10.1.0.2"}[rnd.IntN(2)], at()})
		}
	}
	for range rnd.IntN(3) {
		from, low := at(), rnd.Float64()
		high := low + 0.1
		if rnd.IntN(3) == 0 {
			o.Clocks = append(o.Clocks, ClockRow{Name: "web", Status: []string{"insufficient", "ambiguous"}[rnd.IntN(2)]})
			continue
		}
		o.Clocks = append(o.Clocks, ClockRow{Name: "web", Status: "measured", From: &from, Low: &low, High: &high, Step: rnd.IntN(2) == 0, Reference: []string{"a", "b"}[rnd.IntN(2)], Evidence: map[string]int32{"ntp": 9, "intervals": 3}, Contradicted: map[string]int32{"ntp": int32(rnd.IntN(3))}})
	}
	return o
}

func summaryOf(rows ...*Rows) *Summary {
	s := NewSummary()
	for _, r := range rows {
		s.Add(r, "2026-01-14")
	}
	return s
}

// TestMerge: rows counted apart and merged, in any order, come to what all of them
// counted at once do, also after a way through JSON.
func TestMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		a, b, c := someRows(rnd), someRows(rnd), someRows(rnd)
		want := inWords(t, summaryOf(a, b, c))
		for _, order := range [][]*Rows{{a, b, c}, {c, a, b}, {b, c, a}} {
			got := NewSummary()
			for _, r := range order {
				var back Summary
				if err := json.Unmarshal([]byte(inWords(t, summaryOf(r))), &back); err != nil {
					t.Fatal(err)
				}
				got.Merge(&back)
			}
			if text := inWords(t, got); text != want {
				t.Fatalf("%s\nwant\n%s", text, want)
			}
		}
	}
}

// TestMergeLeaves: what was merged from is not changed by what comes later.
func TestMergeLeaves(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 9))
	a, b := summaryOf(someRows(rnd)), summaryOf(someRows(rnd))
	before := inWords(t, b)
	a.Merge(b)
	a.Merge(summaryOf(someRows(rnd)))
	if inWords(t, b) != before {
		t.Error("it was")
	}
}

func TestCounts(t *testing.T) {
	total, lost := 1.5, 0.25
	start := int64(1768435200e9)
	s := summaryOf(&Rows{
		Journeys: []JourneyRow{
			{Service: "https", Client: "c", Server: "s", Start: start, Outcome: "done", Total: &total},
			{Service: "dns", Client: "c", Server: "r", Start: start, Outcome: "unanswered"},
		},
		Findings: []FindingRow{{Rule: "x", Severity: "note", Start: &start, Journeys: 1, Lost: &lost}, {Rule: "x", Severity: "error", Start: &start, Journeys: 2}},
		Affected: []Affected{{"x", "https", "s", start}, {"x", "dns", "s", start}, {"x", "https", "r", start}},
	})
	d := s.Days["2026-01-15"]
	switch {
	case d == nil || len(s.Days) != 1:
		t.Fatalf("%v", s.DayNames())
	case d.Journeys["https"] != 1 || d.NotDone["dns"] != 1 || d.NotDone["https"] != 0:
		t.Errorf("%+v %+v", d.Journeys, d.NotDone)
	case d.Servers["s"].Seconds != report.Seconds(1.5e9) || d.Servers["r"] != nil || d.Resolvers["r"].Journeys != 1 || d.Clients["c"].Journeys != 2:
		t.Errorf("%+v", d)
	case !reflect.DeepEqual(*d.Rules["x"], RuleCount{"error", 2, map[string]int{}, 3, report.Seconds(0.25e9), map[string]int{"https": 2, "dns": 1}, map[string]int{"s": 2, "r": 1}}):
		t.Errorf("%+v", d.Rules["x"])
	case d.Phases["https total"].Percentiles().Count != 1 || d.Phases["dns total"] != nil:
		t.Errorf("%+v", d.Phases)
	}
}

// TestSketch: percentiles from classes are at most 1/32 above the true ones.
func TestSketch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var h report.Histogram
		v := rnd.Int64N(1e12) + 1
		for range 100 {
			h.Add(v)
		}
		h.Add(1e15)
		if p := int64(h.Percentiles().P50); p < v || p > v+v/32+1 {
			t.Errorf("%d became %d", v, p)
		}
	}
}

// TestColumns: a line has the columns of the Parquet form, in each row, and null where
// that has null.
func TestColumns(t *testing.T) {
	rows := someRows(rand.New(rand.NewPCG(7, 8)))
	rows.Journeys[0].Path, rows.Journeys[0].Lines = "/a?b=<&>", []LineRow{{"f", 1, "matched", 0.5}}
	hasColumns(t, append(rows.Journeys, JourneyRow{}))
	hasColumns(t, append(rows.Findings, FindingRow{}))
	hasColumns(t, append(rows.Clocks, ClockRow{}))
	if text := inWords(t, rows.Journeys[0]); !strings.Contains(text, `"method":null,"path":"/a?b=<&>","status":null`) {
		t.Errorf("%s", text)
	}
}

func hasColumns[T any](t *testing.T, rows []T) {
	t.Helper()
	schema := parquet.SchemaOf(new(T))
	for i := range rows {
		var line map[string]any
		if err := json.Unmarshal([]byte(inWords(t, rows[i])), &line); err != nil {
			t.Fatal(err)
		}
		unknown := map[string]bool{} // of what is a column by itself
		for _, v := range schema.Deconstruct(nil, &rows[i]) {
			if path := schema.Columns()[v.Column()]; len(path) == 1 {
				unknown[path[0]] = v.IsNull()
			}
		}
		for _, f := range schema.Fields() {
			if v, there := line[f.Name()]; !there || !f.Repeated() && unknown[f.Name()] != (v == nil) {
				t.Errorf("row %d: %s is %v (%t) in the line", i, f.Name(), v, there)
			}
			delete(line, f.Name())
		}
		if len(line) > 0 {
			t.Errorf("only in the line: %v", line)
		}
		var back T
		if err := json.Unmarshal([]byte(inWords(t, rows[i])), &back); err != nil || inWords(t, back) != inWords(t, rows[i]) {
			t.Errorf("%v: %s became %s", err, inWords(t, rows[i]), inWords(t, back))
		}
	}
}

func TestSplitEndpoint(t *testing.T) {
	for text, want := range map[string]struct {
		address string
		port    int32
	}{
		"10.0.0.1:80": {"10.0.0.1", 80}, "[2001:db8::1]:443": {"2001:db8::1", 443}, "2001:db8::1:443": {"2001:db8::1", 443},
		"10.0.0.1": {"10.0.0.1", 0}, "10.0.0.1:http": {"10.0.0.1:http", 0}, "": {"", 0},
	} {
		if a, p := splitEndpoint(text); a != want.address || p != want.port {
			t.Errorf("%s: %s, %d", text, a, p)
		}
	}
}
