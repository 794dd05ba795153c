package incident

import (
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// rotation is what rotating a log puts behind its name: a number or a date, then
// the packing.
var rotation = regexp.MustCompile(`([.-](\d{1,4}|(19|20)\d{6}([-_.]?\d{2,6})?))?(\.(gz|zst|xz|lz4|bz2))?$`)

// LogSeries is the path that the files of one rotated log share: that of the
// youngest, not packed.
func LogSeries(p string) string {
	return path.Join(path.Dir(p), rotation.ReplaceAllString(path.Base(p), ""))
}

// LogAge orders the files of a rotated log by their names, the oldest greatest: of
// numbers the greatest is the oldest, of dates the least; without either it is the
// youngest.
func LogAge(p string) int64 {
	m := rotation.FindStringSubmatch(path.Base(p))
	switch {
	case m == nil || m[2] == "":
		return math.MinInt64
	case m[3] == "": // a number
		n, _ := strconv.ParseInt(m[2], 10, 64)
		return n
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, m[2])
	n, _ := strconv.ParseInt((digits + "000000")[:14], 10, 64)
	return -n
}
