package pcapflow

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

// CommunityID is the flow's Community ID, version 1 with seed 0: the same name
// for it that Zeek, Suricata, Arkime and Wireshark give
// (https://github.com/corelight/community-id-spec). "" for transports that have
// no ports and for flows without addresses.
func (f *Flow) CommunityID() string { return string(f.AppendCommunityID(nil)) }

// AppendCommunityID appends the flow's Community ID to b.
func (f *Flow) AppendCommunityID(b []byte) []byte {
	var protocol byte
	switch f.Transport {
	case TCP:
		protocol = protoTCP
	case UDP:
		protocol = protoUDP
	case SCTP:
		protocol = protoSCTP
	default:
		return b
	}
	if !f.Client.IsValid() || !f.Server.IsValid() {
		return b
	}
	x, y := netip.AddrPortFrom(f.Client.Addr().Unmap(), f.Client.Port()), netip.AddrPortFrom(f.Server.Addr().Unmap(), f.Server.Port())
	if order := x.Addr().Compare(y.Addr()); order > 0 || order == 0 && x.Port() > y.Port() {
		x, y = y, x
	}
	var room [40]byte
	text := room[:2] // the seed
	for _, a := range [...]netip.Addr{x.Addr(), y.Addr()} {
		if a.Is4() {
			four := a.As4()
			text = append(text, four[:]...)
		} else {
			sixteen := a.As16()
			text = append(text, sixteen[:]...)
		}
	}
	text = append(text, protocol, 0)
	text = binary.BigEndian.AppendUint16(text, x.Port())
	text = binary.BigEndian.AppendUint16(text, y.Port())
	sum := sha1.Sum(text)
	return base64.StdEncoding.AppendEncode(append(b, "1:"...), sum[:])
}
