package freeze

import (
	"encoding/binary"
	"math"
	"net/netip"
	"reflect"
	"unsafe"
)

// coder writes and reads values of one type.
type coder struct {
	encode func(*encoder, unsafe.Pointer)
	decode func(*decoder, unsafe.Pointer)
}

// of is the coder of a type.
func (c *Codec) of(t reflect.Type) coder {
	if known, ok := c.coders.Load(t); ok {
		return known.(coder)
	}
	// A type that holds itself asks for its own coder while that is being made.
	c.coders.Store(t, coder{
		func(e *encoder, p unsafe.Pointer) { made, _ := c.coders.Load(t); made.(coder).encode(e, p) },
		func(d *decoder, p unsafe.Pointer) { made, _ := c.coders.Load(t); made.(coder).decode(d, p) },
	})
	made := c.make(t)
	c.coders.Store(t, made)
	return made
}

func (c *Codec) make(t reflect.Type) coder {
	if r, ok := c.rebuilt[t]; ok {
		if t.Kind() == reflect.Pointer {
			return c.optional(t, r)
		}
		return coder{
			func(e *encoder, p unsafe.Pointer) { e.bytes(r.key(p)) },
			func(d *decoder, p unsafe.Pointer) {
				if r.make(d.bytes(), p) != nil {
					panic(errDamaged)
				}
			},
		}
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Uint8:
		return coder{
			func(e *encoder, p unsafe.Pointer) { e.out = append(e.out, *(*byte)(p)) },
			func(d *decoder, p unsafe.Pointer) {
				if len(d.in) == 0 {
					panic(errDamaged)
				}
				*(*byte)(p) = d.in[0]
				d.in = d.in[1:]
			},
		}
	case reflect.Int, reflect.Int64:
		return signed[int64]()
	case reflect.Int8:
		return signed[int8]()
	case reflect.Int16:
		return signed[int16]()
	case reflect.Int32:
		return signed[int32]()
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return unsigned[uint64]()
	case reflect.Uint16:
		return unsigned[uint16]()
	case reflect.Uint32:
		return unsigned[uint32]()
	case reflect.Float64:
		return coder{
			func(e *encoder, p unsafe.Pointer) { e.number(math.Float64bits(*(*float64)(p))) },
			func(d *decoder, p unsafe.Pointer) { *(*float64)(p) = math.Float64frombits(d.number()) },
		}
	case reflect.String:
		return coder{
			func(e *encoder, p unsafe.Pointer) {
				s := *(*string)(p)
				e.number(uint64(len(s)))
				e.out = append(e.out, s...)
			},
			func(d *decoder, p unsafe.Pointer) { *(*string)(p) = string(d.bytes()) },
		}
	case reflect.Struct:
		return c.structure(t)
	case reflect.Array:
		return c.array(t)
	case reflect.Slice:
		return c.slice(t)
	case reflect.Map:
		return c.mapping(t)
	case reflect.Pointer:
		return c.pointer(t)
	case reflect.Interface:
		return c.dynamic(t)
	}
	left := c.left[t]
	return coder{
		func(_ *encoder, p unsafe.Pointer) {
			if !left && !reflect.NewAt(t, p).Elem().IsNil() { // functions, channels, raw pointers
				panic(unkeepable(t.String()))
			}
		},
		func(*decoder, unsafe.Pointer) {},
	}
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64
}

func signed[T integer]() coder {
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			v := int64(*(*T)(p))
			e.number(uint64(v)<<1 ^ uint64(v>>63))
		},
		func(d *decoder, p unsafe.Pointer) { n := d.number(); *(*T)(p) = T(int64(n>>1) ^ -int64(n&1)) },
	}
}

func unsigned[T ~uint16 | ~uint32 | ~uint64]() coder {
	return coder{
		func(e *encoder, p unsafe.Pointer) { e.number(uint64(*(*T)(p))) },
		func(d *decoder, p unsafe.Pointer) { *(*T)(p) = T(d.number()) },
	}
}

// structure keeps a struct field by field. One that is all zero is one byte.
func (c *Codec) structure(t reflect.Type) coder {
	type field struct {
		offset uintptr
		coder
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		fields = append(fields, field{f.Offset, c.of(f.Type)})
	}
	size, after := t.Size(), c.after[t]
	return coder{
		func(e *encoder, p unsafe.Pointer) {
			if isZero(unsafe.Slice((*byte)(p), size)) {
				e.out = append(e.out, 0)
				return
			}
			e.out = append(e.out, 1)
			for i := range fields {
				fields[i].encode(e, unsafe.Add(p, fields[i].offset))
			}
		},
		func(d *decoder, p unsafe.Pointer) {
			if d.number() == 0 {
				return
			}
			for i := range fields {
				fields[i].decode(d, unsafe.Add(p, fields[i].offset))
			}
			if after != nil {
				after(p)
			}
		},
	}
}

func isZero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

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
