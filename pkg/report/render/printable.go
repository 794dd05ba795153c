package render

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Printable makes foreign text safe for one line of a terminal: control
// characters, invalid UTF-8 and marks that reorder text are shown as escapes.
func Printable(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteByte(' ')
		case report.Harmful(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case report.Harmful(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

func clean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if report.Harmful(r) || r == '\t' {
			return false
		}
	}
	return true
}
