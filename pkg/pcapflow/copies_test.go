package pcapflow

import "testing"

// TestNoFalseCopies: of millions of different packets of one instant none is
// taken for a copy of another: the place of a packet in the table and the rest of
// its imprint are of different bits.
func TestNoFalseCopies(t *testing.T) {
	table := new(copyTable)
	h := header{proto: protoTCP, dst: address{0, mappedV4 | 0xc0000201}, dport: 443, flags: flagACK, window: 500, ttl: 64}
	h.stamp = Stamp{1_700_000_000e9, 1}
	for i := range uint32(4_000_000) {
		h.src, h.sport, h.id, h.seq, h.ack = address{0, mappedV4 | uint64(0x0a000000+i%5000)}, uint16(1024+i%60000), uint16(i|1), i*1448, 1
		h.print = h.imprint()
		if table.look(&h, 0) != original {
			t.Fatalf("packet %d is taken for a copy", i)
		}
		if i%100_000 == 0 && table.look(&h, 0) != copied {
			t.Fatalf("the copy of packet %d is not", i)
		}
	}
}
