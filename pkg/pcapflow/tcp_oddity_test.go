package pcapflow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// oddities of a flow, in order: what, by whom, frames, bytes.
func oddities(f *Flow) string {
	var list []string
	for _, x := range f.Conn.Oddities {
		list = append(list, fmt.Sprintf("%s by %s %d→%d %d", x.Kind, x.Dir, x.Of.Frame, x.Frame, x.Bytes))
	}
	return strings.Join(list, ", ")
}

// TestOddities: what should not happen to a connection is told, and what only looks
// like it is not.
func TestOddities(t *testing.T) {
	block := strings.Repeat("x", 1000)
	const a = flagACK
	scaled := func(w *wire) { // windows of 128 bytes a step
		options := []byte{1, optionScale, 3, 7}
		w.option(0, Client, flagSYN, 0, 0, "", options)
		w.option(20*time.Millisecond, Server, flagSYN|a, 0, 1, "", options)
		w.window = [2]uint16{500, 500}
		w.tcp(time.Millisecond, Client, a, 1, 1, "")
	}
	ended := func(w *wire) { // by both sides, and begun again
		w.open()
		w.tcp(ms, Client, flagFIN|a, 1, 1, "")
		w.tcp(ms, Server, flagFIN|a, 1, 2, "")
		w.tcp(ms, Client, a, 2, 2, "")
	}
	for _, x := range []struct {
		name, want string
		play       func(w *wire)
	}{
		{"SYN on a connection that the server still has", "challenge-ack by server 1→2 0", func(w *wire) {
			w.tcp(0, Client, flagSYN, 7000, 0, "")
			w.tcp(20*ms, Server, a, 500, 42, "")
			w.tcp(ms, Client, flagRST, 42, 0, "")
			w.tcp(time.Second, Client, flagSYN, 7000, 0, "")
			w.tcp(20*ms, Server, flagSYN|a, 9000, 7001, "")
			w.tcp(ms, Client, a, 7001, 9001, "")
			w.tcp(ms, Client, a, 7001, 9001, "hello")
		}},
		{"SYN-ACK lost before the capture", "", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, a, 1, 1, "")
		}},
		{"a RST beside the place, asked about", "challenged-reset by client 5→6 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, block)
			w.tcp(20*ms, Server, flagRST, 4000, 0, "")
			w.tcp(ms, Client, a, 1001, 1, "")
		}},
		{"a RST in its place, and an acknowledgement on its way", "forgotten by server 0→5 0", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, block)
			w.tcp(20*ms, Server, flagRST, 1, 0, "")
			w.tcp(ms, Client, a, 1001, 1, "")
		}},
		{"sent again with a stamp of the past", "old-timestamp by server 7→8 0", func(w *wire) {
			w.open()
			w.option(ms, Client, a, 1, 1, block, stamps(9000, 1))
			w.option(20*ms, Server, a, 1, 1001, "", stamps(500, 9000))
			w.option(ms, Client, a, 1001, 1, block, stamps(100, 500))
			w.option(300*ms, Client, a, 1001, 1, block, stamps(400, 500))
			w.option(20*ms, Server, a, 1, 1001, "", stamps(520, 9000))
		}},
		{"sent again with a stamp of its own", "", func(w *wire) {
			w.open()
			w.option(ms, Client, a, 1, 1, block, stamps(9000, 1))
			w.option(300*ms, Client, a, 1, 1, block, stamps(9300, 1))
			w.option(20*ms, Server, a, 1, 1, "", stamps(520, 8999))
			w.option(20*ms, Server, a, 1, 1001, "", stamps(540, 9300))
		}},
		{"said to have, and awaited", "sack-reneged by client 0→8 2000", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Server, a, 1001, 1, block+block)
			w.option(ms, Client, a, 1, 1, "", sack(Server, 1001, 3001))
			w.tcp(250*ms, Server, a, 1, 1, block)
			w.tcp(20*ms, Client, a, 1, 1001, "")
		}},
		{"said to have, and had", "", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Server, a, 1001, 1, block+block)
			w.option(ms, Client, a, 1, 1, "", sack(Server, 1001, 3001))
			w.tcp(250*ms, Server, a, 1, 1, block)
			w.tcp(20*ms, Client, a, 1, 3001, "")
		}},
		{"a SYN-ACK of another machine", "other-syn-ack by server 0→4 0", func(w *wire) {
			w.open()
			w.tcp(time.Second, Server, flagSYN|a, 777, 1, "")
		}},
		{"a SYN-ACK repeated", "syn-ack-after-ack by server 3→4 0", func(w *wire) {
			w.open()
			w.tcp(time.Second, Server, flagSYN|a, 0, 1, "")
		}},
		{"a window taken back", "window-shrunk by client 0→6 6400", func(w *wire) {
			scaled(w)
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Client, a, 1, 1001, "")
			w.window[Client] = 450
			w.tcp(ms, Client, a, 1, 1001, "")
		}},
		{"a window that is used up", "", func(w *wire) {
			scaled(w)
			w.tcp(ms, Server, a, 1, 1, block)
			w.window[Client] = 493 // 896 bytes less; the rest is less than a step
			w.tcp(ms, Client, a, 1, 1001, "")
		}},
		{"an older window that comes late", "", func(w *wire) {
			scaled(w)
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Client, a, 1, 1001, "")
			w.id[Client] -= 2
			w.window[Client] = 400
			w.tcp(ms, Client, a, 1, 1001, "")
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			x.play(w)
			if got := oddities(w.only(t)); got != x.want {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
	t.Run("SYN for a connection that both have ended", func(t *testing.T) {
		w := &wire{}
		ended(w)
		w.tcp(ms, Client, flagSYN, 70000, 0, "")
		w.tcp(20*ms, Server, a, 2, 2, "")
		list := w.flows(t)
		if len(list) != 2 || oddities(list[0]) != "" || oddities(list[1]) != "time-wait by server 7→8 0, port-reuse by client 6→7 0" {
			t.Errorf("%d flows", len(list))
		}
	})
	t.Run("what is behind a refused SYN is its own", func(t *testing.T) {
		w := &wire{}
		w.tcp(0, Client, flagSYN, 7000, 0, "")
		w.tcp(20*ms, Server, a, 500, 42, "")
		w.tcp(ms, Client, flagRST, 42, 0, "")
		w.tcp(time.Second, Client, flagSYN, 7000, 0, "")
		w.tcp(20*ms, Server, flagSYN|a, 9000, 7001, "")
		w.tcp(ms, Client, a, 7001, 9001, "")
		w.tcp(ms, Client, a, 7001, 9001, "hello")
		w.tcp(8*time.Second, Server, a, 9001, 7006, "world") // more than an ended connection waits for
		c := w.only(t).Conn
		if c.Count[Server].AckedUnseen != 0 || c.Count[Client].AckedUnseen != 0 || !c.ACK.Seen() || c.RTTServer != int64(20*ms) || c.ISN[Server] != wireISN[Server]+9000 {
			t.Errorf("%+v", c)
		}
	})
}
