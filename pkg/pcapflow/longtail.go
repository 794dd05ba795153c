package pcapflow

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/flowcorr/flowcorr/internal/resident"
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

// rareTypes are gopacket's tables of what an EtherType and a PPP protocol hold. Of
// 65,536 places each it fills a few dozen with decoders and all others with one that
// fails, at every start: 5 MB, for link types that few captures have.
var rareTypes = []*[1 << 16]layers.EnumMetadata{&layers.EthernetTypeMetadata, &layers.PPPTypeMetadata}

// emptyRareTypes gives the memory of places back that no decoder is in.
var emptyRareTypes = sync.OnceFunc(func() {
	for _, table := range rareTypes {
		unknown := table[len(table)-1].Name
		from := 0
		for i := range table {
			if known := table[i].Name != unknown; known || i == len(table)-1 {
				resident.Zero(unsafe.Pointer(&table[from]), uintptr(i-from)*unsafe.Sizeof(table[from]))
				from = i + 1
			}
		}
	}
})

// fillRareTypes puts a decoder that fails into every empty place.
var fillRareTypes = sync.OnceFunc(func() {
	notDecoded := gopacket.DecodeFunc(func([]byte, gopacket.PacketBuilder) error { return errors.ErrUnsupported })
	for _, table := range rareTypes {
		for i := range table {
			if m := &table[i]; m.DecodeWith == nil {
				m.DecodeWith = notDecoded
			}
		}
	}
})

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
	fillRareTypes()
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
