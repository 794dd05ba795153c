package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/shifted"
	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// batchOn runs batch and gives its report, as Markdown: no line is broken in it.
func batchOn(t *testing.T, in, out, language string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run([]string{"--lang", language, "batch", in, "--out", out, "--quiet"}, strings.NewReader(""), &stdout, &stderr); status != exitDone {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	b, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `\`, "") // without escapes
}

// section gives the rows of the tables below a heading of a report, from the header on.
func section(text, heading string) (rows [][]string) {
	_, text, _ = strings.Cut(text, "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); strings.HasPrefix(line, "|") {
			rows = append(rows, cells)
		}
	}
	return rows
}

// affectedIn are the journeys that the findings of samples are about, by rule, where
// there is nothing else.
func affectedIn(t *testing.T, samples ...string) map[string]int {
	t.Helper()
	in, out, rows := t.TempDir(), t.TempDir(), map[string]int{}
	for _, name := range samples {
		if err := shifted.Days(filepath.Join("..", "..", "samples", name, "input"), filepath.Join(in, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range section(batchOn(t, in, out, "en"), "Findings")[2:] {
		if len(row) == 6 && row[3] != "–" {
			rows[row[0]], _ = strconv.Atoi(row[3])
		}
	}
	return rows
}

// TestDays: what happened on which day of an archive is known: one incident every day,
// another on the first and the last. The printed report says it, run after run.
func TestDays(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	add := func(sample string, days int) {
		t.Helper()
		if err := shifted.Days(filepath.Join("..", "..", "samples", sample, "input"), filepath.Join(in, sample), days); err != nil {
			t.Fatal(err)
		}
	}
	slow, both := affectedIn(t, "slow-application"), affectedIn(t, "slow-application", "tcp-loss")
	if slow["app-slow"] != 5 || both["syn-lost"] != 3 || slow["syn-lost"] != 0 {
		t.Fatalf("%v %v", slow, both)
	}
	for _, days := range []int{0, 1} {
		add("slow-application", days)
	}
	add("tcp-loss", 0)
	changes := func(text string) map[string]string {
		all := map[string]string{}
		for _, row := range section(text, "New against the previous period") {
			if len(row) == 5 {
				all[row[0]+" "+row[1]] = row[2] + ": " + row[3] + ", " + row[4]
			}
		}
		return all
	}
	text := batchOn(t, in, out, "en")
	if !strings.Contains(text, "2026-11-27 (from 23:20 to 23:21, 15 journeys) against 2026-11-26 (from 23:00 to 23:21, 31 journeys).\n") {
		t.Error(text)
	}
	for rule, n := range both {
		if slow[rule] > 0 {
			continue
		}
		got, want := changes(text)["finding "+rule], fmt.Sprintf(": %d of 31 (%.1f %%), 0 of 15 (0.0 %%)", n, float64(n)/31*100)
		if verdict, ok := strings.CutSuffix(got, want); !ok || verdict != "gone" && verdict != "only before; unknown now" || (verdict == "gone") != (n*15 >= 3*31) {
			t.Errorf("%s: %q, want %s", rule, got, want)
		}
	}
	for rule := range slow {
		if got := changes(text)["finding "+rule]; both[rule] > 0 && got != "" {
			t.Errorf("%s: %s, as on the day before", rule, got)
		}
	}
	// Days without anything, then both at once.
	add("slow-application", 5)
	add("tcp-loss", 5)
	text = batchOn(t, in, out, "en")
	for _, want := range []string{"days: 3, from 2026-11-26 to 2026-12-01", "Days without data: 2026-11-28 to 2026-11-30.", "2026-12-01 (from 23:00 to 23:21, 31 journeys) against 2026-11-27 (from 23:20 to 23:21, 15 journeys).", "Between them lie 3 days without data."} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	got := changes(text)
	for rule, n := range both {
		want := fmt.Sprintf("0 of 15 (0.0 %%), %d of 31 (%.1f %%)", n, float64(n)/31*100)
		verdict := "only now; unknown before: "
		if n*15 >= 3*31 {
			verdict = "new: "
		}
		if slow[rule] == 0 && got["finding "+rule] != verdict+want {
			t.Errorf("%s: %q, want %s%s", rule, got["finding "+rule], verdict, want)
		}
	}
	for what, want := range map[string]string{"server 192.0.2.90": "new: 0 of 15 (0.0 %), 16 of 31 (51.6 %)", "client 172.22.36.68": "new: 0 of 15 (0.0 %), 16 of 31 (51.6 %)"} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
	findingsByDay(t, text, map[string]map[string]int{"2026-11-26": both, "2026-11-27": slow, "2026-12-01": both})
	percentilesByDay(t, text, out)
}

// findingsByDay compares the journeys told of each rule on each day with those that the
// incidents of that day have by themselves.
func findingsByDay(t *testing.T, text string, truth map[string]map[string]int) {
	t.Helper()
	got, want := map[string]int{}, map[string]int{}
	for day, rules := range truth {
		for rule, n := range rules {
			want[rule+" "+day] = n
		}
	}
	for _, row := range section(text, "Findings day by day")[2:] {
		if n, _ := strconv.Atoi(row[3]); n > 0 { // the others are about no journey: a clock, a capture
			got[row[0]+" "+row[1]] = n
		}
	}
	for what, n := range want {
		if got[what] != n {
			t.Errorf("%s: %d journeys, want %d", what, got[what], n)
		}
	}
	for what := range got {
		if want[what] == 0 {
			t.Errorf("%s: %d journeys, want none", what, got[what])
		}
	}
}

// percentilesByDay compares the printed percentiles of each phase on each day with
// those of the rows, counted exactly, within the error that the report states, and finds
// the same rows on the page.
func percentilesByDay(t *testing.T, text, out string) {
	t.Helper()
	times := map[string][]float64{}
	err := archive.EachRow(out, "journeys", func(j *trend.JourneyRow) error {
		for phase, s := range j.Phases {
			key := j.Service + " " + phase + " " + trend.DayOf(j.Start)
			times[key] = append(times[key], s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(text), " "), "at most that much (3.1 %)") {
		t.Error("the error is not stated")
	}
	rows := section(text, "Phases day by day")[2:]
	for _, row := range rows {
		exact := times[row[0]+" "+row[1]]
		slices.Sort(exact)
		if n, _ := strconv.Atoi(row[2]); n != len(exact) || n == 0 || len(row) != 8 {
			t.Errorf("%v: %d journeys", row, len(exact))
			continue
		}
		for i, percent := range []int{50, 90, 95, 99, 100} {
			d, err := time.ParseDuration(strings.ReplaceAll(row[3+i], " ", ""))
			want := exact[(len(exact)*percent+99)/100-1]
			number, _, _ := strings.Cut(row[3+i], " ")
			_, fraction, _ := strings.Cut(number, ".")
			rounding := map[string]float64{"µs": 1e-6, "ms": 1e-3, "s": 1, "ns": 1e-9}[row[3+i][strings.Index(row[3+i], " ")+1:]] / []float64{1, 10, 100, 1000}[len(fraction)]
			if got := d.Seconds(); err != nil || got < want-rounding || got > want*(1+1.0/32)+rounding {
				t.Errorf("%v: p%d is %s, exactly %g s", row[:2], percent, row[3+i], want)
			}
		}
		cells := "<tr><td>" + row[0] + "</td><td>" + row[1] + "</td>"
		for _, c := range row[2:] {
			cells += `<td class="n">` + c + "</td>"
		}
		if !strings.Contains(string(page), cells) {
			t.Errorf("not on the page: %v", row)
		}
		delete(times, row[0]+" "+row[1])
	}
	if len(times) > 0 || len(rows) < 10 {
		t.Errorf("%d rows; not told: %v", len(rows), times)
	}
}
