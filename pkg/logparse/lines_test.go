package logparse

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

type readLine struct {
	text   string
	number int
	offset int64
	cut    int64
}

func allLines(t testing.TB, r io.Reader) []readLine {
	t.Helper()
	in := newLineReader(r)
	var got []readLine
	for {
		b, err := in.next()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, readLine{string(b), in.line, in.offset, in.cut})
	}
}

func TestLinesKeepNumberAndOffset(t *testing.T) {
	text := "\xef\xbb\xbfone\r\ntwo\n\n\x00three\xff\nlast"
	want := []readLine{{"one", 1, 3, 0}, {"two", 2, 8, 0}, {"", 3, 12, 0}, {"\x00three\xff", 4, 13, 0}, {"last", 5, 21, 0}}
	for name, r := range map[string]io.Reader{
		"whole":      strings.NewReader(text),
		"byte":       iotest.OneByteReader(strings.NewReader(text)),
		"with error": iotest.DataErrReader(strings.NewReader(text)),
	} {
		got := allLines(t, r)
		if len(got) != len(want) {
			t.Fatalf("%s: %d lines, want %d: %+v", name, len(got), len(want), got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: line %d is %+v, want %+v", name, i+1, got[i], want[i])
			}
		}
	}
}

func TestLinesOfUTF16(t *testing.T) {
	text := "one\r\nzwei ä 😀\r\nlast"
	want := []string{"one", "zwei ä 😀", "last"}
	for _, big := range []bool{false, true} {
		b := []byte{0xff, 0xfe}
		if big {
			b = []byte{0xfe, 0xff}
		}
		for _, u := range utf16.Encode([]rune(text)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b))} {
			var got []string
			for _, l := range allLines(t, r) {
				got = append(got, l.text)
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("big %v: %q", big, got)
			}
		}
		for n := range b { // cut anywhere
			allLines(t, bytes.NewReader(b[:n]))
		}
	}
}

func TestLinesLongerThanAChunkAreCutAndSaid(t *testing.T) {
	long := strings.Repeat("x", 3*fullChunk+17)
	text := "before\n" + long + "\nafter\n" + long
	got := allLines(t, strings.NewReader(text))
	if len(got) != 4 {
		t.Fatalf("%d lines", len(got))
	}
	for _, i := range []int{1, 3} {
		if n := int64(len(got[i].text)) + got[i].cut; n != int64(len(long)) || len(got[i].text) != fullChunk {
			t.Errorf("line %d: kept %d, cut %d", i+1, len(got[i].text), got[i].cut)
		}
	}
	if got[2].text != "after" || got[2].offset != int64(strings.Index(text, "after")) || got[2].number != 3 {
		t.Errorf("the line after: %+v", got[2])
	}
	if got[3].offset != int64(strings.Index(text, "after")+6) {
		t.Errorf("the last line: offset %d", got[3].offset)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"), uint16(1))
	f.Add([]byte("\xef\xbb\xbf\n\n"), uint16(2))
	f.Fuzz(func(t *testing.T, text []byte, longest uint16) {
		// The text between two bounds of a chunk: every line is where it is said to be.
		if n := int(longest); n > 0 && len(text) > 0 && n < 64 {
			text = bytes.Repeat(text, n)
		}
		if _, ok := utf16Of(text); ok {
			return // offsets are of the text turned into UTF-8
		}
		at := int64(0)
		for _, l := range allLines(t, iotest.HalfReader(bytes.NewReader(text))) {
			if l.offset < at || string(text[l.offset:l.offset+int64(len(l.text))]) != l.text {
				t.Fatalf("line %d is not at %d", l.number, l.offset)
			}
			at = l.offset + int64(len(l.text))
		}
	})
}
