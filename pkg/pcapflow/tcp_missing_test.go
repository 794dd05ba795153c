package pcapflow

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// link is a hand-made connection: segments of 10.0.0.1:50000 and 10.0.0.2:443.
type link struct {
	packets
	id uint16
}

// send adds a segment of side d at ms; payload bytes of zeroes.
func (l *link) send(d Dir, ms int, ttl, flags uint8, seq, ack uint32, payload int) {
	b := make([]byte, 40+payload)
	b[0], b[8], b[9] = 0x45, ttl, protoTCP
	l.id++
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], l.id)
	copy(b[12:], []byte{10, 0, 0, 1 + byte(d), 10, 0, 0, 2 - byte(d)})
	ports := [2]uint16{50000, 443}
	binary.BigEndian.PutUint16(b[20:], ports[d])
	binary.BigEndian.PutUint16(b[22:], ports[d.Other()])
	binary.BigEndian.PutUint32(b[24:], seq)
	binary.BigEndian.PutUint32(b[28:], ack)
	b[32], b[33] = 5<<4, flags
	binary.BigEndian.PutUint16(b[34:], 60000)
	const raw = 101 // LINKTYPE_RAW
	l.list = append(l.list, capture.Packet{
		Frame: len(l.list) + 1, Time: int64(ms) * int64(time.Millisecond), HasTime: true,
		Link: raw, Data: b, WireLen: len(b),
	})
}

// TestMissing: a server whose large segments vanish behind the capture's point
// or before it, and what is told of either.
func TestMissing(t *testing.T) {
	var l link
	const a = flagACK
	l.send(Client, 1000, 64, flagSYN, 100, 0, 0)
	l.send(Server, 1020, 63, flagSYN|a, 900, 101, 0)
	l.send(Client, 1021, 64, a, 101, 901, 0)
	l.send(Client, 1022, 64, a, 101, 901, 200)
	l.send(Server, 1042, 63, a, 901, 301, 100)
	l.send(Client, 1043, 64, a, 301, 1001, 0)
	l.send(Server, 1050, 63, a, 2461, 301, 40) // 1460 bytes before it never came
	l.send(Client, 1051, 64, a, 301, 1001, 0)
	l.send(Client, 3000, 64, a, 301, 1001, 50)
	l.send(Server, 3020, 60, a, 2501, 351, 0) // another path
	r, err := Analyse(&l.packets, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Flows[0].Conn
	if h := c.Holes[Server]; h.Since.Frame != 7 || h.Seq != 101 || h.Bytes != 1460 || h.Quiet != int64(8*time.Millisecond) {
		t.Errorf("hole %+v", h)
	}
	if h := c.Holes[Client]; h.Since.Seen() {
		t.Errorf("the client's bytes all came: %+v", h)
	}
	if got := c.AckedTo; got != [2]uint32{251, 101} {
		t.Errorf("acknowledged to %v", got)
	}
	k := c.Count
	if k[Client].Largest != 200 || k[Client].LargestAcked != 200 || k[Server].Largest != 100 || k[Server].LargestAcked != 100 {
		t.Errorf("largest %+v", k)
	}
	if k[Client].DupACKs != 1 {
		t.Errorf("%d repeated acknowledgements", k[Client].DupACKs)
	}
	if w := c.Rerouted[Server]; w.Frame != 10 || w.From != 63 || w.To != 60 || w.Changes != 1 || c.Rerouted[Client].Seen() {
		t.Errorf("TTL %+v", c.Rerouted)
	}
	if c.Idle[0].Frame != 8 || c.Idle[1].Frame != 9 {
		t.Errorf("idle %+v", c.Idle)
	}
}

// TestRepeatedNotAcknowledged: what was sent more than once says nothing of the
// size that passes.
func TestRepeatedNotAcknowledged(t *testing.T) {
	var l link
	const a = flagACK
	l.send(Client, 1000, 64, flagSYN, 100, 0, 0)
	l.send(Server, 1020, 63, flagSYN|a, 900, 101, 0)
	l.send(Client, 1021, 64, a, 101, 901, 0)
	l.send(Client, 1022, 64, a, 101, 901, 1460)
	l.send(Client, 1322, 64, a, 101, 901, 1460)
	l.send(Client, 1922, 64, a, 101, 901, 500) // after an MTU probe
	l.send(Server, 1942, 63, a, 901, 601, 0)
	r, err := Analyse(&l.packets, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Flows[0].Conn
	if c.Count[Client].LargestAcked != 0 || c.Count[Client].Largest != 1460 || c.AckedTo[Client] != 501 {
		t.Errorf("%+v, acknowledged to %d", c.Count[Client], c.AckedTo[Client])
	}
}
