package archive

import (
	"math"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// clockSeen is what one window tells of the clock of a host's logs.
type clockSeen struct {
	Name     string   `json:"name"`
	Of       string   `json:"of"` // the capture point it is measured against
	Logs     []string `json:"logs,omitempty"`
	Measured bool     `json:"measured"`
	From     int64    `json:"from_ns,omitempty"` // by that point's clock
	To       int64    `json:"to_ns,omitempty"`
	Low      int64    `json:"low_ns,omitempty"` // bounds of what it is ahead, of all that time
	High     int64    `json:"high_ns,omitempty"`
}

// clocksOf takes from rows what other windows may need.
func clocksOf(rows *trend.Rows, clocks []*correlate.Clock) []clockSeen {
	logs := map[string][]string{}
	for _, k := range clocks {
		for _, f := range k.Files {
			logs[k.Name] = append(logs[k.Name], f.Path)
		}
	}
	var all []clockSeen
	for i := range rows.Clocks {
		c := &rows.Clocks[i]
		point, ofPoint := strings.CutPrefix(c.Reference, "capture ")
		if c.Kind != "log" || !ofPoint || c.Status == "declared" {
			continue
		}
		x := clockSeen{Name: c.Name, Of: point, Logs: logs[c.Name], Measured: c.Status == "measured" && c.From != nil}
		if x.Measured {
			off, low, high := int64(*c.Offset*1e9), int64(math.Floor(*c.Low*1e9)), int64(math.Ceil(*c.High*1e9))
			drift := int64(*c.Drift * 1e-6 * float64(*c.To-*c.From))
			x.From, x.To = *c.From-off, *c.To-off-drift
			x.Low, x.High = min(low, low+drift), max(high, high+drift)
		}
		all = append(all, x)
	}
	return all
}

// offset is what other windows tell of a clock: at At, by the clock of a capture
// point, it was between Low and High ahead.
type offset struct {
	Clock, Of     string
	At, Low, High int64
}

// freeDrift is how much a clock that nothing is known of may drift, ns for each s.
const freeDrift = 500e3

// offsetsOf gives each window what those next to it in time know of the clocks that
// it cannot measure: their bounds, as far as such a clock may have drifted since.
func offsetsOf(all []*kept) [][]offset {
	out := make([][]offset, len(all))
	before, behind := nearest(all, 1), nearest(all, -1)
	for i, k := range all {
		told := map[string]bool{}
		for j := range k.Clocks {
			c := &k.Clocks[j]
			if told[c.Name] {
				continue
			}
			told[c.Name] = true
			known := func(x *clockSeen, at int64) {
				if !c.Measured || x.High-x.Low+drifted(at, c.From, c.To) < (c.High-c.Low)/looser {
					out[i] = append(out[i], offset{c.Name, c.Of, at, x.Low, x.High})
				}
			}
			if x := before[i][j]; x != nil {
				known(x, x.To)
			}
			if x := behind[i][j]; x != nil {
				known(x, x.From)
			}
		}
	}
	return out
}

// looser is how many times the bounds of a window's own must be as wide as those of
// another for these to be asked.
const looser = 4

// drifted is how far a clock may have drifted, ns, between an instant and a stretch of
// time in which it was seen.
func drifted(at, from, to int64) int64 {
	return max(0, from-at, at-to) / 1e9 * freeDrift
}

// nearest gives for each clock of each window the nearest window's that measured it,
// of those before it where step is 1, behind it where it is -1; nil: none.
func nearest(all []*kept, step int) [][]*clockSeen {
	type name struct{ name, of string }
	out, last := make([][]*clockSeen, len(all)), map[name]*clockSeen{}
	i := 0
	if step < 0 {
		i = len(all) - 1
	}
	for ; i >= 0 && i < len(all); i += step {
		list := all[i].Clocks
		for j := range list {
			out[i] = append(out[i], last[name{list[j].Name, list[j].Of}])
		}
		for j := len(list) - 1; j >= 0; j-- { // of several of one name the first counts
			if x := &list[j]; x.Measured {
				last[name{x.Name, x.Of}] = x
			}
		}
	}
	return out
}

// knownIn names the captures of known offsets as a window has them.
func knownIn(inc *incident.Incident, at places, known []offset) []correlate.Known {
	var out []correlate.Known
	for _, o := range known {
		for _, c := range inc.Captures {
			if at[c.Files[0].Path].point != o.Of {
				continue
			}
			// Brought to the window's time, as far as the clock may have drifted.
			when := min(max(o.At, c.First.Time), c.Last.Time)
			slack := drifted(when, o.At, o.At)
			out = append(out, correlate.Known{Clock: o.Clock, Of: c.Files[0].Path, At: when, Low: o.Low - slack, High: o.High + slack})
			break
		}
	}
	return out
}

// bounds of the clocks of logs, by log, as some windows have measured them: what
// each is ahead of some capture point, at least and at most.
type bounds map[string][2]int64

// boundsOf gathers the clocks that windows have measured, as they are by that of the
// windows.
func boundsOf(some []*kept, when []*window, points []*point) bounds {
	out, led := bounds{}, map[string]*point{}
	for _, p := range points {
		if len(p.legs) > 0 {
			led[p.name] = p
		}
	}
	for n, k := range some {
		for i := range k.Clocks {
			c := &k.Clocks[i]
			if !c.Measured {
				continue
			}
			ahead := when[n].leadOf(led[c.Of], c.From, c.To)
			from, to := c.From-ahead.common(c.From), c.To-ahead.common(c.To)
			low, high := c.Low+min(from, to), c.High+max(from, to)
			for _, log := range c.Logs {
				if b, ok := out[log]; ok {
					out[log] = [2]int64{min(b[0], low), max(b[1], high)}
				} else {
					out[log] = [2]int64{low, high}
				}
			}
		}
	}
	return out
}

// lost tells whether a window does not measure a clock that others have bounds of:
// it may be elsewhere by then.
func (b bounds) lost(k *kept, logs []series) bool {
	measured := map[string]bool{}
	for i := range k.Clocks {
		if c := &k.Clocks[i]; c.Measured {
			for _, log := range c.Logs {
				measured[log] = true
			}
		}
	}
	for _, s := range logs {
		if _, known := b[s.name]; known && !measured[s.name] {
			return true
		}
	}
	return false
}

// around gives the stretch of time whose lines a window's journeys may have to do
// with, by the clock of each log: from a little before it begins until what began in
// it, or close to it, has ended. What lasts long beyond a window is not told of by the
// logs of requests.
func (b bounds) around(w *window, g *gathered, points []*point, logs []series) func(log string) (from, to int64, ok bool) {
	if b == nil {
		return nil
	}
	close := sub(w.to, -touching)
	requests, flows := close, close // end
	for i, list := range g.flows {
		p := points[i]
		v := w.by(p)
		for _, f := range list {
			requests = max(requests, v.lastOf(p, f))
			if len(f.HTTP) == 0 {
				flows = max(flows, p.common(f.End))
			}
		}
	}
	most := sub(w.to, -clockMargin)
	ends := map[string]int64{}
	for _, s := range logs {
		ends[s.name] = min(max(requests, flows), most)
		if kind := s.files[0].Kind; kind == "haproxy" || kind == "access-log" || strings.HasSuffix(kind, "-access") {
			ends[s.name] = min(requests, most)
		}
	}
	return func(log string) (int64, int64, bool) {
		x, ok := b[log]
		return sub(sub(w.from, w.beside+wholeSecond), -x[0]), sub(sub(ends[log], -lateLine), -x[1]), ok
	}
}

const (
	wholeSecond = int64(1e9) // how much later than its stamp a line of whole seconds may be, ns
	// lateLine is how long after what it tells of a line may be stamped: nginx lingers
	// for five seconds (lingering_timeout).
	lateLine = int64(6e9)
)

// lastOf is when the requests of a flow of a point that are close to the window have
// ended, by the clock of the windows.
func (v *view) lastOf(p *point, f *pcapflow.Flow) int64 {
	last := int64(math.MinInt64)
	for i := range f.HTTP {
		if e := &f.HTTP[i]; v.near(e) {
			last = max(last, p.common(pcapflow.Stamp{Time: endOf(e), Frame: e.RequestFirst.Frame}))
		}
	}
	return last
}
