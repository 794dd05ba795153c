package render

import (
	"bufio"
	"fmt"
	"io"
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
			fmt.Fprintln(out, paint(opt, "1", strings.ToUpper(Printable(b.heading))))
		case b.table != nil:
			if err := textTable(out, b.table, opt); err != nil {
				return err
			}
		case b.answer:
			fmt.Fprintln(out, paint(opt, "1;33", wrap(Printable(b.text), "  ", opt.Width)))
		case b.text != "":
			fmt.Fprintln(out, wrap(Printable(b.text), "  ", opt.Width))
		}
		for _, item := range b.bullets {
			fmt.Fprintln(out, wrap("- "+Printable(item), "  ", opt.Width))
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

// wrap breaks a paragraph at spaces; width 0 leaves it whole.
func wrap(s, indent string, width int) string {
	if width <= len(indent)+20 {
		return indent + s
	}
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(s, " ") {
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

// columns is the number of columns a word takes, roughly: one a character.
func columns(s string) int { return len([]rune(s)) }

func textTable(w io.Writer, t *table, opt TextOptions) error {
	align := make([]tw.Align, len(t.header))
	for i := range align {
		align[i] = tw.AlignLeft
		if i < len(t.right) && t.right[i] {
			align[i] = tw.AlignRight
		}
	}
	table := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithTrimSpace(tw.On),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	table.Header(t.header)
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Printable(c)
		}
		if err := table.Append(cells); err != nil {
			return err
		}
	}
	return table.Render()
}
