package logparse

import (
	"bytes"
	"math"
	"time"
)

// seconds reads a number of seconds, "-2.349e+00" or "5.002627850", as
// nanoseconds. half is half the unit of the last digit written, in ns rounded
// up: the value that was printed lies within ± half of ns. It fails on
// anything else, and on what does not fit in an int64.
func seconds(b []byte) (ns, half int64, ok bool) { return decimal(b, 9) }

// decimal reads a decimal number with an optional exponent and scales it by
// 10^scale; half is half the unit of its last digit, scaled alike.
func decimal(b []byte, scale int) (value, half int64, ok bool) {
	i, negative := 0, false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		negative = b[i] == '-'
		i++
	}
	var mantissa int64
	digits, fraction, point := 0, 0, false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if mantissa > (math.MaxInt64-9)/10 {
			if !point {
				return 0, 0, false
			}
			continue // digits beyond what an int64 holds say nothing more
		}
		mantissa = mantissa*10 + int64(c-'0')
		if point {
			fraction++
		}
	}
	if digits == 0 {
		return 0, 0, false
	}
	exponent := 0
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		n, used, valid := shortInt(b[i+1:])
		if !valid {
			return 0, 0, false
		}
		exponent, i = n, i+1+used
	}
	if i != len(b) {
		return 0, 0, false
	}
	power := scale + exponent - fraction
	value, ok = shift(mantissa, power)
	if !ok {
		return 0, 0, false
	}
	if half, ok = shift(5, power-1); !ok {
		return 0, 0, false
	}
	if half == 0 {
		half = 1
	}
	if negative {
		value = -value
	}
	return value, half, true
}

// shift returns v·10^power, rounded half away from zero.
func shift(v int64, power int) (int64, bool) {
	if v == 0 {
		return 0, true
	}
	for ; power > 0; power-- {
		if v > math.MaxInt64/10 {
			return 0, false
		}
		v *= 10
	}
	if power < -19 {
		return 0, true
	}
	for ; power < -1; power++ {
		v /= 10
	}
	if power == -1 {
		v = (v + 5) / 10
	}
	return v, true
}

// shortInt reads a signed integer of at most four digits and says how many
// bytes it took.
func shortInt(b []byte) (n, used int, ok bool) {
	i, sign := 0, 1
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		if b[i] == '-' {
			sign = -1
		}
		i++
	}
	from := i
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9' && i-from < 4; i++ {
		n = n*10 + int(b[i]-'0')
	}
	return sign * n, i, i > from
}

// unitScale maps the units that chronyc, systemd and ping write to powers of
// ten of a nanosecond.
var unitScale = []struct {
	name  string
	scale int
}{{"ns", 0}, {"us", 3}, {"µs", 3}, {"μs", 3}, {"msec", 6}, {"ms", 6}, {"sec", 9}, {"s", 9}}

// withUnit reads "-2430ns", "+108us", "11ms", "1.5s" as nanoseconds; half as
// in seconds.
func withUnit(b []byte) (ns, half int64, ok bool) {
	for _, u := range unitScale {
		if rest, found := bytes.CutSuffix(b, []byte(u.name)); found {
			return decimal(bytes.TrimRight(rest, " "), u.scale)
		}
	}
	return 0, 0, false
}

// longUnits are the steps of chronyc and systemd beyond a second.
var longUnits = []struct {
	name string
	unit time.Duration
}{{"month", 2629800 * time.Second}, {"min", time.Minute}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"w", 7 * 24 * time.Hour}, {"y", 31557600 * time.Second}}

// span reads a duration that systemd or chronyc wrote in one or several
// steps, "34min 8s", "1.2ms", "+5.123456s". half is that of its last step.
func span(b []byte) (ns, half int64, ok bool) {
	b = bytes.TrimSpace(b)
	sign := int64(1)
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		if b[0] == '-' {
			sign = -1
		}
		b = b[1:]
	}
	for len(b) > 0 {
		word, rest, _ := bytes.Cut(b, []byte{' '})
		n, h, good := withUnit(word)
		if !good {
			n, h, good = longSpan(word)
		}
		if !good || ns > math.MaxInt64-n {
			return 0, 0, false
		}
		ns, half, ok, b = ns+n, h, true, bytes.TrimLeft(rest, " ")
	}
	return sign * ns, half, ok
}

func longSpan(word []byte) (ns, half int64, ok bool) {
	for _, u := range longUnits {
		rest, found := bytes.CutSuffix(word, []byte(u.name))
		if !found {
			continue
		}
		n, good := integer(rest)
		if !good || n < 0 || n > int64(math.MaxInt64/u.unit) {
			return 0, 0, false
		}
		return n * int64(u.unit), int64(u.unit) / 2, true
	}
	return 0, 0, false
}

// real reads a decimal number as a float64: rates, never times.
func real(b []byte) (float64, bool) {
	v, _, ok := decimal(b, 6)
	return float64(v) / 1e6, ok
}

// words splits b at spaces and tabs into dst and returns how many words there
// are; those beyond len(dst) are counted and not kept.
func words(b []byte, dst [][]byte) int {
	n, i := 0, 0
	for {
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		if i == len(b) {
			return n
		}
		from := i
		for i < len(b) && b[i] != ' ' && b[i] != '\t' {
			i++
		}
		if n < len(dst) {
			dst[n] = b[from:i]
		}
		n++
	}
}

// abs of a signed nanosecond count.
func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
