package pcapflow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (w *wire) turns(t testing.TB) *Flow {
	t.Helper()
	r, err := Analyse(&packets{list: w.list}, Options{Turns: true})
	if err != nil || len(r.Flows) == 0 {
		t.Fatalf("%v, %d flows", err, len(r.Flows))
	}
	return r.Flows[0]
}

// TestTurns: where a side's bytes begin and end, and when they were acknowledged.
func TestTurns(t *testing.T) {
	const a, p = flagACK, flagACK | flagPSH
	block := strings.Repeat("x", 1000)
	for _, x := range []struct {
		name, want string
		play       func(w *wire)
	}{
		{"question and answer, twice", "client 4-4 5 1×5, server 6-7 8 2×1010, client 9-9 10 1×5, server 10-10 0 1×10", func(w *wire) {
			w.open()
			w.tcp(ms, Client, p, 1, 1, "hello")
			w.tcp(20*ms, Server, a, 1, 6, "")
			w.tcp(ms, Server, a, 1, 6, block)
			w.tcp(ms, Server, p, 1001, 6, "0123456789")
			w.tcp(ms, Client, a, 6, 1011, "")
			w.tcp(ms, Client, p, 6, 1011, "hello")
			w.tcp(20*ms, Server, p, 1011, 11, "0123456789")
		}},
		{"bytes of the other side that cannot have been answered yet", "server 4-6 7 2×2000, client 5-5 0 1×5, client 7-7 8 1×5", func(w *wire) {
			w.open()
			w.tcp(ms, Server, a, 1, 1, block)
			w.tcp(ms, Client, p, 1, 1001, "hello")
			w.tcp(5*ms, Server, a, 1001, 1, block)
			w.tcp(ms, Client, p, 6, 2001, "hello")
			w.tcp(20*ms, Server, a, 2001, 11, "")
		}},
		{"sent again", "client 4-4 6 1×1000", func(w *wire) {
			w.open()
			w.tcp(ms, Client, a, 1, 1, block)
			w.tcp(300*ms, Client, a, 1, 1, block)
			w.tcp(20*ms, Server, a, 1, 1001, "")
		}},
		{"nothing said", "", func(w *wire) { w.open() }},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			x.play(w)
			var list []string
			f := w.turns(t)
			for _, u := range f.Conn.Talk.Turns {
				list = append(list, fmt.Sprintf("%s %d-%d %d %d×%d", u.Dir, u.First.Frame, u.Last.Frame, u.Acked.Frame, u.Segments, u.Bytes))
			}
			if got := strings.Join(list, ", "); got != x.want || f.Conn.Talk.Count != len(list) {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

// flight is some segments of a sender at once, and the acknowledgement of all.
type flight struct {
	segments int
	after    time.Duration // since the acknowledgement before, at the sender
	trip     time.Duration // 0: 20 ms
	flags    uint8         // of the last of them
	lost     bool          // the first is sent again after 300 ms
}

// send plays flights of blocks of 1000 bytes of side d in a capture at the client.
func (w *wire) send(d Dir, list []flight) {
	const a = flagACK
	block, seq, back := strings.Repeat("x", 1000), uint32(1), ms
	there := 20 * ms
	if d == Server {
		there, back = ms, 20*ms
	}
	w.open()
	for _, x := range list {
		first := seq
		wait := x.after + back
		for i := range x.segments {
			flags := uint8(a)
			if i == x.segments-1 {
				flags |= x.flags
			}
			w.tcp(wait, d, flags, seq, 1, block)
			seq, wait = seq+1000, 10*time.Microsecond
		}
		if x.lost {
			w.tcp(300*ms, d, a, first, 1, block)
		}
		trip := there
		if x.trip > 0 {
			trip = x.trip
		}
		w.tcp(trip, d.Other(), a, 1, seq, "")
	}
}

// TestLimits: what held a sender back.
func TestLimits(t *testing.T) {
	same := func(n int, x flight) (list []flight) {
		for range n {
			list = append(list, x)
		}
		return list
	}
	for _, x := range []struct {
		name   string
		want   Limit
		window uint16 // of both sides; 0: enough
		list   []flight
	}{
		{"a program that writes now and then", LimitApplication, 0, same(12, flight{segments: 2, after: 300 * ms})},
		{"one that writes less than a window at every acknowledgement", LimitApplication, 0, same(40, flight{segments: 4})},
		{"a window that is used up", LimitReceiver, 2000, same(12, flight{segments: 2})},
		{"a window that is used up, and a program that then has nothing", LimitApplication, 2000, same(12, flight{segments: 2, after: 300 * ms})},
		{"slow start", LimitOpportunity, 0, []flight{{segments: 2}, {segments: 4}, {segments: 8}, {segments: 16}, {segments: 32}, {segments: 50}}},
		{"a large window that does not grow", LimitTransport, 0, same(30, flight{segments: 25})},
		{"losses", LimitCongestion, 0, append(same(4, flight{segments: 25, lost: true}), same(4, flight{segments: 12})...)},
		{"losses, and a program that then has nothing", LimitApplication, 0, append(same(1, flight{segments: 25, lost: true}), same(4, flight{segments: 12, after: time.Second, flags: flagPSH})...)},
	} {
		for d := Client; d <= Server; d++ { // sent beside the capture, and far from it
			t.Run(x.name+" "+d.String(), func(t *testing.T) {
				w := &wire{window: [2]uint16{x.window, x.window}}
				w.send(d, x.list)
				f := w.turns(t)
				if len(f.Conn.Talk.Turns) != 1 || f.Conn.Talk.Turns[0].Held == nil {
					t.Fatalf("%+v", f.Conn.Talk.Turns)
				}
				u := f.Conn.Talk.Turns[0]
				if by, ok := u.Held.By(); !ok || by != x.want {
					t.Errorf("%s: %v", by, u.Held)
				}
				sum := int64(0)
				for _, ns := range u.Held {
					sum += ns
				}
				if span := u.Last.Time - u.First.Time; sum != span {
					t.Errorf("%d ns of %d", sum, span)
				}
			})
		}
	}
	t.Run("a queue that fills", func(t *testing.T) {
		w := &wire{}
		w.send(Client, append([]flight{{segments: 4}}, same(30, flight{segments: 25, trip: 90 * ms})...))
		if by, _ := w.turns(t).Conn.Talk.Turns[0].Held.By(); by != LimitBandwidth {
			t.Error(by)
		}
	})
	t.Run("a bottleneck before the capture", func(t *testing.T) {
		w := &wire{}
		w.open()
		block := strings.Repeat("x", 1000)
		for i := range uint32(200) {
			w.tcp(2*ms, Server, flagACK, 1+i*1000, 1, block)
			w.tcp(100*time.Microsecond, Client, flagACK, 1, 1001+i*1000, "")
		}
		if by, _ := w.turns(t).Conn.Talk.Turns[0].Held.By(); by != LimitBandwidth {
			t.Error(by)
		}
	})
}

// TestUnjudged: where what held a sender back cannot be known.
func TestUnjudged(t *testing.T) {
	joined := &wire{}
	joined.send(Client, []flight{{segments: 2}, {segments: 2}, {segments: 2}})
	oneWay, holes := &wire{}, &wire{}
	for i, p := range joined.list {
		if p.Data[26+3] == 1 {
			p.Frame = len(oneWay.list) + 1
			oneWay.list = append(oneWay.list, p)
		}
		if i != 4 {
			p.Frame = len(holes.list) + 1
			holes.list = append(holes.list, p)
		}
	}
	joined.list = joined.list[3:]
	for i := range joined.list {
		joined.list[i].Frame = i + 1
	}
	for name, x := range map[string]struct {
		w    *wire
		want string
	}{"joined half-way": {joined, unjudgedHandshake}, "one direction": {oneWay, unjudgedOneWay}, "bytes missing": {holes, unjudgedGaps}} {
		f := x.w.turns(t)
		if got := f.Unjudged(Client); got != x.want {
			t.Errorf("%s: %q", name, got)
		}
		for _, u := range f.Conn.Talk.Turns {
			if u.Held != nil {
				t.Errorf("%s: %+v", name, u.Held)
			}
		}
	}
	whole := &wire{}
	whole.send(Client, []flight{{segments: 2}})
	if why := whole.turns(t).Unjudged(Client); why != "" {
		t.Error(why)
	}
}

// TestClamped: segments that the path keeps small, and those that others do.
func TestClamped(t *testing.T) {
	const a, p = flagACK, flagACK | flagPSH
	mss := []byte{optionMSS, 4, 5, 180} // 1460
	for _, x := range []struct {
		name  string
		want  int
		size  int
		times int
		flags uint8
	}{
		{"cut small", 1460, 1300, 20, a},
		{"cut at what was offered", 0, 1460, 20, a},
		{"cut with options", 0, 1424, 20, a},
		{"written so", 0, 1300, 20, p},
		{"too few", 0, 1300, 10, a},
		{"joined by the card", 0, 2600, 20, a},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{}
			w.option(0, Client, flagSYN, 0, 0, "", mss)
			w.option(20*ms, Server, flagSYN|a, 0, 1, "", mss)
			w.tcp(ms, Client, a, 1, 1, "")
			for i := range x.times {
				w.tcp(ms, Server, x.flags, 1+uint32(i*x.size), 1, strings.Repeat("x", x.size))
			}
			if got := w.turns(t).Clamped(Server); got != x.want {
				t.Errorf("%d, want %d", got, x.want)
			}
		})
	}
}

// TestTurnsBounded: a connection of many turns lists the first ones, and one that sends
// a little beside a transfer does not fill the list with that.
func TestTurnsBounded(t *testing.T) {
	w := &wire{}
	w.open()
	for i := range uint32(200) {
		w.tcp(ms, Client, flagACK, 1+i, 1+i, "x")
		w.tcp(20*ms, Server, flagACK, 1+i, 2+i, "y")
	}
	if c := w.turns(t).Conn.Talk; len(c.Turns) != maxTurns || c.Count != 400 {
		t.Errorf("%d of %d", len(c.Turns), c.Count)
	}
	w = &wire{}
	w.open()
	for i := range uint32(200) {
		w.tcp(ms, Server, flagACK, 1+i*100, 1, strings.Repeat("x", 100))
		w.tcp(ms, Client, flagACK, 1+i, 101+i*100, "y")
	}
	if c := w.turns(t).Conn.Talk; len(c.Turns) > 12 || c.Turns[0].Segments != 200 {
		t.Errorf("%d: %+v", len(c.Turns), c.Turns[0])
	}
}

// TestReleased: the packet that waited for a neighbour's address, and its place in its
// flow; what goes elsewhere or later did not wait.
func TestReleased(t *testing.T) {
	ask, answer := arpFrame(t, 1, 1, 1, 2), arpFrame(t, 2, 2, 2, 1)
	for _, x := range []struct {
		name  string
		frame int
		place int64
		play  func(w *wire)
	}{
		{"its first packet", 3, 1, func(w *wire) {
			w.add(ask)
			w.now += int64(ms)
			w.add(answer)
			w.open()
		}},
		{"one in its midst", 6, 4, func(w *wire) {
			w.open()
			w.add(ask)
			w.now += int64(ms)
			w.add(answer)
			w.tcp(10*time.Microsecond, Client, flagACK, 1, 1, "hello")
		}},
		{"one that comes later", 0, 0, func(w *wire) {
			w.now = 1_700_000_000e9
			w.add(ask)
			w.add(answer)
			w.tcp(time.Second, Client, flagSYN, 0, 0, "")
		}},
		{"one of the host that answered", 0, 0, func(w *wire) {
			w.add(ask)
			w.now += int64(ms)
			w.add(answer)
			w.tcp(10*time.Microsecond, Server, flagSYN|flagACK, 0, 1, "")
		}},
		{"one that nobody asked for", 0, 0, func(w *wire) {
			w.add(answer)
			w.open()
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{now: 1_700_000_000e9}
			x.play(w)
			r, err := Analyse(&packets{list: w.list}, Options{})
			if err != nil || len(r.Neighbours) != 1 {
				t.Fatalf("%v %+v", err, r.Neighbours)
			}
			if got := r.Neighbours[0].Released; got.Frame != x.frame || got.Place != x.place {
				t.Errorf("%+v", got)
			}
		})
	}
}
