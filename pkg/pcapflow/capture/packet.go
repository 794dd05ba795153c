// Package capture turns capture files into packets: pcap and pcapng, as they
// are, damaged ones included. It knows nothing of the protocols inside.
package capture

// LinkType is a link-layer header type as tcpdump.org numbers them
// (https://www.tcpdump.org/linktypes.html).
type LinkType uint32

// ClockID numbers the clocks that stamped a capture. A clock belongs to one
// (section, interface): a merged pcapng holds several, a pcap file one.
type ClockID int32

// Packet is one record of a capture.
type Packet struct {
	Frame   int      // from 1, as Wireshark counts; running through a rotated set
	Time    int64    // nanoseconds since the Unix epoch, UTC, by the capturing clock
	HasTime bool     // false for a Simple Packet Block, which carries no time
	Clock   ClockID  // which of Source.Interfaces stamped it
	Link    LinkType // of the interface it came from
	Data    []byte   // the captured bytes; valid until the next packet is read
	WireLen int      // the packet's length on the wire; more than len(Data) where the capture cut it
}

// Interface is what a capture says of one of its interfaces.
type Interface struct {
	// Section numbers the parts of a file that one host recorded, from 0; always
	// 0 in a pcap file. It is the section of a pcapng file, except that
	// interfaces which mergecap or Wireshark put into one section, each with the
	// clock of its own host, count as one each.
	Section int
	Index   int // within the section, from 0
	Name    string
	Link    LinkType
	SnapLen int    // 0: no limit stated
	Unit    int64  // nanoseconds of one tick of the stamp, rounded down; 0 for finer than one
	Host    string // hardware and OS of the capturing host, where stated
	FCS     int    // bytes of frame check sequence at the end of each uncut packet; -1: not stated
	Dropped int64  // packets lost by the interface or the operating system; -1: not stated
	Filter  string // capture filter, where stated
}

// Problem is one malformed or lost place of a capture. It never ends the run.
type Problem struct {
	Record int   // frame number of the last good packet before it, 0: before the first
	Offset int64 // byte offset in the unpacked file
	Lost   int64 // bytes skipped
	Text   string
}
