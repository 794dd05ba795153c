// Command cutarchive makes an archive to judge flowcorr batch by: one capture of
// Ethernet frames and some logs become the files of two capture points and their
// servers, once whole and once cut, packed and in part damaged.
//
//	cutarchive -captures 500 -logs 200 -corrupt 20 OUT capture.pcap log...
//
// OUT/whole and OUT/cut hold the same packets and lines; OUT/cut also holds
// damaged files that repeat what others say. With -each the packets come from
// standard input (-) and go into files of so many bytes, in OUT/cut alone and
// without the logs: a month to measure how the work grows.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

func main() {
	captures := flag.Int("captures", 500, "files that the packets are cut into")
	logs := flag.Int("logs", 200, "files that the lines are cut into")
	corrupt := flag.Int("corrupt", 20, "of these, files that are damaged")
	each := flag.Int64("each", 0, "bytes of packets in a file, as tcpdump -C has it; 0: as many as give -captures files")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("cutarchive [options] OUT capture.pcap log...")
	}
	err := cutCapture(flag.Arg(1), flag.Arg(0), *captures, *each)
	if err == nil && *each == 0 {
		err = cutLogs(flag.Args()[2:], flag.Arg(0), *logs-*corrupt, *corrupt)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// file is one that is being written, packed or not.
type file struct {
	out  *os.File
	buf  *bufio.Writer
	pack io.WriteCloser
}

func create(name string) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	out, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	f := &file{out: out, buf: bufio.NewWriterSize(out, 1<<20)}
	switch filepath.Ext(name) {
	case ".gz":
		f.pack = gzip.NewWriter(f.buf)
	case ".zst":
		f.pack, err = zstd.NewWriter(f.buf, zstd.WithEncoderConcurrency(1))
	}
	return f, err
}

func (f *file) Write(b []byte) (int, error) {
	if f.pack != nil {
		return f.pack.Write(b)
	}
	return f.buf.Write(b)
}

func (f *file) Close() error {
	var err error
	if f.pack != nil {
		err = f.pack.Close()
	}
	return errors.Join(err, f.buf.Flush(), f.out.Close())
}

// side tells at which of two points a frame was captured: all frames of two
// hosts at the same.
func side(frame []byte) int {
	ends := []byte(nil)
	switch {
	case len(frame) >= 34 && frame[12] == 8 && frame[13] == 0:
		ends = frame[26:34]
	case len(frame) >= 54 && frame[12] == 0x86 && frame[13] == 0xdd:
		ends = frame[22:54]
	}
	sum := 0
	for _, b := range ends {
		sum += int(b)
	}
	return sum & 1
}

// point is where frames are written.
type point struct {
	whole, cut *file
	n, files   int // frames in the file at hand, files begun
}

// cutCapture cuts a capture into files of so many bytes of frames, or, where each is
// 0, into so many files, and then also gives each point as one.
func cutCapture(from, to string, files int, each int64) error {
	c := &cutter{to: to, whole: each == 0, each: each}
	in := os.Stdin
	if c.whole {
		var err error
		if in, err = os.Open(from); err != nil {
			return err
		}
		defer in.Close()
		st, err := in.Stat()
		if err != nil {
			return err
		}
		c.each = st.Size() / int64(files)
	}
	return errors.Join(c.all(from, in), c.close())
}

// cutter writes the files of two points.
type cutter struct {
	to     string
	whole  bool  // also as one file each
	each   int64 // bytes in a file, as tcpdump -C has it
	points [2]point
}

var names, packing = [2]string{"client", "server"}, [2]string{".gz", ".zst"}

func (c *cutter) close() (err error) {
	for i := range c.points {
		p := &c.points[i]
		for _, f := range []*file{p.cut, p.whole} {
			if f != nil {
				err = errors.Join(err, f.Close())
			}
		}
		fmt.Printf("%s: %d files\n", names[i], p.files)
	}
	return err
}

// all writes all packets of a capture.
func (c *cutter) all(from string, in io.Reader) error {
	r := bufio.NewReaderSize(in, 1<<20)
	var head [24]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if m := binary.LittleEndian.Uint32(head[:]); m != 0xa1b2c3d4 && m != 0xa1b23c4d {
		return fmt.Errorf("%s: not a little-endian pcap", from)
	}
	for i := range c.points {
		p := &c.points[i]
		if !c.whole {
			break
		}
		var err error
		if p.whole, err = create(filepath.Join(c.to, "whole", names[i], names[i]+".pcap")); err != nil {
			return err
		}
		if _, err := p.whole.Write(head[:]); err != nil {
			return err
		}
	}
	record := make([]byte, 16+1<<18)
	for {
		if _, err := io.ReadFull(r, record[:16]); err != nil {
			break
		}
		n := 16 + int(binary.LittleEndian.Uint32(record[8:]))
		if n > len(record) {
			return fmt.Errorf("%s: a frame of %d bytes", from, n)
		}
		if _, err := io.ReadFull(r, record[16:n]); err != nil {
			break
		}
		if err := c.frame(head[:], record[:n]); err != nil {
			return err
		}
	}
	return nil
}

// frame writes one record.
func (c *cutter) frame(head, record []byte) (err error) {
	i := side(record[16:])
	p := &c.points[i]
	if p.cut == nil {
		name := fmt.Sprintf("%s.pcap%d%s", names[i], p.files, packing[i])
		if p.cut, err = create(filepath.Join(c.to, "cut", names[i], name)); err != nil {
			return err
		}
		p.files++
		_, err = p.cut.Write(head)
	}
	_, err1 := p.cut.Write(record)
	if p.whole != nil {
		_, err2 := p.whole.Write(record)
		err1 = errors.Join(err1, err2)
	}
	if p.n += len(record); int64(p.n) >= c.each && err1 == nil {
		err1 = p.cut.Close()
		p.cut, p.n = nil, 0
	}
	return errors.Join(err, err1)
}

// cutLogs cuts logs into files of lines, packed but for the last, and damages
// copies of some.
func cutLogs(from []string, to string, good, bad int) error {
	for k, name := range from {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		base := filepath.Base(name)
		if err := os.MkdirAll(filepath.Join(to, "whole", "web"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, "whole", "web", base), text, 0o644); err != nil {
			return err
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		files := good / len(from)
		damaged := bad / len(from)
		if k == 0 {
			files, damaged = good-files*(len(from)-1), bad-damaged*(len(from)-1)
		}
		for i := range files {
			part := bytes.Join(lines[len(lines)*i/files:len(lines)*(i+1)/files], nil)
			// As logrotate numbers: the youngest has no number.
			as := base
			if back := files - 1 - i; back > 0 {
				as = fmt.Sprintf("%s.%d.gz", base, back)
			}
			if err := write(filepath.Join(to, "cut", "web", as), part); err != nil {
				return err
			}
			if i < damaged {
				if err := damage(filepath.Join(to, "cut", "web", strings.TrimSuffix(as, ".gz")+".bad.gz"), part, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func write(name string, text []byte) error {
	f, err := create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// damage writes a file of which nothing can be read: cut within its head, or
// noise.
func damage(name string, text []byte, how int) error {
	b := []byte{0x1f, 0x8b, 8, 0, 0}
	if how%2 == 1 {
		b = make([]byte, len(text)/10+100)
		for i := range b {
			b[i] = byte(i*i>>3 ^ i*131)
		}
	}
	return os.WriteFile(name, b, 0o644)
}
