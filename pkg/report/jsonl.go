package report

import (
	"net/netip"
	"slices"
	"strconv"
	"unicode/utf8"
)

// object writes one JSON object by appending: flows are too many for
// reflection. Members that are unknown are left out by the caller.
type object struct {
	b     []byte
	first bool
	lines *FlowLines // nil: none
}

// dateCache keeps the text of an instant down to its second, with room for some
// seconds: those of one flow mostly share one, answers expire in another.
type dateCache [8]struct {
	second int64
	text   [21]byte // `"2006-01-02T15:04:05.`
}

func (o *object) open()  { o.b = append(o.b, '{'); o.first = true }
func (o *object) close() { o.b = append(o.b, '}'); o.first = false }

// key begins a member.
func (o *object) key(name string) {
	b := slices.Grow(o.b, len(name)+4)
	n := len(b)
	if !o.first {
		b = b[:n+1]
		b[n] = ','
		n++
	}
	o.first = false
	b = b[:n+len(name)+3]
	b[n] = '"'
	n += 1 + copy(b[n+1:], name)
	b[n], b[n+1] = '"', ':'
	o.b = b
}

// literal writes members that are always the same.
func (o *object) literal(members string) {
	if !o.first {
		o.b = append(o.b, ',')
	}
	o.first = false
	o.b = append(o.b, members...)
}

// nested opens an object as a member.
func (o *object) nested(name string) {
	o.key(name)
	o.open()
}

// list writes n elements, each by one.
func (o *object) list(name string, n int, one func(i int)) {
	o.array(name)
	for i := range n {
		o.element(i)
		one(i)
	}
	o.endArray()
}

// array, element and endArray are list for those that nearly every line has.
func (o *object) array(name string) {
	o.key(name)
	o.b = append(o.b, '[')
}

func (o *object) element(i int) {
	if i > 0 {
		o.b = append(o.b, ',')
	}
}

func (o *object) endArray() {
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
	o.b = appendInt64(o.b, n)
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
	o.b = o.lines.appendInstant(o.b, ns)
}

// appendInstant is the function of that name. Instants of one second share most
// of their text. l may be nil.
func (l *FlowLines) appendInstant(b []byte, ns int64) []byte {
	if l == nil {
		return appendInstant(b, ns)
	}
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	c := &l.date[(sec^sec>>3)&7]
	if c.second != sec || c.text[0] == 0 {
		text := appendInstant(make([]byte, 0, 40), ns)
		if len(text) != len(`"2006-01-02T15:04:05.000000000Z"`) { // a year of five digits
			return append(b, text...)
		}
		c.second = sec
		copy(c.text[:], text)
	}
	b = append(b, c.text[:]...)
	return append(appendNine(b, uint32(frac)), 'Z', '"')
}

func (o *object) endpoint(name string, a netip.AddrPort) {
	if !a.Addr().IsValid() {
		return
	}
	o.key(name)
	o.b = append(o.b, '"')
	if a.Port() == 0 {
		o.b = appendAddress(o.b, a.Addr())
	} else {
		o.b = appendEndpoint(o.b, a)
	}
	o.b = append(o.b, '"')
}

// appendAddress is Addr.AppendTo, which is slow with IPv4.
func appendAddress(b []byte, a netip.Addr) []byte {
	if !a.Is4() {
		return a.AppendTo(b)
	}
	for i, n := range a.As4() {
		if i > 0 {
			b = append(b, '.')
		}
		if n >= 100 {
			b = append(b, '0'+n/100)
			n %= 100
			b = append(b, '0'+n/10)
			n %= 10
		} else if n >= 10 {
			b = append(b, '0'+n/10)
			n %= 10
		}
		b = append(b, '0'+n)
	}
	return b
}

// sides writes a member with one number for each side.
func (o *object) sides(name string, client, server int64) {
	o.key(name)
	b := appendInt64(append(o.b, `{"client":`...), client)
	b = appendInt64(append(b, `,"server":`...), server)
	o.b = append(b, '}')
}

const digits = "0123456789abcdef"

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// isPlain tells whether s needs no escaping, and may fail to see it.
func isPlain(s string) bool {
	const low, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash, del := x^'"'*low, x^'\\'*low, x^0x7f*low
		// A byte below 0x20 borrows, a byte equal to one of the three becomes zero and borrows.
		if (x|(x-0x20*low)|(quote-low)|(slash-low)|(del-low))&high != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// appendString writes s as a JSON string (RFC 8259, section 7). Invalid UTF-8
// becomes U+FFFD, as encoding/json has it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	if isPlain(s) {
		return append(append(b, s...), '"')
	}
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
			b = appendEscaped(b, rune(c))
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, `\ufffd`...)
			case Harmful(r):
				b = appendEscaped(b, r)
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
	switch {
	case width == 2 && n < 100:
		return append(b, byte('0'+n/10), byte('0'+n%10))
	case width == 9 && n < 1e9:
		return appendNine(b, uint32(n))
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

// pairs are the numbers from 00 to 99.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// appendNine writes n, below 10⁹, with nine digits.
func appendNine(b []byte, n uint32) []byte {
	high := n / 10000
	return appendFour(appendFour(append(b, byte('0'+high/10000)), high%10000), n%10000)
}

func appendInt(b []byte, n int) []byte { return appendInt64(b, int64(n)) }

// appendInt64 is strconv.AppendInt in base ten; most numbers here are short.
func appendInt64(b []byte, n int64) []byte {
	u := uint64(n)
	switch {
	case u < 10:
		return append(b, byte('0'+u))
	case u < 100:
		return append(b, pairs[2*u], pairs[2*u+1])
	case u < 1000:
		q := u % 100 * 2
		return append(b, byte('0'+u/100), pairs[q], pairs[q+1])
	case u < 10000:
		return appendFour(b, uint32(u))
	case u < 1e8:
		return appendFour(appendInt64(b, n/10000), uint32(u%10000))
	}
	return strconv.AppendInt(b, n, 10) // long, or negative
}

// appendFour writes n, below 10⁴, with four digits.
func appendFour(b []byte, n uint32) []byte {
	p, q := n/100*2, n%100*2
	return append(b, pairs[p], pairs[p+1], pairs[q], pairs[q+1])
}
