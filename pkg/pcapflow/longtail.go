package pcapflow

import (
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// The only file that knows gopacket: link types too rare for decoders of our own.

// rareLinks are the link types left to gopacket.
var rareLinks = map[capture.LinkType]gopacket.Decoder{
	105: layers.LayerTypeDot11,
	119: layers.LayerTypePrismHeader,
	127: layers.LayerTypeRadioTap,
	10:  layers.LinkTypeFDDI,
	117: layers.LayerTypePFLog,
}

// longTail decodes a frame of a rare link type down to its IP packet.
func (e *engine) longTail(t capture.LinkType, b []byte) {
	decoder, ok := rareLinks[t]
	if !ok {
		e.undecoded(fmt.Sprintf("link type %d%s", t, notSupported))
		return
	}
	inner, mac, ok := rareNetwork(decoder, b)
	if !ok {
		e.undecoded(fmt.Sprintf("link type %d without an IP packet", t))
		return
	}
	if len(mac) == 6 {
		e.h.mac = [6]byte(mac)
	}
	e.ip(inner)
}

// rareNetwork finds the IP packet of a frame. gopacket's decoders panic on
// malformed input, so that a panic here is one more malformed frame.
func rareNetwork(d gopacket.Decoder, b []byte) (inner, mac []byte, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	b = b[:len(b):len(b)] // so that what is left behind a layer follows from its capacity
	p := gopacket.NewPacket(b, d, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	if w, found := p.Layer(layers.LayerTypeDot11).(*layers.Dot11); found && !w.Flags.FromDS() {
		mac = w.Address2
	}
	n := p.NetworkLayer()
	if n == nil {
		return nil, nil, false
	}
	if t := n.LayerType(); t != layers.LayerTypeIPv4 && t != layers.LayerTypeIPv6 {
		return nil, nil, false
	}
	head := n.LayerContents()
	return b[len(b)-cap(head):], mac, cap(head) <= len(b)
}
