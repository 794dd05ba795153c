package pcapflow

import (
	"math/bits"
	"math/rand/v2"
)

// flowKey identifies a flow: the lower endpoint is a.
type flowKey struct {
	a, b address
	keyRest
	encap uint32
	other uint32 // encapsulation of the other direction, plus one, where it differs; 0: it does not
}

// keyRest is compared in one step.
type keyRest struct {
	pa, pb  uint16
	proto   uint8
	v6      bool
	section uint16
}

// is tells whether a packet with the key o belongs to the flow with the key k.
func (k *flowKey) is(o *flowKey) bool {
	return k.keyRest == o.keyRest && k.a == o.a && k.b == o.b && (k.encap == o.encap || k.other == o.encap+1)
}

// keyOf builds the key of the packet at hand; swapped: its sender is b.
func (e *engine) keyOf(h *header) (k flowKey, swapped bool) {
	k.proto, k.v6, k.encap, k.section = h.proto, h.v6, h.encap, h.section
	if h.src.less(h.dst) || h.src == h.dst && h.sport <= h.dport {
		k.a, k.b, k.pa, k.pb = h.src, h.dst, h.sport, h.dport
		return k, false
	}
	k.a, k.b, k.pa, k.pb = h.dst, h.src, h.dport, h.sport
	return k, true
}

// flowTable holds the open flows, and finds them by key: open addressing with
// linear probing. The hash leaves out the encapsulation, so that the same
// endpoints in two of them lie side by side.
type flowTable struct {
	places []place // a power of two, at most half of them taken
	n      int
	seed   uint64 // unforeseeable, so that nobody can choose colliding addresses; no result depends on it

	slabs []*[slabFlows]flow // all flows, by number
	free  []uint32           // numbers that are not in use
}

// place in the table; hash 0: free.
type place struct{ hash, number uint32 }

const slabFlows = 64 // 32 KiB

// at is the flow of a number.
func (t *flowTable) at(number uint32) *flow { return &t.slabs[number/slabFlows][number%slabFlows] }

// take gives a flow that is not in use. All of it is zero but its turn.
func (t *flowTable) take() *flow {
	if len(t.free) == 0 {
		slab := new([slabFlows]flow)
		base := uint32(len(t.slabs) * slabFlows)
		t.slabs = append(t.slabs, slab)
		for i := slabFlows - 1; i >= 0; i-- {
			slab[i].number = base + uint32(i)
			t.free = append(t.free, base+uint32(i))
		}
	}
	n := len(t.free) - 1
	f := t.at(t.free[n])
	t.free = t.free[:n]
	return f
}

// giveBack takes a flow that has ended.
func (t *flowTable) giveBack(f *flow) {
	if f.isTCP() {
		f.tcpPart = tcpPart{}
	}
	f.flowPart = flowPart{number: f.number, turn: f.turn + 1}
	t.free = append(t.free, f.number)
}

func (t *flowTable) init() {
	t.seed = rand.Uint64()
	t.places = make([]place, 1<<12)
}

// hash of the key without its encapsulation; never 0.
func (t *flowTable) hash(k *flowKey) uint32 {
	const m1, m2 = hashFactor1, hashFactor2
	if !k.v6 {
		return t.hashV4(uint32(k.a.lo), uint32(k.b.lo), uint32(k.pa)<<16|uint32(k.pb), uint32(k.proto)<<16|uint32(k.section))
	}
	h1, l1 := bits.Mul64(k.a.hi^t.seed, k.a.lo^m1)
	h2, l2 := bits.Mul64(k.b.hi^m2, k.b.lo^t.seed)
	x := uint64(k.pa)<<48 | uint64(k.pb)<<32 | uint64(k.proto)<<16 | uint64(k.section)
	h3, l3 := bits.Mul64(x^h1^l2, h2^l1^m1)
	return uint32(h3^l3) | 1
}

const hashFactor1, hashFactor2 = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9

// hashV4 is hash of a key with IPv4 addresses.
func (t *flowTable) hashV4(a, b, ports, rest uint32) uint32 {
	h, l := bits.Mul64((uint64(a)<<32|uint64(b))^t.seed, (uint64(ports)<<32|uint64(rest))^hashFactor1)
	h, l = bits.Mul64(h^l, hashFactor2)
	return uint32(h^l) | 1
}

// find is the flow of the key, nil if there is none.
func (t *flowTable) find(k *flowKey, hash uint32) *flow {
	mask := uint32(len(t.places) - 1)
	for i := hash >> 1 & mask; ; i = (i + 1) & mask {
		p := &t.places[i]
		if p.hash == hash {
			if f := t.at(p.number); f.key.is(k) {
				return f
			}
		}
		if p.hash == 0 {
			return nil
		}
	}
}

// sibling is a flow with the same endpoints in another encapsulation, nil if
// there is none.
func (t *flowTable) sibling(k *flowKey, hash uint32) *flow {
	mask := uint32(len(t.places) - 1)
	for i := hash >> 1 & mask; t.places[i].hash != 0; i = (i + 1) & mask {
		if t.places[i].hash == hash {
			f := t.at(t.places[i].number)
			o := *k
			o.encap, o.other = f.key.encap, f.key.other
			if f.key == o {
				return f
			}
		}
	}
	return nil
}

// elsewhere counts the flows with the same endpoints in whatever encapsulation, and gives
// one of them.
func (t *flowTable) elsewhere(k *flowKey, hash uint32) (f *flow, n int) {
	mask := uint32(len(t.places) - 1)
	for i := hash >> 1 & mask; t.places[i].hash != 0; i = (i + 1) & mask {
		if t.places[i].hash != hash {
			continue
		}
		if o := t.at(t.places[i].number); o.key.keyRest == k.keyRest && o.key.a == k.a && o.key.b == k.b {
			f = o
			n++
		}
	}
	return f, n
}

func (t *flowTable) insert(f *flow) {
	if 2*(t.n+1) > len(t.places) {
		old := t.places
		t.places = make([]place, 2*len(old))
		for _, p := range old {
			if p.hash != 0 {
				t.put(p)
			}
		}
	}
	t.put(place{f.hash, f.number})
	t.n++
}

func (t *flowTable) put(p place) {
	mask := uint32(len(t.places) - 1)
	i := p.hash >> 1 & mask
	for t.places[i].hash != 0 {
		i = (i + 1) & mask
	}
	t.places[i] = p
}

// remove takes f out and closes the gap it leaves.
func (t *flowTable) remove(f *flow) {
	mask := uint32(len(t.places) - 1)
	i := f.hash >> 1 & mask
	for t.places[i] != (place{f.hash, f.number}) {
		if t.places[i].hash == 0 {
			return
		}
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.places[j].hash != 0; j = (j + 1) & mask {
		home := t.places[j].hash >> 1 & mask
		if (j-home)&mask >= (j-i)&mask {
			t.places[i] = t.places[j]
			i = j
		}
	}
	t.places[i] = place{}
	t.n--
}

// all open flows in order of their first frame.
func (t *flowTable) all() []*flow {
	list := make([]*flow, 0, t.n)
	for _, p := range t.places {
		if p.hash != 0 {
			list = append(list, t.at(p.number))
		}
	}
	sortFlows(list)
	return list
}
