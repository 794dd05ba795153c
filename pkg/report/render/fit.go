package render

import (
	"fmt"
	"io"
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

// comfortable is the width below which a column that yields is not narrowed: others
// are left out or narrowed instead, or the rows are written otherwise.
const comfortable = 20

// fitted narrows columns of printable rows until they fit into width columns
// (0: no limit): those that yield first; then, where cells fold, the widest. It
// tells whether they fit then, with no word of the other columns broken; if not,
// the rows come back as they are.
func fitted(rows [][]string, width int, t *table) ([][]string, bool) {
	widths := widthsOf(rows)
	if width <= 0 {
		return rows, true
	}
	limits := widths
	if len(t.yields) > 0 {
		limits = narrowed(widths, t.yields, comfortable, width)
	}
	if t.fold {
		limits = narrowed(limits, nil, slimmest, width)
	}
	if breadth(limits) > width || t.breaks(rows, limits) {
		return rows, false
	}
	if slices.Equal(widths, limits) {
		return rows, true
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
	return out, true
}

// breaks tells whether a word of a column that does not yield is wider than it.
func (t *table) breaks(rows [][]string, limits []int) bool {
	for _, row := range rows {
		for k, cell := range row {
			if columns(cell) <= limits[k] || slices.Contains(t.yields, k) {
				continue
			}
			for _, word := range words(cell) {
				if columns(word) > limits[k] {
					return true
				}
			}
		}
	}
	return false
}

// breadth is how many columns of a terminal a table takes.
func breadth(widths []int) int {
	sum := -gap / 2
	for _, w := range widths {
		sum += w + gap
	}
	return sum
}

// lowered is the table without its first columns that may stand below the rows,
// so many, and what then stands there; false where it has fewer or cells fold.
func (t *table) lowered(n int) (*table, []string, bool) {
	lowers := t.lowers
	if lowers == nil {
		lowers = t.yields
	}
	if t.fold || n > len(lowers) {
		return t, nil, false
	}
	below := make([]string, len(t.rows))
	for i, row := range t.rows {
		for _, k := range lowers[:n] { // the last of them, the shortest text, comes first
			below[i] = strings.TrimSpace(Printable(row[k]) + "  " + below[i])
		}
	}
	for _, k := range slices.Backward(slices.Sorted(slices.Values(lowers[:n]))) {
		t = t.without(k)
	}
	return t, below, true
}

// listed writes each row below the other, a line a cell with its header before
// it: what a table too wide for the terminal becomes. rows[0] is the header.
func listed(w io.Writer, rows [][]string, width int) error {
	label := 0
	for _, h := range rows[0][1:] {
		label = max(label, columns(h))
	}
	const first, indent = "  ", "    "
	for _, row := range rows[1:] {
		title := strings.TrimSpace(rows[0][0] + " " + row[0])
		if title != "" {
			if _, err := fmt.Fprintln(w, first+strings.Join(folded(title, width-len(first)), "\n"+indent)); err != nil {
				return err
			}
		}
		for k, cell := range row[1:] {
			if cell == "" {
				continue
			}
			name := rows[0][1+k]
			space := indent + strings.Repeat(" ", label+1)
			lines := folded(cell, max(width-len(space), slimmest))
			if _, err := fmt.Fprintln(w, indent+name+strings.Repeat(" ", label+1-columns(name))+strings.Join(lines, "\n"+space)); err != nil {
				return err
			}
		}
	}
	return nil
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
				least += min(w, comfortable) + gap
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
	for taken := breadth(out); taken > width; taken-- {
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
	for _, word := range words(s) {
		n := columns(word)
		if used > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if used > 0 {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		for n > width && width > 1 {
			begin := head(word, width)
			lines, word = append(lines, begin), word[len(begin):]
			n = columns(word)
		}
		line, used = word, n
	}
	return append(lines, strings.TrimRight(line, " "))
}
