package logparse

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Reader turns UTF-16 into UTF-8, as PowerShell redirects the output of
// programs. Offsets then count the bytes of the UTF-8.
type utf16Reader struct {
	r     io.Reader
	big   bool
	in    []byte // not yet turned
	out   []byte // not yet read
	chunk []byte
	err   error
}

// utf16Of tells a byte order mark of UTF-16 at the start of b.
func utf16Of(b []byte) (big, ok bool) {
	if len(b) < 2 {
		return false, false
	}
	return b[0] == 0xfe, b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff
}

// newUTF16Reader reads what follows a byte order mark: first, then r.
func newUTF16Reader(first []byte, r io.Reader, big bool) *utf16Reader {
	return &utf16Reader{r: r, big: big, in: bytes.Clone(first)}
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if len(u.in) < 4 && u.err == nil {
			if u.chunk == nil {
				u.chunk = make([]byte, 32<<10)
			}
			n, err := u.r.Read(u.chunk)
			u.in, u.err = append(u.in, u.chunk[:n]...), err
			continue
		}
		if len(u.in) < 2 {
			return 0, u.err
		}
		u.turn()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// turn turns what is there, but a first half of a pair at its end.
func (u *utf16Reader) turn() {
	unit := func(b []byte) rune {
		if u.big {
			return rune(b[0])<<8 | rune(b[1])
		}
		return rune(b[1])<<8 | rune(b[0])
	}
	u.out = u.out[:0]
	for len(u.in) >= 2 {
		c := unit(u.in)
		if !utf16.IsSurrogate(c) {
			u.out = utf8.AppendRune(u.out, c)
			u.in = u.in[2:]
			continue
		}
		if len(u.in) < 4 {
			if u.err == nil {
				return
			}
			u.out = utf8.AppendRune(u.out, utf8.RuneError)
			u.in = u.in[2:]
			continue
		}
		both := utf16.DecodeRune(c, unit(u.in[2:]))
		u.out = utf8.AppendRune(u.out, both)
		if both == utf8.RuneError { // half a pair stands alone
			u.in = u.in[2:]
		} else {
			u.in = u.in[4:]
		}
	}
}
