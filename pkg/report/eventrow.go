package report

import (
	"strconv"
	"strings"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// EventRow is a log event as one row of a table; strings last.
type EventRow struct {
	Time     *Instant // as written
	Zone     string   // "": stated; else inferred | unknown
	Evidence string
	Line     int
	Kind     string
	Client   string
	What     string
	Result   string
	Duration *Seconds
}

// EventRowOf takes from an event what a table shows.
func EventRowOf(evidence string, e *logparse.Event) EventRow {
	r := EventRow{Evidence: evidence, Line: e.Line, Kind: string(e.Kind), Client: endpoint(e.Client)}
	if e.HasTime {
		r.Time = instant(e.Time)
		if e.Zone != logparse.ZoneStated {
			r.Zone = zoneNames[e.Zone]
		}
	}
	r.What = conceal.Secrets(strings.Clone(eventSubject(e)))
	switch {
	case e.Status > 0:
		r.Result = strconv.Itoa(e.Status)
	case e.RCode != "":
		r.Result = strings.Clone(e.RCode)
	case e.Outcome != "":
		r.Result = strings.Clone(e.Outcome)
	}
	if d := eventDuration(e); d >= 0 {
		r.Duration = seconds(int64(d))
	}
	return r
}

// eventSubject is what an event is about, in a few words.
func eventSubject(e *logparse.Event) string {
	var parts []string
	for _, s := range []string{e.Method, e.Type, e.User, e.Name, e.Path} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case e.Timing != nil:
		parts = append(parts, e.Timing.URL, e.Timing.Error)
	case e.Lookup != nil && e.Name == "":
		parts = append(parts, e.Lookup.Type, e.Lookup.Name, e.Lookup.Status)
	case e.Reading != nil:
		if e.Reading.Source != "" {
			parts = append(parts, e.Reading.Source)
		}
		if e.Reading.HasOffset {
			parts = append(parts, string(appendSeconds(nil, e.Reading.Offset))+" s")
		}
	case len(parts) == 0:
		parts = append(parts, e.Process, e.Text)
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}
