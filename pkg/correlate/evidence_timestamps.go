package correlate

import (
	"cmp"
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// tick is one TCP time stamp of a host: its counter of ticks against the stamp of
// the capture (RFC 7323 section 4.1).
type tick struct {
	pcapflow.Stamp
	value uint32
	round int64 // of the connection, ns; 0: unknown
}

// counting is what one host sends another, with the counter it stamps that with.
// A counter begins anywhere and may begin anew with each connection; only how it
// goes on tells anything.
type counting struct {
	host  netip.Addr
	runs  [][]tick // by connection, in order of frames
	jumps []tickJump
	noise int64 // ns: how much else the capture's stamps and the counter part from tick to tick
}

// tickJump is a stretch of frames in which the capture's clock went on by Size
// more than the counter.
type tickJump struct {
	before, behind pcapflow.Stamp
	size           int64 // ns
}

// Limits of what time stamps tell.
const (
	tickLeast = int64(50 * time.Millisecond) // a jump, beside three round trips
	tickAlike = int64(20 * time.Millisecond) // jumps that are one
	tickRate  = 0.1                          // of the time: what slewing moves a clock by, chronyd at its fastest and a little more
)

// timestamps looks for steps of each capture's clock: a jump that the counters of
// several hosts show at once, for their counters do not step, and no path grows
// for all at once, there and back. What one host alone shows is its own counter
// that stood still (a machine that slept); nothing follows for any clock.
func (e *evidence) timestamps(i int, c *incident.Capture) {
	const enough = 20_000 // flows of a capture
	every := len(c.Flows)/enough + 1
	byClock := map[capture.ClockID]map[[2]netip.Addr]*counting{}
	for n, f := range c.Flows {
		if f.Conn == nil || len(f.Conn.Marks) == 0 || n%every != 0 {
			continue
		}
		if byClock[f.Clock] == nil {
			byClock[f.Clock] = map[[2]netip.Addr]*counting{}
		}
		ticksOf(f, byClock[f.Clock])
	}
	for _, id := range slices.Sorted(maps.Keys(byClock)) {
		k := e.byKey[captureKey(i, id)]
		if k == nil {
			continue
		}
		all := make([]*counting, 0, len(byClock[id]))
		for _, x := range byClock[id] {
			if x.measure() {
				all = append(all, x)
			}
		}
		slices.SortFunc(all, func(a, b *counting) int {
			return cmp.Or(a.host.Compare(b.host), cmp.Compare(a.runs[0][0].Frame, b.runs[0][0].Frame))
		})
		e.tickSteps(k, all)
	}
}

// ticksOf gathers the time stamps of both directions of a connection.
func ticksOf(f *pcapflow.Flow, pairs map[[2]netip.Addr]*counting) {
	ends := [2]netip.Addr{plain(f.Client).Addr(), plain(f.Server).Addr()}
	for d := range ends {
		var run []tick
		for _, m := range f.Conn.Marks {
			if int(m.Dir) == d && m.TSVal != 0 {
				run = append(run, tick{m.Stamp, m.TSVal, f.Conn.RTT})
			}
		}
		if len(run) < 2 {
			continue
		}
		key := [2]netip.Addr{ends[d], ends[1-d]}
		if pairs[key] == nil {
			pairs[key] = &counting{host: ends[d]}
		}
		pairs[key].runs = append(pairs[key].runs, run)
	}
}

// measure finds how fast a counter goes, and its jumps; false where it says
// nothing.
func (x *counting) measure() bool {
	slices.SortFunc(x.runs, func(a, b []tick) int { return cmp.Compare(a[0].Frame, b[0].Frame) })
	per := x.perTick()
	if per == 0 {
		return false
	}
	round := int64(0)
	for _, r := range x.runs {
		round = max(round, r[0].round)
	}
	least := tickLeast + 3*round + 2*per
	steps := x.steps(per, least)
	for _, s := range steps {
		// While a clock is slewed both go on unevenly, by a share of the time.
		if size := abs64(s.size); size >= least && float64(size) >= tickRate*float64(min(abs64(s.behind.Time-s.before.Time), abs64(s.behind.Time-s.before.Time-s.size))) {
			x.jumps = append(x.jumps, s)
		} else {
			x.noise = max(x.noise, min(size, least))
		}
	}
	return true
}

// perTick is how long a tick of the counter is, ns: that of the rate, of those in
// use, which most stretches of a fifth of a second and more are near; 0: none.
func (x *counting) perTick() int64 {
	votes := map[int64]int{}
	all := 0
	for _, r := range x.runs {
		for i, j := 0, 1; j < len(r); j++ {
			took := r[j].Time - r[i].Time
			if took >= 0 && took < int64(200*time.Millisecond) {
				continue
			}
			all++
			rate := float64(int32(r[j].value-r[i].value)) / (float64(took) / 1e9)
			for _, per := range [...]int64{1_000, 1_000_000, 4_000_000, 10_000_000, 100_000_000} {
				if hz := 1e9 / float64(per); math.Abs(rate-hz) <= tickRate*hz+2/(float64(took)/1e9) {
					votes[per]++
				}
			}
			i = j
		}
	}
	best := int64(0)
	for per, n := range votes {
		if n > votes[best] || n == votes[best] && per > best {
			best = per
		}
	}
	if 2*votes[best] <= all {
		return 0
	}
	return best
}

// steps lists how the capture's clock went on against the counter from each time
// stamp to the next, within connections, and from one to the next where the counter
// goes on through most of them.
func (x *counting) steps(per, least int64) []tickJump {
	var within, across []tickJump
	add := func(list []tickJump, a, b tick) []tickJump {
		return append(list, tickJump{a.Stamp, b.Stamp, b.Time - a.Time - per*int64(int32(b.value-a.value))})
	}
	goesOn := 0
	for i, r := range x.runs {
		for j := 1; j < len(r); j++ {
			within = add(within, r[j-1], r[j])
		}
		if i == 0 {
			continue
		}
		last := x.runs[i-1][len(x.runs[i-1])-1]
		if last.Frame >= r[0].Frame {
			continue
		}
		across = add(across, last, r[0])
		if abs64(across[len(across)-1].size) < least {
			goesOn++
		}
	}
	if goesOn >= 3 && 4*goesOn >= 3*len(across) {
		within = append(within, across...)
	}
	return within
}

// tickSteps adds the steps that the counters of at least two hosts show and none
// that went on meanwhile denies.
func (e *evidence) tickSteps(k *Clock, all []*counting) {
	const enough = 1000 // jumps: where there are more, it is no clock that jumps
	var seen []tickJump
	asked := 0
	for n, x := range all {
		for _, j := range x.jumps {
			if asked++; asked > enough {
				return
			}
			if slices.ContainsFunc(seen, func(s tickJump) bool { return s.touches(j) && abs64(s.size-j.size) <= tickAlike }) {
				continue
			}
			step, agree, deny := narrowed(j, all)
			switch {
			case agree >= 2 && deny == 0:
				seen = append(seen, step.tickJump)
				e.tickStep(k, step, agree)
			case agree == 1 && deny > 0 && stopped(j) && slices.IndexFunc(all, func(y *counting) bool { return y.host == x.host }) == n:
				k.Notes = append(k.Notes, note(lang.Text{
					EN: "the TCP time stamps of %s went on %.3f s less than this clock before frame %d, those of others did not: that host stood still, or its packets were held up",
					ES: "las marcas de tiempo TCP de %s avanzaron %.3f s menos que este reloj antes de la trama %d, las de otros no: ese equipo estuvo parado o sus paquetes fueron retenidos",
				}, x.host, float64(j.size)/1e9, j.behind.Frame))
			}
		}
	}
}

// tickStep notes a step of a capture's clock.
func (e *evidence) tickStep(k *Clock, step tickStep, hosts int) {
	e.refs++
	e.steps = append(e.steps, clock.Step{
		Clock: k.ID, At: step.before.Time, After: step.behind.Time, Size: step.size, Slack: step.slack, Method: clock.Timestamps, Ref: e.refs,
	})
	k.Notes = append(k.Notes, note(lang.Text{
		EN: "its stamps jump by %+.3f s between the frames %d and %d: the TCP time stamps of %d hosts go on without a jump",
		ES: "sus marcas saltan %+.3f s entre las tramas %d y %d: las marcas de tiempo TCP de %d equipos siguen sin salto",
	}, float64(step.size)/1e9, step.before.Frame, step.behind.Frame, hosts))
}

// stopped tells a jump that a host which slept makes, and that no queue does.
func stopped(j tickJump) bool { return j.size >= int64(time.Second) }

// tickStep is a jump as several counters bound it.
type tickStep struct {
	tickJump
	slack int64 // ns
}

// touches tells whether two jumps may be one: their stretches of frames overlap.
func (j tickJump) touches(o tickJump) bool {
	return j.before.Frame < o.behind.Frame && o.before.Frame < j.behind.Frame
}

// narrowed narrows a jump down by the counters that show it, and counts the hosts
// that do and those that were heard on both sides and show none.
func narrowed(j tickJump, all []*counting) (step tickStep, agree, deny int) {
	step = tickStep{j, math.MaxInt64}
	hosts := map[netip.Addr]bool{}
	for _, x := range all {
		for _, o := range x.jumps {
			if !step.touches(o) || abs64(o.size-j.size) > tickAlike {
				continue
			}
			hosts[x.host] = true
			if o.before.Frame > step.before.Frame {
				step.before = o.before
			}
			if o.behind.Frame < step.behind.Frame {
				step.behind = o.behind
			}
			if x.noise < step.slack {
				step.slack, step.size = x.noise, o.size
			}
		}
	}
	const drift = 2000 // of the two clocks between the two stamps: one part in so many
	step.slack += abs64(step.behind.Time-step.before.Time-step.size) / drift
	against := map[netip.Addr]bool{}
	for _, x := range all {
		if !hosts[x.host] && x.ranThrough(step.tickJump) {
			against[x.host] = true
		}
	}
	return step, len(hosts), len(against)
}

// ranThrough tells whether one connection had time stamps on both sides of a jump.
func (x *counting) ranThrough(j tickJump) bool {
	return slices.ContainsFunc(x.runs, func(r []tick) bool {
		return r[0].Frame <= j.before.Frame && r[len(r)-1].Frame >= j.behind.Frame
	})
}
