package pcapflow

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
)

// CommunityID is the flow's Community ID, version 1 with seed 0: the same name
// for it that Zeek, Suricata, Arkime and Wireshark give
// (https://github.com/corelight/community-id-spec). "" for transports that have
// no ports and for flows without addresses.
func (f *Flow) CommunityID() string {
	protocols := map[Transport]byte{TCP: protoTCP, UDP: protoUDP, SCTP: protoSCTP}
	protocol, ok := protocols[f.Transport]
	if !ok || !f.Client.IsValid() || !f.Server.IsValid() {
		return ""
	}
	a, b := f.Client, f.Server
	if order := a.Addr().Unmap().Compare(b.Addr().Unmap()); order > 0 || order == 0 && a.Port() > b.Port() {
		a, b = b, a
	}
	text := make([]byte, 2, 40) // the seed
	text = append(text, a.Addr().Unmap().AsSlice()...)
	text = append(text, b.Addr().Unmap().AsSlice()...)
	text = append(text, protocol, 0)
	text = binary.BigEndian.AppendUint16(text, a.Port())
	text = binary.BigEndian.AppendUint16(text, b.Port())
	sum := sha1.Sum(text)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}
