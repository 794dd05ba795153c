package freeze

import (
	"reflect"
	"unsafe"
)

func (c *Codec) array(t reflect.Type) coder {
	n, size := t.Len(), t.Elem().Size()
	if t.Elem().Kind() == reflect.Uint8 {
		return coder{
			func(e *encoder, p unsafe.Pointer) { e.out = append(e.out, unsafe.Slice((*byte)(p), n)...) },
			func(d *decoder, p unsafe.Pointer) {
				if len(d.in) < n {
					panic(errDamaged)
				}
				d.in = d.in[copy(unsafe.Slice((*byte)(p), n), d.in):]
			},
		}
	}
	elem := c.of(t.Elem())
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			for i := range n {
				elem.encode(e, unsafe.Add(p, uintptr(i)*size))
			}
		},
		func(d *decoder, p unsafe.Pointer) {
			for i := range n {
				elem.decode(d, unsafe.Add(p, uintptr(i)*size))
			}
		},
	}
}

// Kinds of slices and pointers, as they begin.
const (
	none    = iota // nil
	fresh          // what it points to follows
	again          // a pointer met before, by its number
	inside         // of a value around it: depth and offset
	outside        // of those given
)

// sliceHeader is a slice as it lies in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (c *Codec) slice(t reflect.Type) coder {
	size := t.Elem().Size()
	if t.Elem().Kind() == reflect.Uint8 {
		size = 1
	}
	elem := c.of(t.Elem())
	flat := t.Elem().Kind() == reflect.Uint8
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			s := (*sliceHeader)(p)
			if s.data == nil || c.EmptyIsNil && s.len == 0 {
				e.number(none)
				return
			}
			if depth, offset, ok := e.within(s.data); ok && size > 0 && s.cap > 0 {
				e.number(inside)
				for _, n := range [...]uint64{uint64(depth), uint64(offset), uint64(s.len), uint64(s.cap)} {
					e.number(n)
				}
				return
			}
			e.number(fresh)
			if flat {
				e.bytes(unsafe.Slice((*byte)(s.data), s.len))
				return
			}
			e.number(uint64(s.len))
			e.into(s.data, uintptr(s.cap)*size)
			for i := range s.len {
				elem.encode(e, unsafe.Add(s.data, uintptr(i)*size))
			}
			e.leave()
		},
		func(d *decoder, p unsafe.Pointer) {
			s := (*sliceHeader)(p)
			switch d.number() {
			case none:
			case inside:
				depth, offset, n, most := d.number(), d.number(), d.number(), d.number()
				if depth >= uint64(len(d.open)) {
					panic(errDamaged)
				}
				s.data, s.len, s.cap = unsafe.Add(d.open[depth], offset), int(n), int(most)
			case fresh:
				if flat {
					b := d.bytes()
					*(*[]byte)(p) = append(make([]byte, 0, len(b)), b...)
					return
				}
				n := d.count()
				v := reflect.MakeSlice(t, n, n)
				s.data, s.len, s.cap = v.UnsafePointer(), n, n
				d.open = append(d.open, s.data)
				for i := range n {
					elem.decode(d, unsafe.Add(s.data, uintptr(i)*size))
				}
				d.open = d.open[:len(d.open)-1]
			default:
				panic(errDamaged)
			}
		},
	}
}

func (c *Codec) mapping(t reflect.Type) coder {
	key, elem := c.of(t.Key()), c.of(t.Elem())
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			m := reflect.NewAt(t, p).Elem()
			if m.IsNil() {
				e.number(none)
				return
			}
			e.number(uint64(m.Len()) + 1)
			k, v := reflect.New(t.Key()), reflect.New(t.Elem())
			for it := m.MapRange(); it.Next(); {
				k.Elem().SetIterKey(it)
				v.Elem().SetIterValue(it)
				key.encode(e, k.UnsafePointer())
				elem.encode(e, v.UnsafePointer())
			}
		},
		func(d *decoder, p unsafe.Pointer) {
			n := d.count()
			if n == 0 {
				return
			}
			m := reflect.MakeMapWithSize(t, n-1)
			for range n - 1 {
				k, v := reflect.New(t.Key()), reflect.New(t.Elem())
				key.decode(d, k.UnsafePointer())
				elem.decode(d, v.UnsafePointer())
				m.SetMapIndex(k.Elem(), v.Elem())
			}
			reflect.NewAt(t, p).Elem().Set(m)
		},
	}
}
