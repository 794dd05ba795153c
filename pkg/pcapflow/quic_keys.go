package pcapflow

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// Salts of Initial secrets: RFC 9001 §5.2, RFC 9369 §3.3.1, and
// draft-ietf-quic-tls-23 and -29.
var (
	quicSalt1  = []byte("\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a")
	quicSalt2  = []byte("\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9")
	quicSalt23 = []byte("\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02")
	quicSalt29 = []byte("\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99")
)

// quicSaltOf returns a version's salt, nil where it is not known.
func quicSaltOf(version uint32) []byte {
	switch {
	case version == quicVersion1 || version >= quicDraft+33 && version <= quicDraft+34:
		return quicSalt1
	case version == quicVersion2:
		return quicSalt2
	case version >= quicDraft+29 && version <= quicDraft+32:
		return quicSalt29
	case version >= quicDraft+23 && version <= quicDraft+28, version == quicFacebook, version == quicFacebookTrial:
		return quicSalt23
	}
	return nil
}

// quicKeys open the Initial packets of one connection ID and version.
type quicKeys struct {
	version uint32
	dcid    []byte
	side    [2]quicOpener
}

// quicOpener opens the packets of one side.
type quicOpener struct {
	header cipher.Block // AES-128-ECB
	packet cipher.AEAD  // AES-128-GCM
	iv     [12]byte
}

// newQUICKeys derives the Initial keys of both sides from the destination
// connection ID of the client's first packet. nil: the version is not known.
func newQUICKeys(version uint32, dcid []byte) *quicKeys {
	salt := quicSaltOf(version)
	if salt == nil {
		return nil
	}
	secret, err := hkdf.Extract(sha256.New, dcid, salt)
	if err != nil {
		return nil
	}
	k := &quicKeys{version: version, dcid: bytes.Clone(dcid)}
	prefix := "quic "
	if version == quicVersion2 {
		prefix = "quicv2 "
	}
	for d, label := range [...]string{"client in", "server in"} {
		side := quicExpand(secret, label, sha256.Size)
		o := &k.side[d]
		key := quicExpand(side, prefix+"key", 16)
		copy(o.iv[:], quicExpand(side, prefix+"iv", len(o.iv)))
		header := quicExpand(side, prefix+"hp", 16)
		var block cipher.Block
		if block, err = aes.NewCipher(key); err != nil {
			return nil
		}
		if o.packet, err = cipher.NewGCM(block); err != nil {
			return nil
		}
		if o.header, err = aes.NewCipher(header); err != nil {
			return nil
		}
	}
	return k
}

// quicExpand is HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
func quicExpand(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		return nil
	}
	return out
}

// open removes the protection of the long-header packet b, whose packet number
// is at the given offset, and returns its frames (RFC 9001 §5.3, §5.4). largest
// is the greatest packet number so far, -1 for none. b is overwritten.
func (o *quicOpener) open(b []byte, number int, largest int64) (frames []byte, packet int64, ok bool) {
	const sample = 16
	if o.packet == nil || number+4+sample > len(b) {
		return nil, 0, false
	}
	var mask [aes.BlockSize]byte
	o.header.Encrypt(mask[:], b[number+4:number+4+sample])
	b[0] ^= mask[0] & 0x0f
	n := int(b[0]&3) + 1
	truncated := int64(0)
	for i := range n {
		b[number+i] ^= mask[1+i]
		truncated = truncated<<8 | int64(b[number+i])
	}
	packet = quicNumber(largest, truncated, n*8)
	nonce := o.iv
	low := binary.BigEndian.Uint64(nonce[4:]) ^ uint64(packet)
	binary.BigEndian.PutUint64(nonce[4:], low)
	head := number + n
	frames, err := o.packet.Open(b[head:head], nonce[:], b[head:], b[:head])
	return frames, packet, err == nil
}

// quicNumber restores a packet number from its lowest bits (RFC 9000 A.3).
func quicNumber(largest, truncated int64, bits int) int64 {
	window := int64(1) << bits
	expected := largest + 1
	number := expected&^(window-1) | truncated
	switch {
	case number <= expected-window/2 && number < 1<<62-window:
		return number + window
	case number > expected+window/2 && number >= window:
		return number - window
	}
	return number
}
