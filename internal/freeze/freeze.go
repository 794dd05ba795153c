// Package freeze turns Go values into bytes and back: whole trees and graphs,
// with what is unexported in them. It serves values that one version of the
// program writes and reads again: the form follows the types, and changes with
// them. Read only what the same program wrote.
//
// Numbers are varints and what is zero takes a byte, so that sparse structs are
// small. A pointer met again becomes the same pointer again, and so does a slice
// of an array that is part of a struct around it. What cannot be kept (functions,
// channels, types behind interfaces that were not named) is an error.
package freeze

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// Codec knows the types behind interfaces, and what lies outside of the values.
// It may be used by several goroutines once it is set up.
type Codec struct {
	// EmptyIsNil makes nil of empty slices, so that equal values give equal bytes,
	// whatever room they hold. Maps must have an entry at most for that.
	EmptyIsNil bool

	names   map[reflect.Type]uint64 // behind interfaces
	types   []reflect.Type
	rebuilt map[reflect.Type]rebuilt
	left    map[reflect.Type]bool                 // not kept
	after   map[reflect.Type]func(unsafe.Pointer) // what is to be done with what came back
	coders  sync.Map                              // reflect.Type → coder
}

// New is a codec for values whose interfaces hold nothing but values of the
// types of the examples.
func New(examples ...any) *Codec {
	c := &Codec{names: map[reflect.Type]uint64{}, rebuilt: map[reflect.Type]rebuilt{}, left: map[reflect.Type]bool{}, after: map[reflect.Type]func(unsafe.Pointer){}}
	for _, x := range examples {
		t := reflect.TypeOf(x)
		c.names[t] = uint64(len(c.types))
		c.types = append(c.types, t)
	}
	c.rebuilt[reflect.TypeFor[netipAddr]()] = addrBytes
	return c
}

// Rebuild has pointers to T kept as what key gives, from which make gives them
// back: for what holds things that cannot be kept.
func Rebuild[T any](c *Codec, key func(*T) []byte, make func([]byte) *T) {
	c.rebuilt[reflect.TypeFor[*T]()] = rebuilt{
		key: func(p unsafe.Pointer) []byte { return key(*(**T)(p)) },
		make: func(b []byte, p unsafe.Pointer) error {
			v := make(b)
			if v == nil {
				return errDamaged
			}
			*(**T)(p) = v
			return nil
		},
	}
}

// Leave has functions of type F left out; restore is given each T that holds one
// once it is back.
func Leave[F, T any](c *Codec, restore func(*T)) {
	c.left[reflect.TypeFor[F]()] = true
	c.after[reflect.TypeFor[T]()] = func(p unsafe.Pointer) { restore((*T)(p)) }
}

// rebuilt is a type that is kept in a form of its own.
type rebuilt struct {
	key  func(p unsafe.Pointer) []byte
	make func(b []byte, p unsafe.Pointer) error
}

var errDamaged = errors.New("frozen values are damaged, or of another version")

// Encode adds what the pointer v points to to b. Pointers in it that are among
// outside are not followed, and become those at the same places in Decode.
func (c *Codec) Encode(b []byte, v any, outside ...any) (_ []byte, err error) {
	e := encoder{out: b, codec: c}
	defer func() {
		if r := recover(); r != nil {
			u, ok := r.(unkeepable)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("cannot be kept: %s", string(u))
		}
	}()
	for i, o := range outside {
		if p := reflect.ValueOf(o); !p.IsNil() {
			e.outside = append(e.outside, pointer{p.UnsafePointer(), i})
		}
	}
	p := reflect.ValueOf(v)
	e.into(p.UnsafePointer(), p.Type().Elem().Size())
	c.of(p.Type().Elem()).encode(&e, p.UnsafePointer())
	return e.out, nil
}

// Decode fills what v points to from bytes that Encode gave, and returns those
// behind them.
func (c *Codec) Decode(b []byte, v any, outside ...any) (rest []byte, err error) {
	d := decoder{in: b, codec: c}
	defer func() {
		if r := recover(); r != nil {
			if r != (any)(errDamaged) {
				panic(r)
			}
			err = errDamaged
		}
	}()
	for _, o := range outside {
		d.outside = append(d.outside, reflect.ValueOf(o).UnsafePointer())
	}
	p := reflect.ValueOf(v)
	d.open = append(d.open, p.UnsafePointer())
	c.of(p.Type().Elem()).decode(&d, p.UnsafePointer())
	return d.in, nil
}

type unkeepable string

// pointer is one that is known by a number.
type pointer struct {
	to     unsafe.Pointer
	number int
}

// encoder is one run of Encode.
type encoder struct {
	out     []byte
	codec   *Codec
	outside []pointer
	seen    map[pointerTo]uint64 // pointers followed
	next    uint64
	open    []extent // what is being encoded, outermost first
}

type pointerTo struct {
	to unsafe.Pointer
	of reflect.Type // a struct and its first field lie at one place
}

// extent is a stretch of memory.
type extent struct {
	from unsafe.Pointer
	size uintptr
}

func (e *encoder) into(p unsafe.Pointer, size uintptr) { e.open = append(e.open, extent{p, size}) }
func (e *encoder) leave()                              { e.open = e.open[:len(e.open)-1] }

// within tells in which of the values being encoded p lies, counted from the
// outermost, and where.
func (e *encoder) within(p unsafe.Pointer) (depth int, offset uintptr, ok bool) {
	for i := len(e.open) - 1; i >= 0; i-- {
		if x := e.open[i]; uintptr(p) >= uintptr(x.from) && uintptr(p) < uintptr(x.from)+x.size {
			return i, uintptr(p) - uintptr(x.from), true
		}
	}
	return 0, 0, false
}

func (e *encoder) number(n uint64) {
	for ; n >= 0x80; n >>= 7 {
		e.out = append(e.out, byte(n)|0x80)
	}
	e.out = append(e.out, byte(n))
}

func (e *encoder) bytes(b []byte) {
	e.number(uint64(len(b)))
	e.out = append(e.out, b...)
}

// decoder is one run of Decode.
type decoder struct {
	in      []byte
	codec   *Codec
	outside []unsafe.Pointer
	seen    []unsafe.Pointer
	open    []unsafe.Pointer
}

func (d *decoder) number() uint64 {
	var n uint64
	for shift := 0; shift < 70; shift += 7 {
		if len(d.in) == 0 {
			panic(errDamaged)
		}
		c := d.in[0]
		d.in = d.in[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	panic(errDamaged)
}

// count is a number of things that take a byte each at least.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.in)) {
		panic(errDamaged)
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	n := d.count()
	b := d.in[:n:n]
	d.in = d.in[n:]
	return b
}
