package logparse

import (
	"bytes"
	"net/netip"
	"time"
)

// quick reads a line of the common or combined format as nearly all are: an
// IPv4 client, no user, the second of the line before, a plain request with its
// protocol, no escapes. It goes through the line once, and is false with e as it
// was for any other, which the reader of all forms then takes.
func (a *access) quick(b []byte, e *Event) bool {
	if len(b) < 60 || !a.clock.full || !(a.in != nil && a.in.plain) && bytes.IndexByte(b, '\\') >= 0 {
		return false
	}
	client, n := ipv4Prefix(b)
	// " - - [" and the stamp, "] \"" behind it
	if n == 0 || n+36 > len(b) || string(b[n:n+6]) != " - - [" || string(b[n+6:n+32]) != string(a.clock.text[:]) || string(b[n+32:n+35]) != "] \"" {
		return false
	}
	b = b[n+35:]
	m := 0
	for m < len(b) && b[m] >= 'A' && b[m] <= 'Z' {
		m++
	}
	if m == 0 || m > 16 || m == len(b) || b[m] != ' ' {
		return false
	}
	end := bytes.IndexByte(b, '"')
	// " HTTP/1.1" before it, a status and a space behind it
	if end < m+10 || end+6 > len(b) || string(b[end-9:end-3]) != " HTTP/" || b[end-2] != '.' || digits(b[end-3:], 1) < 0 || digits(b[end-1:], 1) < 0 || b[end+1] != ' ' || b[end+5] != ' ' {
		return false
	}
	status := digits(b[end+2:], 3)
	if status < 0 {
		return false
	}
	method, path, proto := b[:m], b[m+1:end-9], b[end-8:end]
	b = b[end+6:]
	var size int64
	i := 0
	for i < len(b) && i < 16 && b[i] >= '0' && b[i] <= '9' {
		size = size*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || i < len(b) && b[i] != ' ' {
		return false
	}
	var agent []byte
	b = b[min(i+1, len(b)):]
	if len(b) > 0 {
		if b[0] != '"' {
			return false
		}
		referer := bytes.IndexByte(b[1:], '"') + 1
		if referer == 0 || referer+3 > len(b) || string(b[referer:referer+3]) != "\" \"" {
			return false
		}
		b = b[referer+3:]
		end = bytes.IndexByte(b, '"')
		if end < 0 || end+1 < len(b) && b[end+1] != ' ' {
			return false
		}
		agent = b[:end]
		b = b[min(end+2, len(b)):]
	}
	st := a.clock.last
	e.Time, e.HasTime, e.Width, e.Zone, e.ZoneSeconds = st.time, true, st.width, st.zone, st.east
	e.Kind = HTTPRequest
	a.mean(e)
	e.Client = netip.AddrPortFrom(client, 0)
	e.Method, e.Path, e.Proto, e.Status = view(method), view(path), view(proto), status
	if a.server == "nginx" {
		e.Body = size
	} else {
		e.Size = size
	}
	e.Agent = view(dash(agent))
	if len(b) == 0 {
		return true
	}
	if d := threeDecimals(b); d >= 0 {
		e.Duration, e.DurationWidth = d, time.Millisecond
		return true
	}
	if b = quickTail(b, e); len(b) > 0 {
		return a.tail(b, e)
	}
	return true
}

// quickTail reads the times of the usual recipe, "rt=0.012 uct=0.001
// uht=0.012 urt=0.012", one upstream each, and returns what is left from the
// first that is something else.
func quickTail(b []byte, e *Event) []byte {
	for len(b) >= 8 {
		n := 2
		if b[2] != '=' {
			n = 3
			if b[3] != '=' {
				return b
			}
		}
		i, point, v := n+1, 0, 0
		for ; i < len(b) && i < 16; i++ {
			c := b[i] - '0'
			if c <= 9 {
				v = v*10 + int(c)
			} else if b[i] == '.' && point == 0 {
				point = i
			} else {
				break
			}
		}
		if point == 0 || i != point+4 || point == n+1 || i < len(b) && (b[i] != ' ' || i+1 < len(b) && b[i+1] == ':') {
			return b
		}
		d := time.Duration(v) * time.Millisecond
		switch string(b[:n]) {
		case "rt":
			e.Duration, e.DurationWidth = d, time.Millisecond
		case "urt":
			e.Upstream = append(e.Upstream[:0], d)
		case "uct":
			e.UpstreamConnect = append(e.UpstreamConnect[:0], d)
		case "uht":
			e.UpstreamHeader = append(e.UpstreamHeader[:0], d)
		default:
			return b
		}
		b = b[min(i+1, len(b)):]
	}
	return b
}

// ipv4Prefix reads an address at b[0] that a space ends, and how many bytes it
// took; 0 if there is none. b has sixteen bytes.
func ipv4Prefix(text []byte) (netip.Addr, int) {
	b := (*[16]byte)(text)
	var q [4]byte
	i := 0
	for part := range q {
		v := uint(b[i&15] - '0')
		if v > 9 {
			return netip.Addr{}, 0
		}
		i++
		for last := i + 1; i <= last; i++ {
			d := uint(b[i&15] - '0')
			if d > 9 {
				break
			}
			v = v*10 + d
		}
		if v > 255 || i > 15 {
			return netip.Addr{}, 0
		}
		q[part] = byte(v)
		if part < 3 {
			if b[i&15] != '.' {
				return netip.Addr{}, 0
			}
			i++
		}
	}
	if i > 15 || b[i] != ' ' {
		return netip.Addr{}, 0
	}
	return netip.AddrFrom4(q), i
}

// threeDecimals reads seconds with three decimals that fill b, in ns; -1 for
// anything else, and for what a slow reader must look at.
func threeDecimals(b []byte) time.Duration {
	n := len(b)
	if n < 5 || n > 9 || b[n-4] != '.' {
		return -1
	}
	v := 0
	for i, c := range b {
		if i == n-4 {
			continue
		}
		if c -= '0'; c > 9 {
			return -1
		}
		v = v*10 + int(c)
	}
	return time.Duration(v) * time.Millisecond
}
