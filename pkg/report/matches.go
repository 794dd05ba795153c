package report

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Pairing is one log line and the request it tells of, or one of them alone.
type Pairing struct {
	Status     string   `json:"status"` // matched | ambiguous | unmatched-line | unmatched-journey
	Evidence   string   `json:"evidence,omitempty"`
	Line       int      `json:"line,omitempty"`
	Time       *Instant `json:"time,omitempty"` // as written
	Corrected  *Instant `json:"time_corrected,omitempty"`
	Journey    string   `json:"journey,omitempty"`
	Service    string   `json:"service,omitempty"`
	Confidence *Ratio   `json:"confidence,omitempty"`
	Residual   *Seconds `json:"residual_seconds,omitempty"`
	By         string   `json:"by,omitempty"`
	Rivals     []string `json:"rivals,omitempty"`
	Reason     string   `json:"reason,omitempty"` // why it is alone
	Text       string   `json:"text,omitempty"`
	Shown      string   `json:"shown,omitempty"` // as of a LineLink
}

// Pairings lists lines with their requests in order of file and line, then
// lines without a request, then journeys without a line.
func (r *Report) Pairings() []Pairing {
	rows := 0
	for i := range r.Journeys {
		rows += max(len(r.Journeys[i].Lines), 1)
	}
	return r.pairings(rows, func(yield func(*Journey) bool) {
		for i := range r.Journeys {
			if !yield(&r.Journeys[i]) {
				return
			}
		}
	})
}

// Match is what Build and Pairings say of a case, without what else a report
// holds: no diagnosis is needed, and the report returned has files alone.
func Match(c *correlate.Case, l lang.Lang, version string) (*Report, []Pairing) {
	b := newBuilder(c, nil, l)
	r := b.empty(version)
	for _, f := range c.Incident.Files {
		r.Evidence = append(r.Evidence, b.evidence(f))
	}
	for _, u := range c.Unmatched {
		r.Unmatched = append(r.Unmatched, b.unmatched(u))
	}
	rows := 0
	for _, j := range c.Journeys {
		rows += max(len(j.Lines), 1)
	}
	return r, r.pairings(rows, func(yield func(*Journey) bool) {
		for _, j := range c.Journeys {
			if !yield(b.matched(j)) {
				return
			}
		}
	})
}

// matched is as much of a journey as its pairings are told by.
func (b *builder) matched(j *correlate.Journey) *Journey {
	out := Journey{ID: j.ID, Service: j.Service, Start: Instant(j.Start.Time), Outcome: j.Outcome.String()}
	if len(j.Lines) == 0 {
		if home := b.home(j, &out); home != nil {
			out.StartCorrected = b.corrected(home, j.Start.Time)
		}
	}
	for _, l := range j.Lines {
		out.Lines = append(out.Lines, b.line(l))
	}
	return &out
}

// pairings asks for the journeys, which make so many rows, twice, so that no list is
// made of those alone.
func (r *Report) pairings(rows int, journeys iter.Seq[*Journey]) []Pairing {
	for _, u := range r.Unmatched {
		rows += len(u.Lines)
	}
	out := make([]Pairing, 0, rows) // without room to grow: they are many
	order := map[string]int{}
	for i, e := range r.Evidence {
		order[e.ID] = i
	}
	inOrder := func(list []Pairing) {
		slices.SortStableFunc(list, func(a, b Pairing) int {
			return cmp.Or(cmp.Compare(order[a.Evidence], order[b.Evidence]), cmp.Compare(a.Line, b.Line))
		})
	}
	for j := range journeys {
		for _, l := range j.Lines {
			sure := l.Confidence
			out = append(out, Pairing{
				Status: l.Status, Evidence: l.Evidence, Line: l.Line, Time: l.Time, Corrected: l.Corrected, Journey: j.ID, Service: j.Service,
				Confidence: &sure, Residual: l.Residual, By: l.By, Rivals: l.Rivals, Text: l.Text, Shown: l.Shown,
			})
		}
	}
	linked := len(out)
	inOrder(out)
	for _, u := range r.Unmatched {
		for _, n := range u.Lines {
			out = append(out, Pairing{Status: "unmatched-line", Evidence: u.Evidence, Line: n, Reason: u.Reason})
		}
	}
	inOrder(out[linked:])
	told := r.told()
	for j := range journeys {
		if len(j.Lines) == 0 {
			start := j.Start
			out = append(out, Pairing{Status: "unmatched-journey", Journey: j.ID, Service: j.Service, Time: &start, Corrected: j.StartCorrected, Reason: r.whyAlone(j, told)})
		}
	}
	return out
}

// tellers are the kinds of evidence whose lines tell of a service, by what
// their names contain.
var tellers = map[string][]string{
	"http":  {"access", "haproxy", "app-log", "nginx-error", "apache-error", "curl", "har"},
	"https": {"access", "haproxy", "app-log", "nginx-error", "apache-error", "curl", "har"},
	"quic":  {"access", "haproxy", "app-log", "curl", "har"},
	"ssh":   {"auth-log", "ssh-verbose", "journal", "syslog"},
	"dns":   {"dns-log", "dig", "nslookup", "resolvectl"},
	"ntp":   {"chrony", "ntpd", "sntp", "timesync"},
}

// told tells of which services there are lines.
func (r *Report) told() map[string]bool {
	told := map[string]bool{}
	for service, words := range tellers {
		told[service] = slices.ContainsFunc(r.Evidence, func(e Evidence) bool {
			return e.Records > 0 && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(e.Kind, word) })
		})
	}
	return told
}

// whyAlone says why no line belongs to a journey, as far as the report tells;
// the words are part of the contract: no-such-log | unanswered | refused |
// none-fits.
func (r *Report) whyAlone(j *Journey, told map[string]bool) string {
	switch {
	case !told[j.Service]:
		return "no-such-log"
	case j.Outcome == "unanswered" || j.Outcome == "refused":
		return j.Outcome
	}
	return "none-fits"
}
