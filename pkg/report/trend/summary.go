package trend

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Summary is what trends are made of. Summaries of slices are merged; the order
// does not matter.
type Summary struct {
	Days map[string]*Day `json:"days"` // by date, UTC, of the start of journeys as stamped
}

// Day is what happened on one day, or on several.
type Day struct {
	// When its first journey and its last began, as stamped; both 0: there is none.
	First     int64                        `json:"first_ns,omitempty"`
	Last      int64                        `json:"last_ns,omitempty"`
	Journeys  map[string]int               `json:"journeys"` // by service
	NotDone   map[string]int               `json:"not_done,omitempty"`
	Phases    map[string]*report.Histogram `json:"phases"` // "https total", "https tls.handshake", …
	Servers   map[string]*Spent            `json:"servers"`
	Clients   map[string]*Spent            `json:"clients"`
	Resolvers map[string]*Spent            `json:"resolvers"`
	Rules     map[string]*RuleCount        `json:"rules,omitempty"`
	Clocks    map[string]*ClockRange       `json:"clocks,omitempty"`
}

// Spent is the time of journeys that had to do with one address.
type Spent struct {
	Journeys int            `json:"journeys"`
	Seconds  report.Seconds `json:"seconds"` // of all of them, from start to end
}

// RuleCount is how often a rule spoke.
type RuleCount struct {
	Severity string `json:"severity"` // the highest
	Findings int    `json:"findings"` // about journeys, of the day on which the first of these began
	// Standing are the windows of those about no journey, by name: each is one finding
	// in however many days.
	Standing map[string]int `json:"standing,omitempty"`
	Journeys int            `json:"journeys"` // of the day, each once
	Lost     report.Seconds `json:"lost_seconds"`
	// Journeys by service and by server.
	Services map[string]int `json:"services,omitempty"`
	Servers  map[string]int `json:"servers,omitempty"`
}

// OfJourneys tells whether a rule speaks of journeys, and not of a capture or a clock.
func (r *RuleCount) OfJourneys() bool { return r != nil && r.Journeys > 0 }

// Told is how many findings there are.
func (r *RuleCount) Told() int { return r.Findings + len(r.Standing) }

// ClockRange is where a clock's offset from a reference lay.
type ClockRange struct {
	Status    string `json:"status"`
	Reference string `json:"reference,omitempty"` // "": there were several
	// Against are the clocks that it is known against, with the pieces of its track.
	Against  map[string]int `json:"against,omitempty"`
	Measured bool           `json:"measured"` // otherwise Low and High say nothing
	Low      float64        `json:"low_seconds"`
	High     float64        `json:"high_seconds"`
	Steps    int            `json:"steps"`
	// Pieces of evidence by method, and those of them that contradict the track.
	Evidence     map[string]int `json:"evidence,omitempty"`
	Contradicted map[string]int `json:"contradicted,omitempty"`
}

// NewSummary is one of nothing.
func NewSummary() *Summary { return &Summary{Days: map[string]*Day{}} }

// DayOf is the date of an instant, ns, in UTC.
func DayOf(ns int64) string { return time.Unix(0, ns).UTC().Format(time.DateOnly) }

func (s *Summary) day(name string) *Day {
	d := s.Days[name]
	if d == nil {
		d = &Day{
			Journeys: map[string]int{}, NotDone: map[string]int{}, Phases: map[string]*report.Histogram{},
			Servers: map[string]*Spent{}, Clients: map[string]*Spent{}, Resolvers: map[string]*Spent{},
			Rules: map[string]*RuleCount{}, Clocks: map[string]*ClockRange{},
		}
		s.Days[name] = d
	}
	return d
}

// Add counts rows. What has no time of its own is of the day given, if that is one.
func (s *Summary) Add(o *Rows, day string) {
	of := func(ns *int64) *Day {
		switch {
		case ns != nil:
			return s.day(DayOf(*ns))
		case dateOf(day).IsZero():
			return nil
		}
		return s.day(day)
	}
	for i := range o.Journeys {
		s.day(DayOf(o.Journeys[i].Start)).journey(&o.Journeys[i])
	}
	for i := range o.Findings {
		f := &o.Findings[i]
		if d := of(f.Start); d != nil {
			count(d.Rules, f.Rule).merge(&RuleCount{Severity: f.Severity, Findings: 1, Lost: exact(f.Lost)})
		}
	}
	for _, j := range o.Affected {
		count(s.day(DayOf(j.Start)).Rules, j.Rule).merge(&RuleCount{Journeys: 1, Services: map[string]int{j.Service: 1}, Servers: map[string]int{j.Server: 1}})
	}
	for i := range o.Clocks {
		c := &o.Clocks[i]
		d := of(c.From)
		if d == nil {
			continue
		}
		r := &ClockRange{Status: c.Status, Reference: c.Reference, Evidence: map[string]int{}, Contradicted: map[string]int{}}
		if c.Status == "reference" || c.From != nil {
			r.Against = map[string]int{c.Reference: 1}
		}
		if c.From != nil {
			r.Measured, r.Low, r.High = true, *c.Low, *c.High
		}
		for method, n := range c.Evidence {
			r.Evidence[method] = int(n)
		}
		for method, n := range c.Contradicted {
			r.Contradicted[method] = int(n)
		}
		if c.Step {
			r.Steps = 1
		}
		d.clock(c.Name, r)
	}
}

// AddStanding counts the findings about no journey of a day; of what has no date nothing.
func (s *Summary) AddStanding(day string, told []Standing) {
	for i := range told {
		if dateOf(day).IsZero() {
			return
		}
		f, name := &told[i].Row, told[i].Name
		if at := told[i].At; at != nil {
			name += fmt.Sprint(" ", *at)
		}
		count(s.day(day).Rules, f.Rule).merge(&RuleCount{Severity: f.Severity, Lost: exact(f.Lost), Standing: map[string]int{name: int(f.Windows)}})
	}
}

func (d *Day) journey(j *JourneyRow) {
	d.span(j.Start, j.Start)
	d.Journeys[j.Service]++
	if j.Outcome != "done" && j.Outcome != "estimated" {
		d.NotDone[j.Service]++
	}
	spent := &Spent{1, exact(j.Total)}
	if j.Service == "dns" {
		count(d.Resolvers, j.Server).merge(spent)
	} else {
		count(d.Servers, j.Server).merge(spent)
	}
	count(d.Clients, j.Client).merge(spent)
	if j.Total != nil {
		count(d.Phases, j.Service+" total").Add(int64(*j.Total * 1e9))
	}
	for name, t := range j.Phases {
		count(d.Phases, j.Service+" "+name).Add(int64(t * 1e9))
	}
}

// span has a day reach over a stretch of time in which journeys began.
func (d *Day) span(first, last int64) {
	if first == 0 && last == 0 {
		return
	}
	if d.First == 0 && d.Last == 0 {
		d.First, d.Last = first, last
	}
	d.First, d.Last = min(d.First, first), max(d.Last, last)
}

func (d *Day) clock(name string, r *ClockRange) {
	known := d.Clocks[name]
	if known == nil {
		r.Evidence, r.Contradicted, r.Against = maps.Clone(r.Evidence), maps.Clone(r.Contradicted), maps.Clone(r.Against)
		d.Clocks[name] = r
		return
	}
	known.Evidence = sum(known.Evidence, r.Evidence)
	known.Contradicted = sum(known.Contradicted, r.Contradicted)
	known.Against = sum(known.Against, r.Against)
	known.Steps += r.Steps
	switch {
	case known.Measured && !r.Measured:
		return
	case r.Measured && !known.Measured:
		known.Measured, known.Status, known.Reference, known.Low, known.High = true, r.Status, r.Reference, r.Low, r.High
		return
	}
	known.Low, known.High = min(known.Low, r.Low), max(known.High, r.High)
	if known.Reference != r.Reference {
		known.Reference = ""
	}
	known.Status = min(known.Status, r.Status) // whichever comes first
}

// sum adds counts; a map that is nil is none.
func sum(a, b map[string]int) map[string]int {
	if a == nil {
		a = map[string]int{}
	}
	for k, n := range b {
		a[k] += n
	}
	return a
}

// Merge adds another summary.
func (s *Summary) Merge(o *Summary) {
	for name, d := range o.Days {
		own := s.day(name)
		own.span(d.First, d.Last)
		for k, n := range d.Journeys {
			own.Journeys[k] += n
		}
		for k, n := range d.NotDone {
			own.NotDone[k] += n
		}
		for k, h := range d.Phases {
			count(own.Phases, k).Merge(h)
		}
		mergeAll(own.Servers, d.Servers)
		mergeAll(own.Clients, d.Clients)
		mergeAll(own.Resolvers, d.Resolvers)
		mergeAll(own.Rules, d.Rules)
		for k, c := range d.Clocks {
			own.clock(k, new(*c))
		}
	}
}

func (s *Spent) merge(o *Spent) {
	s.Journeys += o.Journeys
	s.Seconds += o.Seconds
}

func (r *RuleCount) merge(o *RuleCount) {
	if report.SeverityRank(o.Severity) > report.SeverityRank(r.Severity) {
		r.Severity = o.Severity
	}
	r.Findings += o.Findings
	r.Journeys += o.Journeys
	r.Lost += o.Lost
	r.Services, r.Servers, r.Standing = sum(r.Services, o.Services), sum(r.Servers, o.Servers), sum(r.Standing, o.Standing)
}

// merger is a pointer to a count that another can be added to.
type merger[T any] interface {
	*T
	merge(*T)
}

func mergeAll[T any, P merger[T]](into, from map[string]P) {
	for k, v := range from {
		count(into, k).merge(v)
	}
}

// count gives the entry of a name, made if need be.
func count[T any, P ~*T](m map[string]P, name string) P {
	if m[name] == nil {
		m[name] = new(T)
	}
	return m[name]
}

// exact is a number of seconds that can be summed in any order.
func exact(s *float64) report.Seconds {
	if s == nil {
		return 0
	}
	return report.Seconds(math.Round(*s * 1e9))
}

// DayNames are the days in order.
func (s *Summary) DayNames() []string { return slices.Sorted(maps.Keys(s.Days)) }

// Held are the days on which journeys began, in order: those with data. Clocks may have
// been measured on others.
func (s *Summary) Held() []string {
	return slices.DeleteFunc(s.DayNames(), func(day string) bool { return len(s.Days[day].Journeys) == 0 })
}

// Whole is all days as one.
func (s *Summary) Whole() *Day { return s.Of(s.DayNames()) }

// Of is some days as one.
func (s *Summary) Of(days []string) *Day {
	all := NewSummary()
	whole := all.day("")
	for _, name := range days {
		all.Merge(&Summary{Days: map[string]*Day{"": s.Days[name]}})
	}
	return whole
}
