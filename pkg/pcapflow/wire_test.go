package pcapflow

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// wire makes up the packets of one connection between 10.0.0.1:40000, the
// client, and 10.0.0.2:443. Sequence numbers are relative, as Wireshark's.
type wire struct {
	list   []capture.Packet
	now    int64
	id     [2]uint16
	window [2]uint16 // 0: 65535
	shut   [2]bool   // the window is zero
	port   uint16    // of the client; 0: 40000
}

var wireISN = [2]uint32{4294967000, 5000} // the client's numbers pass zero

// tcp adds a segment some time after the one before.
func (w *wire) tcp(after time.Duration, d Dir, flags uint8, seq, ack uint32, payload string) {
	w.option(after, d, flags, seq, ack, payload, nil)
}

// option adds a segment with TCP options, a multiple of four bytes.
func (w *wire) option(after time.Duration, d Dir, flags uint8, seq, ack uint32, payload string, options []byte) {
	if w.now == 0 {
		w.now = 1_700_000_000e9
	}
	w.now += int64(after)
	w.id[d]++
	port := [2]uint16{max(w.port, 40000), 443}
	window := uint16(0xffff)
	if w.shut[d] {
		window = 0
	} else if w.window[d] > 0 {
		window = w.window[d]
	}
	b := []byte{2, 0, 0, 0, 0, 2 - byte(d), 2, 0, 0, 0, 0, 1 + byte(d), 8, 0, 0x45, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(40+len(options)+len(payload)))
	b = binary.BigEndian.AppendUint16(b, w.id[d]+100*uint16(d))
	b = append(b, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1+byte(d), 10, 0, 0, 2-byte(d))
	b = binary.BigEndian.AppendUint16(b, port[d])
	b = binary.BigEndian.AppendUint16(b, port[d.Other()])
	b = binary.BigEndian.AppendUint32(b, wireISN[d]+seq)
	if flags&flagACK != 0 {
		ack += wireISN[d.Other()]
	}
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, byte(5+len(options)/4)<<4, flags)
	b = binary.BigEndian.AppendUint16(b, window)
	b = append(b, 0, byte(w.id[d]), 0, 0)
	b = append(b, options...)
	b = append(b, payload...)
	w.add(b)
}

func (w *wire) add(b []byte) {
	w.list = append(w.list, capture.Packet{
		Frame: len(w.list) + 1, Time: w.now, HasTime: true, Link: linkEthernet, Data: b, WireLen: len(b),
	})
}

// open adds a handshake of 20 ms towards the server and 1 ms towards the client.
func (w *wire) open() {
	w.tcp(0, Client, flagSYN, 0, 0, "")
	w.tcp(20*time.Millisecond, Server, flagSYN|flagACK, 0, 1, "")
	w.tcp(time.Millisecond, Client, flagACK, 1, 1, "")
}

// flows analyses what was made up.
func (w *wire) flows(t testing.TB) []*Flow {
	t.Helper()
	r, err := Analyse(&packets{list: w.list}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Flows
}

// only is the one flow there must be.
func (w *wire) only(t testing.TB) *Flow {
	t.Helper()
	list := w.flows(t)
	if len(list) != 1 {
		t.Fatalf("%d flows", len(list))
	}
	return list[0]
}

// again adds packet i once more, some time after the last.
func (w *wire) again(i int, after time.Duration, change func(b []byte)) {
	w.now += int64(after)
	b := append([]byte(nil), w.list[i].Data...)
	if change != nil {
		change(b)
	}
	w.add(b)
}

// heard is a Stream that writes down what it is given.
type heard struct {
	strings.Builder
	at [2]int64
	t  testing.TB
}

func (s *heard) Data(d Dir, at Stamp, b []byte) {
	s.instant(d, at)
	io.WriteString(s, d.String()[:1]+":"+string(b)+" ")
}

func (s *heard) Gap(d Dir, at Stamp, n int64) {
	s.instant(d, at)
	io.WriteString(s, d.String()[:1]+"!"+string(rune('0'+n%10))+" ")
}

func (s *heard) Close(Stamp) { io.WriteString(s, ".") }

func (s *heard) instant(d Dir, at Stamp) {
	if at.Time < s.at[d] {
		s.t.Errorf("instants go backwards: %d behind %d", at.Time, s.at[d])
	}
	s.at[d] = at.Time
}

// listen makes every TCP flow be heard by one stream for the time of the test.
func listen(t testing.TB) *heard {
	h := &heard{t: t}
	before := dissectors
	t.Cleanup(func() { dissectors = before })
	dissectors = []*Dissector{{
		Name: "heard", Transport: TCP,
		Probe: func([2][]byte, uint16) Verdict { return Yes },
		Open:  func(*Flow, *Env) Stream { return h },
	}}
	return h
}
