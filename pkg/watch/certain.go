package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// certain tells which findings are certain and were not told before.
//
// A finding is certain once it stands in analyses one after the other for as long as
// settle, and one of its journeys ended that long before the end of the evidence, or
// nothing has come for as long: what comes later does not change it. (Stamps alone do not
// tell: those of a clock that was set jump.) It was told before if it shares a journey
// with one of the same rule that was: a cause that goes on is one finding.
type certain struct {
	told    map[string]int64     // rule and journey → end of the evidence then, ns
	since   map[string]time.Time // those of the analysis before: since when they stand
	pending bool                 // there are some that are not certain yet
}

// maxTold bounds what is remembered; the oldest go first.
const maxTold = 20000

// of gives those to be told now. quiet: nothing has come for as long as settle;
// end: nothing will come.
func (c *certain) of(r *report.Report, now time.Time, settle time.Duration, quiet, end bool) []*report.Finding {
	ends, latest := journeyEnds(r)
	byID := map[string]*report.Journey{}
	for i := range r.Journeys {
		byID[r.Journeys[i].ID] = &r.Journeys[i]
	}
	seen := map[string]time.Time{}
	c.pending = false
	var out []*report.Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Confidence == "not-evaluable" || f.Severity == "info" {
			continue
		}
		keys := keysOf(r, f, byID)
		fresh, stood, settled := true, false, quiet || len(f.Journeys) == 0
		for _, k := range keys {
			since, before := c.since[k]
			if !before {
				since = now
			}
			seen[k] = since
			if _, known := c.told[k]; known {
				fresh = false
			}
			stood = stood || before && (quiet || now.Sub(since) >= settle)
		}
		for _, id := range f.Journeys {
			if t, ended := ends[id]; ended && t <= latest-int64(settle) {
				settled = true
			}
		}
		if fresh && !end && !(stood && settled) {
			c.pending = true
			continue
		}
		if fresh {
			out = append(out, f)
		}
		for _, k := range keys {
			c.told[k] = latest
		}
	}
	c.since = seen
	c.forget()
	return out
}

// keysOf names a finding by its rule and each of its journeys, in words that
// stay the same from one analysis to the next.
func keysOf(r *report.Report, f *report.Finding, byID map[string]*report.Journey) []string {
	var keys []string
	for _, id := range f.Journeys {
		if j := byID[id]; j != nil {
			keys = append(keys, strings.Join([]string{f.Rule, j.Service, j.Client, j.Server, j.Name, j.Start.String()}, "|"))
		}
	}
	if len(keys) == 0 {
		keys = []string{f.Rule + "|" + evidencePaths(r, f)}
	}
	return keys
}

// Identity names a finding by its rule and the first of its journeys: it is the same in
// every analysis that has them.
func Identity(r *report.Report, f *report.Finding) string {
	byID := map[string]*report.Journey{}
	for i := range r.Journeys {
		byID[r.Journeys[i].ID] = &r.Journeys[i]
	}
	var first *report.Journey
	for _, id := range f.Journeys {
		if j := byID[id]; j != nil && (first == nil || j.Start < first.Start) {
			first = j
		}
	}
	one := *f
	if first != nil {
		one.Journeys = []string{first.ID}
	}
	sum := sha256.Sum256([]byte(keysOf(r, &one, byID)[0]))
	return hex.EncodeToString(sum[:8])
}

// evidencePaths names the files of a finding that no journey has.
func evidencePaths(r *report.Report, f *report.Finding) string {
	var paths []string
	for _, e := range f.Evidence {
		for i := range r.Evidence {
			if r.Evidence[i].ID == e.Evidence {
				paths = append(paths, r.Evidence[i].Path)
			}
		}
	}
	return strings.Join(paths, "|")
}

// journeyEnds gives when each journey ended, and when the evidence does, ns.
func journeyEnds(r *report.Report) (ends map[string]int64, latest int64) {
	ends = map[string]int64{}
	for i := range r.Journeys {
		j := &r.Journeys[i]
		if j.End != nil {
			ends[j.ID] = int64(*j.End)
			latest = max(latest, ends[j.ID])
		}
	}
	for i := range r.Evidence {
		if e := &r.Evidence[i]; e.Last != nil && e.Vantage != "" {
			latest = max(latest, int64(*e.Last))
		}
	}
	return ends, latest
}

// forget drops what was told longest ago.
func (c *certain) forget() {
	if len(c.told) <= maxTold {
		return
	}
	var newest int64
	for _, t := range c.told {
		newest = max(newest, t)
	}
	for age := int64(24 * time.Hour); len(c.told) > maxTold && age > int64(time.Second); age /= 2 {
		for k, t := range c.told {
			if t < newest-age {
				delete(c.told, k)
			}
		}
	}
}
