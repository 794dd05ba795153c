package report

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// builder gives every object of a case its identifier in the report.
type builder struct {
	captures map[*incident.File]*incident.Capture
	files    map[*incident.File]string
	clocks   map[*incident.File]*correlate.Clock
	clockIDs map[clock.ID]string
	texts    map[*incident.Log]map[int]quotation // by event
	zones    map[*incident.File]string
	room     []Moment // to list the instants of a journey in
	c        *correlate.Case
	d        *diagnose.Diagnosis
	lang     lang.Lang
}

// newBuilder names the objects of a case.
func newBuilder(c *correlate.Case, d *diagnose.Diagnosis, l lang.Lang) *builder {
	b := &builder{
		captures: c.Incident.CaptureOfFile(),
		files:    map[*incident.File]string{}, clocks: map[*incident.File]*correlate.Clock{}, clockIDs: map[clock.ID]string{},
		texts: linkedTexts(c), zones: map[*incident.File]string{}, c: c, d: d, lang: l,
	}
	for i, f := range c.Incident.Files {
		b.files[f] = fmt.Sprintf("e%d", i+1)
	}
	for i, k := range c.Clocks {
		b.clockIDs[k.ID] = fmt.Sprintf("clk%d", i+1)
		for _, f := range k.Files {
			if b.clocks[f] == nil || len(k.Hosts) == 0 { // of several hosts in one file, the first has most lines
				b.clocks[f] = k
			}
		}
	}
	for _, log := range c.Incident.Logs {
		b.zones[log.File] = zoneOf(log)
	}
	return b
}

// empty is a report that holds nothing yet.
func (b *builder) empty(version string) *Report {
	return &Report{
		Schema: Schema, Generator: Generator{"flowcorr", version}, Language: languageTag(b.lang),
		Evidence: []Evidence{}, Clocks: []Clock{}, Journeys: []Journey{}, Unmatched: []Unmatched{},
		Findings: []Finding{}, Checklist: []Check{},
	}
}

// Build turns a case and its diagnosis into a report.
func Build(c *correlate.Case, d *diagnose.Diagnosis, l lang.Lang, version string) *Report {
	b := newBuilder(c, d, l)
	r := b.empty(version)
	r.Hypotheses = d.Hypotheses
	for _, f := range c.Incident.Files {
		r.Evidence = append(r.Evidence, b.evidence(f))
	}
	for _, k := range c.Clocks {
		if k.Status == clock.Reference && r.Reference == "" {
			r.Reference = b.clockIDs[k.ID]
		}
		r.Clocks = append(r.Clocks, b.clock(k))
	}
	n := 0
	for _, j := range c.Journeys {
		if !j.Elsewhere {
			n++
		}
	}
	r.Journeys = make([]Journey, 0, n)
	for _, j := range c.Journeys {
		if j.Elsewhere {
			continue
		}
		r.Journeys = append(r.Journeys, b.journey(j))
	}
	r.Unmatched = slices.Grow(r.Unmatched, len(c.Unmatched))
	for _, u := range c.Unmatched {
		r.Unmatched = append(r.Unmatched, b.unmatched(u))
	}
	for _, f := range d.Findings {
		r.Findings = append(r.Findings, b.finding(f))
	}
	for _, k := range d.Checklist {
		r.Checklist = append(r.Checklist, b.check(k))
	}
	for _, u := range d.Unchecked {
		r.Unchecked = append(r.Unchecked, Unchecked(u))
	}
	r.Baseline, r.NormalFrom = baseline(d.Baseline), d.Baseline.Source
	r.Series = b.series(c)
	return r
}

// zoneOf tells the zone of a log's stamps, by its first one; "" without stamps.
func zoneOf(l *incident.Log) string {
	for i := range l.Events {
		e := &l.Events[i]
		if !e.HasTime {
			continue
		}
		if e.Zone == logparse.ZoneUnknown {
			return "unknown"
		}
		text := time.Unix(0, e.Time).In(time.FixedZone("", e.ZoneSeconds)).Format("-07:00")
		if e.Zone == logparse.ZoneInferred {
			text += " inferred"
		}
		return text
	}
	return ""
}

func languageTag(l lang.Lang) string {
	if l == lang.ES {
		return "es"
	}
	return "en"
}

func (b *builder) evidence(f *incident.File) Evidence {
	e := Evidence{ID: b.files[f], Path: f.Path, Kind: f.Kind, Packing: f.Packing, SHA256: f.SHA256, Bytes: f.Bytes, Records: f.Records, Reason: f.Reason}
	if f.First != 0 || f.Last != 0 {
		e.First, e.Last = instant(f.First), instant(f.Last)
	}
	if k := b.clocks[f]; k != nil {
		e.Clock = b.clockIDs[k.ID]
	}
	e.Zone = b.zones[f]
	if k := b.captures[f]; k != nil {
		e.Vantage = k.Vantage.String()
		e.Host = address(k.VantageHost)
	}
	for _, p := range f.Problems {
		e.Problems = append(e.Problems, Problem(p))
	}
	return e
}

func (b *builder) clock(k *correlate.Clock) Clock {
	out := Clock{ID: b.clockIDs[k.ID], Name: k.Name, Kind: k.Kind, Evidence: []string{}, Status: string(k.Status), Reason: lang.Text(k.Why).In(b.lang), Notes: b.say(k.Notes)}
	for _, f := range k.Files {
		out.Evidence = append(out.Evidence, b.files[f])
	}
	out.Segments, out.Supports = track(&k.Track)
	if k.Aside != nil {
		out.Aside = &Aside{Against: b.clockIDs[k.Root]}
		if k.ID != k.Root {
			out.Aside.Segments, out.Aside.Supports = track(k.Aside)
		}
	}
	for _, s := range k.Candidates {
		out.Candidates = append(out.Candidates, Candidate{Seconds(s.Offset), lang.Text(s.Reason).In(b.lang)})
	}
	for _, p := range k.Points {
		out.Points = append(out.Points, point(p))
	}
	for _, id := range k.Path {
		out.Path = append(out.Path, b.clockIDs[id])
	}
	return out
}

// track gives the straight pieces of a track and what it rests on.
func track(t *clock.Track) (segments []Segment, supports []Support) {
	for _, s := range t.Segments {
		low, high := Seconds(s.LowEnd), Seconds(s.HighEnd)
		segments = append(segments, Segment{
			From: Instant(s.From), To: Instant(s.To), Offset: Seconds(s.Offset), Low: Seconds(s.Low), High: Seconds(s.High),
			LowEnd: &low, HighEnd: &high, Drift: s.Drift, Step: s.StepBefore,
		})
	}
	for _, s := range t.Supports {
		supports = append(supports, Support{string(s.Method), s.Count, s.Rejected})
	}
	return segments, supports
}

// say gives sentences in the report's language.
func (b *builder) say(texts []lang.Text) []string {
	var out []string
	for _, t := range texts {
		out = append(out, t.In(b.lang))
	}
	return out
}

func point(p clock.Point) Point {
	out := Point{At: Instant(p.At), Method: string(p.Method), Rejected: p.Rejected}
	if p.Low > -clock.Infinity {
		out.Low = seconds(p.Low)
	}
	if p.High < clock.Infinity {
		out.High = seconds(p.High)
	}
	return out
}

func (b *builder) unmatched(u correlate.Unmatched) Unmatched {
	out := Unmatched{Evidence: b.files[u.Log.File], Lines: []int{}, Reason: u.Reason}
	for _, i := range u.Events {
		out.Lines = append(out.Lines, u.Log.Events[i].Line)
	}
	return out
}

func (b *builder) finding(f diagnose.Finding) Finding {
	out := Finding{ID: f.ID, Rule: f.Rule, Severity: f.Severity.String(), Confidence: f.Confidence.String(), Text: conceal.Secrets(f.Text)}
	for _, j := range f.Journeys {
		out.Journeys = append(out.Journeys, j.ID)
	}
	if f.Example != nil && len(f.Journeys) > 1 {
		out.Example = f.Example.ID
	}
	if f.Share > 0 {
		share := ratio(f.Share)
		out.Share = &share
	}
	if f.Lost > 0 {
		lost := Seconds(f.Lost)
		out.Lost = &lost
	}
	if f.At != 0 {
		out.At = new(Instant(f.At))
	}
	for _, e := range f.Evidence {
		out.Evidence = append(out.Evidence, FindingEvidence{b.files[e.File], e.Frames, e.Filter, e.Lines})
	}
	for _, x := range f.Refuters {
		x.Command = conceal.Secrets(x.Command)
		out.Refuters = append(out.Refuters, Refuter(x))
	}
	return out
}

func (b *builder) check(k diagnose.Check) Check {
	out := Check{Item: k.Item, Status: k.Status, Text: conceal.Secrets(k.Text), Command: conceal.Secrets(k.Command)}
	for _, f := range k.Files {
		out.Evidence = append(out.Evidence, b.files[f])
	}
	return out
}

// corrected is an instant of a file on the reference clock; nil where it is not
// known or not to be shown.
func (b *builder) corrected(f *incident.File, t int64) *Instant {
	at, _, _ := b.bounded(f, t)
	return at
}

// bounded is the same with its bounds.
func (b *builder) bounded(f *incident.File, t int64) (at, low, high *Instant) {
	k := b.clocks[f]
	if k == nil || b.c.Raw {
		return nil, nil, nil
	}
	v, from, to, ok := k.Correct(t)
	if !ok {
		return nil, nil, nil
	}
	return instant(v), instant(from), instant(to)
}

// file of a running frame number.
func (b *builder) file(k *incident.Capture, frame int) (*incident.File, int) {
	i, in := k.Locate(frame)
	return k.Files[i], in
}

func instant(ns int64) *Instant {
	t := Instant(ns)
	return &t
}

func seconds(ns int64) *Seconds {
	s := Seconds(ns)
	return &s
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// endpoint writes address and port as the contract has them: the port is what
// follows the last colon, and IPv6 addresses stand without brackets. Without a
// port it is the address alone.
func endpoint(a netip.AddrPort) string {
	switch {
	case !a.Addr().IsValid():
		return ""
	case a.Port() == 0:
		return a.Addr().String()
	}
	return string(appendEndpoint(nil, a))
}

func appendEndpoint(b []byte, a netip.AddrPort) []byte {
	b = append(appendAddress(b, a.Addr()), ':')
	return appendInt64(b, int64(a.Port()))
}

// whole frames of a phase within the file of its first frame.
func (b *builder) frames(k *incident.Capture, p pcapflow.Phase) (*incident.File, []int) {
	var file *incident.File
	var out []int
	last := 0
	for _, n := range p.Frames {
		if n <= 0 {
			continue
		}
		f, in := b.file(k, n)
		if file == nil {
			file = f
		}
		if f == file && in != last {
			out = append(out, in)
			last = in
		}
	}
	return file, out
}
