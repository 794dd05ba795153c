package report

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Seconds is a duration in nanoseconds, written in JSON as decimal seconds
// without rounding.
type Seconds int64

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) { return appendSeconds(nil, int64(s)), nil }

// appendSeconds writes ns as decimal seconds, exactly, without trailing zeros.
func appendSeconds(b []byte, ns int64) []byte {
	u := uint64(ns)
	if ns < 0 {
		b = append(b, '-')
		u = -u
	}
	b = appendInt64(b, int64(u/1e9))
	frac := uint32(u % 1e9)
	switch {
	case frac == 0:
		return b
	case frac%1000 == 0: // most clocks tell microseconds
		n := frac / 1000
		p, q, r := n/10000*2, n/100%100*2, n%100*2
		b = append(b, '.', pairs[p], pairs[p+1], pairs[q], pairs[q+1], pairs[r], pairs[r+1])
	default:
		b = appendNine(append(b, '.'), frac)
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// UnmarshalJSON implements json.Unmarshaler; digits beyond the nanosecond are cut.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	text := string(b)
	if strings.ContainsAny(text, "eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) > 9e9 {
			return fmt.Errorf("not a number of seconds: %s", text)
		}
		*s = Seconds(math.Round(f * 1e9))
		return nil
	}
	whole, frac, _ := strings.Cut(text, ".")
	minus := strings.HasPrefix(whole, "-")
	frac = frac[:min(len(frac), 9)]
	sec, err := strconv.ParseInt(strings.TrimPrefix(whole, "-"), 10, 64)
	if err != nil || sec > 9e9 {
		return fmt.Errorf("not a number of seconds: %s", text)
	}
	ns, err := strconv.ParseInt(frac+strings.Repeat("0", 9-len(frac)), 10, 64)
	if err != nil {
		return fmt.Errorf("not a number of seconds: %s", text)
	}
	*s = Seconds(sec*1e9 + ns)
	if minus {
		*s = -*s
	}
	return nil
}

// Duration is s as the standard library knows it.
func (s Seconds) Duration() time.Duration { return time.Duration(s) }

// Instant is nanoseconds since the Unix epoch, written as RFC 3339 in UTC with
// nine decimals.
type Instant int64

const instantLayout = "2006-01-02T15:04:05.000000000Z"

// MarshalJSON implements json.Marshaler.
func (t Instant) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, t.String()), nil
}

func (t Instant) String() string { return time.Unix(0, int64(t)).UTC().Format(instantLayout) }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Instant) UnmarshalJSON(b []byte) error {
	v, err := time.Parse(time.RFC3339Nano, string(bytes.Trim(b, `"`)))
	if err != nil {
		return err
	}
	*t = Instant(v.UnixNano())
	return nil
}

// Ratio is a number from 0 to 1 with four decimals at most.
type Ratio float64

// ratio has the decimals of a Ratio, so that a report reads the same from memory
// and from its JSON.
func ratio(v float64) Ratio { return Ratio(math.Round(v*1e4) / 1e4) }

// MarshalJSON implements json.Marshaler.
func (r Ratio) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(r)) || math.IsInf(float64(r), 0) {
		return nil, fmt.Errorf("not a ratio: %v", float64(r))
	}
	return strconv.AppendFloat(nil, float64(ratio(float64(r))), 'f', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler; what lies outside 0 … 1 is brought
// to the nearer end.
func (r *Ratio) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("not a ratio: %.40s", b)
	}
	*r = Ratio(max(0, min(v, 1)))
	return nil
}
