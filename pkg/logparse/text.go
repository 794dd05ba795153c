package logparse

import (
	"bytes"
	"math"
	"net/netip"
	"time"
	"unsafe"
)

// view shows bytes of the decoder's buffer as a string without copying. It is
// valid until the next event is read.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// cutAt returns what lies before and after the first c.
func cutAt(b []byte, c byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, c); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// integer reads a decimal integer that fills b; a sign may lead.
func integer(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if len(b) > 0 && (neg || b[0] == '+') {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var v int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

// amount reads a decimal number of units that fills b: amount("0.25",
// time.Second) is 250 ms. What lies below a nanosecond is cut off. It fails on
// anything else and beyond the range of a Duration. The unit is at most an hour.
func amount(b []byte, unit time.Duration) (time.Duration, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if len(b) > 0 && (neg || b[0] == '+') {
		b = b[1:]
	}
	var whole int64
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		whole = whole*10 + int64(b[i]-'0')
		if whole > math.MaxInt64/int64(unit)-1 || i >= 18 {
			return 0, false
		}
	}
	d := time.Duration(whole) * unit
	digitsSeen := i
	if i < len(b) && b[i] == '.' {
		var frac int64
		places := 0
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			digitsSeen++
			if places < 9 {
				frac, places = frac*10+int64(b[i]-'0'), places+1
			}
		}
		if unit == time.Second {
			d += time.Duration(frac * powers[9-places])
		} else { // in two steps, since the product could overflow
			div := powers[places]
			u := int64(unit)
			d += time.Duration(u/div*frac + u%div*frac/div)
		}
	}
	if i != len(b) || digitsSeen == 0 {
		return 0, false
	}
	if neg {
		d = -d
	}
	return d, true
}

var powers = [...]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// address reads an IP address that fills b, also in brackets; IPv4 in IPv6 is
// read as IPv4.
func address(b []byte) (netip.Addr, bool) {
	if a, ok := ipv4(b); ok {
		return a, true
	}
	if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
		if a, ok := ipv4(b); ok {
			return a, true
		}
	}
	if len(b) < 2 || len(b) > 64 || bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(view(b))
	if err != nil {
		return netip.Addr{}, false
	}
	if z := a.Zone(); z != "" {
		a = a.WithZone(string(append([]byte(nil), z...)))
	}
	return a.Unmap(), true
}

func ipv4(b []byte) (netip.Addr, bool) {
	if len(b) < 7 || len(b) > 15 {
		return netip.Addr{}, false
	}
	var q [4]byte
	part, v, n := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v*10 + int(c-'0')
			n++
			if v > 255 || n > 3 {
				return netip.Addr{}, false
			}
		case c == '.' && n > 0 && part < 3:
			q[part] = byte(v)
			part, v, n = part+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if part != 3 || n == 0 {
		return netip.Addr{}, false
	}
	q[3] = byte(v)
	return netip.AddrFrom4(q), true
}

// port reads a port number that fills b.
func port(b []byte) (uint16, bool) {
	v, ok := integer(b)
	if !ok || v < 0 || v > 65535 {
		return 0, false
	}
	return uint16(v), true
}

// addressPort reads 10.1.2.3:80, [2001:db8::1]:80, 2001:db8::1 or an address
// alone (port 0), filling b.
func addressPort(b []byte) (netip.AddrPort, bool) {
	if a, ok := address(b); ok {
		return netip.AddrPortFrom(a, 0), true
	}
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return netip.AddrPort{}, false
	}
	a, ok := address(b[:i])
	p, ok2 := port(b[i+1:])
	return netip.AddrPortFrom(a, p), ok && ok2
}
