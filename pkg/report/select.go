package report

import (
	"fmt"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"net/netip"
	"slices"
	"strings"
)

// Selection says which part of a report is wanted; a zero field restricts
// nothing, and several words of one field are alternatives.
type Selection struct {
	By               string // how it was asked for, in words
	Since, Until     *Instant
	Clients, Servers []Endpoint
	Names, Services  []string
	MinTotal         Seconds
	Rules            []string
	Severity         string // info | note | warning | error: this or more
}

// Selected tells that a report is a part, and of how much.
type Selected struct {
	By       string `json:"by"`
	Journeys int    `json:"of_journeys"`
	Findings int    `json:"of_findings"`
}

// Endpoint is an address or network, with a port where one is meant.
type Endpoint struct {
	net  netip.Prefix
	port int // 0: any
}

// ParseEndpoint reads an address, an address:port (IPv6 with or without
// brackets) or a network.
func ParseEndpoint(s string) (Endpoint, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return Endpoint{p.Masked(), 0}, nil
	}
	if a, port, ok := endpointOf(s); ok {
		return Endpoint{netip.PrefixFrom(a, a.BitLen()), port}, nil
	}
	return Endpoint{}, fmt.Errorf("%q is no address, network or address:port", s)
}

// fits tells whether an endpoint of a report is meant.
func (e Endpoint) fits(text string) bool {
	if e.net.IsSingleIP() {
		return sameEndpoint(text, e.net.Addr(), e.port)
	}
	a, _, ok := SplitEndpoint(text)
	return ok && e.net.Contains(a)
}

// SplitEndpoint reads an endpoint as reports write it: the port is what follows
// the last colon.
func SplitEndpoint(text string) (netip.Addr, string, bool) {
	if i := strings.LastIndexByte(text, ':'); i > 0 {
		if a, err := netip.ParseAddr(text[:i]); err == nil {
			return a, text[i+1:], true
		}
	}
	a, err := netip.ParseAddr(text)
	return a, "", err == nil
}

// Select returns the part of the report that is wanted. Files, clocks, the
// checklist and all identifiers stay as they are; nothing is diagnosed anew.
func (r *Report) Select(s Selection) *Report {
	part := *r
	part.Selected = &Selected{s.By, len(r.Journeys), len(r.Findings)}
	part.Journeys, part.Findings, part.Hypotheses = []Journey{}, []Finding{}, []string{}
	kept := map[string]bool{}
	named := r.ofFindings(s.fits)
	if len(s.Rules) == 0 && SeverityRank(s.Severity) <= 0 {
		named = nil // no finding was asked for
	}
	for i := range r.Journeys {
		j := &r.Journeys[i]
		if s.wants(j) && (named == nil || named[j.ID]) {
			part.Journeys = append(part.Journeys, *j)
			kept[j.ID] = true
		}
	}
	part.Series = r.Series.shownBy(part.Journeys)
	for _, f := range r.Findings {
		if !s.fits(&f) {
			continue
		}
		if len(f.Journeys) > 0 {
			f.Journeys = slices.DeleteFunc(slices.Clone(f.Journeys), func(id string) bool { return !kept[id] })
			if len(f.Journeys) == 0 {
				continue
			}
		}
		part.Findings = append(part.Findings, f)
	}
	var aside []string // of no journey: behind those of the journeys asked for
	found := part.findings()
	for _, id := range r.Hypotheses {
		switch f := found[id]; {
		case f == nil:
		case len(f.Journeys) == 0 && len(part.Journeys) < len(r.Journeys):
			aside = append(aside, id)
		default:
			part.Hypotheses = append(part.Hypotheses, id)
		}
	}
	part.Hypotheses = append(part.Hypotheses, aside...)
	return &part
}

// fits tells whether a finding is of the rules and as severe as asked for.
func (s *Selection) fits(f *Finding) bool {
	return (len(s.Rules) == 0 || slices.Contains(s.Rules, f.Rule)) && SeverityRank(f.Severity) >= SeverityRank(s.Severity)
}

// ofFindings are the journeys that the findings which fit name.
func (r *Report) ofFindings(fits func(*Finding) bool) map[string]bool {
	ids := map[string]bool{}
	for i := range r.Findings {
		if !fits(&r.Findings[i]) {
			continue
		}
		for _, id := range r.Findings[i].Journeys {
			ids[id] = true
		}
	}
	return ids
}

// KeepFiles leaves of a part of a report those files that its journeys and
// findings rest on, and the clocks that stamped these.
func (r *Report) KeepFiles() {
	told := map[string]bool{}
	for i := range r.Journeys {
		r.Journeys[i].restsOn(func(id string) { told[id] = true })
	}
	for i := range r.Findings {
		for _, e := range r.Findings[i].Evidence {
			told[e.Evidence] = true
		}
	}
	r.Evidence = slices.DeleteFunc(slices.Clone(r.Evidence), func(e Evidence) bool { return !told[e.ID] })
	r.Clocks = slices.DeleteFunc(slices.Clone(r.Clocks), func(c Clock) bool {
		return !slices.ContainsFunc(c.Evidence, func(id string) bool { return told[id] })
	})
}

// restsOn names every file that tells of a journey, some several times.
func (j *Journey) restsOn(file func(id string)) {
	file(j.Evidence)
	for _, s := range j.AlsoSeen {
		file(s.Evidence)
	}
	for i := range j.Phases {
		file(j.Phases[i].Evidence)
	}
	for i := range j.Instants {
		file(j.Instants[i].Evidence)
	}
	for i := range j.Lines {
		file(j.Lines[i].Evidence)
	}
}

// SeverityRank orders the words of severity, from info 0 to error 3; -1: none of them.
func SeverityRank(word string) int {
	return slices.Index([]string{"info", "note", "warning", "error"}, word)
}

// named tells whether a name is one asked for, or lies below one.
func (s *Selection) named(name string) bool {
	name = pcapflow.PlainName(name)
	return slices.ContainsFunc(s.Names, func(n string) bool {
		n = strings.ToLower(strings.Trim(n, "."))
		return name == n || strings.HasSuffix(name, "."+n)
	})
}

// wants tells whether a journey belongs to the selection, rules apart.
func (s *Selection) wants(j *Journey) bool {
	start, end := j.Start, j.Start
	if j.StartCorrected != nil {
		start, end = *j.StartCorrected, *j.StartCorrected
	}
	end += Instant(j.Length())
	switch {
	case !s.within(int64(start), int64(end)):
		return false
	case s.MinTotal > 0 && j.Length() < s.MinTotal:
		return false
	case len(s.Services) > 0 && !slices.Contains(s.Services, j.Service):
		return false
	case len(s.Names) > 0 && !s.named(j.Name):
		return false
	case len(s.Clients) > 0 && !slices.ContainsFunc(s.Clients, func(e Endpoint) bool { return e.fits(j.Client) || e.fits(j.ClientSeen) }):
		return false
	case len(s.Servers) > 0 && !slices.ContainsFunc(s.Servers, func(e Endpoint) bool { return e.fits(j.Server) }):
		return false
	}
	return true
}
