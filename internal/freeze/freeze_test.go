package freeze

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

type speaker interface{ speak() string }

type dog struct{ name string }

func (d *dog) speak() string { return d.name }

type cat int32

func (c cat) speak() string { return strings.Repeat("m", int(c)) }

type ring struct {
	room  [4]uint16
	list  []uint16 // a part of room, until it grows
	first *uint16
}

type node struct {
	number  int64
	text    string
	share   float64
	next    *node
	twin    *dog
	voice   speaker
	voices  []speaker
	by      map[string]*dog
	addr    netip.AddrPort
	raw     []byte
	empty   []int
	digits  [3]int8
	ring    ring
	flag    bool
	emit    func()
	owner   *node
	outside *dog
}

// codec of the tests. What holds a function has it back.
func codec() *Codec {
	c := New(&dog{}, cat(0))
	Leave[func()](c, func(n *node) { n.emit = func() { n.number++ } })
	return c
}

func TestThereAndBack(t *testing.T) {
	d, apart := &dog{"rex"}, &dog{"stays"}
	n := &node{
		number: math.MinInt64, text: "a\x00b", share: -0.1, twin: d, voice: d, voices: []speaker{cat(2), nil, d},
		by: map[string]*dog{"x": d, "none": nil}, addr: netip.MustParseAddrPort("[fe80::1%eth0]:7"), raw: []byte{0, 255}, empty: []int{},
		digits: [3]int8{-128, 0, 127}, flag: true, emit: func() {}, outside: apart,
	}
	n.next = &node{number: 3, owner: n}
	n.ring.room = [4]uint16{1, 2, 3, 4}
	n.ring.list = n.ring.room[1:3]
	n.ring.first = &n.ring.room[3]
	b, err := codec().Encode([]byte("head"), n, apart)
	if err != nil || string(b[:4]) != "head" {
		t.Fatal(err)
	}
	back := &node{}
	rest, err := codec().Decode(append(b[4:], "tail"...), back, apart)
	if err != nil || string(rest) != "tail" {
		t.Fatal(err, rest)
	}
	switch {
	case back.next.owner != back, back.twin != back.voice, back.voices[2] != back.twin, back.by["x"] != back.twin:
		t.Error("pointers to one thing point to several")
	case back.outside != apart:
		t.Error("what lies outside was copied")
	case &back.ring.list[0] != &back.ring.room[1] || cap(back.ring.list) != 3 || back.ring.first != &back.ring.room[3]:
		t.Error("a part of an array became an array of its own")
	}
	if back.emit(); back.number != math.MinInt64+1 {
		t.Error("the function is not what it was")
	}
	n.emit, back.emit, back.next.emit, back.number = nil, nil, nil, n.number
	if !reflect.DeepEqual(n, back) {
		t.Errorf("%+v\nbecame\n%+v", n, back)
	}
}

func TestZeroIsSmall(t *testing.T) {
	b, err := codec().Encode(nil, &[100]node{})
	if err != nil || len(b) != 100 {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

// TestUnkeepable: what cannot be kept is told, not lost.
func TestUnkeepable(t *testing.T) {
	for name, v := range map[string]any{
		"function": &struct{ f func(int) }{func(int) {}}, "channel": &struct{ c chan int }{make(chan int)},
		"type": &struct{ s any }{3},
	} {
		if _, err := codec().Encode(nil, v); err == nil {
			t.Errorf("%s: was kept", name)
		}
	}
}

// TestDamaged: bytes that are not whole, or not ours, are an error.
func TestDamaged(t *testing.T) {
	n := &node{text: "text", voices: []speaker{cat(1), &dog{"d"}}, by: map[string]*dog{"k": {"v"}}, next: &node{}}
	n.next.owner = n
	b, err := codec().Encode(nil, n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		if _, err := codec().Decode(b[:i], &node{}); err == nil {
			t.Errorf("%d of %d bytes are enough", i, len(b))
		}
	}
}
