package capture

import "encoding/binary"

// Kinds of capture files, as reports name them.
const (
	PCAP   = "pcap"
	PCAPNG = "pcapng"
)

// magic is the first word of a pcap file and what follows from it.
type magic struct {
	value  uint32
	tick   int64 // nanoseconds of one unit of the stamp's fraction
	extra  int   // bytes of the file header after the usual 24
	record int   // bytes of a record's header
}

// magics are the variants of pcap that are in use.
// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap, section 4; the last
// three come from old Linux kernels' patched libpcap and from IXIA's testers.
var magics = []magic{
	{0xa1b2c3d4, 1000, 0, 16},
	{0xa1b23c4d, 1, 0, 16},
	{0xa1b2cd34, 1000, 0, 24},
	{0x1c0001ac, 1, 4, 16},
	{0x1c0001ab, 1000, 4, 16},
}

// findMagic tells which variant head begins with, and its byte order.
func findMagic(head []byte) (m magic, order binary.ByteOrder, ok bool) {
	if len(head) < 4 {
		return magic{}, nil, false
	}
	for _, m := range magics {
		if binary.LittleEndian.Uint32(head) == m.value {
			return m, binary.LittleEndian, true
		}
		if binary.BigEndian.Uint32(head) == m.value {
			return m, binary.BigEndian, true
		}
	}
	return magic{}, nil, false
}

// Recognise tells by its first bytes (12 are enough) whether a file is a
// capture, and of which kind.
func Recognise(head []byte) (kind string, ok bool) {
	if _, _, ok := findMagic(head); ok {
		return PCAP, true
	}
	if len(head) >= 12 && binary.LittleEndian.Uint32(head) == blockSection {
		if _, ok := sectionOrder(head); ok {
			return PCAPNG, true
		}
	}
	return "", false
}
