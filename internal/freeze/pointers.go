package freeze

import (
	"net/netip"
	"reflect"
	"unsafe"
)

func (c *Codec) pointer(t reflect.Type) coder {
	elem, size := c.of(t.Elem()), t.Elem().Size()
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			to := *(*unsafe.Pointer)(p)
			if to == nil {
				e.number(none)
				return
			}
			for _, o := range e.outside {
				if o.to == to {
					e.number(outside)
					e.number(uint64(o.number))
					return
				}
			}
			id := pointerTo{to, t}
			if n, ok := e.seen[id]; ok {
				e.number(again)
				e.number(n)
				return
			}
			if depth, offset, ok := e.within(to); ok {
				e.number(inside)
				e.number(uint64(depth))
				e.number(uint64(offset))
				return
			}
			if e.seen == nil {
				e.seen = map[pointerTo]uint64{}
			}
			e.seen[id] = e.next
			e.next++
			e.number(fresh)
			e.into(to, size)
			elem.encode(e, to)
			e.leave()
		},
		func(d *decoder, p unsafe.Pointer) {
			to := (*unsafe.Pointer)(p)
			switch d.number() {
			case none:
			case outside:
				n := d.number()
				if n >= uint64(len(d.outside)) {
					panic(errDamaged)
				}
				*to = d.outside[n]
			case again:
				n := d.number()
				if n >= uint64(len(d.seen)) {
					panic(errDamaged)
				}
				*to = d.seen[n]
			case inside:
				depth, offset := d.number(), d.number()
				if depth >= uint64(len(d.open)) {
					panic(errDamaged)
				}
				*to = unsafe.Add(d.open[depth], offset)
			case fresh:
				v := reflect.New(t.Elem()).UnsafePointer()
				*to = v
				d.seen = append(d.seen, v)
				d.open = append(d.open, v)
				elem.decode(d, v)
				d.open = d.open[:len(d.open)-1]
			default:
				panic(errDamaged)
			}
		},
	}
}

// optional is a pointer that is rebuilt from what it was made of.
func (c *Codec) optional(t reflect.Type, r rebuilt) coder {
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			if *(*unsafe.Pointer)(p) == nil {
				e.number(none)
				return
			}
			e.number(fresh)
			e.bytes(r.key(p))
		},
		func(d *decoder, p unsafe.Pointer) {
			if d.number() == fresh && r.make(d.bytes(), p) != nil {
				panic(errDamaged)
			}
		},
	}
}

// dynamic keeps an interface by the name of the type of what it holds.
func (c *Codec) dynamic(t reflect.Type) coder {
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			v := reflect.NewAt(t, p).Elem()
			if v.IsNil() {
				e.number(0)
				return
			}
			v = v.Elem()
			n, ok := c.names[v.Type()]
			if !ok {
				panic(unkeepable(v.Type().String()))
			}
			e.number(n + 1)
			held := reflect.New(v.Type())
			if v.CanInterface() {
				held.Elem().Set(v)
			} else {
				held.Elem().Set(reflect.NewAt(t, p).Elem().Elem())
			}
			c.of(v.Type()).encode(e, held.UnsafePointer())
		},
		func(d *decoder, p unsafe.Pointer) {
			n := d.number()
			if n == 0 {
				return
			}
			if n > uint64(len(c.types)) {
				panic(errDamaged)
			}
			held := reflect.New(c.types[n-1])
			c.of(c.types[n-1]).decode(d, held.UnsafePointer())
			reflect.NewAt(t, p).Elem().Set(held.Elem())
		},
	}
}

type netipAddr = netip.Addr

// addrBytes keeps addresses, which hold a pointer of the runtime's.
var addrBytes = rebuilt{
	key:  func(p unsafe.Pointer) []byte { b, _ := (*(*netip.Addr)(p)).MarshalBinary(); return b },
	make: func(b []byte, p unsafe.Pointer) error { return (*netip.Addr)(p).UnmarshalBinary(b) },
}
