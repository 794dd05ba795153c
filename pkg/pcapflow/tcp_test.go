package pcapflow

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// kinds of the retransmissions of a flow, in order.
func kinds(f *Flow) string {
	var list []string
	for _, r := range f.Conn.Retransmissions {
		list = append(list, fmt.Sprintf("%s %s %d", r.Dir, r.Kind, r.Seq))
	}
	return strings.Join(list, ", ")
}

func stalls(f *Flow) string {
	var list []string
	for _, s := range f.Conn.Stalls {
		list = append(list, fmt.Sprintf("%s %v from %d to %d", s.Cause, time.Duration(s.End.Time-s.Begin.Time), s.Begin.Frame, s.End.Frame))
	}
	return strings.Join(list, ", ")
}

// sack is a SACK option with blocks relative to the server's numbers.
func sack(d Dir, edges ...uint32) []byte {
	b := []byte{1, 1, optionSACK, byte(2 + 4*len(edges))}
	for _, x := range edges {
		b = binary.BigEndian.AppendUint32(b, wireISN[d]+x)
	}
	return b
}

// stamps is a time stamp option.
func stamps(val, echo uint32) []byte {
	b := []byte{1, 1, optionTS, 10}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, val), echo)
}

// TestRetransmissionKinds: what a repeated segment is, by the evidence.
func TestRetransmissionKinds(t *testing.T) {
	block := strings.Repeat("x", 1000)
	burst := func(w *wire, from, n int) { // of the server
		for i := range n {
			w.tcp(10*time.Microsecond, Server, flagACK, uint32(1+1000*(from+i)), 1, block)
		}
	}
	for _, x := range []struct {
		name, kinds, stalls string
		reordered           int64
		play                func(w *wire)
	}{
		{"timeout", "server timeout 1", "timeout 220ms from 4 to 5", 0, func(w *wire) {
			burst(w, 0, 1)
			w.tcp(220*ms, Server, flagACK, 1, 1, block)
			w.tcp(ms, Client, flagACK, 1, 1001, "")
		}},
		{"timeouts, doubling", "server timeout 1, server timeout 1, server timeout 1", "timeout 1.54s from 4 to 7", 0, func(w *wire) {
			burst(w, 0, 1)
			w.tcp(220*ms, Server, flagACK, 1, 1, block)
			w.tcp(440*ms, Server, flagACK, 1, 1, block)
			w.tcp(880*ms, Server, flagACK, 1, 1, block)
			w.tcp(ms, Client, flagACK, 1, 1001, "")
		}},
		{"fast, after duplicate acknowledgements", "server fast 1001", "", 0, func(w *wire) {
			burst(w, 0, 5)
			for range 4 {
				w.tcp(ms, Client, flagACK, 1, 1001, "")
			}
			w.tcp(5*ms, Server, flagACK, 1001, 1, block)
			w.tcp(ms, Client, flagACK, 1, 5001, "")
		}},
		{"fast, lost before the capture", "server fast 1001", "", 0, func(w *wire) {
			burst(w, 0, 1)
			burst(w, 2, 3)
			w.tcp(ms, Client, flagACK, 1, 1001, "")
			w.option(ms, Client, flagACK, 1, 1001, "", sack(Server, 2001, 3001))
			w.option(ms, Client, flagACK, 1, 1001, "", sack(Server, 2001, 5001))
			w.tcp(25*ms, Server, flagACK, 1001, 1, block)
		}},
		{"probe of a lost tail", "server tail-loss-probe 3001", "timeout 60.02ms from 7 to 8", 0, func(w *wire) {
			burst(w, 0, 4)
			w.tcp(60*ms+20*time.Microsecond, Server, flagACK, 3001, 1, block)
			w.tcp(ms, Client, flagACK, 1, 4001, "")
		}},
		{"late, by identification", "", "", 1, func(w *wire) {
			burst(w, 0, 4)
			late := len(w.list)
			burst(w, 4, 1)
			w.list = w.list[:late] // comes later
			burst(w, 5, 2)
			w.id[Server] -= 3
			w.tcp(40*ms, Server, flagACK, 4001, 1, block)
			w.id[Server] += 2
		}},
		{"original behind its retransmission", "server spurious 4001", "timeout 300ms from 9 to 10", 1, func(w *wire) {
			burst(w, 0, 4)
			late := len(w.list)
			burst(w, 4, 1)
			w.list = w.list[:late]
			burst(w, 5, 2)
			w.tcp(300*ms, Server, flagACK, 4001, 1, block)
			w.id[Server] -= 4
			w.tcp(40*ms, Server, flagACK, 4001, 1, block)
			w.id[Server] += 3
		}},
		{"already acknowledged", "server spurious 1", "", 0, func(w *wire) {
			burst(w, 0, 1)
			w.tcp(ms, Client, flagACK, 1, 1001, "")
			w.tcp(220*ms, Server, flagACK, 1, 1, block)
		}},
		{"reported twice by DSACK", "server spurious 1", "timeout 220ms from 4 to 5", 0, func(w *wire) {
			burst(w, 0, 1)
			w.tcp(220*ms, Server, flagACK, 1, 1, block)
			w.tcp(ms, Client, flagACK, 1, 1001, "")
			w.option(ms, Client, flagACK, 1, 1001, "", sack(Server, 1, 1001))
		}},
		{"echo of the original's time stamp", "server spurious 1", "timeout 220ms from 4 to 5", 0, func(w *wire) {
			w.option(ms, Server, flagACK, 1, 1, block, stamps(1000, 7))
			w.option(220*ms, Server, flagACK, 1, 1, block, stamps(1220, 7))
			w.option(ms, Client, flagACK, 1, 1001, "", stamps(200, 1000))
		}},
		{"echo of the retransmission's time stamp", "server timeout 1", "timeout 220ms from 4 to 5", 0, func(w *wire) {
			w.option(ms, Server, flagACK, 1, 1, block, stamps(1000, 7))
			w.option(220*ms, Server, flagACK, 1, 1, block, stamps(1220, 7))
			w.option(ms, Client, flagACK, 1, 1001, "", stamps(200, 1220))
		}},
		{"FIN", "client timeout 1", "timeout 250ms from 4 to 5", 0, func(w *wire) {
			w.tcp(ms, Client, flagACK|flagFIN, 1, 1, "")
			w.tcp(250*ms, Client, flagACK|flagFIN, 1, 1, "")
		}},
		{"the network's copy is none", "", "", 0, func(w *wire) {
			burst(w, 0, 4)
			w.again(len(w.list)-1, 5*ms, nil)
		}},
		{"a copy with another TTL is none", "", "", 0, func(w *wire) {
			burst(w, 0, 4)
			w.again(len(w.list)-1, 5*ms, func(b []byte) { b[22]-- })
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			w.open()
			x.play(w)
			f := w.only(t)
			if got := kinds(f); got != x.kinds {
				t.Errorf("%q, want %q", got, x.kinds)
			}
			if got := stalls(f); got != x.stalls {
				t.Errorf("stalls %q, want %q", got, x.stalls)
			}
			if got := f.Conn.Count[Server].OutOfOrder; got != x.reordered {
				t.Errorf("%d out of order, want %d", got, x.reordered)
			}
		})
	}
}

// TestOriginal: a retransmission names its original, and the wait.
func TestOriginal(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK, 1, 1, "GET /")
	w.tcp(300*ms, Client, flagACK, 1, 1, "GET /")
	w.tcp(600*ms, Client, flagACK, 1, 1, "GET /")
	r := w.only(t).Conn.Retransmissions
	if len(r) != 2 || r[0].Original.Frame != 4 || r[1].Original.Frame != 4 || r[0].Wait != int64(300*ms) || r[1].Wait != int64(600*ms) || r[0].Len != 5 {
		t.Errorf("%+v", r)
	}
}

// TestConnect: the handshake with its losses, and the round trip without them.
func TestConnect(t *testing.T) {
	for _, x := range []struct {
		name     string
		outcome  Outcome
		attempts int
		took     time.Duration
		rtt      time.Duration
		state    string
		play     func(w *wire)
	}{
		{"at once", Done, 1, 21 * ms, 21 * ms, "S1", func(w *wire) { w.open() }},
		{"SYN lost", Done, 2, 1021 * ms, 21 * ms, "S1", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(1000*ms, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|flagACK, 0, 1, "")
			w.tcp(ms, Client, flagACK, 1, 1, "")
		}},
		{"SYN-ACK lost behind the capture", Done, 1, 1023 * ms, 21 * ms, "S1", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|flagACK, 0, 1, "")
			w.tcp(1002*ms, Server, flagSYN|flagACK, 0, 1, "")
			w.tcp(ms, Client, flagACK, 1, 1, "")
		}},
		{"refused", Refused, 1, 20 * ms, 20 * ms, "REJ", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagRST|flagACK, 0, 1, "")
		}},
		{"refused at the second attempt", Refused, 2, 1020 * ms, 20 * ms, "REJ", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(1000*ms, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagRST|flagACK, 0, 1, "")
		}},
		{"unanswered", Unanswered, 3, 0, 0, "S0", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(1000*ms, Client, flagSYN, 0, 0, "")
			w.tcp(2000*ms, Client, flagSYN, 0, 0, "")
		}},
		{"the capture ends at once", Unseen, 1, 0, 0, "S0", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
		}},
		{"SYN-ACK not captured", Done, 1, 21 * ms, 21 * ms, "OTH", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(21*ms, Client, flagACK, 1, 1, "")
			w.tcp(ms, Client, flagACK, 1, 1, "GET")
			w.tcp(20*ms, Server, flagACK, 1, 4, "OK")
		}},
		{"scanned half open", Failed, 1, 21 * ms, 0, "RSTO", func(w *wire) {
			w.tcp(0, Client, flagSYN, 0, 0, "")
			w.tcp(20*ms, Server, flagSYN|flagACK, 0, 1, "")
			w.tcp(ms, Client, flagRST, 1, 0, "")
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			x.play(w)
			f := w.only(t)
			p := f.Phases[0]
			var took int64
			if p.End.Seen() {
				took = p.End.Time - p.Begin.Time
			}
			if p.Name != TCPConnect || p.Outcome != x.outcome || p.Attempts != x.attempts || took != int64(x.took) || p.RTT != int64(x.rtt) || f.Conn.State != x.state {
				t.Errorf("%s, %d attempts, %v, round trip %v, %s: %+v", p.Outcome, p.Attempts, time.Duration(took), time.Duration(p.RTT), f.Conn.State, p)
			}
		})
	}
}

// TestSYNKeptOnTheWay: an answer that came sooner than any later round trip, and
// echoes the first SYN, answers that one; where the later round trips are those of
// delayed acknowledgements, it may answer the last.
func TestSYNKeptOnTheWay(t *testing.T) {
	stamp := func(own, echo uint32) []byte {
		b := []byte{1, 1, 8, 10}
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, own), echo)
	}
	for _, x := range []struct {
		trip, answer, rtt time.Duration
	}{
		{600 * ms, 200 * ms, 1200 * ms},
		{600 * ms, 601 * ms, 601 * ms},
		{40 * ms, 300 * time.Microsecond, 300 * time.Microsecond},
	} {
		w := &wire{}
		w.option(0, Client, flagSYN, 0, 0, "", stamp(1000, 0))
		w.option(1000*ms, Client, flagSYN, 0, 0, "", stamp(2000, 0))
		w.option(x.answer, Server, flagSYN|flagACK, 0, 1, "", stamp(9000, 1000))
		w.option(0, Client, flagACK, 1, 1, "", stamp(2200, 9000))
		for i := range uint32(4) {
			w.option(ms, Client, flagACK, 1+i, 1, "x", stamp(3000+i, 9000))
			w.option(x.trip, Server, flagACK, 1, 2+i, "", stamp(9500+i, 3000+i))
		}
		if f := w.only(t); f.Conn.RTTServer != int64(x.rtt) {
			t.Errorf("trips of %v, answered after %v: round trip %v, want %v", x.trip, x.answer, time.Duration(f.Conn.RTTServer), x.rtt)
		}
	}
}

// TestMidstream: without a SYN there is no phase and no round trip, and who is
// the client is a guess.
func TestMidstream(t *testing.T) {
	w := &wire{}
	w.tcp(0, Server, flagACK, 501, 701, "more")
	w.tcp(ms, Client, flagACK, 701, 505, "")
	f := w.only(t)
	if !f.Guessed || f.Server.Port() != 443 || len(f.Phases) != 0 || f.Conn.RTT != 0 || f.Conn.State != "OTH" || f.Conn.Count[Server].AckedUnseen != 0 {
		t.Errorf("%+v %+v", f, f.Conn)
	}
}

// TestPortReuse: a SYN with another number begins another stream.
func TestPortReuse(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK|flagFIN, 1, 1, "")
	w.tcp(ms, Server, flagACK|flagFIN, 1, 2, "")
	w.tcp(ms, Client, flagSYN, 70000, 0, "")
	w.tcp(ms, Client, flagSYN, 70000, 0, "")
	list := w.flows(t)
	if len(list) != 2 || list[0].Stream != 0 || list[1].Stream != 1 || list[0].Conn.State != "SF" || len(list[1].Conn.SYN) != 2 {
		t.Errorf("%+v", list)
	}
}

// TestWindows: zero and full windows, probes, and how long they lasted.
func TestWindows(t *testing.T) {
	w := &wire{}
	w.open()
	w.window[Client] = 2000
	w.tcp(ms, Client, flagACK, 1, 1, "GET")
	w.tcp(20*ms, Server, flagACK, 1, 4, strings.Repeat("x", 1000))
	w.tcp(0, Server, flagACK, 1001, 4, strings.Repeat("y", 1000))
	w.shut[Client] = true
	w.tcp(ms, Client, flagACK, 4, 2001, "")
	w.tcp(200*ms, Server, flagACK, 2000, 4, "")
	w.tcp(ms, Client, flagACK, 4, 2001, "")
	w.tcp(400*ms, Server, flagACK, 2001, 4, "z")
	w.tcp(ms, Client, flagACK, 4, 2001, "")
	w.shut[Client] = false
	w.tcp(100*ms, Client, flagACK, 4, 2001, "")
	w.tcp(20*ms, Server, flagACK, 2001, 4, "zend")
	f := w.only(t)
	c := f.Conn.Count
	if c[Client].ZeroWindow != 3 || c[Client].ZeroWindowTime != int64(702*ms) || c[Server].WindowFull != 1 || c[Server].Probes != 2 || c[Server].Retransmitted != 0 || c[Server].MaxInFlight != 2000 {
		t.Errorf("%+v\n%+v", c[Client], c[Server])
	}
	if got := stalls(f); got != "zero-window 702ms from 7 to 12" {
		t.Error(got)
	}
}

// TestDelayedACK: a small write waits for the acknowledgement of the one before.
func TestDelayedACK(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK|flagPSH, 1, 1, "head")
	w.tcp(60*ms, Server, flagACK, 1, 5, "")
	w.tcp(100*time.Microsecond, Client, flagACK|flagPSH, 5, 1, "body")
	f := w.only(t)
	if got := stalls(f); got != "" { // 60 ms is not four times the round trip of 20 ms
		t.Error(got)
	}
	w = &wire{}
	w.open()
	w.tcp(ms, Client, flagACK|flagPSH, 1, 1, "head")
	w.tcp(200*ms, Server, flagACK, 1, 5, "")
	w.tcp(100*time.Microsecond, Client, flagACK|flagPSH, 5, 1, "body")
	if got := stalls(w.only(t)); got != "delayed-ack 200ms from 4 to 5" {
		t.Error(got)
	}
}

// TestDelayedACKFar: on a long path the delay is what comes on top of round trips
// that keep close to the shortest; where they lie all over, it is a queue's.
func TestDelayedACKFar(t *testing.T) {
	for _, x := range []struct {
		name  string
		trips []time.Duration // of requests before, beside the handshake's 20 ms
		late  time.Duration
		after time.Duration // until the client goes on
		want  string
	}{
		{"40 ms on top", []time.Duration{20 * ms, 21 * ms}, 61 * ms, ms, "delayed-ack 61ms from 10 to 11"},
		{"a queue", []time.Duration{20 * ms, 42 * ms, 33 * ms}, 61 * ms, ms, ""},
		{"less than a timer", []time.Duration{20 * ms, 21 * ms}, 45 * ms, ms, ""},
		{"goes on later", []time.Duration{20 * ms, 21 * ms}, 61 * ms, 30 * ms, ""},
	} {
		w := &wire{}
		w.open()
		sent := uint32(1)
		for _, trip := range x.trips {
			w.tcp(ms, Client, flagACK|flagPSH, sent, 1, "head")
			sent += 4
			w.tcp(trip, Server, flagACK, 1, sent, "")
			w.tcp(300*ms, Client, flagACK, sent, 1, "")
		}
		w.tcp(ms, Client, flagACK|flagPSH, sent, 1, "head")
		w.tcp(x.late, Server, flagACK, 1, sent+4, "")
		w.tcp(x.after, Client, flagACK|flagPSH, sent+4, 1, "body")
		if got := stalls(w.only(t)); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

// TestAckedUnseen: what the receiver acknowledges and the capture lacks is the
// capture's loss.
func TestAckedUnseen(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Server, flagACK, 1, 1, strings.Repeat("x", 100))
	w.tcp(ms, Server, flagACK, 301, 1, strings.Repeat("x", 100))
	w.tcp(ms, Client, flagACK, 1, 401, "")
	w.tcp(ms, Client, flagACK, 1, 901, "")
	f := w.only(t)
	if c := f.Conn.Count[Server]; c.AckedUnseen != 700 || c.Retransmitted != 0 || !strings.Contains(f.Conn.History, "g") {
		t.Errorf("%+v %s", c, f.Conn.History)
	}
}

// TestRoundTrips: samples are split by side, and Karn's rule holds.
func TestRoundTrips(t *testing.T) {
	w := &wire{}
	w.open()
	seq, ack := uint32(1), uint32(1)
	for i := range 100 {
		w.tcp(ms, Client, flagACK, seq, ack, "request")
		seq += 7
		w.tcp(time.Duration(20+i%10)*ms, Server, flagACK, ack, seq, "answer")
		ack += 6
		w.tcp(2*ms, Client, flagACK, seq, ack, "")
	}
	w.tcp(ms, Client, flagACK, seq, ack, "again")
	w.tcp(500*ms, Client, flagACK, seq, ack, "again")
	w.tcp(5*ms, Server, flagACK, ack, seq+5, "")
	s := w.only(t).Conn.Samples
	if a := s[Server]; a.N != 100 || a.Min != int64(20*ms) || a.P50 < int64(23*ms) || a.P50 > int64(26*ms) || a.P95 < int64(27*ms) || a.P95 > int64(29*ms) {
		t.Errorf("towards the server %+v", a)
	}
	if a := s[Client]; a.N != 100 || a.Min != int64(2*ms) || a.P95 != int64(2*ms) {
		t.Errorf("towards the client %+v", a)
	}
}

// TestResets: a RST whose TTL is not its sender's is odd.
func TestResets(t *testing.T) {
	for _, odd := range []bool{false, true} {
		w := &wire{}
		w.open()
		w.tcp(ms, Client, flagACK, 1, 1, "GET")
		w.tcp(20*ms, Server, flagRST|flagACK, 1, 4, "")
		if odd {
			w.list[len(w.list)-1].Data[22]--
		}
		f := w.only(t)
		if r := f.Conn.RST; len(r) != 1 || r[0].Odd != odd || r[0].Answer || r[0].Dir != Server || f.Conn.State != "RSTR" {
			t.Errorf("odd %v: %+v %s", odd, r, f.Conn.State)
		}
	}
}
