package archive

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// namePoints tells captures of different points apart, and from logs: files that
// one program wrote one after the other are of one point. A point bears the name
// that they share.
func (a *archive) namePoints() {
	var captures []*File
	for _, f := range a.files {
		switch {
		case f.Outcome == Failed || f.Outcome == Copy:
		case f.isCapture():
			captures = append(captures, f)
		default:
			a.logs = append(a.logs, f)
		}
	}
	a.toRead = len(captures)
	type span struct {
		from, to int64
		last     *File
	}
	taken := map[string][]span{}
	points := map[string]*point{}
	for _, group := range a.groups(captures) {
		base := unsafeInName.ReplaceAllString(capture.SeriesName(captures[group[0]].Path), "_")
		last := captures[group[len(group)-1]]
		first := captures[group[0]]
		own := span{first.First, max(last.First, last.Last), last}
		// Runs of one series with a pause between them are of one point, unless they
		// show another place; two that overlap cannot be.
		other := func(o span) bool {
			return own.from < o.to && o.from < own.to || !capture.OnePlace(o.last.info(), first.info())
		}
		name := base
		for n := 2; slices.ContainsFunc(taken[name], other); n++ {
			name = fmt.Sprintf("%s~%d", base, n)
		}
		taken[name] = append(taken[name], own)
		if points[name] == nil {
			points[name] = &point{name: name}
			a.points = append(a.points, points[name])
		}
		for _, i := range group {
			points[name].files = append(points[name].files, captures[i])
		}
	}
	for _, p := range a.points {
		slices.SortStableFunc(p.files, func(a, b *File) int { return cmp.Compare(a.First, b.First) })
	}
	slices.SortFunc(a.points, func(x, y *point) int { return cmp.Compare(x.name, y.name) })
}

// groups puts rotated captures together. Where a file ends costs time: it is
// looked up where the names alone do not tell.
func (a *archive) groups(captures []*File) [][]int {
	infos := make([]capture.FileInfo, len(captures))
	for i, f := range captures {
		infos[i] = f.info()
		infos[i].Last = 0
	}
	groups := doubted(captures, infos)
	alone := capture.Alone(infos, groups)
	if len(alone) == 0 {
		return groups
	}
	_ = each(a.opt.Jobs, len(alone), func(i int) error { captures[alone[i]].lastTime(a.opt.Unpack); return nil })
	for i, f := range captures {
		infos[i].Last = f.Last
	}
	return doubted(captures, infos)
}

// doubted groups captures, and notes at those that nothing but names, sizes and times
// speaks for.
func doubted(captures []*File, infos []capture.FileInfo) [][]int {
	groups := capture.GroupRotated(infos)
	for _, group := range groups {
		doubtful := capture.Doubtful(infos, group)
		for _, i := range group {
			if captures[i].Note = ""; doubtful {
				captures[i].Note = fmt.Sprintf("taken for a part of one capture of %d files by names, sizes and times alone", len(group))
			}
		}
	}
	return groups
}

// info is what decides whether a capture is part of a rotated one.
func (f *File) info() capture.FileInfo {
	return capture.FileInfo{Path: f.Path, Kind: f.Kind, Link: capture.LinkType(f.Link), SnapLen: f.Snap, Size: f.Size, First: f.First, Last: f.Last, Sight: f.Sight}
}

// folderOf is the folder that a path of the archive begins with; "" at the top.
func folderOf(name string) string {
	if first, _, below := strings.Cut(name, "/"); below {
		return first
	}
	return ""
}
