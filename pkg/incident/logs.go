package incident

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// readLogs reads every log. Those that state a zone come first: they tell that
// of the others of their host.
func (r *reader) readLogs(captures []*Capture) []*Log {
	recogniseConfigured(r.items)
	var first, second []*item
	for _, it := range r.items {
		switch {
		case it.format == nil:
		case it.sample.zoneless || it.sample.yearless:
			second = append(second, it)
		default:
			first = append(first, it)
		}
	}
	h := newHints(r.opt.Told.Zones, r.items, captures)
	h.clients = newClients(&r.opt.Told, captures)
	h.strange = strangersTo(captures)
	logs := map[*item]*Log{}
	for i, d := range r.readEach(first, h) {
		logs[first[i]] = d.log
		h.learn(first[i], d)
	}
	for i, d := range r.readEach(second, h) {
		logs[second[i]] = d.log
	}
	var out []*Log
	for _, it := range r.items {
		if l := logs[it]; l != nil && len(l.Events) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// readEach reads logs that do not depend on one another.
func (r *reader) readEach(items []*item, h *hints) []decoded {
	read := make([]decoded, len(items))
	r.each(len(items), func(i int) {
		guard(items[i].file, func() { read[i] = r.readLog(items[i], h) })
	})
	return read
}

// readLog reads one log. In a log whose lines have no year the year is the one
// by which most of them fall into the time of the captures.
func (r *reader) readLog(it *item, h *hints) decoded {
	src := h.source(it)
	src.Server = it.nameServer(h)
	it.useConfig(h.configs, &src)
	it.obey(&src)
	if it.sample.yearless && src.Year == 0 && r.opt.Year != nil {
		src.Year = r.opt.Year(it.file.Path)
	}
	if !it.sample.yearless || src.Year != 0 {
		d := r.decode(it, src, h)
		it.settle(d)
		return d
	}
	years := h.years()
	if it.stream != nil && len(years) > 1 {
		years = years[:1] // it can be read once only
	}
	best := decoded{}
	for _, y := range years {
		src.Year = y
		d := r.decode(it, src, h)
		if d.inside > best.inside {
			best = d
		}
		if best.inside > 0 && best.last-best.first < 300*day {
			break
		}
	}
	if best.inside == 0 {
		src.Year = 0
		best = r.decode(it, src, h)
		best.problems = append(best.problems, Problem{Text: "its lines state no year, and no year puts them into the time of the other evidence: they have no time"})
	}
	it.settle(best)
	return best
}

// apart tells whether the lines of a log tell the same whatever stands before them.
func (it *item) apart() bool { return !it.sample.yearless && it.format.Parted(it.head) }

// cuttable tells whether a log can be read from any event on: its year is stated or given.
func (it *item) cuttable(src *logparse.Source) bool {
	return (!it.sample.yearless || src.Year != 0) && it.format.Cuttable(it.head)
}

// decoded is what one reading of a log gave.
type decoded struct {
	log         *Log
	lines       int
	events      int
	first, last int64 // ns; 0 without any stamp
	inside      int   // events of the time the incident is about
	zones       map[int]zoneUse
	problems    []Problem
}

// settle notes the reading that counts.
func (it *item) settle(d decoded) {
	f := it.file
	f.Records, f.First, f.Last = d.lines, d.first, d.last
	f.Zoned, f.Dated = !it.sample.zoneless, !it.sample.yearless
	f.Problems = append(f.Problems, d.problems...)
	if d.events == 0 && len(f.Problems) == 0 && it.config == nil {
		f.problem("nothing in it tells of an event")
	}
}

// decode reads a log once.
func (r *reader) decode(it *item, src logparse.Source, h *hints) decoded {
	d := decoded{log: &Log{File: it.file, Folder: it.folder}, zones: map[int]zoneUse{}}
	s, err := it.resume()
	if err != nil {
		d.problems = []Problem{{Text: err.Error()}}
		return d
	}
	defer s.Close()
	dec := it.format.Open(s, src)
	var e logparse.Event
	keep := keeper{most: cmp.Or(r.opt.MaxEvents, maxEvents), near: h.distance, size: s.length(), strange: h.strange}
	from, to, bounded := int64(0), int64(0), false
	if r.opt.Around != nil {
		from, to, bounded = r.opt.Around(it.file.Path)
	}
	apart := r.opt.OnApart != nil && it.cuttable(&src)
	for d.events&0xfff != 0 || r.ctx.Err() == nil {
		if err = dec.Next(&e); err != nil {
			break
		}
		d.events++
		if apart {
			r.opt.OnApart(it.file.Path, &e)
		}
		e.Host = it.named(e.Host)
		h.clients.set(&e, it.folder)
		if e.HasTime {
			d.at(e.Time)
			inside := h.inside(e.Time)
			if inside {
				d.inside++
			}
			d.countZone(it, &e, inside)
		}
		if !r.opt.DetectOnly && !(bounded && e.HasTime && (e.Time < from || e.Time > to)) {
			keep.add(&e)
		}
	}
	d.log.Events = keep.kept()
	if keep.dropped > 0 {
		d.problems = append(d.problems, Problem{Text: keep.told()})
	}
	d.conclude(dec, err)
	return d
}

// conclude notes what a decoder tells at its end, and why it ended.
func (d *decoded) conclude(dec logparse.Decoder, err error) {
	d.lines = dec.Lines()
	d.note(dec.Problems())
	if err != nil && !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, Problem{Record: d.lines, Text: err.Error()})
	}
}

// note takes over what a decoder did not understand.
func (d *decoded) note(list []logparse.Problem) {
	for _, p := range list {
		if len(d.problems) >= maxFileProblems {
			break
		}
		text := p.Text
		if p.Count > 0 {
			text = fmt.Sprintf("%s (and %d lines behind it)", text, p.Count)
		}
		d.problems = append(d.problems, Problem{Record: p.Line, Offset: p.Offset, Text: text})
	}
}

// sample is what the first lines of a log tell of it.
type sample struct {
	zoneless bool     // there are stamps without a zone
	yearless bool     // there are stamps without a year
	hosts    []string // names in the lines, in order
}

// sampleOf reads the head of a log.
func sampleOf(f *logparse.Format, head []byte, name string) sample {
	var s sample
	// A year so that stamps without one are stamps; which, does not matter.
	dec := f.Open(strings.NewReader(string(head)), logparse.Source{Path: name, Year: 2000})
	var e logparse.Event
	for n := 0; n < 1000 && dec.Next(&e) == nil; n++ {
		s.zoneless = s.zoneless || e.HasTime && e.Zone == logparse.ZoneUnknown
		s.yearless = s.yearless || e.YearInferred
		if e.Host != "" && !contains(s.hosts, e.Host) && len(s.hosts) < 16 {
			s.hosts = append(s.hosts, strings.Clone(e.Host))
		}
	}
	return s
}

func contains(list []string, v string) bool {
	for _, w := range list {
		if strings.EqualFold(v, w) {
			return true
		}
	}
	return false
}

// host is the name under which what a log tells of its host is kept.
func (it *item) host() string {
	switch {
	case it.folder != "":
		return strings.ToLower(it.folder)
	case len(it.sample.hosts) == 1:
		return strings.ToLower(it.named(it.sample.hosts[0]))
	}
	return "file " + it.file.Path
}

// server is the web server that wrote a file, as the logs in its folder tell,
// or else the captures; "" if none or several could have. why says by what.
func (h *hints) server(it *item) (name, why string) {
	found := h.beside[path.Dir(it.file.Path)]
	switch found {
	case "":
		return h.answered, "which answers in the captures"
	case several:
		return "", ""
	}
	return found, "as the logs beside it"
}

// nameServer gives an access log that two servers could have written the name
// of the one that did, and returns it.
func (it *item) nameServer(h *hints) string {
	server, why := h.server(it)
	if it.format.Name == "access-log" && server != "" && logparse.ByName(server+"-access") != nil {
		it.file.Kind = server + "-access"
		it.file.Reason += "; of " + server + ", " + why
	}
	return server
}
