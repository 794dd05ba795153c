package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// files of the point that hold packets of a window's flows, and how many frames
// lie before them.
func (p *point) filesBetween(first, last int) (files []*incident.File, frames []int, before int) {
	at := 0
	for i := range p.chain.Files {
		n := p.chain.Files[i].Frames
		if at+n >= first && at < last {
			if len(files) == 0 {
				before = at
			}
			f := p.files[i]
			files = append(files, &incident.File{
				Path: f.Path, Open: f.open, Kind: f.Kind, SHA256: f.SHA256, Bytes: f.Size, Records: f.Records, First: f.First, Last: f.Last,
			})
			frames = append(frames, n)
		}
		at += n
	}
	if len(frames) > 0 {
		frames[0] += before // running numbers count from the first file of the point
	}
	return files, frames, before
}

// place tells where in the archive a frame stands.
type places map[string]placed

type placed struct {
	point  string
	before int // frames of the point before the file, where it is the first of the window
}

func (m places) place(name string, frame int) (string, int) {
	if p, ok := m[name]; ok && frame > 0 {
		frame -= p.before
	}
	return name, frame
}

// captures makes captures of a window's flows.
func (a *archive) captures(w *window, g *gathered, at places) []incident.Given {
	var out []incident.Given
	for i, p := range a.points {
		flows := g.flows[i]
		if len(flows) == 0 && g.journals[i] == nil || p.done == nil {
			continue
		}
		first, last := 1, 1 // without flows the journal is shown with the first file
		if len(flows) > 0 {
			first = flows[0].Start.Frame
		}
		for _, f := range flows {
			last = max(last, f.End.Frame)
		}
		files, frames, before := p.filesBetween(first, last)
		if len(files) == 0 {
			continue
		}
		v := w.by(p)
		c := &incident.Capture{Files: files, Frames: frames, Result: p.shown(w.last)}
		c.Flows, c.Packets, c.Duplicates = flows, 0, 0
		for _, f := range flows {
			c.Packets, c.Duplicates = c.Packets+f.Packets[0]+f.Packets[1]+f.Duplicates, c.Duplicates+f.Duplicates
		}
		for _, r := range p.done.Result.Neighbours {
			if v.alongside(r.Begin()) {
				c.Neighbours = append(c.Neighbours, r)
			}
		}
		for _, r := range p.done.Result.Routers {
			if slices.ContainsFunc(r.Advertised, v.alongside) {
				c.Routers = append(c.Routers, r)
			}
		}
		c.Echoes = slices.DeleteFunc(slices.Clone(c.Echoes), func(e *pcapflow.Echo) bool {
			return !v.alongside(pcapflow.Stamp{Time: max(e.Request.Time, e.Reply.Time), Frame: max(e.Request.Frame, e.Reply.Frame)})
		})
		c.ICMP = slices.DeleteFunc(slices.Clone(c.ICMP), func(e pcapflow.ICMPError) bool { return !v.alongside(e.Stamp) })
		c.First.Time, c.Last.Time = p.seen(&v)
		out = append(out, incident.Given{Capture: c, Folder: folderOf(p.files[0].Path), Journal: g.journals[i]})
		for n, f := range files {
			pl := placed{point: p.name}
			if n == 0 {
				pl.before = before
			}
			at[f.Path] = pl
		}
	}
	return out
}

// shown is what a window is told of the capture as a whole. What grows with it is
// told of the last window alone: the others stay as they are when files are added.
func (p *point) shown(last bool) pcapflow.Result {
	r := p.done.Result
	r.Flows, r.Neighbours, r.Routers = nil, nil, nil
	if !last {
		r.Snapped = min(r.Snapped, 1)
		r.Bytes, r.Backward, r.Offload, r.BadSums, r.Undecoded = 0, 0, [2]int64{}, 0, nil
	}
	return r
}

// alongside tells whether an instant lies in the window or so close to it that its
// journeys may have to do with it.
func (v *view) alongside(s pcapflow.Stamp) bool {
	w := v.at(s.Frame)
	return s.Time >= sub(w.from, along) && s.Time <= sub(w.to, -v.beside)
}

// seen is the time of a window in which the point recorded.
func (p *point) seen(v *view) (from, to int64) {
	r := &p.done.Result
	return max(r.First.Time, sub(v.from, along)), min(r.Last.Time, sub(v.to, -v.beside))
}

// analyse looks at one window, unless what it comes to is known: with its rows, or,
// where only its clocks are asked for, without. It is told what other windows know
// of clocks: near are the bounds of those whose lines need not be looked for far
// and wide.
func (a *archive) analyse(ctx context.Context, n int, w *window, near bounds, known []offset, rowsToo bool) (*kept, bool, error) {
	g, err := a.gather(ctx, w)
	if err != nil {
		return nil, false, err
	}
	rotated := a.logsNear(w)
	key := a.keyOf(w, g, rotated, near, known)
	if k := a.load(key); k != nil && (!rowsToo || a.rowsThere(k)) {
		return k, false, nil
	}
	at := places{}
	read := a.opt.Read
	read.MaxEvents = int(max(a.opt.Memory/8/a.windowsAtOnce()/memoryOfEvent, leastEvents))
	read.Given, read.Unpack, read.Around = a.captures(w, g, at), a.opt.Unpack, near.around(w, g, a.points, rotated)
	g.flows = nil
	folder := filepath.Join(a.work(), fmt.Sprint(n))
	lines, err := lay(ctx, folder, rotated, a.opt.Unpack, a.wanted(w, read.Around))
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(folder)
	read.Year = lines.year
	inc, err := incident.Read(ctx, []string{folder}, read)
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if err != nil && len(read.Given) > 0 {
		return nil, false, err
	}
	opt := a.opt.Link
	opt.Known = knownIn(inc, at, known)
	told := map[string]bool{}
	c, r, err := a.told(ctx, inc, opt, func(c *correlate.Case) {
		for _, j := range c.Journeys {
			told[j.ID] = a.byClockOf(j, w, at).at(j.Start.Frame).holds(j.Start.Time)
			// What is redacted may be named by journeys of other windows alone.
			j.Elsewhere = !told[j.ID] && a.opt.Redact == nil
		}
	})
	if err != nil {
		return nil, false, err
	}
	rows := trend.RowsOf(r, trend.Choice{
		Told: func(id string) bool { return told[id] }, Place: at.place, Line: lines.place, Point: func(name string) string { return at[name].point },
	})
	day := a.stand(w, c, r, rows, at)
	clocks := clocksOf(rows, c.Clocks) // by their names, that other windows know
	rows.Clocks = w.ownPieces(rows.Clocks)
	if a.opt.Redact != nil {
		if err := a.opt.Redact.Rows(r, rows); err != nil {
			return nil, false, err
		}
	}
	k, err := a.keep(rows, clocks, key, day)
	return k, true, err
}

// told correlates, has choose say which journeys are told, and diagnoses. When ctx ends it does not wait for them: they only
// reckon, and nobody takes what they come to.
func (a *archive) told(ctx context.Context, inc *incident.Incident, opt correlate.Options, choose func(*correlate.Case)) (*correlate.Case, *report.Report, error) {
	type outcome struct {
		c   *correlate.Case
		r   *report.Report
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{c: correlate.Correlate(inc, opt), err: ctx.Err()}
		if o.err == nil {
			choose(o.c)
			o.r, o.err = a.opt.Report(ctx, o.c)
		}
		done <- o
	}()
	select {
	case o := <-done:
		return o.c, o.r, cmp.Or(o.err, ctx.Err())
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// byClockOf is a window by the clock that stamped the beginning of a journey.
func (a *archive) byClockOf(j *correlate.Journey, w *window, at places) *view {
	v := view{window: *w}
	c := captureOf(j)
	if c == nil {
		return &v
	}
	if p := a.pointNamed(at[c.Files[0].Path].point); p != nil {
		v = w.by(p)
	}
	return &v
}

// pointNamed is the point of a name; nil: there is none.
func (a *archive) pointNamed(name string) *point {
	if i, ok := slices.BinarySearchFunc(a.points, name, func(p *point, name string) int { return cmp.Compare(p.name, name) }); ok {
		return a.points[i]
	}
	return nil
}

// captureOf is the capture that shows the beginning of a journey; nil: none.
func captureOf(j *correlate.Journey) *incident.Capture {
	switch {
	case len(j.Points) > 0:
		return j.Points[0].Capture
	case j.Lookup != nil:
		return j.Lookup.Capture
	}
	return nil
}

// keyOf names a window by everything its result depends on.
func (a *archive) keyOf(w *window, g *gathered, logs []series, near bounds, known []offset) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00%x\x00", schema, a.opt.Version, a.opt.Settings, a.flowKey(), w.from, w.to, g.sum.Sum(nil))
	for i, p := range a.points {
		if len(g.flows[i]) == 0 && g.journals[i] == nil {
			continue
		}
		r := p.shown(w.last)
		r.Echoes, r.ICMP = nil, nil
		v := w.by(p)
		from, to := p.seen(&v)
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00%v\x00%v\x00%v\x00", p.name, from, to, r.Vantage, r.Own, r.Names)
		fmt.Fprintf(sum, "%v\x00%v\x00%v\x00%v\x00", r.Interfaces, r.Snapped, r.VantageTurn, r.Undecoded)
		fmt.Fprintf(sum, "%v\x00%v\x00%v\x00", r.Backward, r.Offload, r.BadSums)
	}
	from, to, first := a.recorded(w)
	fmt.Fprintf(sum, "%d\x00%d\x00", from, to)
	if w.last {
		fmt.Fprintf(sum, "%d\x00", first)
	}
	for _, s := range logs {
		fmt.Fprintf(sum, "%s\x00", s.name)
		for _, f := range s.files {
			fmt.Fprintf(sum, "%s\x00%s\x00%d\x00", f.Path, f.SHA256, f.Year)
		}
	}
	if near != nil || len(known) > 0 {
		fmt.Fprintf(sum, "%v\x00%v", near, known)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}
