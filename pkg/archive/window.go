package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// window is a stretch of time whose journeys are told together: those that begin
// in from … to-1, raw ns. Where it begins and ends follows from what the captures
// hold, not from how they are cut into files.
type window struct {
	from, to    int64
	first, last bool  // nothing lies before, behind
	beside      int64 // how far before and behind it flows are looked at, ns
}

// memoryOfJourney is what one takes in the analysis with all that it rests on,
// bytes: measured on captures of short connections and of long ones.
const memoryOfJourney = 48 << 10

// windowsAtOnce is how many are analysed at a time at most: their size is made
// for it, whatever the number of jobs is.
const windowsAtOnce = 2

// windowsOf cuts time into windows of so many journeys at most, as far as its
// steps let it. What comes to be later leaves those before the last as they are.
func windowsOf(s *spread, most int) []window {
	var all []window
	n, steps := 0, slices.Sorted(maps.Keys(s.Count))
	for _, step := range steps {
		if len(all) == 0 || n+s.Count[step] > most {
			at := step << s.Shift
			if len(all) > 0 {
				all[len(all)-1].to = at
			}
			all = append(all, window{from: at})
			n = 0
		}
		n += s.Count[step]
	}
	if len(all) == 0 {
		all = []window{{}} // logs alone
	} else {
		all[len(all)-1].to = (steps[len(steps)-1] + 1) << s.Shift
	}
	for i := range all {
		all[i].lookBeside(s, steps, most)
	}
	all[0].from, all[0].first = math.MinInt64, true
	all[len(all)-1].to, all[len(all)-1].last = math.MaxInt64, true
	return all
}

// lookBeside sets how far beside a window flows are looked at: less far where so many
// begin that they would be much more than the window itself.
func (w *window) lookBeside(s *spread, steps []int64, most int) {
	for w.beside = mostBeside; w.beside > leastBeside; w.beside -= leastBeside {
		i, _ := slices.BinarySearch(steps, (w.from-w.beside)>>s.Shift)
		n := 0
		for ; i < len(steps) && steps[i]<<s.Shift < w.to+w.beside; i++ {
			n += s.Count[steps[i]]
		}
		if n <= max(besideTimes*most, fewBeside) {
			return
		}
	}
}

func (w *window) holds(t int64) bool { return t >= w.from && (t < w.to || w.last) }

// How far beside a window flows are looked at that its journeys may have to do
// with: names resolved before, redirects, further attempts; and the same flow by
// another capture's clock. ns
const (
	leastBeside, mostBeside = int64(1e9), int64(5e9)
	// besideTimes is how many times as many journeys as a window may hold may begin
	// in it and beside it.
	besideTimes = 4
	fewBeside   = 5000 // never too many
	// touching is how far what goes on on connections that are open already is: the
	// request before a redirect, another that was under way.
	touching = int64(1e9)
	// along is how far neighbours' resolutions are.
	along = int64(10e9)
)

// sub is a-b without overflow.
func sub(a, b int64) int64 {
	if d := a - b; (d < a) == (b > 0) {
		return d
	}
	return a
}

// gathered is what is analysed of one window.
type gathered struct {
	flows    [][]*pcapflow.Flow // by point
	journals []*incident.Log    // by point, of entries between the packets; nil: none
	sum      hash.Hash          // of all of it, as it lies on disk
}

// gather collects the flows of a window: those on which a journey begins in it,
// and, where they share a host with them or are the same, those that begin beside it
// or carry something close to it.
func (a *archive) gather(w *window) (*gathered, error) {
	g := &gathered{flows: make([][]*pcapflow.Flow, len(a.points)), journals: make([]*incident.Log, len(a.points)), sum: sha256.New()}
	hosts, same := map[[16]byte]bool{}, map[uint64]bool{}
	from, to := sub(w.from, w.beside), sub(w.to, -w.beside)
	main := func(h *recordHead) bool { return h.to >= w.from && (h.from < w.to || w.last) }
	err := a.eachRecord(w.from, w.to, func(_ int, h *recordHead, _ []byte) error {
		if main(h) {
			hosts[h.client], hosts[h.server] = true, true
			same[h.same] = h.same != 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = a.eachRecord(from, to, func(point int, h *recordHead, record []byte) error {
		if !main(h) && (!hosts[h.client] && !same[h.same] || h.from < from && h.end < sub(w.from, touching) || h.from > to) {
			return nil
		}
		g.sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(point)))
		g.sum.Write(record)
		f, err := flowOf(record)
		if err == nil && w.trim(f) {
			g.flows[point] = append(g.flows[point], f)
		}
		return err
	})
	for i, p := range a.points {
		if err == nil {
			g.journals[i], err = a.journalOf(p, w, g)
		}
	}
	for _, list := range g.flows {
		slices.SortStableFunc(list, func(x, y *pcapflow.Flow) int {
			return cmp.Or(cmp.Compare(x.Start.Frame, y.Start.Frame), cmp.Compare(x.Encapsulation, y.Encapsulation))
		})
	}
	return g, err
}

// eachRecord calls use with the flows of all points that touch a stretch of time.
func (a *archive) eachRecord(from, to int64, use func(point int, h *recordHead, record []byte) error) error {
	for i, p := range a.points {
		for _, m := range p.met() {
			if err := m.Flows.eachRecord(a.pointFolder(p), from, to, func(h *recordHead, record []byte) error { return use(i, h, record) }); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// trim leaves of a flow's requests the first, those close to the window, and one on
// either side of them, so that the work on a flow does not grow with each window that
// it spans. It tells whether anything of it may have to do with the window.
func (w *window) trim(f *pcapflow.Flow) bool {
	from, to := sub(w.from, w.beside), sub(w.to, -w.beside)
	in := func(s pcapflow.Stamp) bool { return s.Seen() && s.Time >= from && s.Time <= to }
	wanted := in(f.Start)
	f.HTTP = middle(f.HTTP, &wanted, w.near)
	f.DNS = middle(f.DNS, &wanted, func(t *pcapflow.Transaction) bool { return in(t.Query) || in(t.Answer) })
	f.NTP = middle(f.NTP, &wanted, func(s *pcapflow.NTPSample) bool { return in(s.Request.Stamp) || in(s.Response.Stamp) })
	return wanted
}

// near tells whether a request was under way in the window, or close to it.
func (w *window) near(e *pcapflow.Exchange) bool {
	last := max(e.RequestFirst.Time, e.RequestLast.Time, e.ResponseLast.Time)
	return e.RequestFirst.Time <= sub(w.to, -touching) && last >= sub(w.from, touching)
}

// middle leaves what is wanted, the first, and one on either side of what is wanted.
func middle[T any](list []T, any *bool, wanted func(*T) bool) []T {
	keep := make([]bool, len(list)+2)
	n := 0
	for i := range list {
		if wanted(&list[i]) {
			*any = true
			keep[i], keep[i+1], keep[i+2] = true, true, true // keep[i+1] is list[i]'s
		}
	}
	for i := range list {
		if i == 0 || keep[i+1] {
			list[n] = list[i]
			n++
		}
	}
	return list[:n]
}

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
		c := &incident.Capture{Files: files, Frames: frames, Result: p.shown(w.last)}
		c.Flows = flows
		from, to := sub(w.from, along), sub(w.to, -w.beside)
		for _, r := range p.done.Result.Neighbours {
			t := r.Reply.Time
			if len(r.Requests) > 0 {
				t = r.Requests[0].Time
			}
			if t >= from && t <= to {
				c.Neighbours = append(c.Neighbours, r)
			}
		}
		c.Echoes = slices.DeleteFunc(slices.Clone(c.Echoes), func(e *pcapflow.Echo) bool {
			t := max(e.Request.Time, e.Reply.Time)
			return t < from || t > to
		})
		c.ICMP = slices.DeleteFunc(slices.Clone(c.ICMP), func(e pcapflow.ICMPError) bool { return e.Time < from || e.Time > to })
		c.First.Time, c.Last.Time = p.seen(w)
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
	r.Flows, r.Neighbours = nil, nil
	if !last {
		r.Snapped = min(r.Snapped, 1)
		r.Packets, r.Bytes, r.Backward, r.Duplicates, r.Offload, r.BadSums, r.Undecoded = 0, 0, 0, 0, [2]int64{}, 0, nil
	}
	return r
}

// seen is the time of a window in which the point recorded.
func (p *point) seen(w *window) (from, to int64) {
	r := &p.done.Result
	return max(r.First.Time, sub(w.from, along)), min(r.Last.Time, sub(w.to, -w.beside))
}

// analyse looks at one window, unless what it comes to is known: with its rows, or,
// where only its clocks are asked for, without. It is told what other windows know
// of clocks: near are the bounds of those whose lines need not be looked for far
// and wide.
func (a *archive) analyse(ctx context.Context, n int, w *window, near bounds, known []offset, rowsToo bool) (*kept, bool, error) {
	g, err := a.gather(w)
	if err != nil {
		return nil, false, err
	}
	logs := a.logsNear(w)
	key := a.keyOf(w, g, logs, near, known)
	if k := a.load(key); k != nil && (!rowsToo || a.rowsThere(k)) {
		return k, false, nil
	}
	at, rotated := places{}, seriesOf(logs)
	read := a.opt.Read
	read.Given, read.Unpack, read.Around = a.captures(w, g, at), a.opt.Unpack, near.around(w, g, rotated)
	g.flows = nil
	folder := filepath.Join(a.work(), fmt.Sprint(n))
	lines, err := lay(folder, rotated, a.opt.Unpack)
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(folder)
	inc, err := incident.Read(ctx, []string{folder}, read)
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if err != nil && len(read.Given) > 0 {
		return nil, false, err
	}
	opt := a.opt.Link
	opt.Known = knownIn(inc, at, known)
	c := correlate.Correlate(inc, opt)
	r, err := a.opt.Report(ctx, c)
	if err != nil {
		return nil, false, err
	}
	told := map[string]bool{}
	for _, j := range c.Journeys {
		told[j.ID] = w.holds(j.Start.Time)
	}
	rows := trend.RowsOf(r, trend.Choice{
		Told: func(id string) bool { return told[id] }, Apart: !w.last, Place: at.place, Line: lines.place, Point: func(name string) string { return at[name].point },
	})
	clocks := clocksOf(rows, c.Clocks) // by their names, that other windows know
	if a.opt.Redact != nil {
		if err := a.opt.Redact.Rows(r, rows); err != nil {
			return nil, false, err
		}
	}
	k, err := a.keep(rows, clocks, key)
	return k, true, err
}

// keyOf names a window by everything its result depends on.
func (a *archive) keyOf(w *window, g *gathered, logs []*File, near bounds, known []offset) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00%x\x00", schema, a.opt.Version, a.opt.Settings, a.flowKey(), w.from, w.to, g.sum.Sum(nil))
	for i, p := range a.points {
		if len(g.flows[i]) == 0 && g.journals[i] == nil {
			continue
		}
		r := p.shown(w.last)
		r.Echoes, r.ICMP = nil, nil
		from, to := p.seen(w)
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00%v\x00%v\x00%v\x00", p.name, from, to, r.Vantage, r.Own, r.Names)
		fmt.Fprintf(sum, "%v\x00%v\x00%v\x00%v\x00", r.Interfaces, r.Snapped, r.VantageTurn, r.Undecoded)
		fmt.Fprintf(sum, "%v\x00%v\x00%v\x00%v\x00%v\x00", r.Packets, r.Backward, r.Duplicates, r.Offload, r.BadSums)
	}
	for _, f := range logs {
		fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
	}
	if near != nil || len(known) > 0 {
		fmt.Fprintf(sum, "%v\x00%v", near, known)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// Margins by which a log may be off the captures it belongs to: its clock, and
// the zone where its stamps state none.
const (
	clockMargin = 15 * 60 * int64(1e9)
	zoneMargin  = 26 * 3600 * int64(1e9)
)

// logsNear are the logs whose time a window touches. What carries no time, or no
// year, may belong to any.
func (a *archive) logsNear(w *window) []*File {
	var near []*File
	for _, f := range a.logs {
		if w.first && w.last || f.near(w.from, w.to) {
			near = append(near, f)
		}
	}
	return near
}
