package pcapflow

import (
	"math/bits"
	"math/rand/v2"
)

// flowKey identifies a flow: the lower endpoint is a.
type flowKey struct {
	a, b    address
	pa, pb  uint16
	proto   uint8
	v6      bool
	section uint16
	encap   uint32
	other   uint32 // encapsulation of the other direction, plus one, where it differs; 0: it does not
}

// is tells whether a packet with the key o belongs to the flow with the key k.
func (k *flowKey) is(o *flowKey) bool {
	return k.a == o.a && k.b == o.b && k.pa == o.pa && k.pb == o.pb && k.proto == o.proto && k.section == o.section && k.v6 == o.v6 &&
		(k.encap == o.encap || k.other == o.encap+1)
}

// keyOf builds the key of the packet at hand; swapped: its sender is b.
func (e *engine) keyOf(h *header) (k flowKey, swapped bool) {
	k.proto, k.v6, k.encap = h.proto, h.v6, h.encap
	if h.clock != 0 {
		k.section = e.section(h.clock)
	}
	if h.src.less(h.dst) || h.src == h.dst && h.sport <= h.dport {
		k.a, k.b, k.pa, k.pb = h.src, h.dst, h.sport, h.dport
		return k, false
	}
	k.a, k.b, k.pa, k.pb = h.dst, h.src, h.dport, h.sport
	return k, true
}

// flowTable finds open flows by key: open addressing with linear probing.
// The hash leaves out the encapsulation, so that the same endpoints in two of
// them lie side by side.
type flowTable struct {
	tags  []uint32 // hash of the flow at this place; 0: free
	flows []*flow
	n     int
	seed  uint64 // unforeseeable, so that nobody can choose colliding addresses; no result depends on it
}

func (t *flowTable) init() {
	t.seed = rand.Uint64()
	t.tags, t.flows = make([]uint32, 1<<12), make([]*flow, 1<<12)
}

// hash of the key without its encapsulation; never 0.
func (t *flowTable) hash(k *flowKey) uint32 {
	const m1, m2 = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9
	h1, l1 := bits.Mul64(k.a.hi^t.seed, k.a.lo^m1)
	h2, l2 := bits.Mul64(k.b.hi^m2, k.b.lo^t.seed)
	x := uint64(k.pa)<<48 | uint64(k.pb)<<32 | uint64(k.proto)<<16 | uint64(k.section)
	h3, l3 := bits.Mul64(x^h1^l2, h2^l1^m1)
	return uint32(h3^l3) | 1
}

// find is the flow of the key, nil if there is none.
func (t *flowTable) find(k *flowKey, hash uint32) *flow {
	mask := uint32(len(t.tags) - 1)
	for i := hash >> 1 & mask; t.tags[i] != 0; i = (i + 1) & mask {
		if t.tags[i] == hash && t.flows[i].key.is(k) {
			return t.flows[i]
		}
	}
	return nil
}

// sibling is a flow with the same endpoints in another encapsulation, nil if
// there is none.
func (t *flowTable) sibling(k *flowKey, hash uint32) *flow {
	mask := uint32(len(t.tags) - 1)
	for i := hash >> 1 & mask; t.tags[i] != 0; i = (i + 1) & mask {
		if t.tags[i] == hash {
			o := *k
			o.encap, o.other = t.flows[i].key.encap, t.flows[i].key.other
			if t.flows[i].key == o {
				return t.flows[i]
			}
		}
	}
	return nil
}

func (t *flowTable) insert(f *flow) {
	if 2*(t.n+1) > len(t.tags) {
		old := t.flows
		t.tags, t.flows = make([]uint32, 2*len(old)), make([]*flow, 2*len(old))
		for _, g := range old {
			if g != nil {
				t.place(g)
			}
		}
	}
	t.place(f)
	t.n++
}

func (t *flowTable) place(f *flow) {
	mask := uint32(len(t.tags) - 1)
	i := f.hash >> 1 & mask
	for t.tags[i] != 0 {
		i = (i + 1) & mask
	}
	t.tags[i], t.flows[i] = f.hash, f
}

// remove takes f out and closes the gap it leaves.
func (t *flowTable) remove(f *flow) {
	mask := uint32(len(t.tags) - 1)
	i := f.hash >> 1 & mask
	for t.flows[i] != f {
		if t.tags[i] == 0 {
			return
		}
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.tags[j] != 0; j = (j + 1) & mask {
		home := t.tags[j] >> 1 & mask
		if (j-home)&mask >= (j-i)&mask {
			t.tags[i], t.flows[i] = t.tags[j], t.flows[j]
			i = j
		}
	}
	t.tags[i], t.flows[i] = 0, nil
	t.n--
}

// all open flows in order of their first frame.
func (t *flowTable) all() []*flow {
	list := make([]*flow, 0, t.n)
	for _, f := range t.flows {
		if f != nil {
			list = append(list, f)
		}
	}
	sortFlows(list)
	return list
}
