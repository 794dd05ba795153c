// Command manypoints writes a folder of tiny captures, each of a host of its own
// that looks up a name and fetches a page, to measure how flowcorr batch grows with
// the number of capture points.
//
//	manypoints -points 100000 -hours 24 -logs FOLDER
//
// Hosts share a few resolvers and a hundred servers; of one in a thousand the answer
// comes late. With -logs the servers' access logs lie beside the captures, each by a
// clock of its own. The same numbers give the same bytes.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"
)

// start of the first of them: 2026-01-15 00:00 UTC, ns.
const start = int64(1768435200e9)

func main() {
	points := flag.Int("points", 100_000, "captures, each of a host of its own")
	hours := flag.Float64("hours", 24, "the time they are spread over")
	logs := flag.Bool("logs", false, "the access logs of the servers as well")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("manypoints [options] FOLDER")
	}
	over := int64(*hours * float64(time.Hour))
	var lines [servers]bytes.Buffer
	for i := range *points {
		t := start + over/int64(*points)*int64(i)
		// A folder holds a thousand of them.
		dir := filepath.Join(flag.Arg(0), fmt.Sprintf("%03d", i/1000))
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, nameOf(i)+".pcap"), captureOf(i, t), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
		c := clientOf(i)
		ahead := int64(i%servers%7-3) * 1500 * ms
		fmt.Fprintf(&lines[i%servers], "%d.%d.%d.%d - - [%s] \"GET /page/%d HTTP/1.1\" 200 5 \"-\" \"probe\"\n", c[0], c[1], c[2], c[3],
			time.Unix(0, t+34*ms+waitOf(i)+ahead).UTC().Format("02/Jan/2006:15:04:05 -0700"), i)
	}
	for k := range lines {
		if !*logs {
			break
		}
		dir := filepath.Join(flag.Arg(0), fmt.Sprintf("www%d", k))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "access.log"), lines[k].Bytes(), 0o644)); err != nil {
			log.Fatal(err)
		}
	}
}

// nameOf a host has no number: files with numbers may be those of one rotation.
func nameOf(i int) string {
	b := []byte("host-aaaa")
	for at := len(b) - 1; i > 0; at-- {
		b[at] += byte(i % 26)
		i /= 26
	}
	return string(b)
}

// servers that the hosts share.
const servers = 100

func clientOf(i int) [4]byte { return [4]byte{10, byte(1 + i>>16), byte(i >> 8), byte(i)} }

// waitOf is how long host i waits for its answer, ns.
func waitOf(i int) int64 {
	if i%1000 == 500 {
		return 2500 * ms
	}
	return 20 * ms
}

const (
	ms  = int64(time.Millisecond)
	syn = 2
	fin = 1
	ack = 16
	psh = 8
)

// capture of one host.
type capture struct{ b []byte }

// captureOf has host i look up a name and fetch a page from t on.
func captureOf(i int, t int64) []byte {
	le := binary.LittleEndian
	c := &capture{}
	for _, v := range []uint32{0xa1b23c4d, 4<<16 | 2, 0, 0, 262144, 1} {
		c.b = le.AppendUint32(c.b, v)
	}
	client := clientOf(i)
	resolver := [4]byte{192, 0, 2, byte(1 + i%4)}
	server := [4]byte{198, 51, 100, byte(1 + i%servers)}
	name := fmt.Sprintf("www%d.example.com", i%servers)
	port := uint16(32768 + i*7919%28000)

	question := []byte{}
	label := 0
	for k := 0; k <= len(name); k++ {
		if k == len(name) || name[k] == '.' {
			question = append(append(question, byte(k-label)), name[label:k]...)
			label = k + 1
		}
	}
	question = append(question, 0, 0, 1, 0, 1)
	head := func(flags uint16, answers byte) []byte {
		return []byte{byte(i >> 8), byte(i), byte(flags >> 8), byte(flags), 0, 1, 0, answers, 0, 0, 0, 0}
	}
	answer := append([]byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4}, server[:]...)
	c.udp(t, client, resolver, port+1, 53, append(head(0x0100, 0), question...))
	c.udp(t+3*ms, resolver, client, 53, port+1, append(append(head(0x8180, 1), question...), answer...))

	request := fmt.Appendf(nil, "GET /page/%d HTTP/1.1\r\nHost: %s\r\nUser-Agent: probe\r\nConnection: close\r\n\r\n", i, name)
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello")
	x, y := uint32(i)*2654435761+12345, uint32(i)*2246822519+54321
	seg := func(at int64, up bool, flags byte, seq, acked uint32, data []byte) {
		if up {
			c.tcp(at, client, server, port, 80, flags, seq, acked, data)
		} else {
			c.tcp(at, server, client, 80, port, flags, seq, acked, data)
		}
	}
	q, r := uint32(len(request)), uint32(len(response))
	t += 4 * ms
	seg(t, true, syn, x, 0, nil)
	seg(t+10*ms, false, syn|ack, y, x+1, nil)
	seg(t+10*ms+ms/10, true, ack, x+1, y+1, nil)
	seg(t+10*ms+ms/5, true, psh|ack, x+1, y+1, request)
	seg(t+20*ms, false, ack, y+1, x+1+q, nil)
	t += 20*ms + waitOf(i)
	seg(t, false, psh|ack, y+1, x+1+q, response)
	seg(t+ms/10, true, ack, x+1+q, y+1+r, nil)
	seg(t+ms, false, fin|ack, y+1+r, x+1+q, nil)
	seg(t+ms+ms/10, true, fin|ack, x+1+q, y+2+r, nil)
	seg(t+11*ms, false, ack, y+2+r, x+2+q, nil)
	return c.b
}

func (c *capture) tcp(t int64, from, to [4]byte, sport, dport uint16, flags byte, seq, acked uint32, data []byte) {
	be := binary.BigEndian
	h := be.AppendUint16(be.AppendUint16(nil, sport), dport)
	h = be.AppendUint32(be.AppendUint32(h, seq), acked)
	h = append(h, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	c.ip(t, from, to, 6, 16, append(h, data...))
}

func (c *capture) udp(t int64, from, to [4]byte, sport, dport uint16, data []byte) {
	be := binary.BigEndian
	h := be.AppendUint16(be.AppendUint16(nil, sport), dport)
	h = append(be.AppendUint16(h, uint16(8+len(data))), 0, 0)
	c.ip(t, from, to, 17, 6, append(h, data...))
}

// ip writes a packet; the sum of what it carries goes to sumAt of it.
func (c *capture) ip(t int64, from, to [4]byte, proto byte, sumAt int, data []byte) {
	be, le := binary.BigEndian, binary.LittleEndian
	pseudo := append(append(append([]byte{}, from[:]...), to[:]...), 0, proto, byte(len(data)>>8), byte(len(data)))
	be.PutUint16(data[sumAt:], checksum(append(pseudo, data...)))
	h := be.AppendUint16([]byte{0x45, 0}, uint16(20+len(data)))
	h = append(h, 0, 0, 0x40, 0, 64, proto, 0, 0)
	h = append(append(h, from[:]...), to[:]...)
	be.PutUint16(h[10:], checksum(h))
	frame := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, h...)
	frame = append(frame, data...)
	for _, v := range []uint32{uint32(t / 1e9), uint32(t % 1e9), uint32(len(frame)), uint32(len(frame))} {
		c.b = le.AppendUint32(c.b, v)
	}
	c.b = append(c.b, frame...)
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i]) << 8
		if i+1 < len(b) {
			sum += uint32(b[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
