package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// packing is one way to compress a file.
type packing struct {
	name  string
	match func(head []byte) bool
	// open reads one packed part, or all that follow where the decoder joins
	// them itself. free may be nil.
	open func(in *bufio.Reader, opt Options) (r io.Reader, free func(), err error)
}

// longestMagic is how many bytes the matches look at.
const longestMagic = 10

var packings = []packing{
	{"gzip", isGzip, openGzip},
	{"zstd", isZstd, openZstd},
	{"xz", prefix("\xfd7zXZ\x00"), openXZ},
	{"lz4", isLZ4, openLZ4},
	{"bzip2", isBzip2, openBzip2},
}

func prefix(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

func firstWord(head []byte) uint32 {
	if len(head) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(head)
}

// isGzip: RFC 1952, section 2.3.1; 8 is the only method in use.
func isGzip(head []byte) bool {
	return len(head) >= 4 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 && head[3]&0xe0 == 0
}

// isZstd: RFC 8878, section 3.1; a file may begin with a skippable frame, as
// those of pzstd do.
func isZstd(head []byte) bool {
	return firstWord(head) == 0xfd2fb528 || firstWord(head)&^0xf == 0x184d2a50
}

// isLZ4 knows the frame format and the one before it.
func isLZ4(head []byte) bool {
	return firstWord(head) == 0x184d2204 || firstWord(head) == 0x184c2102
}

func isBzip2(head []byte) bool {
	return len(head) >= 10 && string(head[:3]) == "BZh" && head[3] >= '1' && head[3] <= '9' &&
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

func openGzip(in *bufio.Reader, _ Options) (io.Reader, func(), error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, err
	}
	z.Multistream(false) // so that what follows can be told from padding
	return z, nil, nil
}

// zstdDecoder is one that was used. The window is the room that it has, which for many
// small files would be most of the work.
type zstdDecoder struct {
	*zstd.Decoder
	window uint64
}

var spareZstd sync.Pool // of *zstdDecoder

func (z *zstdDecoder) spare() {
	if z.Reset(nil) == nil {
		spareZstd.Put(z)
	}
}

func openZstd(in *bufio.Reader, opt Options) (io.Reader, func(), error) {
	if z, ok := spareZstd.Get().(*zstdDecoder); ok && z.window == opt.Window && z.Reset(in) == nil {
		return z, z.spare, nil
	}
	made, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(opt.Window), zstd.WithDecoderMaxMemory(opt.Window+8<<20))
	if err != nil {
		return nil, nil, err
	}
	z := &zstdDecoder{made, opt.Window}
	return z, z.spare, nil
}

func openXZ(in *bufio.Reader, opt Options) (io.Reader, func(), error) {
	z, err := xz.NewReader(in, uint32(min(opt.Window, 1<<31)))
	return z, nil, err
}

func openLZ4(in *bufio.Reader, _ Options) (io.Reader, func(), error) {
	return lz4.NewReader(in), nil, nil
}

func openBzip2(in *bufio.Reader, _ Options) (io.Reader, func(), error) {
	return bzip2.NewReader(in), nil, nil
}
