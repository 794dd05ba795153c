package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// seenAt makes the head of a capture: packets between pairs of stations and hosts,
// "mac ip > mac ip", so many of each.
func seenAt(t *testing.T, link LinkType, stated string, each int, pairs ...string) *Sight {
	t.Helper()
	o := binary.LittleEndian
	var b []byte
	if stated == "" {
		b = interfaceDescription(o, section(o, nil), uint16(link), 0, nil)
	} else {
		b = interfaceDescription(o, section(o, nil, option(o, nil, shbHardware, stated)), uint16(link), 0, nil)
	}
	for i := range each * len(pairs) {
		var m1, m2 byte
		var x, y string
		if _, err := fmt.Sscanf(pairs[i%len(pairs)], "%d %s > %d %s", &m1, &x, &m2, &y); err != nil {
			t.Fatal(err)
		}
		if i/len(pairs)%2 == 1 {
			m1, x, m2, y = m2, y, m1, x
		}
		from, to := netip.MustParseAddr(x).As4(), netip.MustParseAddr(y).As4()
		var frame []byte
		switch link {
		case 1:
			frame = append(frame, 2, 0, 0, 0, 0, m2, 2, 0, 0, 0, 0, m1, 8, 0)
		case 113:
			frame = append(frame, 0, 4-byte(i/len(pairs)%2)*4, 0, 1, 0, 6, 2, 0, 0, 0, 0, m1, 0, 0, 8, 0)
		}
		frame = append(frame, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0)
		frame = append(append(frame, from[:]...), to[:]...)
		b = enhanced(o, b, 0, uint64(1700000000_000000+i), len(frame), string(frame))
	}
	return SightOf(b)
}

// TestLikeness: what the heads of two captures tell of whether one host made them.
func TestLikeness(t *testing.T) {
	web := []string{"1 10.0.0.1 > 9 198.51.100.1", "1 10.0.0.1 > 9 198.51.100.2", "1 10.0.0.1 > 9 198.51.100.3"}
	later := []string{"1 10.0.0.1 > 9 198.51.100.7", "1 10.0.0.1 > 9 198.51.100.8"}
	other := []string{"2 10.0.0.2 > 9 198.51.100.1", "2 10.0.0.2 > 9 198.51.100.2"}
	far := []string{"3 10.5.0.2 > 4 198.51.100.1", "3 10.5.0.2 > 4 198.51.100.2"}
	for name, c := range map[string]struct {
		a, b *Sight
		want Likeness
	}{
		"one host, other peers":                     {seenAt(t, 1, "", 9, web...), seenAt(t, 1, "", 9, later...), Same},
		"one host, one bulk transfer each":          {seenAt(t, 1, "", 9, web[0]), seenAt(t, 1, "", 9, later[0]), Same},
		"two hosts of one network, the same peers":  {seenAt(t, 1, "", 9, web...), seenAt(t, 1, "", 9, other...), Elsewhere},
		"two hosts of two networks, the same peers": {seenAt(t, 1, "", 9, web...), seenAt(t, 1, "", 9, far...), Elsewhere},
		"two hosts with a machine's name each":      {seenAt(t, 1, "alpha", 9, web...), seenAt(t, 1, "beta", 9, other...), Stated},
		"one host after an upgrade":                 {seenAt(t, 1, "Linux 6.1", 9, web...), seenAt(t, 1, "Linux 6.2", 9, later...), Same},
		"a server whose clients came one by one, or a client after another": {
			seenAt(t, 1, "", 9, "1 10.0.0.1 > 5 10.0.0.5"), seenAt(t, 1, "", 9, "2 10.0.0.2 > 5 10.0.0.5"), Unknown},
		"a server with several clients": {
			seenAt(t, 1, "", 9, "1 10.0.0.1 > 5 10.0.0.5", "2 10.0.0.2 > 5 10.0.0.5"), seenAt(t, 1, "", 9, "3 10.0.0.3 > 5 10.0.0.5", "4 10.0.0.4 > 5 10.0.0.5"), Same},
		"a switch": {
			seenAt(t, 1, "", 9, "1 10.0.0.1 > 5 10.0.0.5", "2 10.0.0.2 > 6 10.0.0.6"), seenAt(t, 1, "", 9, "3 10.0.0.3 > 5 10.0.0.5", "4 10.0.0.4 > 7 10.0.0.7"), Same},
		"one host, all interfaces":                       {seenAt(t, 113, "", 9, web...), seenAt(t, 113, "", 9, later...), Same},
		"two hosts, all interfaces, each with the other": {seenAt(t, 113, "", 9, "1 10.0.0.1 > 2 10.0.0.2"), seenAt(t, 113, "", 9, "2 10.0.0.2 > 1 10.0.0.1"), Elsewhere},
		"no link addresses, two hosts":                   {seenAt(t, 101, "", 9, web...), seenAt(t, 101, "", 9, other...), Elsewhere},
		"no link addresses, one host":                    {seenAt(t, 101, "", 9, web...), seenAt(t, 101, "", 9, later...), Same},
		"too few packets":                                {seenAt(t, 1, "", 1, web[0]), seenAt(t, 101, "", 1, later[0]), Unknown},
		"nothing":                                        {nil, seenAt(t, 1, "", 9, web...), Unknown},
	} {
		for _, got := range []Likeness{c.a.Likeness(c.b), c.b.Likeness(c.a)} {
			if got != c.want {
				t.Errorf("%s: %d, want %d\n%+v\n%+v", name, got, c.want, c.a, c.b)
			}
		}
	}
}

// TestSightOfAnything: what is no capture, or cut short anywhere, is looked at without harm.
func TestSightOfAnything(t *testing.T) {
	o := binary.LittleEndian
	b := enhanced(o, interfaceDescription(o, section(o, nil), 1, 0, nil), 0, 5, 14, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00")
	for i := range b {
		SightOf(b[:i])
	}
	for _, link := range []LinkType{0, 1, 101, 108, 113, 228, 229, 276, 9999} {
		for n := range 60 {
			to, from, _, ip := linkOf(link, bytes.Repeat([]byte{0x46}, n))
			_, _ = hostsOf(ip)
			_, _ = to, from
		}
	}
}

// TestGroupsOfHosts: hosts that are numbered are no ring, where their captures show other
// addresses; a ring is one.
func TestGroupsOfHosts(t *testing.T) {
	host := func(n int) *Sight {
		return seenAt(t, 1, "", 9, fmt.Sprintf("%d 10.0.0.%d > 99 198.51.100.1", n, n), fmt.Sprintf("%d 10.0.0.%d > 99 198.51.100.2", n, n))
	}
	doubt := func(n int) *Sight { return seenAt(t, 1, "", 9, fmt.Sprintf("%d 10.0.0.%d > 99 10.0.0.99", n, n)) }
	files := func(pattern string, sights ...*Sight) (all []FileInfo) {
		for i, s := range sights {
			all = append(all, FileInfo{Path: fmt.Sprintf(pattern, i+1), Kind: PCAP, Link: 1, Size: 1000, First: int64(i+1) * 10e9, Last: int64(i+1)*10e9 + 9e9, Sight: s})
		}
		return all
	}
	for name, c := range map[string]struct {
		files    []FileInfo
		want     string
		doubtful bool
	}{
		"hosts":                        {files("host-%06d.pcap", host(1), host(2), host(3), host(4)), "[[0] [1] [2] [3]]", false},
		"a ring":                       {files("host-%06d.pcap", host(1), host(1), host(1), host(1)), "[[0 1 2 3]]", false},
		"two rings, one after another": {files("host-%06d.pcap", host(1), host(1), host(2), host(2)), "[[0 1] [2 3]]", false},
		"unknowable":                   {files("host-%06d.pcap", doubt(1), doubt(2), doubt(3)), "[[0 1 2]]", true},
		"tcpdump -C":                   {files("web.pcap%d", doubt(1), doubt(2), doubt(3)), "[[0 1 2]]", false},
		"tcpdump -C at a gateway":      {files("web.pcap%d", host(1), host(2), host(3)), "[[0 1 2]]", false},
	} {
		groups := GroupRotated(c.files)
		if got := fmt.Sprint(groups); got != c.want || Doubtful(c.files, groups[0]) != c.doubtful {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	ring := files("host-%06d.pcap", host(1), host(1), host(2), doubt(3))
	if !OnePlace(ring[0], ring[1]) || OnePlace(ring[0], ring[2]) || OnePlace(ring[0], ring[3]) {
		t.Error("a run after a pause, of one host or of another")
	}
}
