package freeze

import (
	"encoding/binary"
	"math"
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
