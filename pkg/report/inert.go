package report

import (
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Harmful tells whether a character could move the cursor, hide or reorder what
// stands around it where it is shown; tabs are not among them.
func Harmful(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r == '\u2028' || r == '\u2029')
}

// appendEscaped writes a character as JSON escapes it (RFC 8259, section 7).
func appendEscaped(b []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return appendEscaped(appendEscaped(b, high), low)
	}
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// InertJSON writes JSON on with harmful characters escaped: it stays the same
// JSON. A character may not be torn between two writes.
type InertJSON struct{ W io.Writer }

func (i InertJSON) Write(p []byte) (int, error) {
	out, from := []byte(nil), 0
	for at := 0; at < len(p); {
		if p[at] < utf8.RuneSelf && p[at] != 0x7f {
			at++ // encoders escape the other control characters
			continue
		}
		r, n := utf8.DecodeRune(p[at:])
		if Harmful(r) {
			out = appendEscaped(append(out, p[from:at]...), r)
			from = at + n
		}
		at += n
	}
	if from == 0 {
		return i.W.Write(p)
	}
	if _, err := i.W.Write(append(out, p[from:]...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
