package correlate

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// turnOver is how far the times of two files of one rotated log may overlap:
// lines of requests that take long come late.
const turnOver = int64(time.Minute)

// rotated are logs that a rotation cut into files, joined again: the order and
// the number of lines tell of a log as a whole.
type rotated map[*incident.Log][]*incident.Log

// joinRotated gives the incident with each rotated log as one, oldest lines
// first. The parts share their events with the whole.
func joinRotated(inc *incident.Incident) (*incident.Incident, rotated) {
	type series struct{ name, kind string }
	bySeries := map[series][]*incident.Log{}
	of := func(l *incident.Log) series { return series{incident.LogSeries(l.File.Path), l.File.Kind} }
	for _, l := range inc.Logs {
		if l.File.First != 0 {
			bySeries[of(l)] = append(bySeries[of(l)], l)
		}
	}
	parts := rotated{}
	joined := *inc
	joined.Logs = nil
	done := map[*incident.Log]bool{}
	for _, l := range inc.Logs {
		list := bySeries[of(l)]
		switch {
		case done[l]:
		case len(list) < 2 || !slices.Contains(list, l) || !oneAfterAnother(list):
			joined.Logs = append(joined.Logs, l)
		default:
			whole := joinLogs(list)
			parts[whole] = list
			joined.Logs = append(joined.Logs, whole)
			for _, p := range list {
				done[p] = true
			}
		}
	}
	if len(parts) == 0 {
		return inc, nil
	}
	return &joined, parts
}

// oneAfterAnother puts files in order of time, and tells whether each begins
// where the one before ends.
func oneAfterAnother(list []*incident.Log) bool {
	slices.SortStableFunc(list, func(a, b *incident.Log) int {
		return cmp.Compare(incident.LogAge(b.File.Path), incident.LogAge(a.File.Path))
	})
	for i := 1; i < len(list); i++ {
		a, b := list[i-1].File, list[i].File
		if a.Zoned != b.Zoned || a.Dated != b.Dated || b.First < a.First || b.First < a.Last-turnOver {
			return false
		}
	}
	return true
}

func joinLogs(list []*incident.Log) *incident.Log {
	last := list[len(list)-1]
	file := *last.File
	file.First = list[0].File.First
	whole := &incident.Log{File: &file, Folder: last.Folder}
	for _, p := range list {
		whole.Events = append(whole.Events, p.Events...)
	}
	at := 0
	for _, p := range list {
		n := len(p.Events)
		p.Events = whole.Events[at : at+n : at+n]
		at += n
		file.Last = max(file.Last, p.File.Last)
		file.Records += p.File.Records
	}
	return whole
}

// part is the file of a rotated log that an event stands in, and its place there.
func (r rotated) part(l *incident.Log, event int) (*incident.Log, int) {
	for _, p := range r[l] {
		if event < len(p.Events) {
			return p, event
		}
		event -= len(p.Events)
	}
	return l, event
}

// split tells of the files again what was found of the logs.
func (r rotated) split(c *Case) {
	if len(r) == 0 {
		return
	}
	wholes := map[*incident.File]*incident.Log{}
	for whole, list := range r {
		wholes[whole.File] = whole
		by := whole.File.First - list[0].File.First // its stamps were read in another zone
		for _, p := range list {
			p.File.First += by
			p.File.Last += by
		}
	}
	for _, k := range c.Clocks {
		var files []*incident.File
		for _, f := range k.Files {
			whole := wholes[f]
			if whole == nil {
				files = append(files, f)
			}
			for _, p := range r[whole] {
				files = append(files, p.File)
			}
		}
		k.Files = files
	}
	for _, j := range c.Journeys {
		for i := range j.Lines {
			n := &j.Lines[i]
			n.Log, n.Event = r.part(n.Log, n.Event)
		}
	}
	var unmatched []Unmatched
	for _, u := range c.Unmatched {
		for first := 0; first < len(u.Events); {
			log, event := r.part(u.Log, u.Events[first])
			x := Unmatched{Log: log, Reason: u.Reason}
			for before := u.Events[first] - event; first < len(u.Events) && u.Events[first]-before < len(log.Events); first++ {
				x.Events = append(x.Events, u.Events[first]-before)
			}
			unmatched = append(unmatched, x)
		}
	}
	c.Unmatched = unmatched
}
