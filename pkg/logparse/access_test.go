package logparse

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// combinedLines makes n lines of a busy server in the combined format with
// nginx's times behind.
func combinedLines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "10.20.%d.%d - - [22/Nov/2026:10:%02d:%02d +0000] \"GET /static/js/chunk-%06x.js HTTP/1.1\" 200 %d \"https://img%d.example.org/\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\" rt=0.%03d uct=0.000 uht=0.008 urt=0.008\n",
			i>>8&255, i&255, i/60000%60, i/1000%60, i*7919&0xffffff, 100+i%90000, i%300, i%1000)
	}
	return b.Bytes()
}

func BenchmarkEvents(b *testing.B) {
	text := combinedLines(20000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d := nginxAccess.Open(bytes.NewReader(text), Source{})
		var e Event
		n := 0
		for d.Next(&e) == nil {
			n++
		}
		if n != 20000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(20000*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// quick and the reader of all forms agree on every line that quick takes.
func quickAgrees(t *testing.T, line []byte, server string) (quick bool) {
	t.Helper()
	var fast, slow Event
	fast.clear()
	slow.clear()
	a := access{server: server}
	a.clock.read([]byte("22/Nov/2026:10:00:00 +0000"))
	if !a.quick(line, &fast) {
		return false
	}
	s := access{server: server}
	at, st, n := s.findTime(line)
	if n == 0 || at < 2 || !s.rest(line, at, st, n, &slow) {
		t.Fatalf("only quick reads %q", line)
	}
	if f, s := fmt.Sprintf("%+v", fast), fmt.Sprintf("%+v", slow); f != s {
		t.Fatalf("%q:\nquick %s\nslow  %s", line, f, s)
	}
	return true
}

var quickLines = []string{
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a b HTTP/2.0" 200 5 "-" "-"`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 304 0 "-" "x y" 0.001`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 304 0 "-" "x y" 12.001 0.3`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 304 0 "-" "x y" rt=0.001 uct=0.000 uht=10.000 urt=0.001`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 304 0 "-" "x y" rt=0.001 urt=0.001, 0.002 : 0.003 uct="-"`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 304 0 "-" "x y" "10.1.1.1"`,
	`10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET  HTTP/1.1" 304 0 "" ""`,
}

func TestQuickLines(t *testing.T) {
	for _, l := range quickLines {
		if !quickAgrees(t, []byte(l), "nginx") || !quickAgrees(t, []byte(l), "") {
			t.Errorf("not read the quick way: %s", l)
		}
	}
}

func FuzzQuickLines(f *testing.F) {
	for _, l := range quickLines {
		f.Add([]byte(l))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') < 0 {
			quickAgrees(t, line, "nginx")
			quickAgrees(t, line, "apache")
		}
	})
}

func TestNoAllocationPerLine(t *testing.T) {
	text := combinedLines(2000)
	var e Event
	d := nginxAccess.Open(bytes.NewReader(text), Source{})
	if err := d.Next(&e); err != nil { // grows what lives as long as the decoder
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(1000, func() {
		if err := d.Next(&e); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations a line", got)
	}
}
