package report

import "slices"

// Answer is the finding that answers the question, or nil.
func (r *Report) Answer() *Finding {
	if len(r.Hypotheses) == 0 {
		return nil
	}
	return r.FindingByID(r.Hypotheses[0])
}

// FindingByID returns a finding, or nil.
func (r *Report) FindingByID(id string) *Finding {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Findings[i]
}

// JourneysOf are the journeys that a finding names, in its order.
func (r *Report) JourneysOf(f *Finding) []*Journey {
	at := make(map[string]int, len(f.Journeys))
	for i, id := range f.Journeys {
		at[id] = i
	}
	list := make([]*Journey, len(f.Journeys))
	for i := range r.Journeys {
		if n, named := at[r.Journeys[i].ID]; named && list[n] == nil {
			list[n] = &r.Journeys[i]
		}
	}
	return slices.DeleteFunc(list, func(j *Journey) bool { return j == nil })
}

// JourneyByID returns a journey, or nil.
func (r *Report) JourneyByID(id string) *Journey {
	i := slices.IndexFunc(r.Journeys, func(j Journey) bool { return j.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Journeys[i]
}

// EvidenceByID returns a file, or nil.
func (r *Report) EvidenceByID(id string) *Evidence {
	i := slices.IndexFunc(r.Evidence, func(e Evidence) bool { return e.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Evidence[i]
}

// Focus is the journey that shows the answer best: the one whose figures the first
// hypothesis tells, else its longest, or that of all where it names none; nil where
// there is no journey.
func (r *Report) Focus() *Journey {
	ids := map[string]bool{}
	if a := r.Answer(); a != nil {
		if j := r.JourneyByID(a.Example); j != nil {
			return j
		}
		for _, id := range a.Journeys {
			ids[id] = true
		}
	}
	var best *Journey
	for i := range r.Journeys {
		j := &r.Journeys[i]
		if len(ids) > 0 && !ids[j.ID] {
			continue
		}
		if best == nil || j.Length() > best.Length() {
			best = j
		}
	}
	return best
}

// Length is the journey's total time; 0 where it never ended.
func (j *Journey) Length() Seconds {
	if j.Total == nil {
		return 0
	}
	return *j.Total
}

// Others are the findings that are not the answer, as ranked, then the rest.
func (r *Report) Others() []*Finding {
	var out []*Finding
	found, ranked := r.findings(), map[string]bool{}
	for i, id := range r.Hypotheses {
		ranked[id] = true
		if f := found[id]; f != nil && i > 0 {
			out = append(out, f)
		}
	}
	for i := range r.Findings {
		if !ranked[r.Findings[i].ID] {
			out = append(out, &r.Findings[i])
		}
	}
	return out
}

// findings by their identifiers.
func (r *Report) findings() map[string]*Finding {
	out := make(map[string]*Finding, len(r.Findings))
	for i := range r.Findings {
		if f := &r.Findings[i]; out[f.ID] == nil {
			out[f.ID] = f
		}
	}
	return out
}
