package report

import (
	"net/netip"
	"strconv"
	"unicode/utf8"
)

// object writes one JSON object by appending: flows are too many for
// reflection. Members that are unknown are left out by the caller.
type object struct {
	b     []byte
	first bool
}

func (o *object) open()  { o.b = append(o.b, '{'); o.first = true }
func (o *object) close() { o.b = append(o.b, '}'); o.first = false }

// key begins a member.
func (o *object) key(name string) {
	if !o.first {
		o.b = append(o.b, ',')
	}
	o.first = false
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

// nested opens an object as a member.
func (o *object) nested(name string) {
	o.key(name)
	o.open()
}

// list writes n elements, each by one.
func (o *object) list(name string, n int, one func(i int)) {
	o.key(name)
	o.b = append(o.b, '[')
	for i := range n {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		one(i)
	}
	o.b = append(o.b, ']')
	o.first = false
}

// text writes a member that is left out when empty.
func (o *object) text(name, s string) {
	if s != "" {
		o.key(name)
		o.b = appendString(o.b, s)
	}
}

func (o *object) number(name string, n int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) truth(name string, v bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, v)
}

// seconds writes nanoseconds as decimal seconds.
func (o *object) seconds(name string, ns int64) {
	o.key(name)
	o.b = appendSeconds(o.b, ns)
}

func (o *object) instant(name string, ns int64) {
	o.key(name)
	o.b = appendInstant(o.b, ns)
}

func (o *object) endpoint(name string, a netip.AddrPort) {
	if !a.Addr().IsValid() {
		return
	}
	o.key(name)
	o.b = append(o.b, '"')
	if a.Port() == 0 {
		o.b = a.Addr().AppendTo(o.b)
	} else {
		o.b = appendEndpoint(o.b, a)
	}
	o.b = append(o.b, '"')
}

// sides writes a member with one number for each side.
func (o *object) sides(name string, client, server int64) {
	o.nested(name)
	o.number("client", client)
	o.number("server", server)
	o.close()
}

const digits = "0123456789abcdef"

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString writes s as a JSON string (RFC 8259, section 7). Invalid UTF-8
// becomes U+FFFD, as encoding/json has it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		n := i
		for n < len(s) && plain[s[n]] {
			n++
		}
		b = append(b, s[i:n]...)
		if i = n; i == len(s) {
			break
		}
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				b = append(b, `\u202`...)
				b = append(b, digits[r&15])
			default:
				b = append(b, s[i:i+n]...)
			}
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

// appendInstant writes an instant as RFC 3339 in UTC with nine decimals.
func appendInstant(b []byte, ns int64) []byte {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	day := sec / 86400
	rest := sec % 86400
	if rest < 0 {
		day, rest = day-1, rest+86400
	}
	y, m, d := civil(day)
	b = append(b, '"')
	b = padded(b, y, 4)
	b = append(b, '-')
	b = padded(b, m, 2)
	b = append(b, '-')
	b = padded(b, d, 2)
	b = append(b, 'T')
	b = padded(b, rest/3600, 2)
	b = append(b, ':')
	b = padded(b, rest/60%60, 2)
	b = append(b, ':')
	b = padded(b, rest%60, 2)
	b = append(b, '.')
	b = padded(b, frac, 9)
	return append(b, 'Z', '"')
}

// civil turns days since 1970-01-01 into a date of the proleptic Gregorian
// calendar, counting years from March so that leap days come last.
func civil(day int64) (y, m, d int64) {
	day += 719468
	era := day / 146097
	if day < 0 {
		era = (day - 146096) / 146097
	}
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// padded writes n, which is not negative, with leading zeros.
func padded(b []byte, n int64, width int) []byte {
	if width == 2 && n < 100 {
		return append(b, byte('0'+n/10), byte('0'+n%10))
	}
	var buf [20]byte
	i := len(buf)
	for u := uint64(n); u > 0 || width > 0; width-- {
		i--
		buf[i] = byte('0' + u%10)
		u /= 10
	}
	return append(b, buf[i:]...)
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
