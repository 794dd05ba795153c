package trend

import "time"

// Period is a stretch of days on end, some of which may hold nothing.
type Period struct {
	From, To string   // the first day and the last, as dates
	Days     []string // those that hold something, in order
}

// dateOf reads a date; of what is none it gives the zero time.
func dateOf(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}
	}
	return t
}

func plusDays(day string, n int) string { return dateOf(day).AddDate(0, 0, n).Format(time.DateOnly) }

// daysFrom is how many days lie from one date to another.
func daysFrom(a, b string) int { return int(dateOf(b).Sub(dateOf(a)).Hours() / 24) }

// Length is how many days a period has.
func (p Period) Length() int { return daysFrom(p.From, p.To) + 1 }

// GapAfter is how many days lie between a period and its predecessor.
func (p Period) GapAfter(before Period) int { return daysFrom(before.To, p.From) - 1 }

// between are those of the days, in order, that lie from one date to another.
func between(days []string, from, to string) Period {
	p := Period{From: from, To: to}
	for _, d := range days {
		if d >= from && d <= to {
			p.Days = append(p.Days, d)
		}
	}
	return p
}

// Gaps are the stretches without anything between the first day and the last.
func (s *Summary) Gaps() []Period { return gapsOf(s.Held()) }

func gapsOf(days []string) (gaps []Period) {
	for i := 1; i < len(days); i++ {
		if daysFrom(days[i-1], days[i]) > 1 {
			gaps = append(gaps, Period{From: plusDays(days[i-1], 1), To: plusDays(days[i], -1)})
		}
	}
	return gaps
}

// Previous are the last stretch of so many days and the one it is compared with: as
// many days up to the last day before it with data. There may be a gap between them. ok:
// there is such a day.
func (s *Summary) Previous(length int) (before, now Period, ok bool) {
	days := s.Held()
	if len(days) == 0 {
		return before, now, false
	}
	last := days[len(days)-1]
	now = between(days, plusDays(last, 1-length), last)
	rest := days[:len(days)-len(now.Days)]
	if len(rest) == 0 {
		return before, now, false
	}
	end := rest[len(rest)-1]
	return between(days, plusDays(end, 1-length), end), now, true
}

// mostSteps is how many steps a trend is told in at most, where weeks or months do.
const mostSteps = 31

// Step is one stretch of a trend.
type Step struct {
	Period
	*Day
}

// Steps cut all days for a trend: by day; by week, from Monday on, where those are more
// than fit; by month where weeks are. What holds nothing is no step.
func (s *Summary) Steps() (length string, steps []Step) {
	days := s.DayNames()
	for _, by := range []struct {
		length string
		from   func(time.Time) time.Time
		days   int // and months
		months int
	}{
		{"day", func(t time.Time) time.Time { return t }, 1, 0},
		{"week", func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }, 7, 0},
		{"month", func(t time.Time) time.Time { return t.AddDate(0, 0, 1-t.Day()) }, 0, 1},
	} {
		length, steps = by.length, nil
		for _, day := range days {
			from := by.from(dateOf(day))
			name := from.Format(time.DateOnly)
			if n := len(steps); n == 0 || steps[n-1].From != name {
				steps = append(steps, Step{Period: Period{From: name, To: from.AddDate(0, by.months, by.days-1).Format(time.DateOnly)}})
			}
			last := &steps[len(steps)-1]
			last.Days = append(last.Days, day)
		}
		if len(steps) <= mostSteps {
			break
		}
	}
	for i := range steps {
		if steps[i].Day = s.Days[steps[i].From]; length != "day" {
			steps[i].Day = s.Of(steps[i].Days)
		}
	}
	return length, steps
}
