package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// queryArchive prints rows of a result: findings where rules or a severity are
// asked for, else journeys.
func (env *environment) queryArchive(out string, args []string) error {
	if len(args) > 0 {
		return &usageError{env.say(lang.Text{EN: "--query reads no archive: %s", ES: "--query no lee archivos: %s"}, args[0]), env.say(lang.Text{EN: "it reads the result that --out names", ES: "lee el resultado que nombra --out"})}
	}
	c := &env.options.choice
	first, err := archive.FirstDay(out)
	if err != nil {
		return env.noResult(out)
	}
	s, err := env.selection()
	if err != nil {
		return err
	}
	s.Since, s.Until = c.span(first) // times of day are of the first day
	return env.print(func(w io.Writer) error {
		b := bufio.NewWriter(w)
		if len(c.rules) > 0 || c.severity != "" {
			err = archive.EachRow(out, "findings", func(f *trend.FindingRow) error { return env.queryFinding(b, f, &s) })
		} else {
			err = archive.EachRow(out, "journeys", func(j *trend.JourneyRow) error { return env.queryJourney(b, j, &s) })
		}
		if err != nil {
			return err
		}
		return b.Flush()
	})
}

func (env *environment) noResult(folder string) error {
	return &usageError{env.say(lang.Text{EN: "%s holds no result of flowcorr batch", ES: "%s no guarda ningún resultado de flowcorr batch"}, folder), env.say(lang.Text{EN: "make one: flowcorr batch ARCHIVE… --out FOLDER", ES: "haga uno: flowcorr batch ARCHIVO… --out CARPETA"})}
}

// rowJourney is what a row tells of a journey, as a report has it.
func rowJourney(row *trend.JourneyRow) report.Journey {
	j := report.Journey{Service: row.Service, Client: endpoint(row.Client, row.ClientPort), Server: endpoint(row.Server, row.ServerPort), Name: row.Name, Start: report.Instant(row.Start)}
	if row.Total != nil {
		j.Total = new(report.Seconds(*row.Total * 1e9))
		j.End = new(j.Start + report.Instant(*j.Total))
	}
	return j
}

// wanted tells whether a choice takes a journey, and the findings about it where
// there are any.
func wanted(s *report.Selection, j report.Journey, findings ...report.Finding) bool {
	if s.By == "" {
		return true
	}
	j.ID = "j"
	part := (&report.Report{Journeys: []report.Journey{j}, Findings: findings}).Select(*s)
	return len(part.Journeys) > 0 && (len(findings) == 0 || len(part.Findings) > 0)
}

func (env *environment) queryJourney(w io.Writer, row *trend.JourneyRow, s *report.Selection) error {
	j := rowJourney(row)
	if !wanted(s, j) {
		return nil
	}
	if env.options.format == "jsonl" {
		return json.NewEncoder(report.InertJSON{W: w}).Encode(row)
	}
	total := "-"
	if j.Total != nil {
		total = j.Total.Duration().String()
	}
	_, err := fmt.Fprintf(w, "%s  %-5s %s → %s  %s  %s  %s  %s#%d\n", j.Start, render.Printable(row.Service), render.Printable(j.Client), render.Printable(j.Server), render.Printable(row.Name), total, row.Outcome, render.Printable(row.File), row.Frame)
	return err
}

// wantedFinding tells whether a choice takes a finding. Of its journeys the row names
// the first.
func wantedFinding(s *report.Selection, row *trend.FindingRow) bool {
	j := report.Journey{Client: row.Client, Server: row.Server, Name: row.Name}
	if row.Start != nil {
		j.Start = report.Instant(*row.Start)
	}
	return wanted(s, j, report.Finding{Rule: row.Rule, Severity: row.Severity, Journeys: []string{"j"}})
}

func (env *environment) queryFinding(w io.Writer, row *trend.FindingRow, s *report.Selection) error {
	if !wantedFinding(s, row) {
		return nil
	}
	env.judgeOne(row.Severity, row.Confidence)
	if env.options.format == "jsonl" {
		return json.NewEncoder(report.InertJSON{W: w}).Encode(row)
	}
	var start report.Instant
	if row.Start != nil {
		start = report.Instant(*row.Start)
	}
	_, err := fmt.Fprintf(w, "%s  %s  %s: %s\n", start, row.Severity, row.Rule, render.Printable(row.Text))
	return err
}

func endpoint(address string, port int32) string {
	if port == 0 {
		return address
	}
	return address + ":" + strconv.Itoa(int(port))
}
