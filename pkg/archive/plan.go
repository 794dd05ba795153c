package archive

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// part is what one slice reads of one capture: all of it, or a run of its
// packets where it alone is more than a slice may hold.
type part struct {
	file     *File
	from, to int // frames, from 1; to is one beyond
}

func (p *part) whole() bool { return p.from == 1 && p.to == p.file.Records+1 }

// slicePlan is what is looked at together: for each capture point its next
// packets, and the logs of that time.
type slicePlan struct {
	parts []part // in order of time
	logs  []*File
	last  map[string]bool // points of which nothing follows, neither in this slice nor in a later one; in the last slice all
}

// plan is the whole archive in slices, in order of time.
type plan struct {
	slices []slicePlan
	point  map[*File]string // of captures
}

// Bounds of a slice for each byte of memory that may be used: measured on
// captures of many short connections, which need most.
const (
	memoryOfPacket = 4 << 10
	memoryOfByte   = 3
)

// planOf cuts the archive. Files that come to be later, and begin later, leave
// the slices before them as they were.
func planOf(files []*File, memory int64) *plan {
	p := &plan{point: map[*File]string{}}
	var captures, logs []*File
	for _, f := range files {
		switch {
		case f.Outcome == Failed || f.Outcome == Copy:
		case f.isCapture():
			captures = append(captures, f)
		default:
			logs = append(logs, f)
		}
	}
	p.namePoints(captures)
	slices.SortStableFunc(captures, func(a, b *File) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Path, b.Path)) })
	maxPackets, maxBytes := max(memory/memoryOfPacket, 1000), max(memory/memoryOfByte, 1<<20)
	var now slicePlan
	var packets, bytes int64
	next := func() {
		if len(now.parts) > 0 {
			p.slices = append(p.slices, now)
		}
		now, packets, bytes = slicePlan{}, 0, 0
	}
	for _, f := range captures {
		if packets > 0 && (packets+int64(f.Records) > maxPackets || bytes+f.Size > maxBytes) {
			next()
		}
		for at := 1; at <= f.Records; {
			n := min(int64(f.Records-at+1), maxPackets)
			if f.Size > maxBytes {
				n = min(n, max(1, int64(f.Records)*maxBytes/f.Size))
			}
			now.parts = append(now.parts, part{f, at, at + int(n)})
			packets, bytes = packets+n, bytes+f.Size*n/int64(f.Records)
			if at += int(n); at <= f.Records {
				next()
			}
		}
	}
	next()
	if len(p.slices) == 0 && len(logs) > 0 {
		p.slices = []slicePlan{{}}
	}
	p.endPoints()
	p.giveLogs(logs)
	return p
}

// endPoints notes in which slices a point has nothing more to come. In the one it
// ends in it goes on still: other points may show in the next what it saw.
func (p *plan) endPoints() {
	later := map[string]bool{}
	for i := len(p.slices) - 1; i >= 0; i-- {
		s := &p.slices[i]
		s.last = map[string]bool{}
		if i < len(p.slices)-1 {
			for _, part := range s.parts {
				later[p.point[part.file]] = true
			}
		}
		for _, point := range p.point {
			if !later[point] {
				s.last[point] = true
			}
		}
	}
}

// Margins by which a log may be off the captures it belongs to: its clock, and
// the zone where its stamps state none.
const (
	clockMargin = 15 * 60 * int64(1e9)
	zoneMargin  = 26 * 3600 * int64(1e9)
)

// giveLogs puts each log into the slices whose time it touches. What carries no
// time, or no year, may belong to any.
func (p *plan) giveLogs(logs []*File) {
	for i := range p.slices {
		s := &p.slices[i]
		from, to := s.span()
		for _, f := range logs {
			if len(s.parts) == 0 || f.near(from, to) {
				s.logs = append(s.logs, f)
			}
		}
	}
}

// span is the time that the captures of the slice cover. Of a part it is that
// of its file: where in it the part lies is not known beforehand.
func (s *slicePlan) span() (from, to int64) {
	for i, part := range s.parts {
		if i == 0 || part.file.First < from {
			from = part.file.First
		}
		to = max(to, part.file.Last)
	}
	return from, to
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// namePoints tells captures of different points apart: files that one program
// wrote one after the other are of one point. A point bears the name that they
// share.
func (p *plan) namePoints(captures []*File) {
	infos := make([]capture.FileInfo, len(captures))
	for i, f := range captures {
		infos[i] = capture.FileInfo{Path: f.Path, Kind: f.Kind, Link: capture.LinkType(f.Link), SnapLen: f.Snap, Size: f.Size, First: f.First, Last: f.Last}
	}
	type span struct{ from, to int64 }
	taken := map[string][]span{}
	for _, group := range capture.GroupRotated(infos) {
		base := capture.SeriesName(captures[group[0]].Path)
		base = unsafeInName.ReplaceAllString(base, "_")
		own := span{captures[group[0]].First, captures[group[len(group)-1]].Last}
		// Runs of one series with a pause between them are of one point; two
		// that overlap cannot be.
		name := base
		for n := 2; slices.ContainsFunc(taken[name], func(o span) bool { return own.from < o.to && o.from < own.to }); n++ {
			name = fmt.Sprintf("%s~%d", base, n)
		}
		taken[name] = append(taken[name], own)
		for _, i := range group {
			p.point[captures[i]] = name
		}
	}
}
