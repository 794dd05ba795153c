package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Markdown writes the report as GitHub-flavoured Markdown.
func Markdown(w io.Writer, r *report.Report, l lang.Lang) error {
	return writeMarkdown(w, "flowcorr", document(r, l), l)
}

func writeMarkdown(w io.Writer, title string, blocks []block, l lang.Lang) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s\n", title)
	for _, b := range blocks {
		switch {
		case b.heading != "":
			fmt.Fprintf(out, "\n## %s\n", markdownText(b.heading))
		case b.table != nil:
			markdownTable(out, b.table)
		case b.answer:
			fmt.Fprintf(out, "\n**%s**\n", markdownText(b.text))
		case b.text != "":
			fmt.Fprintf(out, "\n%s\n", markdownText(b.text))
		}
		if len(b.bullets) > 0 {
			fmt.Fprintln(out)
			for _, item := range b.bullets {
				fmt.Fprintf(out, "- %s\n", markdownText(item))
			}
		}
	}
	return out.Flush()
}

func markdownTable(w io.Writer, t *table) {
	fmt.Fprintln(w)
	rule := make([]string, len(t.header))
	for i := range rule {
		rule[i] = "---"
		if i < len(t.right) && t.right[i] {
			rule[i] = "--:"
		}
	}
	markdownRow(w, t.header)
	fmt.Fprintf(w, "| %s |\n", strings.Join(rule, " | "))
	for _, row := range t.rows {
		markdownRow(w, row)
	}
}

func markdownRow(w io.Writer, cells []string) {
	escaped := make([]string, len(cells))
	for i, c := range cells {
		escaped[i] = markdownText(c)
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(escaped, " | "))
}

// markdownText makes foreign text inert: no markup, no HTML, no link, one line
// (CommonMark 0.31, section 2.4).
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range Printable(s) {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@': // GitHub would notify a person of that name
			b.WriteString("&#64;")
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '#', '|', '~', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		case ':': // keeps "http://…" from becoming a link
			b.WriteString("&#58;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
