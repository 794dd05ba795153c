package pcapflow

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// h2Talk writes HTTP/2 frames of both sides: a piece each, a millisecond apart.
type h2Talk struct {
	list  []piece
	table [2]bytes.Buffer
	enc   [2]*hpack.Encoder
}

func newH2Talk() *h2Talk {
	k := &h2Talk{}
	for d := range k.enc {
		k.enc[d] = hpack.NewEncoder(&k.table[d])
	}
	k.say(Client, h2Settings, 0, 0, nil)
	k.list[0].data = append([]byte(http2Preface), k.list[0].data...)
	return k
}

// say writes one frame (RFC 9113 §4.1).
func (k *h2Talk) say(d Dir, typ, flags byte, stream uint32, payload []byte) {
	length := len(payload)
	b := []byte{byte(length >> 16), byte(length >> 8), byte(length), typ, flags}
	b = append(binary.BigEndian.AppendUint32(b, stream), payload...)
	n := len(k.list) + 1
	k.list = append(k.list, piece{d, Stamp{Time: int64(n) * 1e6, Frame: n}, b})
}

func (k *h2Talk) headers(d Dir, stream uint32, flags byte, fields ...string) {
	k.table[d].Reset()
	for i := 0; i < len(fields); i += 2 {
		k.enc[d].WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	k.say(d, h2Headers, flags|h2EndHeaders, stream, bytes.Clone(k.table[d].Bytes()))
}

func (k *h2Talk) get(stream uint32) {
	k.headers(Client, stream, h2EndStream, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
}

func (k *h2Talk) answer(stream uint32) { k.headers(Server, stream, 0, ":status", "200") }

func (k *h2Talk) data(stream uint32, n int, flags byte) {
	k.say(Server, h2Data, flags, stream, make([]byte, n))
}

func (k *h2Talk) grow(stream, n uint32) {
	k.say(Client, h2WindowUpdate, 0, stream, binary.BigEndian.AppendUint32(nil, n))
}

// window sets the initial window of streams.
func (k *h2Talk) window(n uint32) {
	k.say(Client, h2Settings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, 4}, n))
}

// TestHTTP2Waits: how long answers waited for their windows and for one another.
func TestHTTP2Waits(t *testing.T) {
	cases := []struct {
		name       string
		talk       func(k *h2Talk)
		flow, line []int64 // ms, by exchange
	}{
		{"stream window closed", func(k *h2Talk) {
			k.window(100)
			k.get(1)
			k.answer(1)
			k.data(1, 60, 0)
			k.data(1, 40, 0) // closed at 6 ms
			k.grow(0, 1000)  // not this window
			k.grow(1, 50)    // 8 ms
			k.data(1, 50, h2EndStream)
		}, []int64{2}, []int64{0}},
		{"connection window closed", func(k *h2Talk) {
			k.window(1 << 20)
			k.get(1)
			k.get(3)
			k.answer(1)
			for range 3 {
				k.data(1, 16384, 0)
			}
			k.data(1, 16383, 0) // 9 ms
			k.grow(1, 5)
			k.grow(3, 5)
			k.grow(0, 10) // 12 ms
			k.data(1, 1, h2EndStream)
		}, []int64{3, 0}, []int64{0, 0}},
		{"settings open the window", func(k *h2Talk) {
			k.window(10)
			k.get(1)
			k.answer(1)
			k.data(1, 10, 0) // 5 ms
			k.window(20)
			k.data(1, 10, h2EndStream)
		}, []int64{1}, []int64{0}},
		{"the last byte needs no window", func(k *h2Talk) {
			k.window(10)
			k.get(1)
			k.answer(1)
			k.data(1, 10, h2EndStream)
			k.grow(1, 10)
		}, []int64{0}, []int64{0}},
		{"answers take turns", func(k *h2Talk) {
			k.get(1)
			k.get(3)
			k.answer(1)
			k.answer(3)                 // 5 ms: 1 has waited for nothing yet
			k.data(3, 100, 0)           // 6
			k.data(3, 100, 0)           // 7
			k.data(1, 10, h2EndStream)  // 8: from 4 to 7 it was the other's turn
			k.data(3, 100, h2EndStream) // 9: from 7 to 8
		}, []int64{0, 0}, []int64{3, 1}},
		{"the server has nothing to send", func(k *h2Talk) {
			k.get(1)
			k.get(3)
			k.answer(1)       // 4 ms
			k.answer(3)       // 5
			k.data(3, 100, 0) // 6
			k.grow(1, 1)
			k.grow(1, 1)
			k.grow(1, 1)
			k.data(3, 100, 0)          // 10: more than a round trip later
			k.data(3, 100, 0)          // 11
			k.data(1, 10, h2EndStream) // 12: held from 4 to 6 and from 10 to 11
			k.data(3, 10, h2EndStream) // 13: held from 11 to 12
		}, []int64{0, 0}, []int64{3, 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newH2Talk()
			c.talk(k)
			for _, cut := range []int{0, 1, 7} {
				p := k.list
				if cut > 0 {
					p = recut(p, cut)
				}
				f := testFlow()
				f.Conn = &Conn{RTT: 2e6}
				f = followOn(f, httpDissector, nil, p)
				if len(f.HTTP) != len(c.flow) || len(f.Notes) > 0 {
					t.Fatalf("%d exchanges, notes %q", len(f.HTTP), f.Notes)
				}
				for i, e := range f.HTTP {
					if e.FlowControlWait != c.flow[i]*1e6 || e.HeadOfLineWait != c.line[i]*1e6 {
						t.Errorf("cut %d, exchange %d waited %d and %d ns, want %d and %d ms", cut, i+1, e.FlowControlWait, e.HeadOfLineWait, c.flow[i], c.line[i])
					}
				}
			}
		})
	}
}

func TestServerTiming(t *testing.T) {
	for _, c := range []struct {
		value string
		want  []ServerTiming
	}{
		{"db;dur=53.2, app;dur=47", []ServerTiming{{"db", 53_200_000}, {"app", 47_000_000}}},
		{`cache;desc="read, from; disk";dur=23.25`, []ServerTiming{{"cache", 23_250_000}}},
		{"miss", []ServerTiming{{"miss", -1}}},
		{`total;dur="12"`, []ServerTiming{{"total", 12_000_000}}},
		{"a;dur=1;dur=2", []ServerTiming{{"a", 1_000_000}}},
		{"a;dur=-1, b;dur=NaN, c;dur=1e300", []ServerTiming{{"a", -1}, {"b", -1}, {"c", -1}}},
		{" , ;dur=3, bad name;dur=1", nil},
		{`x;desc="open \" quote, y;dur=1`, []ServerTiming{{"x", -1}}},
	} {
		got := appendServerTiming(nil, []byte(c.value))
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.value, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.value, got, c.want)
			}
		}
	}
}

// TestHTTP2Authority: it goes before a Host field, and who asks by what password is not
// kept of either.
func TestHTTP2Authority(t *testing.T) {
	k := newH2Talk()
	k.headers(Client, 1, h2EndStream, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "ana:secret@a.example", "host", "b.example")
	k.headers(Client, 3, h2EndStream, ":method", "GET", ":scheme", "http", ":path", "/", "host", "ana:secret@c.example")
	f := follow(httpDissector, nil, k.list)
	if len(f.HTTP) != 2 || f.HTTP[0].Host != "a.example" || f.HTTP[1].Host != "c.example" {
		t.Errorf("%+v", f.HTTP)
	}
}
