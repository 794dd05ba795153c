package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// EventCounts counts events of one log as they come, in memory that does not
// depend on how many there are. The zero value is ready.
type EventCounts struct {
	kinds  []*kindCount
	last   *kindCount // of the event before: most often the next is like it
	hours  map[int64]int64
	hour   int64 // beginning of the hour counted in inHour, ns
	inHour int64
	first  int64
	end    int64
	timed  int64 // events with a time
}

// kindCount is what is counted of the events of one kind.
type kindCount struct {
	kind      logparse.Kind
	events    int64
	status    [1000]int64
	outcomes  map[string]int64
	durations Histogram
}

const hourLength = int64(3600e9)

// Add counts one event.
func (c *EventCounts) Add(e *logparse.Event) {
	k := c.last
	if k == nil || k.kind != e.Kind {
		k = c.of(e.Kind)
		c.last = k
	}
	k.events++
	if e.HasTime {
		c.at(e.Time)
	}
	switch {
	case e.Status > 0 && e.Status < len(k.status):
		k.status[e.Status]++
	case e.RCode != "":
		k.outcome(e.RCode, 1)
	case e.Outcome != "":
		k.outcome(e.Outcome, 1)
	}
	switch {
	case e.Duration >= 0:
		k.durations.Add(int64(e.Duration))
	case e.Timing != nil && e.Timing.Total >= 0:
		k.durations.Add(int64(e.Timing.Total))
	case e.Lookup != nil && e.Lookup.QueryTime >= 0:
		k.durations.Add(int64(e.Lookup.QueryTime))
	}
}

func (c *EventCounts) at(t int64) {
	if c.timed == 0 || t < c.first {
		c.first = t
	}
	if c.timed == 0 || t > c.end {
		c.end = t
	}
	c.timed++
	if d := t - c.hour; d >= 0 && d < hourLength {
		c.inHour++
		return
	}
	c.flush()
	c.hour, c.inHour = t-((t%hourLength)+hourLength)%hourLength, 1
}

// mostHours bounds the hours counted apart: ten years of them.
const mostHours = 10 * 366 * 24

func (c *EventCounts) flush() {
	if c.inHour == 0 {
		return
	}
	c.addHour(c.hour, c.inHour)
	c.inHour = 0
}

func (c *EventCounts) addHour(hour, events int64) {
	if c.hours == nil {
		c.hours = map[int64]int64{}
	}
	if _, ok := c.hours[hour]; ok || len(c.hours) < mostHours {
		c.hours[hour] += events
	}
}

func (c *EventCounts) of(kind logparse.Kind) *kindCount {
	for _, k := range c.kinds {
		if k.kind == kind {
			return k
		}
	}
	k := &kindCount{kind: kind, outcomes: map[string]int64{}}
	c.kinds = append(c.kinds, k)
	return k
}

// mostOutcomes bounds the words counted: they come from the log.
const mostOutcomes = 64

func (k *kindCount) outcome(word string, events int64) {
	if _, ok := k.outcomes[word]; !ok {
		if len(k.outcomes) >= mostOutcomes {
			word = "other"
		}
		word = string([]byte(word[:min(len(word), 40)])) // e's strings do not last
	}
	k.outcomes[word] += events
}

// EventSummary is what EventCounts counted, of one log or of several.
type EventSummary struct {
	Evidence string        `json:"evidence,omitempty"` // "": of all logs
	Kind     string        `json:"kind,omitempty"`     // of the evidence
	Lines    int           `json:"lines"`
	Problems int           `json:"problems"` // places that were not understood
	Events   int64         `json:"events"`
	First    *Instant      `json:"first,omitempty"`
	Last     *Instant      `json:"last,omitempty"`
	Kinds    []KindSummary `json:"kinds"`
	Hours    []HourCount   `json:"hours,omitempty"`
}

// KindSummary is about the events of one kind.
type KindSummary struct {
	Kind      string       `json:"kind"`
	Events    int64        `json:"events"`
	Results   []Result     `json:"results,omitempty"` // most frequent first
	Durations *Percentiles `json:"durations,omitempty"`
}

// Result counts a status, response code or outcome.
type Result struct {
	Result string `json:"result"`
	Events int64  `json:"events"`
}

// HourCount counts the events of an hour that begins at From.
type HourCount struct {
	From   Instant `json:"from"`
	Events int64   `json:"events"`
}

// Percentiles of durations; all but minimum and maximum are rounded up by at
// most 1/32.
type Percentiles struct {
	Count int64   `json:"count"`
	Min   Seconds `json:"min_seconds"`
	P50   Seconds `json:"p50_seconds"`
	P90   Seconds `json:"p90_seconds"`
	P95   Seconds `json:"p95_seconds"`
	P99   Seconds `json:"p99_seconds"`
	Max   Seconds `json:"max_seconds"`
}

// Reset forgets what was counted and keeps the room it took.
func (c *EventCounts) Reset() {
	clear(c.hours)
	for _, k := range c.kinds {
		clear(k.outcomes)
		*k = kindCount{kind: k.kind, outcomes: k.outcomes}
	}
	*c = EventCounts{kinds: c.kinds, hours: c.hours}
}

// Merge adds the counts of another log.
func (c *EventCounts) Merge(d *EventCounts) {
	d.flush()
	c.flush()
	if d.timed > 0 {
		if c.timed == 0 || d.first < c.first {
			c.first = d.first
		}
		if c.timed == 0 || d.end > c.end {
			c.end = d.end
		}
		c.timed += d.timed
	}
	for h, n := range d.hours {
		c.addHour(h, n)
	}
	for _, k := range d.kinds {
		if k.events == 0 {
			continue
		}
		mine := c.of(k.kind)
		mine.events += k.events
		for s, n := range k.status {
			mine.status[s] += n
		}
		for _, w := range slices.Sorted(maps.Keys(k.outcomes)) { // which ones are kept must not depend on chance
			mine.outcome(w, k.outcomes[w])
		}
		mine.durations.Merge(&k.durations)
	}
}

// Summary states what was counted.
func (c *EventCounts) Summary() EventSummary {
	c.flush()
	out := EventSummary{Kinds: []KindSummary{}}
	if c.timed > 0 {
		out.First, out.Last = instant(c.first), instant(c.end)
	}
	for _, k := range c.kinds {
		out.Events += k.events
		row := KindSummary{Kind: string(k.kind), Events: k.events, Durations: k.durations.Percentiles()}
		for s, n := range k.status {
			if n > 0 {
				row.Results = append(row.Results, Result{string(appendInt(nil, s)), n})
			}
		}
		for w, n := range k.outcomes {
			row.Results = append(row.Results, Result{w, n})
		}
		slices.SortFunc(row.Results, func(a, b Result) int {
			return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Result, b.Result))
		})
		out.Kinds = append(out.Kinds, row)
	}
	slices.SortFunc(out.Kinds, func(a, b KindSummary) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Kind, b.Kind))
	})
	for h, n := range c.hours {
		out.Hours = append(out.Hours, HourCount{Instant(h), n})
	}
	slices.SortFunc(out.Hours, func(a, b HourCount) int { return cmp.Compare(a.From, b.From) })
	return out
}
