package pcapflow

import (
	"bytes"
	"net/netip"
)

// forwardedFor reads for whom a proxy asks: the first address of X-Forwarded-For, that
// of X-Real-IP, or of Forwarded (RFC 7239 §4) the first "for" that is one. Invalid where
// the field is another, or names nobody by address.
func forwardedFor(name, value []byte) netip.Addr {
	switch {
	case isField(name, "x-forwarded-for"), isField(name, "x-real-ip"):
		first, _ := cutUnquoted(value, ',')
		return nodeAddress(first)
	case isField(name, "forwarded"):
		first, _ := cutUnquoted(value, ',')
		for len(first) > 0 {
			var pair []byte
			pair, first = cutUnquoted(first, ';')
			key, node, _ := bytes.Cut(pair, []byte("="))
			if isField(bytes.TrimSpace(key), "for") {
				return nodeAddress(node)
			}
		}
	}
	return netip.Addr{}
}

// nodeAddress reads an address, perhaps in quotes and with a port behind it.
func nodeAddress(b []byte) netip.Addr {
	b = bytes.Trim(bytes.TrimSpace(b), `"`)
	const longest = 64 // an IPv6 address in brackets with its port
	if len(b) == 0 || len(b) > longest {
		return netip.Addr{}
	}
	text := string(b)
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Unmap().WithZone("")
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		if a, err := netip.ParseAddr(text[1 : n-1]); err == nil {
			return a.Unmap().WithZone("")
		}
	}
	return netip.Addr{}
}
