// Package trend is what is kept of an archive: a row for each journey, finding
// and clock, and summaries of rows that can be merged.
package trend

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// JourneyRow is one journey of the archive. Instants are raw, of the clock of
// the capture that shows it, as nanoseconds since the Unix epoch in UTC: a number in
// both forms of a table, since Spark refuses Parquet's timestamps of nanoseconds; what
// is unknown is null in both.
type JourneyRow struct {
	Service    string   `json:"service" parquet:"service,dict"`
	Client     string   `json:"client" parquet:"client,dict"`
	ClientPort int32    `json:"client_port" parquet:"client_port,optional"`
	Server     string   `json:"server" parquet:"server,dict"`
	ServerPort int32    `json:"server_port" parquet:"server_port,optional"`
	Name       string   `json:"name" parquet:"name,optional,dict"`
	Point      string   `json:"point" parquet:"point,dict"`
	File       string   `json:"file" parquet:"file,dict"` // that holds its first packet
	Frame      int32    `json:"frame" parquet:"frame,optional"`
	Ordinal    int32    `json:"ordinal" parquet:"ordinal,optional"`
	Start      int64    `json:"start_ns" parquet:"start_ns"`
	Corrected  *int64   `json:"start_corrected_ns" parquet:"start_corrected_ns,optional"`
	Total      *float64 `json:"total_seconds" parquet:"total_seconds,optional"`
	Outcome    string   `json:"outcome" parquet:"outcome,dict"`
	Method     string   `json:"method" parquet:"method,optional,dict"`
	Path       string   `json:"path" parquet:"path,optional"`
	Status     int32    `json:"status" parquet:"status,optional"`
	TLS        string   `json:"tls_version" parquet:"tls_version,optional,dict"`

	Phases    map[string]float64 `json:"phase_seconds" parquet:"phase_seconds"`         // by name of phase
	Failed    []string           `json:"phases_not_done" parquet:"phases_not_done"`     // "dns.lookup unanswered", …
	Breakdown map[string]float64 `json:"breakdown_seconds" parquet:"breakdown_seconds"` // exclusive, by cause
	Lines     []LineRow          `json:"lines" parquet:"lines"`
	Points    []string           `json:"also_seen" parquet:"also_seen"`
}

// LineRow is a log line that tells of the journey.
type LineRow struct {
	File       string  `json:"file" parquet:"file"`
	Line       int32   `json:"line" parquet:"line"`
	Status     string  `json:"status" parquet:"status"`
	Confidence float64 `json:"confidence" parquet:"confidence"`
}

// FindingRow is one finding of one slice of the archive; of one about no journey, of a
// day: see Standing.
type FindingRow struct {
	Rule       string   `json:"rule" parquet:"rule,dict"`
	Severity   string   `json:"severity" parquet:"severity,dict"`
	Confidence string   `json:"confidence" parquet:"confidence,dict"`
	Text       string   `json:"text" parquet:"text"`
	Start      *int64   `json:"start_ns" parquet:"start_ns,optional"` // of its first journey, or from when on it holds
	End        *int64   `json:"end_ns" parquet:"end_ns,optional"`     // of the last of them to end, or until when it holds
	Client     string   `json:"client" parquet:"client,optional,dict"`
	Server     string   `json:"server" parquet:"server,optional,dict"`
	Name       string   `json:"name" parquet:"name,optional,dict"`
	Journeys   int32    `json:"journeys" parquet:"journeys"`
	Windows    int32    `json:"windows" parquet:"windows"` // of the day in which it holds; of one about journeys: 1
	Lost       *float64 `json:"lost_seconds" parquet:"lost_seconds,optional"`
	Files      []string `json:"files" parquet:"files"`
}

// ClockRow is one straight piece of one clock's track in one slice.
type ClockRow struct {
	Name      string   `json:"name" parquet:"name,dict"`
	Kind      string   `json:"kind" parquet:"kind,dict"`
	Status    string   `json:"status" parquet:"status,dict"`
	Reference string   `json:"reference" parquet:"reference,optional,dict"` // of its own group, where nothing ties that to others
	From      *int64   `json:"from_ns" parquet:"from_ns,optional"`          // of the clock itself
	To        *int64   `json:"to_ns" parquet:"to_ns,optional"`
	Offset    *float64 `json:"offset_seconds" parquet:"offset_seconds,optional"` // clock − reference
	Low       *float64 `json:"low_seconds" parquet:"low_seconds,optional"`
	High      *float64 `json:"high_seconds" parquet:"high_seconds,optional"`
	Drift     *float64 `json:"drift_ppm" parquet:"drift_ppm,optional"`
	Step      bool     `json:"step_before" parquet:"step_before"`

	// The pieces of evidence of the whole track in the slice, by method, and those of
	// them that contradict it; on its first piece alone.
	Evidence     map[string]int32 `json:"evidence" parquet:"evidence"`
	Contradicted map[string]int32 `json:"contradicted" parquet:"contradicted"`
}

// Affected is a journey that findings of a rule are about.
type Affected struct {
	Rule    string `json:"rule"`
	Service string `json:"service"`
	Server  string `json:"server"`
	Start   int64  `json:"start_ns"`
}

// Rows of one report.
type Rows struct {
	Journeys []JourneyRow
	Findings []FindingRow
	Standing []Standing
	Proven   []uint64 // the lines that findings about journeys rest on, as those of Standing
	Clocks   []ClockRow
	Affected []Affected // each journey once for each rule; for the summary alone
}

// Choice says what of a report becomes rows, and where in the archive it stands.
type Choice struct {
	// Told tells whether a journey, by its ID, becomes a row here. Findings that
	// are about others alone are left out.
	Told func(id string) bool
	// Place gives file and frame in the archive of a frame of the report; frame
	// 0: only the file is asked for.
	Place func(file string, frame int) (string, int)
	// Line gives file and line in the archive of a line of the report; nil: they are
	// the same.
	Line func(file string, line int) (string, int)
	// Point names the capture point of a file of the report.
	Point func(file string) string
}

// RowsOf makes rows of a report.
func RowsOf(r *report.Report, c Choice) *Rows {
	n := namesOf(r, c)
	out, known := &Rows{}, map[[2]string]bool{}
	for i := range r.Journeys {
		if j := &r.Journeys[i]; c.Told(j.ID) {
			out.Journeys = append(out.Journeys, n.journeyRow(j))
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		row := n.findingRow(f)
		switch {
		case row.Journeys > 0:
			out.Findings = append(out.Findings, row)
			out.Affected, out.Proven = n.affected(f, known, out.Affected), append(out.Proven, n.linesOf(f)...)
		case len(f.Journeys) == 0:
			out.Standing = append(out.Standing, n.standing(f, row))
		}
	}
	out.Clocks = n.clockRows(r)
	return out
}

// names of what a report calls by numbers.
type names struct {
	Choice
	files    map[string]string // path of each evidence
	points   map[string]string // capture points by what sentences call their files, once asked for
	journeys map[string]*report.Journey
}

func namesOf(r *report.Report, c Choice) *names {
	n := &names{Choice: c, files: map[string]string{}, journeys: map[string]*report.Journey{}}
	for i := range r.Evidence {
		n.files[r.Evidence[i].ID] = r.Evidence[i].Path
	}
	for i := range r.Journeys {
		n.journeys[r.Journeys[i].ID] = &r.Journeys[i]
	}
	return n
}

func (n *names) journeyRow(j *report.Journey) JourneyRow {
	row := JourneyRow{
		Service: j.Service, Name: j.Name, Ordinal: int32(j.Ordinal), Start: int64(j.Start), Outcome: j.Outcome,
		Phases: map[string]float64{}, Breakdown: map[string]float64{},
	}
	row.Client, row.ClientPort = splitEndpoint(j.Client)
	row.Server, row.ServerPort = splitEndpoint(j.Server)
	file, frame := n.Place(n.files[j.Evidence], firstFrame(j))
	row.File, row.Frame, row.Point = file, int32(frame), n.Point(n.files[j.Evidence])
	if j.StartCorrected != nil {
		row.Corrected = new(int64(*j.StartCorrected))
	}
	row.Total = seconds(j.Total)
	if q := j.Request; q != nil {
		row.Method, row.Path, row.Status = q.Method, q.Path, int32(q.Status)
	}
	if j.TLS != nil {
		row.TLS = j.TLS.Version
	}
	for i := range j.Phases {
		p := &j.Phases[i]
		if p.Seconds != nil {
			row.Phases[p.Name] += p.Seconds.Duration().Seconds()
		}
		if p.Outcome != "done" && p.Outcome != "estimated" && p.Outcome != "unseen" {
			row.Failed = append(row.Failed, p.Name+" "+p.Outcome)
		}
	}
	for _, s := range j.Breakdown {
		row.Breakdown[s.Cause] += s.Seconds.Duration().Seconds()
	}
	for _, l := range j.Lines {
		file, line := n.files[l.Evidence], l.Line
		if n.Line != nil {
			file, line = n.Line(file, line)
		}
		row.Lines = append(row.Lines, LineRow{file, int32(line), l.Status, float64(l.Confidence)})
	}
	for _, s := range j.AlsoSeen {
		row.Points = append(row.Points, n.Point(n.files[s.Evidence]))
	}
	return row
}

// firstFrame is the earliest frame of the journey in its own capture.
func firstFrame(j *report.Journey) int {
	first := 0
	for i := range j.Phases {
		p := &j.Phases[i]
		if p.Evidence != "" && p.Evidence != j.Evidence {
			continue
		}
		for _, f := range p.Frames {
			if first == 0 || f < first {
				first = f
			}
		}
	}
	return first
}

func (n *names) findingRow(f *report.Finding) FindingRow {
	row := FindingRow{Rule: f.Rule, Severity: f.Severity, Confidence: f.Confidence, Text: f.Text, Lost: seconds(f.Lost), Windows: 1}
	for _, id := range f.Journeys {
		j := n.journeys[id]
		if j == nil || !n.Told(id) {
			continue
		}
		row.Journeys++
		end := int64(j.Start)
		if j.End != nil {
			end = int64(*j.End)
		}
		if row.End == nil || end > *row.End {
			row.End = &end
		}
		if row.Start == nil || int64(j.Start) < *row.Start {
			row.Start = new(int64(j.Start))
			row.Client, _ = splitEndpoint(j.Client)
			row.Server, _ = splitEndpoint(j.Server)
			row.Name = j.Name
		}
	}
	for _, e := range f.Evidence {
		frame := 0
		if len(e.Frames) > 0 {
			frame = e.Frames[0]
		}
		file, _ := n.Place(n.files[e.Evidence], frame)
		if n.Line != nil {
			line := 1
			if len(e.Lines) > 0 {
				line = e.Lines[0]
			}
			file, _ = n.Line(file, line)
		}
		if len(row.Files) == 0 || row.Files[len(row.Files)-1] != file {
			row.Files = append(row.Files, file)
		}
	}
	return row
}

// affected adds the journeys that a finding is about, each once for each rule.
func (n *names) affected(f *report.Finding, known map[[2]string]bool, all []Affected) []Affected {
	for _, id := range f.Journeys {
		j := n.journeys[id]
		if j == nil || !n.Told(id) || known[[2]string{f.Rule, id}] {
			continue
		}
		known[[2]string{f.Rule, id}] = true
		server, _ := splitEndpoint(j.Server)
		all = append(all, Affected{f.Rule, j.Service, server, int64(j.Start)})
	}
	return all
}

func (n *names) clockRows(r *report.Report) []ClockRow {
	var rows []ClockRow
	called := map[string]string{} // by ID
	for i := range r.Clocks {
		called[r.Clocks[i].ID] = n.clockName(&r.Clocks[i])
	}
	for i := range r.Clocks {
		c := &r.Clocks[i]
		base, segments := ClockRow{Name: called[c.ID], Kind: c.Kind, Status: c.Status, Reference: called[r.Reference]}, c.Segments
		if c.Aside != nil {
			base.Status, base.Reference, segments = asideStatus(c), called[c.Aside.Against], c.Aside.Segments
		}
		if len(segments) == 0 {
			rows = append(rows, base)
		}
		for k := range segments {
			s, row := &segments[k], base
			row.From, row.To = new(int64(s.From)), new(int64(s.To))
			row.Offset, row.Low, row.High = new(s.Offset.Duration().Seconds()), new(s.Low.Duration().Seconds()), new(s.High.Duration().Seconds())
			row.Drift, row.Step = new(s.Drift), s.Step
			if k == 0 {
				row.Evidence, row.Contradicted = evidenceOf(c)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// asideStatus is that of a clock in the group of those that nothing ties to the others.
func asideStatus(c *report.Clock) string {
	if c.ID == c.Aside.Against {
		return "reference"
	}
	return "measured"
}

// evidenceOf counts what a clock was measured by, and what of that contradicts it.
func evidenceOf(c *report.Clock) (all, contradicting map[string]int32) {
	all, contradicting = map[string]int32{}, map[string]int32{}
	supports := c.Supports
	if c.Aside != nil {
		supports = c.Aside.Supports
	}
	for _, s := range supports {
		all[s.Method] += int32(s.Count + s.Rejected)
		if s.Rejected > 0 {
			contradicting[s.Method] += int32(s.Rejected)
		}
	}
	return all, contradicting
}

// clockName names the clock of a capture by its point: its files change.
func (n *names) clockName(c *report.Clock) string {
	if c.Kind == "capture" && len(c.Evidence) > 0 {
		if point := n.Point(n.files[c.Evidence[0]]); point != "" {
			return "capture " + point
		}
	}
	return c.Name
}

func seconds(s *report.Seconds) *float64 {
	if s == nil {
		return nil
	}
	return new(s.Duration().Seconds())
}

// splitEndpoint takes the port off an endpoint of a report, which may stand
// behind an IPv6 address without brackets; 0: there is none.
func splitEndpoint(e string) (address string, port int32) {
	i := strings.LastIndexByte(e, ':')
	if i < 0 || !strings.Contains(e[:i], ".") && strings.Count(e, ":") < 2 {
		return e, 0
	}
	for _, c := range e[i+1:] {
		if c < '0' || c > '9' || port > 65535 {
			return e, 0
		}
		port = port*10 + c - '0'
	}
	return strings.Trim(e[:i], "[]"), port
}
