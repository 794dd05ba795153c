package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// offClock is what clocks of one offset are told by.
type offClock struct {
	names  []string
	offset report.Seconds // where it is the largest
}

// sameClock is how far apart the offsets of two clocks may lie that are told as
// one: that of a host, as its capture and its logs show it.
const sameClock = report.Seconds(10e6)

// clocksOff tells in one sentence of every clock that a finding calls off, the
// farthest first; "" where that is one clock alone.
func (d *layout) clocksOff() string {
	var all []offClock
	for i := range d.r.Clocks {
		k := &d.r.Clocks[i]
		if k.Kind == "ntp-clock" || !d.calledOff(k) {
			continue
		}
		worst := slices.MaxFunc(clockRows(k, false), func(a, b clockRow) int { return cmp.Compare(abs(a.Offset), abs(b.Offset)) })
		same := slices.IndexFunc(all, func(o offClock) bool { return abs(o.offset-worst.Offset) < sameClock })
		if same >= 0 {
			all[same].names = append(all[same].names, k.Name)
			continue
		}
		all = append(all, offClock{[]string{k.Name}, worst.Offset})
	}
	if len(all) < 2 {
		return ""
	}
	slices.SortStableFunc(all, func(a, b offClock) int { return cmp.Compare(abs(b.offset), abs(a.offset)) })
	var parts []string
	for _, o := range all {
		direction := lang.Text{EN: "%s %s ahead", ES: "%s %s adelantado"}
		if o.offset < 0 {
			direction = lang.Text{EN: "%s %s behind", ES: "%s %s atrasado"}
		}
		parts = append(parts, d.say(direction, strings.Join(o.names, ", "), amiss(abs(o.offset))))
	}
	return d.say(lang.Text{EN: "Clocks that are off: %s.", ES: "Relojes desviados: %s."}, strings.Join(parts, "; "))
}

// calledOff tells whether a finding is about this clock.
func (d *layout) calledOff(k *report.Clock) bool {
	return len(k.Segments) > 0 && slices.ContainsFunc(d.r.Findings, func(f report.Finding) bool {
		return f.Rule == "clock-offset" && slices.ContainsFunc(f.Evidence, func(e report.FindingEvidence) bool { return slices.Contains(k.Evidence, e.Evidence) })
	})
}

// amiss is how far a clock is off, as people take it in.
func amiss(s report.Seconds) string {
	const day = report.Seconds(86400e9)
	if s >= 2*day {
		return fmt.Sprintf("%.1f d", float64(s)/float64(day))
	}
	return fmt.Sprintf("%.3f s", float64(s)/1e9)
}
