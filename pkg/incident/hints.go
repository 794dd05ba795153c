package incident

import (
	"path"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

const day = int64(24 * time.Hour)

// hints are what some evidence tells of the stamps of other evidence.
type hints struct {
	given map[string]*time.Location // by host, in lower case, from the options
	// beside is the web server whose own formats the logs of a folder are in,
	// by folder; several where they are of more than one.
	beside  map[string]string
	configs []*item // of web servers
	// spans are the times the incident is about: of the captures, or where
	// there is none, of the logs that state their year.
	spans    []span
	captured bool
	zones    map[string]map[int]zoneUse // by host and seconds east
	// answered is the only web server that names itself in answers in the
	// captures; "" if none or several do.
	answered string
	clients  *clients // nil: as the lines say
	// strange tells events of clients that no capture shows; nil: there is none.
	strange func(*logparse.Event) bool
}

// span of stamps, ns.
type span struct{ first, last int64 }

// zoneUse counts the lines that state a zone, and tells when they were written.
type zoneUse struct {
	inside, all int
	first, last int64 // ns
}

// add joins what two logs tell.
func (u zoneUse) add(v zoneUse) zoneUse {
	switch {
	case u.all == 0:
		return v
	case v.all == 0:
		return u
	}
	return zoneUse{u.inside + v.inside, u.all + v.all, min(u.first, v.first), max(u.last, v.last)}
}

func newHints(given map[string]*time.Location, items []*item, captures []*Capture) *hints {
	h := &hints{given: map[string]*time.Location{}, beside: map[string]string{}, zones: map[string]map[int]zoneUse{}}
	for name, zone := range given {
		h.given[strings.ToLower(name)] = zone
	}
	for _, it := range items {
		if f := it.file; it.isCapture() && f.First != 0 {
			h.spans = append(h.spans, span{f.First, f.Last})
			h.captured = true
		}
		if it.format != nil {
			h.noteServer(it)
		}
		if it.config != nil {
			h.configs = append(h.configs, it)
		}
	}
	for _, c := range captures {
		if c.given {
			h.spans = append(h.spans, span{c.Result.First.Time, c.Result.Last.Time})
			h.captured = true
		}
	}
	h.answered = serverIn(captures)
	return h
}

// servers are the web servers whose access logs have one form and two meanings.
var servers = []string{"nginx", "apache"}

// several stands for more than one of them.
const several = "several"

// noteServer notes whose format a log is in for the logs beside it.
func (h *hints) noteServer(it *item) {
	dir := path.Dir(it.file.Path)
	for _, s := range servers {
		switch known := h.beside[dir]; {
		case !strings.HasPrefix(it.format.Name, s+"-") || known == s:
		case known == "":
			h.beside[dir] = s
		default:
			h.beside[dir] = several
		}
	}
}

// serverIn finds the only web server that answered in the captures.
func serverIn(captures []*Capture) string {
	found := ""
	for _, c := range captures {
		for _, f := range c.Flows {
			for i := range f.HTTP {
				name := strings.ToLower(f.HTTP[i].ServerName)
				for _, s := range servers {
					if !strings.HasPrefix(name, s) || found == s {
						continue
					}
					if found != "" {
						return ""
					}
					found = s
				}
			}
		}
	}
	return found
}

// localKinds are formats whose lines carry the local time of the server, zone
// and all: there +00:00 says that local time is UTC. Others write UTC whatever
// the host's zone is.
var localKinds = map[string]bool{
	"access-log": true, "nginx-access": true, "apache-access": true, "auth-log": true, "syslog": true,
}

// learn takes what a log with zones tells.
func (h *hints) learn(it *item, d decoded) {
	if !h.captured && d.first != 0 {
		h.spans = append(h.spans, span{d.first, d.last})
	}
	host := it.host()
	for east, use := range d.zones {
		if h.zones[host] == nil {
			h.zones[host] = map[int]zoneUse{}
		}
		h.zones[host][east] = h.zones[host][east].add(use)
	}
}

// countZone notes the local time that a line states.
func (d *decoded) countZone(it *item, e *logparse.Event, inside bool) {
	if e.Zone != logparse.ZoneStated || e.ZoneSeconds == 0 && !localKinds[it.file.Kind] {
		return
	}
	use := zoneUse{all: 1, first: e.Time, last: e.Time}
	if inside {
		use.inside = 1
	}
	d.zones[e.ZoneSeconds] = d.zones[e.ZoneSeconds].add(use)
}

// inside tells whether a stamp is of the incident: clocks may be wrong and
// zones unknown by a day in all.
func (h *hints) inside(t int64) bool {
	for _, s := range h.spans {
		if t >= s.first-day && t <= s.last+day {
			return true
		}
	}
	return false
}

// distance is how far a stamp lies from the time of the incident, ns.
func (h *hints) distance(t int64) int64 {
	best := int64(1<<63 - 1)
	for _, s := range h.spans {
		switch {
		case t < s.first:
			best = min(best, s.first-t)
		case t > s.last:
			best = min(best, t-s.last)
		default:
			return 0
		}
	}
	if len(h.spans) == 0 {
		return 0
	}
	return best
}

// years are those a log without years may begin in, likeliest first.
func (h *hints) years() []int {
	var out []int
	add := func(y int) {
		for _, v := range out {
			if v == y {
				return
			}
		}
		out = append(out, y)
	}
	for _, d := range []int{0, -1, 1} {
		for _, s := range h.spans {
			if len(out) < 12 {
				add(time.Unix(0, s.first).UTC().Year() + d)
			}
		}
	}
	return out
}

// zone is the local time of a log's host: as given, or the only one that its
// lines of the incident state, or the only one they state at all, or two of which
// one follows the other by an hour, as daylight saving begins or ends. nil: unknown.
func (h *hints) zone(it *item) *logparse.LocalTime {
	for _, name := range append([]string{it.folder}, it.sample.hosts...) {
		if place := h.given[strings.ToLower(name)]; place != nil && name != "" {
			return logparse.ZoneOf(place)
		}
	}
	uses := h.zones[it.host()]
	var inside, all []logparse.ZoneSpan
	for z, use := range uses {
		span := logparse.ZoneSpan{From: use.first, East: z}
		all = append(all, span)
		if use.inside > 0 {
			inside = append(inside, span)
		}
	}
	if len(inside) == 0 {
		inside = all
	}
	switch len(inside) {
	case 1:
		return logparse.FixedZone(inside[0].East)
	case 2:
		a, b := inside[0], inside[1]
		if b.From < a.From {
			a, b = b, a
		}
		if step := b.East - a.East; (step == 3600 || step == -3600) && uses[a.East].last < b.From {
			// The change comes on the hour, between the last line before and
			// the first one behind it.
			const hour = int64(time.Hour)
			b.From = max(b.From/hour*hour, uses[a.East].last+1)
			return logparse.ZoneSpans([]logparse.ZoneSpan{a, b})
		}
	}
	return nil
}

// source is what is known of a log beside its bytes.
func (h *hints) source(it *item) logparse.Source {
	return logparse.Source{Path: it.file.Path, Local: h.zone(it)}
}
