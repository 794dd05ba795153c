package pcapflow

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// TestStream: bytes reach the dissector in order, once, and what is missing is
// told.
func TestStream(t *testing.T) {
	for _, x := range []struct {
		name, want string
		play       func(w *wire)
	}{
		{"in order", "c:GET s:OK c:bye .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "GET")
			w.tcp(ms, Server, flagACK, 1, 4, "OK")
			w.tcp(ms, Client, flagACK, 4, 3, "bye")
		}},
		{"sent again", "c:abcdef .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abcdef")
			w.tcp(300*ms, Client, flagACK, 1, 1, "abcdef")
			w.tcp(300*ms, Client, flagACK, 3, 1, "cd")
		}},
		{"again and more", "c:abc c:defg .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(300*ms, Client, flagACK, 1, 1, "abcdefg")
		}},
		{"late", "c:abc c:def c:ghi .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 7, 1, "ghi")
			w.tcp(ms, Client, flagACK, 4, 1, "def")
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
		}},
		// As Linux does: what fills the hole counts before what waits behind it.
		{"overlapping", "c:ab c:cd c:EFG c:h .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 5, 1, "EFG")
			w.tcp(ms, Client, flagACK, 4, 1, "Defgh")
			w.tcp(ms, Client, flagACK, 1, 1, "ab")
			w.tcp(ms, Client, flagACK, 3, 1, "cd")
		}},
		{"missing and acknowledged", "c:abc c!3 c:ghi .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(ms, Client, flagACK, 7, 1, "ghi")
			w.tcp(20*ms, Server, flagACK, 1, 10, "")
			w.tcp(20*ms, Client, flagACK, 10, 1, "")
		}},
		{"acknowledged before it is recorded", "c:abc c:def c:ghi .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(ms, Client, flagACK, 7, 1, "ghi")
			w.tcp(20*ms, Server, flagACK, 1, 10, "")
			w.tcp(20*time.Microsecond, Client, flagACK, 4, 1, "def")
		}},
		{"missing at the end", "c:abc c!3 .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(20*ms, Server, flagACK, 1, 7, "")
			w.tcp(20*ms, Server, flagACK, 1, 7, "")
		}},
		{"missing, never acknowledged", "c:abc c!3 c:ghi .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(ms, Client, flagACK, 7, 1, "ghi")
		}},
		{"keep-alive", "c:abc c:def .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(20*ms, Server, flagACK, 1, 4, "")
			w.tcp(10*time.Second, Client, flagACK, 3, 1, "X")
			w.tcp(20*ms, Server, flagACK, 1, 4, "")
			w.tcp(ms, Client, flagACK, 4, 1, "def")
		}},
		{"copies of the capture", "c:abc c:def .", func(w *wire) {
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.again(len(w.list)-1, 10*time.Microsecond, nil)
			w.tcp(ms, Client, flagACK, 4, 1, "def")
			w.again(len(w.list)-1, 10*time.Microsecond, nil)
		}},
		{"behind a FIN that came early", "c:abc c:def .", func(w *wire) {
			w.tcp(ms, Client, flagACK|flagFIN, 7, 1, "")
			w.tcp(ms, Client, flagACK, 1, 1, "abc")
			w.tcp(ms, Client, flagACK, 4, 1, "def")
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			h := listen(t)
			w := &wire{}
			w.open()
			x.play(w)
			w.only(t)
			if h.String() != x.want {
				t.Errorf("%q, want %q", h.String(), x.want)
			}
		})
	}
}

// TestHoldBounded: what is held behind a hole is bounded; then the hole is
// given up.
func TestHoldBounded(t *testing.T) {
	h := listen(t)
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK, 1, 1, "first")
	block := make([]byte, 1400)
	const n = 3 * maxHoldSide / 1400
	for i := range uint32(n) {
		w.tcp(ms, Client, flagACK, 16+1400*i, 1, string(block))
	}
	e := newEngine(&packets{}, Options{})
	most := 0
	for i := range w.list {
		e.at.packets[0] = w.list[i]
		e.batch(1)
		most = max(most, e.held)
	}
	e.end()
	if most > maxHoldSide+1400 {
		t.Errorf("held %d bytes", most)
	}
	if e.held != 0 {
		t.Errorf("%d bytes held at the end", e.held)
	}
	if want := len("c:first c!0 .") + n*(1400+3); h.Len() != want {
		t.Errorf("the dissector heard %d bytes, want %d", h.Len(), want)
	}
}
