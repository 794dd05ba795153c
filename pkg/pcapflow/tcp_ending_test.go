package pcapflow

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// TestOddEndings: how connections end that should not end so, and what only looks
// like it. Packets of another flow show that the capture went on.
func TestOddEndings(t *testing.T) {
	const a = flagACK
	block := strings.Repeat("x", 1000)
	goesOn := func(w *wire, after time.Duration) {
		w.tcp(after, Client, flagSYN, 0, 0, "")
		last := &w.list[len(w.list)-1]
		last.Data[34], last.Data[35] = 1, 1 // port 257
	}
	alive := func(w *wire, n int, answered func(i int) bool) {
		w.open()
		w.tcp(ms, Client, a, 1, 1, "hello")
		w.tcp(20*ms, Server, a, 1, 6, "")
		for i := range n {
			w.tcp(10*time.Second, Client, a, 5, 1, "")
			if answered(i) {
				w.tcp(20*ms, Server, a, 1, 6, "")
			}
		}
	}
	for _, x := range []struct {
		name, want string
		play       func(w *wire)
	}{
		{"a client that never confirms", "half-open by server 1→2 0", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 0, 1, "")
			goesOn(w, time.Second)
		}},
		{"one whose ACK the capture ends before", "", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 0, 1, "")
			goesOn(w, 900*ms)
		}},
		{"one whose ACK comes with data alone", "", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 0, 1, "")
			w.tcp(ms, Client, a, 1, 1, "hello")
			goesOn(w, 2*time.Second)
		}},
		{"a client that resets what it asked for", "syn-ack-reset by client 2→3 0", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 0, 1, "")
			w.tcp(ms, Client, flagRST, 1, 0, "")
			goesOn(w, 2*time.Second)
		}},
		{"a refused SYN", "", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagRST|a, 0, 1, "")
			goesOn(w, 2*time.Second)
		}},
		{"a SYN-ACK that crosses the ACK", "", func(w *wire) {
			w.open()
			w.tcp(15*ms, Server, flagSYN|a, 0, 1, "")
		}},
		{"a SYN-ACK repeated before the ACK", "", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 0, 1, "")
			w.tcp(time.Second, Server, flagSYN|a, 0, 1, "")
			w.tcp(ms, Client, a, 1, 1, "")
		}},
		{"a server that was started again", "forgotten by server 0→6 0", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(time.Minute, Client, a, 1, 1001, "hello")
			w.tcp(20*ms, Server, flagRST, 1001, 0, "")
		}},
		{"a server that aborts", "", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(time.Minute, Client, a, 1, 1001, "hello")
			w.tcp(20*ms, Server, flagRST|a, 1001, 6, "")
		}},
		{"a server that aborts, and is asked again", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, "hello")
			w.tcp(ms, Client, a, 6, 1, "hello")
			w.tcp(20*ms, Server, flagRST|a, 1, 6, "")
			w.tcp(ms, Server, flagRST, 1, 0, "")
		}},
		{"a server that had closed", "", func(w *wire) {
			w.open()
			w.tcp(ms, Server, flagFIN|a, 1, 1, "")
			w.tcp(time.Second, Client, a, 1, 2, "hello")
			w.tcp(20*ms, Server, flagRST, 2, 0, "")
		}},
		{"data of who sent the RST", "data-after-reset by server 5→6 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, "hello")
			w.tcp(ms, Server, flagRST|a, 1, 6, "")
			w.tcp(20*ms, Server, a, 1, 6, block)
		}},
		{"data of who must have the RST", "data-after-reset by client 5→6 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, "hello")
			w.tcp(ms, Server, flagRST|a, 1, 6, "")
			w.tcp(80*ms, Client, a, 6, 1, block)
		}},
		{"data on its way when the RST came", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, "hello")
			w.tcp(ms, Server, flagRST|a, 1, 6, "")
			w.tcp(15*ms, Client, a, 6, 1, block)
		}},
		{"data of who sent the RST, recorded late", "", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Server, a, 1001, 1, block)
			w.id[Server]++ // that of the data
			w.tcp(ms, Server, flagRST|a, 3001, 1, "")
			w.id[Server] -= 2
			w.tcp(ms, Server, a, 2001, 1, block)
		}},
		{"both close at once", "simultaneous-close by server 4→5 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(5*ms, Server, flagFIN|a, 1, 1, "")
			w.tcp(ms, Client, a, 2, 2, "")
			w.tcp(20*ms, Server, a, 2, 2, "")
		}},
		{"one closes after the other", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(20*ms, Server, flagFIN|a, 1, 2, "")
			w.tcp(ms, Client, a, 2, 2, "")
		}},
		{"a FIN repeated before its answer", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(300*ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(20*ms, Server, flagFIN|a, 1, 2, "")
			w.tcp(ms, Client, a, 2, 2, "")
		}},
		{"keep-alives that nobody answers", "keep-alive-death by client 6→9 0", func(w *wire) {
			alive(w, 3, func(int) bool { return false })
			w.tcp(10*time.Second, Client, flagRST|a, 6, 1, "")
		}},
		{"the same to the end of the capture", "keep-alive-death by client 8→10 0", func(w *wire) {
			alive(w, 4, func(i int) bool { return i == 0 })
		}},
		{"keep-alives that are answered", "", func(w *wire) {
			alive(w, 6, func(i int) bool { return i%2 == 1 })
		}},
		{"keep-alives that a RST answers", "forgotten by server 0→9 0", func(w *wire) {
			alive(w, 3, func(int) bool { return false })
			w.tcp(20*ms, Server, flagRST, 1, 0, "")
		}},
		{"a server that never closes", "fin-wait-leak by server 4→5 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(20*ms, Server, a, 1, 2, "")
			goesOn(w, time.Minute)
		}},
		{"one that closes in time", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(20*ms, Server, a, 1, 2, "")
			w.tcp(50*time.Second, Server, flagFIN|a, 1, 2, "")
			w.tcp(ms, Client, a, 2, 2, "")
			goesOn(w, time.Minute)
		}},
		{"one that still has something to send", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			w.tcp(20*ms, Server, a, 1, 2, "")
			w.tcp(50*time.Second, Server, a, 1, 2, block)
			goesOn(w, 50*time.Second)
		}},
		{"a FIN that nobody acknowledges", "", func(w *wire) {
			w.open()
			w.tcp(ms, Client, flagFIN|a, 1, 1, "")
			goesOn(w, 2*time.Minute)
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			x.play(w)
			if got := oddities(w.flows(t)[0]); got != x.want {
				t.Errorf("%q, want %q", got, x.want)
			}
		})
	}
}

// TestOddityNames: each kind has a name of its own.
func TestOddityNames(t *testing.T) {
	var names []string
	for _, k := range Oddities() {
		names = append(names, k.String())
	}
	if n := len(names); n != int(OddFINWaitLeak)+1 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != n {
		t.Error(names)
	}
}

// TestFlowSize: an open flow takes eight lines of memory.
func TestFlowSize(t *testing.T) {
	if n := unsafe.Sizeof(flow{}); n != 512 {
		t.Errorf("a flow takes %d bytes", n)
	}
}

// TestUsualClose: a connection that closes as most do has nothing to tell but its end.
func TestUsualClose(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK|flagPSH, 1, 1, "a question")
	w.tcp(ms, Server, flagACK|flagPSH, 1, 11, "an answer")
	w.tcp(ms, Server, flagACK|flagFIN, 10, 11, "")
	w.tcp(ms, Client, flagACK|flagFIN, 11, 11, "")
	w.tcp(ms, Server, flagACK, 11, 12, "")
	e := newEngine(&packets{}, Options{OnFlow: func(*Flow) {}})
	for i := range w.list {
		e.at.packets[0] = w.list[i]
		e.batch(1)
	}
	for _, f := range e.table.all() {
		if f.closing != settled || !f.usual() {
			t.Errorf("closing %d, usual %v", f.closing, f.usual())
		}
	}
}
