package trend

import (
	"fmt"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// tells is what a window that begins at an instant tells of a report with some findings
// about its capture.
func tells(start int64, findings ...report.Finding) []Standing {
	file := fmt.Sprintf("caps/web.pcap%d", start)
	r := &report.Report{Evidence: []report.Evidence{{ID: "e1", Path: file}}}
	for _, f := range findings {
		f.Evidence = []report.FindingEvidence{{Evidence: "e1"}}
		f.Text = fmt.Sprintf(f.Text, file)
		r.Findings = append(r.Findings, f)
	}
	rows := RowsOf(r, Choice{
		Told: func(string) bool { return false }, Place: func(file string, frame int) (string, int) { return file, frame },
		Point: func(string) string { return "web" },
	})
	for i := range rows.Standing {
		end := start + 9
		rows.Standing[i].Row.Start, rows.Standing[i].Row.End = &start, &end
	}
	return rows.Standing
}

func stepped(at int64) report.Finding {
	return report.Finding{Rule: "clock-stepped", Severity: "warning", Text: "The clock of %s jumped +1.000 s at 01:02:03.4.", At: new(report.Instant(at))}
}

// TestDays: a finding about no journey is one for all windows of a day, whatever its
// figures and in whichever file of the capture; events are told apart by their time.
func TestDays(t *testing.T) {
	off := func(severity, by string) report.Finding {
		return report.Finding{Rule: "clock-offset", Severity: severity, Text: "The clock of %s is " + by + " behind (± 22 ms)."}
	}
	zone := func(name string) report.Finding {
		return report.Finding{Rule: "clock-zone", Severity: "info", Text: "%s is in " + name + "."}
	}
	healthy := report.Finding{Rule: "healthy", Severity: "info", Text: "Nothing abnormal in %s."}
	const second = int64(1e9)
	var d Days
	d.Add("2026-01-15", tells(10, off("note", "172 ms"), zone("UTC+01:00"), healthy, stepped(100*second)), nil)
	d.Add("2026-01-15", tells(20, off("warning", "1.2 s"), stepped(103*second), stepped(200*second)), nil)
	d.Add("2026-01-15", tells(30, off("note", "0.9 s"), zone("UTC+02:00"), healthy), nil)
	d.Add("2026-01-16", tells(40, healthy), nil)
	var got []string
	s := NewSummary()
	for _, day := range d.Names() {
		told := d.Of(day)
		s.AddStanding(day, told)
		for i := range told {
			f := &told[i].Row
			got = append(got, fmt.Sprintf("%s %s %s %d-%d %d %d", day[8:], f.Rule, f.Severity, *f.Start, *f.End, f.Windows, len(f.Files)))
		}
	}
	want := []string{
		"15 clock-offset warning 10-39 3 3", "15 clock-zone info 10-19 1 1", "15 clock-zone info 30-39 1 1",
		"15 clock-stepped warning 103000000000-103000000000 2 2", "15 clock-stepped warning 200000000000-200000000000 1 1",
		"16 healthy info 40-49 1 1",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if n := s.Whole().Rules["clock-stepped"].Told(); n != 2 {
		t.Errorf("%d steps", n)
	}
}

// TestStandingOnce: of several days a finding about no journey is one.
func TestStandingOnce(t *testing.T) {
	var d Days
	d.Add("2026-01-15", tells(10, report.Finding{Rule: "x", Text: "%s is 1 s off"}), nil)
	d.Add("2026-01-16", tells(20, report.Finding{Rule: "x", Text: "%s is 900 ms off"}, report.Finding{Rule: "y", Text: "%s"}), nil)
	s := NewSummary()
	for _, day := range d.Names() {
		s.AddStanding(day, d.Of(day))
	}
	if n := s.Whole().Rules["x"].Told(); n != 1 || s.Days["2026-01-16"].Rules["x"].Told() != 1 {
		t.Errorf("%d findings", n)
	}
	for _, c := range first(Compare(s.Days["2026-01-15"], s.Days["2026-01-16"])) {
		if c.Name != "y" || c.Kind != OnlyNow {
			t.Errorf("%+v", c)
		}
	}
}

// TestStandingProven: lines of a finding about no journey that one about journeys rests on as
// well, in another window, are told by that.
func TestStandingProven(t *testing.T) {
	about := func(line int, journeys ...string) *Rows {
		return RowsOf(&report.Report{
			Evidence: []report.Evidence{{ID: "e1", Path: "auth.log"}}, Journeys: []report.Journey{{ID: "j1", Service: "ssh"}},
			Findings: []report.Finding{{Rule: "ssh-auth-failed", Text: "one", Journeys: journeys, Evidence: []report.FindingEvidence{{Evidence: "e1", Lines: []int{7, line}}}}},
		}, Choice{
			Told: func(string) bool { return true }, Place: func(file string, frame int) (string, int) { return file, frame },
			Point: func(string) string { return "" },
		})
	}
	for line, want := range map[int]int{8: 0, 9: 1} {
		var d Days
		alone, with := about(line), about(8, "j1")
		d.Add("2026-01-15", alone.Standing, alone.Proven)
		d.Add("2026-01-15", with.Standing, with.Proven)
		if got := d.Of(d.Names()[0]); len(got) != want {
			t.Errorf("line %d: %+v", line, got)
		}
	}
}

func first(changes []Change, _ int) []Change { return changes }
