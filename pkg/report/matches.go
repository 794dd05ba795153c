package report

import (
	"cmp"
	"slices"
	"strings"
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
}

// Pairings lists lines with their requests in order of file and line, then
// lines without a request, then journeys without a line.
func (r *Report) Pairings() []Pairing {
	var linked, out []Pairing
	order := map[string]int{}
	for i, e := range r.Evidence {
		order[e.ID] = i
	}
	for i := range r.Journeys {
		j := &r.Journeys[i]
		for _, l := range j.Lines {
			sure := l.Confidence
			linked = append(linked, Pairing{
				Status: l.Status, Evidence: l.Evidence, Line: l.Line, Time: l.Time, Corrected: l.Corrected, Journey: j.ID, Service: j.Service,
				Confidence: &sure, Residual: l.Residual, By: l.By, Rivals: l.Rivals, Text: l.Text,
			})
		}
	}
	slices.SortStableFunc(linked, func(a, b Pairing) int {
		return cmp.Or(cmp.Compare(order[a.Evidence], order[b.Evidence]), cmp.Compare(a.Line, b.Line))
	})
	for _, u := range r.Unmatched {
		for _, n := range u.Lines {
			out = append(out, Pairing{Status: "unmatched-line", Evidence: u.Evidence, Line: n, Reason: u.Reason})
		}
	}
	slices.SortStableFunc(out, func(a, b Pairing) int {
		return cmp.Or(cmp.Compare(order[a.Evidence], order[b.Evidence]), cmp.Compare(a.Line, b.Line))
	})
	out = append(linked, out...)
	for i := range r.Journeys {
		j := &r.Journeys[i]
		if len(j.Lines) == 0 {
			start := j.Start
			out = append(out, Pairing{Status: "unmatched-journey", Journey: j.ID, Service: j.Service, Time: &start, Corrected: j.StartCorrected, Reason: r.whyAlone(j)})
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

// whyAlone says why no line belongs to a journey, as far as the report tells;
// the words are part of the contract: no-such-log | unanswered | refused |
// none-fits.
func (r *Report) whyAlone(j *Journey) string {
	known := false
	for _, e := range r.Evidence {
		for _, word := range tellers[j.Service] {
			known = known || e.Records > 0 && strings.Contains(e.Kind, word)
		}
	}
	switch {
	case !known:
		return "no-such-log"
	case j.Outcome == "unanswered" || j.Outcome == "refused":
		return j.Outcome
	}
	return "none-fits"
}
