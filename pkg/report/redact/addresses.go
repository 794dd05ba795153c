package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
)

// addresses replaces addresses so that two with n leading bits in common have
// exactly n in common afterwards (Xu, Fan, Ammar and Moon 2002, "Prefix-
// preserving IP address anonymization"): each bit is flipped or not by a keyed
// function of the bits before it.
type addresses struct {
	key  []byte
	seen map[netip.Addr]netip.Addr
}

// kept are networks whose first bits say what kind of address it is, not whose:
// so many bits stay.
var kept = []struct {
	network netip.Prefix
	bits    int
}{
	{netip.MustParsePrefix("0.0.0.0/8"), 32},
	{netip.MustParsePrefix("127.0.0.0/8"), 32},
	{netip.MustParsePrefix("224.0.0.0/3"), 32}, // multicast, reserved, broadcast, netmasks
	{netip.MustParsePrefix("10.0.0.0/8"), 8},
	{netip.MustParsePrefix("100.64.0.0/10"), 10},
	{netip.MustParsePrefix("169.254.0.0/16"), 16},
	{netip.MustParsePrefix("172.16.0.0/12"), 12},
	{netip.MustParsePrefix("192.168.0.0/16"), 16},
	{netip.MustParsePrefix("::/127"), 128}, // unspecified, loopback
	{netip.MustParsePrefix("ff00::/8"), 128},
	{netip.MustParsePrefix("fe80::/10"), 64},
	{netip.MustParsePrefix("fc00::/7"), 8},
	{netip.MustParsePrefix("2000::/3"), 3},
}

func keptBits(a netip.Addr) int {
	for _, k := range kept {
		if k.network.Contains(a) {
			return k.bits
		}
	}
	return 0
}

// replace gives the address that stands for a, always the same one.
func (t *addresses) replace(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if a.Is4In6() {
		return netip.AddrFrom16(t.replace(a.Unmap()).As16())
	}
	if b, ok := t.seen[a]; ok {
		return b
	}
	bits := keptBits(a)
	b := t.flip(a, bits)
	for bits == 0 && keptBits(b) != 0 { // an ordinary address stays one: the next of its cycle
		b = t.flip(b, 0)
	}
	t.seen[a] = b
	return b
}

// flip changes the bits behind the first ones that stay.
func (t *addresses) flip(a netip.Addr, stay int) netip.Addr {
	in := a.AsSlice()
	out := append([]byte(nil), in...)
	mac := hmac.New(sha256.New, t.key)
	prefix := make([]byte, len(in))
	for i := range 8 * len(in) {
		if i >= stay {
			mac.Reset()
			mac.Write([]byte{byte(len(in)), byte(i)})
			mac.Write(prefix)
			out[i/8] ^= (mac.Sum(nil)[0] & 1) << (7 - i%8)
		}
		prefix[i/8] |= in[i/8] & (1 << (7 - i%8))
	}
	b, _ := netip.AddrFromSlice(out)
	return b
}
