package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Markdown writes the report as Markdown that GitHub and GitLab render alike.
func Markdown(w io.Writer, r *report.Report, l lang.Lang) error {
	return writeMarkdown(w, "flowcorr", document(r, l))
}

func writeMarkdown(w io.Writer, title string, blocks []block) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s\n", title)
	open := false // a folded section
	for _, b := range blocks {
		switch {
		case b.heading != "":
			if open {
				fmt.Fprint(out, "\n</details>\n")
			}
			if open = b.aside; open {
				fmt.Fprintf(out, "\n<details><summary>%s</summary>\n", markdownText(b.heading))
			} else {
				fmt.Fprintf(out, "\n## %s\n", markdownText(b.heading))
			}
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
	if open {
		fmt.Fprint(out, "\n</details>\n")
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
	markdownRow(w, t.header, nil)
	fmt.Fprintf(w, "| %s |\n", strings.Join(rule, " | "))
	for _, row := range t.rows {
		markdownRow(w, row, t.quotes)
	}
}

// markdownRow writes a row; the cells of some columns are quotations.
func markdownRow(w io.Writer, cells []string, quotes []int) {
	escaped := make([]string, len(cells))
	for i, c := range cells {
		if slices.Contains(quotes, i) {
			escaped[i] = strings.ReplaceAll(markdownCode(c), "|", `\|`)
		} else {
			escaped[i] = markdownText(c)
		}
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(escaped, " | "))
}

// markdownCode makes foreign text a code span, in which nothing is markup, a
// link, a mention or a reference (CommonMark 0.31, 6.1).
func markdownCode(s string) string {
	s = strings.TrimSpace(Printable(s))
	if s == "" {
		return ""
	}
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// split keeps two characters apart that GitHub or GitLab would read together
// after rendering: a mention, a reference to an issue, an emoji, a bare link.
const split = "<span></span>"

// markdownText makes foreign text inert: no markup, no HTML, no link, no mention
// and no reference; one line (CommonMark 0.31, 2.4).
func markdownText(s string) string {
	runes := []rune(Printable(s))
	var b strings.Builder
	for i, r := range runes {
		next := rune(' ')
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		wordy := unicode.IsLetter(next) || unicode.IsDigit(next) || next == '_' || next == '"'
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '#', '|', '~', '!', '$', '^', '=':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '-', '+', '.':
			if i == 0 || i > 0 && r == '.' && next == ' ' && number(runes[:i]) { // else a list, or a rule
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		if wordy && strings.ContainsRune("@#!~%$&", r) || r == ':' && (unicode.IsLetter(next) || next == '/' || next == '+' || next == '-') || r == '.' && wordy && afterWWW(runes[:i]) {
			b.WriteString(split)
		}
	}
	return b.String()
}

func number(runes []rune) bool {
	for _, r := range runes {
		if !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

func afterWWW(runes []rune) bool {
	n := len(runes)
	return n >= 3 && strings.EqualFold(string(runes[n-3:]), "www")
}
