package incident

import (
	"context"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// Sink takes the events of one log, which are valid during the call only.
type Sink interface {
	Event(*logparse.Event)
	// Part is a sink for a part of the log, which fills beside this one.
	Part() Sink
	// Join takes what a part holds behind what it has, and empties the part.
	Join(part Sink)
}

// EachEvent reads the logs under paths, each once, and gives every event to
// what open returns for its file; memory does not depend on the size of the
// logs. open is called in the order of paths; opt.Workers files are read at a
// time, so that uses of different files run beside one another (with one worker,
// in the order of paths). A log whose lines do not depend on one another is read
// in opt.Parts parts at a time.
//
// Zones and years that lines lack come from what the heads of the other files
// tell. Captures are recognised, not analysed. The error is ErrNoInput where
// there is no log.
func EachEvent(ctx context.Context, paths []string, opt Options, open func(*File) Sink) ([]*File, error) {
	r := &reader{ctx: ctx, opt: opt}
	if r.opt.Workers <= 0 {
		r.opt.Workers = 2
	}
	r.items = find(paths, opt)
	r.opt.Told.hear(r.items)
	for _, it := range r.items {
		it.keepHead = true
	}
	r.each(len(r.items), func(i int) { r.recognise(r.items[i]) })
	recogniseConfigured(r.items)
	h := headHints(r.opt.Told.Zones, r.items)
	var logs []*item
	var sinks []Sink
	var sources []logparse.Source
	inc := &Incident{}
	for _, it := range r.items {
		inc.Files = append(inc.Files, it.file)
		if it.format == nil {
			continue
		}
		src := h.source(it)
		src.Server = it.nameServer(h)
		it.useConfig(h.configs, &src)
		it.obey(&src)
		if it.sample.yearless && src.Year == 0 {
			src.Year = h.headYear(it, src)
		}
		logs, sources, sinks = append(logs, it), append(sources, src), append(sinks, open(it.file))
	}
	r.each(len(logs), func(i int) {
		guard(logs[i].file, func() { r.stream(logs[i], sources[i], sinks[i]) })
	})
	for _, it := range r.items {
		it.stop()
	}
	if err := ctx.Err(); err != nil {
		return inc.Files, err
	}
	for _, it := range logs {
		if it.file.Records > 0 {
			return inc.Files, nil
		}
	}
	return inc.Files, noInput(inc)
}

// stream reads one log from start to end.
func (r *reader) stream(it *item, src logparse.Source, to Sink) {
	s := it.open
	it.open = nil
	if s == nil {
		var err error
		if s, err = it.begin(false); err != nil {
			it.file.problem("%v", err)
			return
		}
	}
	defer s.Close()
	var d decoded
	apart := it.apart()
	it.head = nil
	if apart {
		d = r.readParts(it, s, src, to)
	} else {
		dec := it.format.Open(s, src)
		d.conclude(dec, r.readThrough(it, dec, to, &d))
	}
	if it.sample.yearless && src.Year == 0 {
		d.problems = append(d.problems, Problem{Text: "its lines state no year, and no other evidence tells it: they have no time"})
	}
	it.settle(d)
}

// readThrough gives the events of one decoder to a sink, and returns why it
// ended; nil where ctx did.
func (r *reader) readThrough(it *item, dec logparse.Decoder, to Sink, d *decoded) (err error) {
	var e logparse.Event
	for d.events&0xfff != 0 || r.ctx.Err() == nil {
		if err = dec.Next(&e); err != nil {
			break
		}
		d.events++
		if it.aliases != nil {
			e.Host = it.named(e.Host)
		}
		if e.HasTime {
			d.at(e.Time)
		}
		to.Event(&e)
	}
	return err
}

// at widens the span of stamps.
func (d *decoded) at(t int64) {
	if d.first == 0 || t < d.first {
		d.first = t
	}
	if d.last == 0 || t > d.last {
		d.last = t
	}
}

// headHints are hints from the first bytes of files alone.
func headHints(given map[string]*time.Location, items []*item) *hints {
	h := newHints(given, items, nil)
	for _, it := range items {
		if it.isCapture() && it.info.First != 0 {
			h.spans = append(h.spans, span{it.info.First, it.info.First})
			h.captured = true
		}
	}
	for _, it := range items {
		if it.format == nil || it.sample.zoneless || it.sample.yearless {
			continue
		}
		h.learn(it, h.decodeHead(it, h.source(it)))
	}
	return h
}

// decodeHead reads the first bytes of a log.
func (h *hints) decodeHead(it *item, src logparse.Source) decoded {
	d := decoded{zones: map[int]zoneUse{}}
	guard(it.file, func() {
		dec := it.format.Open(strings.NewReader(string(it.head)), src)
		var e logparse.Event
		for n := 0; n < 1000 && dec.Next(&e) == nil; n++ {
			if !e.HasTime {
				continue
			}
			d.at(e.Time)
			inside := h.inside(e.Time)
			if inside {
				d.inside++
			}
			d.countZone(it, &e, inside)
		}
	})
	return d
}

// headYear is the year by which most lines of a log's head fall into the time
// of the other evidence, or else come nearest to it, within what a log that is
// rotated once a month holds; 0: nothing tells one.
func (h *hints) headYear(it *item, src logparse.Source) int {
	best, inside, away := 0, 0, 40*day
	for _, y := range h.years() {
		src.Year = y
		d := h.decodeHead(it, src)
		if d.inside > inside {
			best, inside = y, d.inside
		}
		if far := min(h.distance(d.first), h.distance(d.last)); inside == 0 && far < away {
			best, away = y, far
		}
	}
	return best
}
