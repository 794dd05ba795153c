package capture

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// FileInfo is what decides whether files are parts of one rotated capture.
type FileInfo struct {
	Path    string // with slashes
	Kind    string // PCAP or PCAPNG
	Link    LinkType
	SnapLen int
	Size    int64 // bytes, as stored
	First   int64 // stamp of the first packet, ns; 0: none
	Last    int64 // of the last; 0: not known
	Sight   *Sight
}

// GroupRotated puts files together that one capture program wrote one after the
// other (tcpdump -C, -G and -W, dumpcap -b): names that differ only in a
// counter or a time, in one folder, of one kind, link type and snap length, and
// spans that follow one another. Hosts are numbered as well: what says that it was made
// elsewhere is of another group, and so is what shows other addresses, where a counter
// alone speaks for rotation. Each group is in the order of time; a file of
// its own is a group of one. Groups come in the order of their first file given.
func GroupRotated(files []FileInfo) [][]int {
	type key struct {
		name string
		kind string
		link LinkType
		snap int
	}
	members := map[key][]int{}
	strength := map[key]series{}
	group := make([][]int, 0, len(files))
	for i, f := range files {
		name, s := seriesOf(f.Path)
		if s == single || f.First == 0 {
			group = append(group, []int{i})
			continue
		}
		k := key{name, f.Kind, f.Link, f.SnapLen}
		members[k] = append(members[k], i)
		strength[k] = max(strength[k], s)
	}
	for k, list := range members {
		slices.SortStableFunc(list, func(a, b int) int {
			return cmp.Or(cmp.Compare(files[a].First, files[b].First), cmp.Compare(files[a].Path, files[b].Path))
		})
		if strength[k] == counted && !likeOneSize(files, list) {
			for _, i := range list {
				group = append(group, []int{i})
			}
			continue
		}
		run := list[:1:1]
		for _, i := range list[1:] {
			if !follows(files[run[len(run)-1]], files[i], strength[k]) {
				group = append(group, run)
				run = nil
			}
			run = append(run, i)
		}
		group = append(group, run)
	}
	slices.SortFunc(group, func(a, b []int) int { return cmp.Compare(slices.Min(a), slices.Min(b)) })
	return group
}

// series says how strongly a name speaks for rotation.
type series uint8

const (
	single  series = iota
	counted        // a counter of two digits or more: also hosts are named so
	rotated        // a counter behind the ending, a time, or both
)

const (
	overlap   = 1e9  // ns by which spans may overlap: stamps of several queues are not quite in order
	pause     = 60e9 // ns between two files with nothing but a counter
	sameShare = 0.05 // by which sizes of files cut at a size may differ
)

// follows tells whether b goes on where a ended.
func follows(a, b FileInfo, s series) bool {
	if b.First <= a.First || a.Last != 0 && b.First < a.Last-overlap {
		return false
	}
	if like := a.Sight.Likeness(b.Sight); like == Stated || like == Elsewhere && s == counted {
		return false
	}
	return s != counted || a.Last != 0 && b.First-a.Last <= pause
}

// likeOneSize tells whether three files or more are of about one size, except
// for a shorter last one.
func likeOneSize(files []FileInfo, list []int) bool {
	if len(list) < 3 {
		return false
	}
	first := float64(files[list[0]].Size)
	for _, i := range list[1 : len(list)-1] {
		if d := float64(files[i].Size) - first; d > sameShare*first || d < -sameShare*first {
			return false
		}
	}
	return float64(files[list[len(list)-1]].Size) <= first*(1+sameShare)
}

var (
	packedEnding  = regexp.MustCompile(`(?i)\.(gz|zst|xz|lz4|bz2)$`)
	captureEnding = regexp.MustCompile(`(?i)\.(pcapng|pcap|cap|dmp|ntar)(\d*)$`)
	dumpcapName   = regexp.MustCompile(`_(\d{5})_\d{14}$|_\d{14}_(\d{5})$`)
	timeInName    = regexp.MustCompile(`(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d([-_.T ]?[0-2]\d[-_.:h]?[0-5]\d([-_.:m]?[0-5]\d)?)?|\b1\d{9}\b`)
	counterInName = regexp.MustCompile(`[-_.](\d{2,})$`)
)

// Alone are the files that groups hold by themselves though others are named likewise:
// where they end may tell that they are of one capture.
func Alone(files []FileInfo, groups [][]int) (alone []int) {
	alike := map[string]int{}
	for _, f := range files {
		alike[SeriesName(f.Path)]++
	}
	for _, g := range groups {
		if len(g) == 1 && alike[SeriesName(files[g[0]].Path)] > 1 {
			alone = append(alone, g[0])
		}
	}
	return alone
}

// Doubtful tells whether nothing but names, sizes and times speaks for a group: its
// names have a counter, as those of hosts do, and what its files show of where they were
// made does not tell.
func Doubtful(files []FileInfo, group []int) bool {
	for k := 1; k < len(group); k++ {
		a, b := files[group[k-1]], files[group[k]]
		if _, s := seriesOf(b.Path); s == counted && a.Sight.Likeness(b.Sight) == Unknown {
			return true
		}
	}
	return false
}

// OnePlace tells whether two runs of files with one series' name, which do not follow
// one another, are of one capture point. Where the name has but a counter, they must show
// that they are.
func OnePlace(a, b FileInfo) bool {
	like := a.Sight.Likeness(b.Sight)
	if _, s := seriesOf(b.Path); s == counted {
		return like == Same
	}
	return like != Stated
}

// SeriesName is what the names of the files of one rotation have in common; the
// path itself where it is not named as a part of one.
func SeriesName(p string) string {
	name, s := seriesOf(p)
	if s == single {
		return p
	}
	return name
}

// seriesOf gives the name that all files of one rotation share.
func seriesOf(p string) (name string, s series) {
	dir, base := path.Split(p)
	base = packedEnding.ReplaceAllString(base, "")
	ending := captureEnding.FindStringSubmatchIndex(base)
	tail := ""
	if ending != nil {
		tail = strings.ToLower(base[ending[0]:ending[3]])
		if ending[5] > ending[4] {
			s = rotated
		}
		base = base[:ending[0]]
	}
	switch {
	case dumpcapName.MatchString(base):
		base, s = dumpcapName.ReplaceAllString(base, ""), rotated
	case timeInName.MatchString(base):
		base, s = timeInName.ReplaceAllString(base, "*"), rotated
	case s == rotated:
	case counterInName.MatchString(base):
		stem := counterInName.ReplaceAllString(base, "")
		tail += strings.Repeat("#", len(base)-len(stem)) // the counter has one width
		base, s = stem, counted
	case ending != nil:
		s = rotated // the first of a -C series has no counter; alone it stays alone
	}
	return dir + base + tail, s
}
