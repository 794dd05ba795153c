package pcapflow

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// TestSteppers: a client steps where all of the interval lies beyond its threshold, and
// not where a part of it does.
func TestSteppers(t *testing.T) {
	const ms = 1_000_000
	for _, c := range []struct {
		low, high int64
		want      string
	}{
		{-1 * ms, 1 * ms, ""},
		{127 * ms, 129 * ms, ""},
		{128 * ms, 140 * ms, ""},
		{129 * ms, 140 * ms, "ntpd"},
		{-140 * ms, -129 * ms, "ntpd"},
		{-2000 * ms, 2000 * ms, ""}, // off by anything, or by nothing
		{390 * ms, 410 * ms, "ntpd"},
		{401 * ms, 410 * ms, "ntpd systemd-timesyncd"},
		{-1200 * ms, -1001 * ms, "ntpd systemd-timesyncd chronyd"},
	} {
		if got := strings.Join(Steppers(c.low, c.high), " "); got != c.want {
			t.Errorf("%d to %d ms: %q, want %q", c.low/ms, c.high/ms, got, c.want)
		}
	}
}

// TestNTPExtensionFields: fields, and what only stands where they would.
func TestNTPExtensionFields(t *testing.T) {
	packet := func(version byte, trailer ...[]byte) []byte {
		return append(append([]byte{version<<3 | ntpClient}, make([]byte, ntpLen-1)...), bytes.Join(trailer, nil)...)
	}
	field := func(kind uint16, n int) []byte {
		b := make([]byte, n)
		binary.BigEndian.PutUint16(b, kind)
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return b
	}
	for _, c := range []struct {
		name     string
		packet   []byte
		fields   uint8
		nts, mac bool
	}{
		{"none", packet(4), 0, false, false},
		{"two of NTS", packet(4, field(0x0104, 36), field(ntsAuthenticator, 40)), 2, true, false},
		{"one and a digest", packet(4, field(0xf323, 28), make([]byte, ntpMACLen)), 1, false, true},
		{"a digest", packet(4, make([]byte, ntpMACLen)), 0, false, true},
		{"version 3 has none", packet(3, field(0x0104, 36)), 0, false, true},
		{"a length beyond the packet", packet(4, field(0x0104, 36)[:32]), 0, false, true},
	} {
		if m := parseNTP(c.packet, Stamp{}, Client); m.Fields != c.fields || m.NTS != c.nts || m.MAC != c.mac {
			t.Errorf("%s: %d fields, NTS %v, MAC %v", c.name, m.Fields, m.NTS, m.MAC)
		}
	}
}
