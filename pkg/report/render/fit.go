package render

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// columns is the number of columns of a terminal that a text takes.
func columns(s string) int { return twwidth.WidthNoCache(s) }

// gap is what stands between two columns of a table.
const gap = 2

// slimmest is the least width a column is narrowed to.
const slimmest = 8

// comfortable is the width below which a column that yields is not narrowed while
// others can be left out or narrowed instead.
const comfortable = 20

// fitted narrows columns of printable rows until they fit into width columns
// (0: no limit), as far as that goes: those that yield first, then the widest.
func fitted(rows [][]string, width int, t *table) [][]string {
	widths := widthsOf(rows)
	limits := narrowed(narrowed(widths, t.yields, t.comfort(), width), nil, slimmest, width)
	if width <= 0 || slices.Equal(widths, limits) {
		return rows
	}
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = make([]string, len(row))
		for k, cell := range row {
			if t.fold {
				out[i][k] = strings.Join(folded(cell, limits[k]), "\n")
			} else {
				out[i][k] = cut(cell, limits[k])
			}
		}
	}
	return out
}

// comfort is the width to which columns that yield are narrowed first: what is
// cut short may lose more than what is folded.
func (t *table) comfort() int {
	if t.fold || len(t.spare) > 0 {
		return comfortable
	}
	return slimmest
}

// spared leaves columns out that are spare until the others fit with those that
// yield at a comfortable width.
func (t *table) spared(width int) *table {
	if width <= 0 {
		return t
	}
	out := *t
	for _, k := range t.spare {
		least := -gap / 2
		for i, w := range widthsOf(append([][]string{out.header}, out.rows...)) {
			if slices.Contains(out.yields, i) {
				least += min(w, t.comfort()) + gap
			} else {
				least += w + gap
			}
		}
		if least <= width {
			break
		}
		out = *out.without(k)
	}
	return &out
}

// without is the table without one column.
func (t *table) without(k int) *table {
	out := *t
	out.header = slices.Delete(slices.Clone(t.header), k, k+1)
	if k < len(t.right) {
		out.right = slices.Delete(slices.Clone(t.right), k, k+1)
	}
	out.rows = nil
	for _, row := range t.rows {
		out.rows = append(out.rows, slices.Delete(slices.Clone(row), k, k+1))
	}
	out.yields = nil
	for _, y := range t.yields {
		if y != k {
			if y > k {
				y--
			}
			out.yields = append(out.yields, y)
		}
	}
	return &out
}

func widthsOf(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for k, cell := range row {
			if k == len(widths) {
				widths = append(widths, 0)
			}
			widths[k] = max(widths[k], columns(cell))
		}
	}
	return widths
}

// narrowed takes columns off the widest of some columns (nil: of all), one at a
// time, until all fit or these are down to a least width.
func narrowed(widths, some []int, least, width int) []int {
	out := slices.Clone(widths)
	total := -gap / 2
	for _, w := range out {
		total += w + gap
	}
	for total > width {
		widest := -1
		for k := range out {
			if (some == nil || slices.Contains(some, k)) && out[k] > least && (widest < 0 || out[k] > out[widest]) {
				widest = k
			}
		}
		if widest < 0 {
			break
		}
		out[widest]--
		total--
	}
	return out
}

// cut shortens a text to so many columns, the last one a "…".
func cut(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	return head(s, width-1) + "…"
}

// head is the beginning of a text that takes at most so many columns.
func head(s string, width int) string {
	used := 0
	for i, r := range s {
		if used += columns(string(r)); used > width {
			return s[:i]
		}
	}
	return s
}

// folded breaks a text into lines of at most so many columns, at spaces where it
// has them.
func folded(s string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range strings.Split(s, " ") {
		n := columns(word)
		if used > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if used > 0 {
			lines = append(lines, line)
		}
		for n > width && width > 1 {
			begin := head(word, width)
			lines, word = append(lines, begin), word[len(begin):]
			n = columns(word)
		}
		line, used = word, n
	}
	return append(lines, line)
}
