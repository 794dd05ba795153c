package pcapflow

import "strconv"

// wrapper is a kind of encapsulation that keeps equal addresses apart.
type wrapper uint8

const (
	inVLAN wrapper = iota + 1
	inPPPoE
	inMPLS
	inGRE
	inERSPAN
	inVXLAN
	inGeneve
	inGTP
	inIP
	inTeredo
	inWLAN
)

var wrapperNames = [...]string{"", "vlan", "pppoe", "mpls", "gre", "erspan", "vxlan", "geneve", "gtp", "ip", "teredo", "wlan"}

// encapsulations numbers the ways packets were wrapped. 0 is none. Only what
// both directions of a flow have in common counts: labels and tunnel endpoint
// numbers that differ by direction (MPLS, GTP) are left out by the callers.
type encapsulations struct {
	number map[encapKey]uint32
	names  []string
	last   encapKey // the one asked for before, and its number
	lastID uint32
}

type encapKey struct {
	parent uint32
	kind   wrapper
	value  uint32
}

// maxEncapsulations bounds the numbers given; what comes later shares one.
const maxEncapsulations = 1 << 16

// within is the number of kind:value inside parent.
func (x *encapsulations) within(parent uint32, kind wrapper, value uint32) uint32 {
	k := encapKey{parent, kind, value}
	if k == x.last {
		return x.lastID
	}
	n, ok := x.number[k]
	if !ok {
		if x.number == nil {
			x.number, x.names = map[encapKey]uint32{}, []string{""}
		}
		n = uint32(len(x.names))
		if n >= maxEncapsulations {
			return maxEncapsulations
		}
		name := wrapperNames[kind]
		if value != 0 {
			name += ":" + strconv.Itoa(int(value))
		}
		if parent != 0 {
			name = x.name(parent) + "/" + name
		}
		x.number[k] = n
		x.names = append(x.names, name)
	}
	x.last, x.lastID = k, n
	return n
}

func (x *encapsulations) name(n uint32) string {
	switch {
	case n == 0:
		return ""
	case int(n) < len(x.names):
		return x.names[n]
	}
	return "other"
}
