package render

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// TextOptions say what the terminal can show.
type TextOptions struct {
	Lang  lang.Lang
	Width int // columns; 0: no limit
	Color bool
}

// Text writes the report for a terminal.
func Text(w io.Writer, r *report.Report, opt TextOptions) error {
	return writeText(w, document(r, opt.Lang), opt)
}

func writeText(w io.Writer, blocks []block, opt TextOptions) error {
	out := bufio.NewWriter(w)
	for i, b := range blocks {
		switch {
		case b.heading != "":
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintln(out, paint(opt, "1", Wrap(strings.ToUpper(Printable(b.heading)), "", opt.Width)))
		case b.figure != nil:
			fmt.Fprintf(out, "\n%s\n", Wrap(Printable(b.text), "  ", opt.Width))
			for _, line := range b.figure {
				fmt.Fprintln(out, "  "+Printable(line))
			}
		case b.table != nil:
			if err := textTable(out, b.table, opt); err != nil {
				return err
			}
		case b.answer:
			fmt.Fprintln(out, paint(opt, "1;33", Wrap(Printable(b.text), "  ", opt.Width)))
		case b.text != "":
			fmt.Fprintln(out, Wrap(Printable(b.text), "  ", opt.Width))
		}
		for _, item := range b.bullets {
			fmt.Fprintln(out, "  - "+strings.TrimPrefix(Wrap(Printable(item), "    ", opt.Width), "    "))
		}
	}
	return out.Flush()
}

func paint(opt TextOptions, code, s string) string {
	if !opt.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Wrap breaks a paragraph at spaces; width 0 leaves it whole.
func Wrap(s, indent string, width int) string {
	if width <= len(indent)+20 {
		return indent + s
	}
	var b strings.Builder
	column := 0
	for i, word := range words(s) {
		n := columns(word)
		switch {
		case i == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// Reflow breaks what was written for a wide terminal anew where width (0: any) is
// too narrow for it: paragraphs as a whole, indented lines each with what goes on
// further in.
func Reflow(text string, width int) string {
	if width <= 0 {
		return text
	}
	var out []string
	for _, part := range strings.Split(text, "\n\n") {
		out = append(out, reflowed(strings.Split(part, "\n"), width))
	}
	return strings.Join(out, "\n\n")
}

func reflowed(lines []string, width int) string {
	if !slices.ContainsFunc(lines, func(l string) bool { return columns(l) > width }) {
		return strings.Join(lines, "\n")
	}
	var out []string
	open := false // the last line is of a paragraph that goes on
	for _, l := range lines {
		flat := strings.TrimLeft(l, " ")
		if indent := len(l) - len(flat); indent > 0 || l == "" {
			first := l
			if columns(l) > width {
				deep := strings.Repeat(" ", indent+2)
				first = strings.Repeat(" ", indent) + strings.Join(folded(flat, width-indent-2), "\n"+deep)
			}
			out, open = append(out, first), false
			continue
		}
		if open {
			out[len(out)-1] += " " + l
			continue
		}
		out, open = append(out, l), true
	}
	for i, l := range out {
		if !strings.HasPrefix(l, " ") {
			out[i] = Wrap(l, "", width)
		}
	}
	return strings.Join(out, "\n")
}

// words splits at spaces; a number keeps its unit.
func words(s string) []string {
	all := strings.Split(s, " ")
	out := all[:0]
	for _, w := range all {
		if n := len(out); n > 0 && out[n-1] != "" && isUnit(w) && out[n-1][len(out[n-1])-1] <= '9' && out[n-1][len(out[n-1])-1] >= '0' {
			out[n-1] += " " + w
			continue
		}
		out = append(out, w)
	}
	return out
}

func isUnit(w string) bool {
	switch strings.TrimRight(w, ".,;:)]") {
	case "ns", "µs", "ms", "s", "%", "d", "ppm", "B":
		return true
	}
	return false
}

// textTable writes a table: as one; where it is too wide with the longest texts
// below their rows; or, if that is too wide as well, each row as a list.
func textTable(w io.Writer, t *table, opt TextOptions) error {
	t = t.spared(opt.Width)
	rows, fits := fitted(t.printable(), opt.Width, t)
	if fits {
		return drawn(w, t, rows, nil, opt)
	}
	for n := 1; ; n++ {
		small, below, ok := t.lowered(n)
		if !ok {
			break
		}
		if rows, fits := fitted(small.printable(), opt.Width, small); fits {
			return drawn(w, small, rows, below, opt)
		}
	}
	return listed(w, rows, opt.Width)
}

// printable are the header and the rows, fit to be shown.
func (t *table) printable() [][]string {
	rows := make([][]string, 0, len(t.rows)+1)
	for _, row := range append([][]string{t.header}, t.rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Printable(c)
		}
		rows = append(rows, cells)
	}
	return rows
}

// drawn writes rows in columns, the first one as the header. What is below, one
// text a row, follows its row.
func drawn(w io.Writer, t *table, rows [][]string, below []string, opt TextOptions) error {
	align := make([]tw.Align, len(t.header))
	for i := range align {
		align[i] = tw.AlignLeft
		if i < len(t.right) && t.right[i] {
			align[i] = tw.AlignRight
		}
	}
	var buffer bytes.Buffer
	table := tablewriter.NewTable(&buffer,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithTrimSpace(tw.On),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	table.Header(rows[0])
	if err := table.Bulk(rows[1:]); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	at := 0
	for line := range strings.Lines(buffer.String()) { // cells are padded at the end of the line, too
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
		if at > 0 && at <= len(below) && below[at-1] != "" {
			const indent = "     "
			if _, err := fmt.Fprintln(w, indent+strings.Join(folded(below[at-1], opt.Width-len(indent)), "\n"+indent)); err != nil {
				return err
			}
		}
		at++
	}
	return nil
}
