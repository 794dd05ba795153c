package pcapflow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// fuzzLinks are the link types a fuzzed input can choose from.
var fuzzLinks = []capture.LinkType{
	linkEthernet, linkRaw, linkNull, linkLoop, linkSLL, linkSLL2, linkPPP, linkPPPEther, linkPPPWithDir, linkCHDLC, linkNFLOG, 105, 119, 127, 117, 10, 284,
}

// unpack reads packets from fuzzed bytes: the link type, then of each packet two
// bytes of time (signed, units of 0.1 ms), two of length, one of what the snap
// length cut off, and the bytes.
func unpack(b []byte) *packets {
	s := &packets{}
	if len(b) == 0 {
		return s
	}
	link := fuzzLinks[int(b[0])%len(fuzzLinks)]
	now := int64(1_700_000_000e9)
	for b = b[1:]; len(b) >= 5; {
		now += int64(int16(binary.BigEndian.Uint16(b))) * 100_000
		n := min(int(binary.BigEndian.Uint16(b[2:])), len(b)-5)
		data := b[5 : 5+n : 5+n]
		s.list = append(s.list, capture.Packet{
			Frame: len(s.list) + 1, Time: now, HasTime: b[4] != 0xff, Link: link, Data: data, WireLen: n + int(b[4]),
		})
		b = b[5+n:]
	}
	return s
}

// pack is the inverse of unpack.
func pack(link byte, list []capture.Packet) []byte {
	b := []byte{link}
	last := int64(1_700_000_000e9)
	for _, p := range list {
		step := min(max((p.Time-last)/100_000, -30000), 30000)
		last += step * 100_000
		b = binary.BigEndian.AppendUint16(b, uint16(int16(step)))
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Data)))
		b = append(b, 0)
		b = append(b, p.Data...)
	}
	return b
}

// checkResult holds for every input.
func checkResult(t *testing.T, r *Result, n int) {
	t.Helper()
	stamp := func(s Stamp, what string) {
		if s.Frame < 0 || s.Frame > n {
			t.Fatalf("%s in frame %d of %d", what, s.Frame, n)
		}
	}
	var counted int64
	for i, f := range r.Flows {
		stamp(f.Start, "start")
		stamp(f.End, "end")
		if !f.Start.Seen() || !f.End.Seen() || i > 0 && f.Start.Frame < r.Flows[i-1].Start.Frame {
			t.Fatalf("flow %d: %v to %v", i, f.Start, f.End)
		}
		if f.Packets[0] < 0 || f.Packets[1] < 0 || f.Packets[0]+f.Packets[1] == 0 {
			t.Fatalf("flow %d has %v packets", i, f.Packets)
		}
		counted += f.Packets[0] + f.Packets[1]
		for _, p := range f.Phases {
			stamp(p.Begin, string(p.Name))
			stamp(p.End, string(p.Name))
			for _, frame := range p.Frames {
				if frame < 1 || frame > n {
					t.Fatalf("%s in frame %d of %d", p.Name, frame, n)
				}
			}
			if p.Name == TCPConnect && p.Begin.Seen() && p.End.Seen() && p.End.Frame < p.Begin.Frame {
				t.Fatalf("%s ends in frame %d, before %d", p.Name, p.End.Frame, p.Begin.Frame)
			}
		}
		c := f.Conn
		if c == nil {
			continue
		}
		if c.RTT < 0 || c.RTTServer < 0 || c.RTTClient < 0 || len(c.Marks) > maxMarks {
			t.Fatalf("%+v", c)
		}
		for _, x := range c.Retransmissions {
			stamp(x.Stamp, "retransmission")
			stamp(x.Original, "original")
			if x.Original.Frame > x.Frame || x.Wait < 0 || x.Len < 0 {
				t.Fatalf("%+v", x)
			}
		}
		for _, x := range c.Stalls {
			if x.Begin.Frame > x.End.Frame {
				t.Fatalf("%+v", x)
			}
		}
		for _, k := range c.Count {
			if k.Timeout < 0 || k.Fast < 0 || k.TailProbe < 0 || k.Spurious < 0 || k.AckedUnseen < 0 || k.ZeroWindowTime < 0 {
				t.Fatalf("%+v", k)
			}
		}
	}
	if counted > maxDepth*int64(n) {
		t.Fatalf("%d packets in flows of %d", counted, n)
	}
}

// FuzzAnalyse: no input makes it panic, and what it tells lies within the input;
// what is handed out as it ends is what would have been kept.
func FuzzAnalyse(f *testing.F) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK|flagPSH, 1, 1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	w.tcp(300*ms, Client, flagACK|flagPSH, 1, 1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	w.tcp(20*ms, Server, flagACK|flagPSH, 1, 28, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	w.tcp(ms, Client, flagACK|flagFIN, 28, 43, "")
	w.tcp(20*ms, Server, flagACK|flagFIN, 43, 29, "")
	f.Add(pack(0, w.list))
	var raw []capture.Packet
	for _, p := range w.list {
		p.Data = p.Data[14:]
		raw = append(raw, p)
	}
	f.Add(pack(1, raw))
	udp := build(f, ether4, inner4, udpLayer(inner4, 5000, 53), pay)
	f.Add(pack(0, frames(linkEthernet, udp, vlan(udp, 3), vlan(vlan(udp, 3), 4)).list))
	f.Add(pack(0, frames(linkEthernet, build(f, ether4, inner4, udpLayer(inner4, 5000, portVXLAN), payload(append([]byte{8, 0, 0, 0, 0, 0, 1, 0}, udp...)))).list))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		s := unpack(b)
		r, err := Analyse(s, Options{Turns: true})
		if err != nil {
			t.Fatal(err)
		}
		checkResult(t, r, len(s.list))
		s.at = 0
		var handed int64
		if _, err := Analyse(s, Options{MaxOpen: 4, Turns: true, OnFlow: func(f *Flow) { handed += f.Packets[0] + f.Packets[1] }}); err != nil {
			t.Fatal(err)
		}
		var kept int64
		for _, f := range r.Flows {
			kept += f.Packets[0] + f.Packets[1]
		}
		// Where the two differ, a flow was ended early and begun anew.
		if handed < kept-int64(len(s.list)) || handed > kept+int64(len(s.list)) {
			t.Fatalf("%d packets handed out, %d kept", handed, kept)
		}
	})
}

// FuzzBatch: packets looked at together are what they are one by one.
func FuzzBatch(f *testing.F) {
	f.Add(pack(0, mixed(300, 3).list))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<15 {
			return
		}
		s := unpack(b)
		one, _ := Analyse(s, Options{})
		many, _ := Analyse(&traffic{list: s.list}, Options{})
		x, err1 := json.Marshal(one)
		y, err2 := json.Marshal(many)
		if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
			t.Fatalf("%v %v\n%s\n%s", err1, err2, x, y)
		}
	})
}
