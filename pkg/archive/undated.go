package archive

import (
	"cmp"
	"slices"
	"time"
)

// undated is what a log whose lines state no year tells of time: as if it began in
// anyYear. Which year it is follows from the rest of the archive, for the file as a whole.
type undated struct {
	First  int64      `json:"first_ns"`
	Last   int64      `json:"last_ns"`
	Blocks []logBlock `json:"blocks,omitempty"`
}

// anyYear has a 29th of February, as the true one may have.
const anyYear = 2000

// setAside keeps the times of a log without years for when its year is known. Where some
// of its lines state one, they are of no use.
func (f *File) setAside(cut *logCutter) {
	if cut.dated == 0 && f.First != 0 {
		f.Undated = &undated{f.First, f.Last, f.Blocks}
	}
	f.First, f.Last, f.Blocks = 0, 0, nil
}

// inYear is an instant of a log as if it began in another year. 0 stays: it is none.
func inYear(t int64, year int) int64 {
	if t == 0 {
		return 0
	}
	at := time.Unix(0, t).UTC()
	return time.Date(at.Year()+year-anyYear, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC).UnixNano()
}

// date gives a log its year.
func (f *File) date(year int) {
	u := f.Undated
	f.Year, f.First, f.Last = year, inYear(u.First, year), inYear(u.Last, year)
	f.Blocks = slices.Clone(u.Blocks)
	for i := range f.Blocks {
		b := &f.Blocks[i]
		b.First, b.Last, b.Began = inYear(b.First, year), inYear(b.Last, year), inYear(b.Began, year)
	}
}

// yearAt is the year of a line; 0: the lines state one themselves, or it is not known.
func (f *File) yearAt(line int) int {
	year := f.Year
	for i := range f.Blocks {
		if b := &f.Blocks[i]; year != 0 && b.Line <= line && b.Began != 0 {
			year = time.Unix(0, b.Began).UTC().Year()
		}
	}
	return year
}

// farYear is how far from all other evidence a log may lie and still be of the year that
// brings it nearest: a log that is rotated once a month ends there. ns
const farYear = 40 * dayLength

// dateLogs finds the year of each log whose lines state none: the one in which it falls
// into the time of the captures, or of other logs where there are none, give or take a
// day. Where several do, as in an archive of years, nothing tells, and each window is left
// to find it.
func (a *archive) dateLogs() {
	spans := spansOf(a.files, (*File).isCapture)
	if len(spans) == 0 {
		spans = spansOf(a.files, func(f *File) bool { return f.Dated })
	}
	for _, f := range a.logs {
		if f.Undated == nil || len(spans) == 0 {
			continue
		}
		if f.Year, f.Note = 0, ""; f.Outcome == Failed {
			continue
		}
		year, several := yearOf(f.Undated, spans)
		switch {
		case several:
			f.Note = "its lines state no year, and it would fall into the time of the other files in more than one"
		case year != 0:
			f.date(year)
		}
	}
}

// spansOf are the stretches of time that files cover, in order and joined where they meet
// within a day.
func spansOf(files []*File, of func(*File) bool) []Span {
	var all, joined []Span
	for _, f := range files {
		if of(f) && f.First != 0 {
			all = append(all, Span{f.First, max(f.First, f.Last)})
		}
	}
	slices.SortFunc(all, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	for _, s := range all {
		if n := len(joined); n > 0 && s.From-dayLength <= joined[n-1].To {
			joined[n-1].To = max(joined[n-1].To, s.To)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// yearOf is the year in which a log begins; 0: it is far from all. several: more than one
// may be.
func yearOf(u *undated, spans []Span) (year int, several bool) {
	inside, nearest, away := 0, 0, farYear
	from := time.Unix(0, spans[0].From).UTC().Year() - int((u.Last-u.First)/(365*dayLength)) - 2
	to := time.Unix(0, spans[len(spans)-1].To).UTC().Year() + 1
	for y := from; y <= to; y++ {
		first, last := inYear(u.First, y), inYear(u.Last, y)
		far := farYear
		for _, s := range spans {
			far = min(far, max(first-s.To, s.From-last, 0))
		}
		if far <= dayLength {
			inside++
			year = y
		}
		if far < away {
			nearest, away = y, far
		}
	}
	if inside == 0 {
		return nearest, false
	}
	return year, inside > 1
}
