package pcapflow

import (
	"math/bits"
	"unsafe"
)

// rooms are the lists that ended flows leave behind, each for one that needs as
// much: a pool that mixes their lengths would in the end hold long ones only.
// A nil one is empty.
type rooms[T any] struct {
	class [roomClasses][][]T // of 1, 2, 4, … elements
}

const (
	roomClasses = 7
	longestRoom = 4 << 10 // bytes; longer lists are few and of any length
)

// lends tells whether lists of 1<<class elements are kept.
func (r *rooms[T]) lends(class int) bool {
	var one T
	return class < roomClasses && unsafe.Sizeof(one)<<class <= longestRoom
}

// grow gives a list room for one more element.
func (r *rooms[T]) grow(list []T) []T {
	if len(list) < cap(list) || r == nil {
		return list
	}
	n := max(1, 2*cap(list))
	class := bits.TrailingZeros(uint(n))
	if !r.lends(class) {
		return list
	}
	longer := []T(nil)
	if free := r.class[class]; len(free) > 0 {
		longer = free[len(free)-1]
		r.class[class] = free[:len(free)-1]
	} else {
		longer = make([]T, 0, n)
	}
	longer = append(longer, list...)
	r.giveBack(list)
	return longer
}

// giveBack takes a list that is not needed any more.
func (r *rooms[T]) giveBack(list []T) {
	n := cap(list)
	class := bits.TrailingZeros(uint(n))
	if r == nil || n == 0 || n != 1<<class || !r.lends(class) || len(r.class[class]) >= maxPooled {
		return
	}
	clear(list)
	r.class[class] = append(r.class[class], list[:0])
}
