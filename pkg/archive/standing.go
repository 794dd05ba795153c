package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// ofWhole are the rules that speak of what a pass counted over all of a capture: the last
// window tells it, of all the time.
var ofWhole = map[string]bool{"capture-offload": true}

// recorded is the time of a window in which anything was captured, by the clock of the
// windows, and when that was first of all; to lies before from where nothing was.
func (a *archive) recorded(w *window) (from, to, first int64) {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, p := range a.points {
		if p.done != nil && p.done.Result.Packets > 0 {
			whole := &p.done.Result
			first, last = min(first, p.common(whole.First)), max(last, p.common(whole.Last))
		}
	}
	return max(first, w.from), min(last, w.to), first
}

// stand gives what a window tells about no journey its time, and tells the day that is.
// Events, as of lines that no journey explains, are left to the window in whose time they
// lie: it knows the journeys of that time.
func (a *archive) stand(w *window, c *correlate.Case, r *report.Report, rows *trend.Rows, at places) string {
	rows.Standing = slices.DeleteFunc(rows.Standing, func(f trend.Standing) bool {
		return f.Lines != nil && f.At != nil && !w.holds(a.byWindows(c, at, *f.At))
	})
	from, to, first := a.recorded(w)
	if from > to {
		return dayOf(r)
	}
	for i := range rows.Standing {
		f := &rows.Standing[i].Row
		if f.Start, f.End = &from, &to; ofWhole[f.Rule] {
			f.Start = &first
		}
	}
	return trend.DayOf(from)
}

// byWindows is an instant of the reference clock of a case by the clock of the windows.
func (a *archive) byWindows(c *correlate.Case, at places, t int64) int64 {
	if len(c.Clocks) > 0 && len(c.Clocks[0].Files) > 0 { // the reference
		if p := a.pointNamed(at[c.Clocks[0].Files[0].Path].point); p != nil {
			return p.commonAt(t)
		}
	}
	return t
}

// writeStanding makes rows of what windows tell about no journey, once for each day, and
// counts them. It adds the files to rows.
func (a *archive) writeStanding(days *trend.Days, s *trend.Summary, rows map[string]bool) error {
	for _, day := range days.Names() {
		told := days.Of(day)
		if len(told) == 0 {
			continue
		}
		s.AddStanding(day, told)
		list := make([]trend.FindingRow, len(told))
		for i := range told {
			list[i] = told[i].Row
		}
		b, err := json.Marshal(list)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		var written []rowFile
		if err := writeFindings(a.opt.Out, hex.EncodeToString(sum[:12]), day, list, &written); err != nil {
			return err
		}
		for _, f := range written {
			rows[f.Path] = true
		}
	}
	return nil
}
