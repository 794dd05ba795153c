package archive

import (
	"maps"
	"math"
	"slices"
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

// memoryOfEvent is what one event of a log takes with its strings, bytes; leastEvents of
// one log may always be looked at.
const (
	memoryOfEvent = 1 << 10
	leastEvents   = 20_000
)

// memoryOfWindow is what one may take at least, bytes, where there are more of them at
// a time than two.
const memoryOfWindow = 256 << 20

// memoryOfTwo is below what two windows, or two capture points, at a time take more than
// is given, bytes.
const memoryOfTwo = 200_000_000

// windowsAtOnce is how many are analysed at a time at most: their size is made
// for it, whatever the number of jobs is.
func (a *archive) windowsAtOnce() int64 {
	if a.opt.Memory < memoryOfTwo {
		return 1
	}
	return max(a.opt.Memory/memoryOfWindow, 2)
}

// pointsAtOnce is how many are read at a time at most.
func (a *archive) pointsAtOnce() int {
	if a.opt.Memory < memoryOfTwo {
		return 1
	}
	return a.opt.Jobs
}

// windowsOf cuts time into windows of a day, UTC, at most, and of so many journeys at
// most, as far as its steps let it: what a window tells is of one day. Years without
// anything are rather a clock that was never set than an archive's gap: what lies on
// both sides is looked at together. What comes to be later leaves those before the last
// as they are.
func windowsOf(s *spread, most int) []window {
	var all []window
	n, day, before, steps := 0, int64(0), int64(0), slices.Sorted(maps.Keys(s.Count))
	for _, step := range steps {
		at := step << s.Shift
		own := at - (at%dayLength+dayLength)%dayLength
		nextDay := own != day && at-before < unsetClock
		if len(all) == 0 || nextDay || n+s.Count[step] > most {
			if len(all) > 0 && nextDay {
				at = own
			}
			if len(all) > 0 {
				all[len(all)-1].to = at
			}
			all = append(all, window{from: at})
			n = 0
		}
		day, before = own, at
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

const (
	dayLength  = 24 * 3600 * int64(1e9) // ns
	unsetClock = 365 * dayLength        // ns without anything
)

// around is the window and some time beside it.
func (w *window) around(beside int64) (from, to int64) {
	return sub(w.from, beside), sub(w.to, -beside)
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

// Margins by which a log may be off the captures it belongs to: its clock, and
// the zone where its stamps state none.
const (
	clockMargin = 15 * 60 * int64(1e9)
	zoneMargin  = 26 * 3600 * int64(1e9)
)

// logsNear are the logs whose time a window touches, of those that were rotated the
// files. What carries no time, or no year, may belong to any.
func (a *archive) logsNear(w *window) []series {
	var near []series
	from, to := a.anyClock(w)
	for _, s := range a.series {
		own := series{name: s.name}
		for _, f := range s.files {
			if w.first && w.last || f.near(from, to) {
				own.files = append(own.files, f)
			}
		}
		if len(own.files) > 0 {
			near = append(near, own)
		}
	}
	return near
}

// anyClock is the time of a window by the clock of any point: logs may go by it.
func (a *archive) anyClock(w *window) (from, to int64) {
	from, to = w.from, w.to
	for _, p := range a.points {
		if len(p.legs) > 0 {
			v := w.by(p)
			from, to = min(from, v.from), max(to, v.to)
		}
	}
	return from, to
}
