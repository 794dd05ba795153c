package pcapflow

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"hash"
)

// recordKey opens the records of one side under one key. Nothing is allocated
// per record once buf has grown.
type recordKey struct {
	kind    cipherKind
	tls13   bool
	version uint16
	etm     bool
	seq     uint64

	aead  cipher.AEAD
	iv    [12]byte
	block cipher.Block
	rc4   *rc4.Cipher
	mac   hash.Hash
	chain []byte // TLS 1.0: the last block of the record before

	nonce [12]byte
	head  [13]byte
	id    []byte // connection ID of the record at hand (DTLS); valid while it is opened
	long  []byte // its header
	sum   []byte
	buf   []byte
}

// open decrypts the body of a record under the current sequence number and
// checks it. The result is valid until the next call. inner is the content
// type, under 1.3 the hidden one.
func (k *recordKey) open(typ byte, version uint16, body []byte) (plain []byte, inner byte, ok bool) {
	switch {
	case k.tls13:
		plain, inner, ok = k.open13(body)
	case k.aead != nil:
		plain, ok = k.openAEAD(typ, version, body)
		inner = typ
	case k.block != nil:
		plain, ok = k.openCBC(typ, version, body)
		inner = typ
	case k.rc4 != nil:
		plain, ok = k.openRC4(typ, version, body)
		inner = typ
	}
	if ok {
		k.seq++
	}
	return plain, inner, ok
}

// open13 is RFC 8446 §5.2: the content type is the last byte that is not zero.
func (k *recordKey) open13(body []byte) ([]byte, byte, bool) {
	k.xorNonce()
	k.head = [13]byte{recordData, 3, 3, byte(len(body) >> 8), byte(len(body))}
	plain, err := k.aead.Open(k.buf[:0], k.nonce[:], body, k.head[:5])
	if err != nil {
		return nil, 0, false
	}
	k.buf = plain
	return innerContent(plain)
}

// innerContent takes off the content type, the last octet that is not zero, and the
// padding behind it.
func innerContent(plain []byte) ([]byte, byte, bool) {
	for n := len(plain); n > 0; n-- {
		if plain[n-1] != 0 {
			return plain[:n-1], plain[n-1], true
		}
	}
	return nil, 0, false
}

func (k *recordKey) xorNonce() {
	k.nonce = k.iv
	for i := range 8 {
		k.nonce[4+i] ^= byte(k.seq >> (56 - 8*i))
	}
}

// header writes what is authenticated besides the content (RFC 5246 §6.2.3.3).
func (k *recordKey) header(typ byte, version uint16, n int) []byte {
	if typ == recordDTLSWithID {
		return k.headerWithID(version, n)
	}
	binary.BigEndian.PutUint64(k.head[:], k.seq)
	k.head[8] = typ
	binary.BigEndian.PutUint16(k.head[9:], version)
	binary.BigEndian.PutUint16(k.head[11:], uint16(n))
	return k.head[:]
}

// openAEAD is RFC 5288 (GCM), RFC 6655 (CCM): half of the nonce is in the
// record; RFC 7905 (ChaCha20): none of it.
func (k *recordKey) openAEAD(typ byte, version uint16, body []byte) ([]byte, bool) {
	if k.kind == cipherChaCha {
		k.xorNonce()
	} else {
		if len(body) < 8 {
			return nil, false
		}
		copy(k.nonce[:4], k.iv[:4])
		copy(k.nonce[4:], body[:8])
		body = body[8:]
	}
	n := len(body) - k.aead.Overhead()
	if n < 0 {
		return nil, false
	}
	plain, err := k.aead.Open(k.buf[:0], k.nonce[:], body, k.header(typ, version, n))
	if err != nil {
		return nil, false
	}
	k.buf = plain
	return plain, true
}

// openCBC is RFC 5246 §6.2.3.2, with encrypt-then-MAC RFC 7366.
func (k *recordKey) openCBC(typ byte, version uint16, body []byte) ([]byte, bool) {
	size, explicit := k.block.BlockSize(), k.version >= versionTLS11
	if k.etm {
		n := len(body) - k.mac.Size()
		if n < 0 || !k.verify(typ, version, body[:n], body[n:]) {
			return nil, false
		}
		body = body[:n]
	}
	iv := k.chain
	if explicit {
		if len(body) < size {
			return nil, false
		}
		iv, body = body[:size], body[size:]
	}
	if len(body) == 0 || len(body)%size != 0 {
		return nil, false
	}
	plain := append(k.buf[:0], body...)
	k.buf = plain
	decryptBlocks(k.block, iv, plain)
	pad := int(plain[len(plain)-1]) + 1
	macLen := k.mac.Size()
	if k.etm {
		macLen = 0
	}
	n := len(plain) - pad - macLen
	if n < 0 {
		return nil, false
	}
	if !k.etm && !k.verify(typ, version, plain[:n], plain[n:n+macLen]) {
		return nil, false
	}
	if !explicit {
		k.chain = append(k.chain[:0], body[len(body)-size:]...)
	}
	return plain[:n], true
}

// decryptBlocks is CBC without the allocation of a cipher.BlockMode. b is
// decrypted in place, block by block from its end.
func decryptBlocks(block cipher.Block, iv, b []byte) {
	size := block.BlockSize()
	for i := len(b) - size; i >= 0; i -= size {
		previous := iv
		if i > 0 {
			previous = b[i-size : i]
		}
		block.Decrypt(b[i:i+size], b[i:i+size])
		for j := range size {
			b[i+j] ^= previous[j]
		}
	}
}

// openRC4 is RFC 5246 §6.2.3.1. A wrong key cannot be tried again: the key
// stream has moved on.
func (k *recordKey) openRC4(typ byte, version uint16, body []byte) ([]byte, bool) {
	n := len(body) - k.mac.Size()
	if n < 0 {
		return nil, false
	}
	plain := append(k.buf[:0], body...)
	k.buf = plain
	k.rc4.XORKeyStream(plain, plain)
	return plain[:n], k.verify(typ, version, plain[:n], plain[n:])
}

// verify checks a record's MAC.
func (k *recordKey) verify(typ byte, version uint16, content, sum []byte) bool {
	k.mac.Reset()
	k.mac.Write(k.header(typ, version, len(content)))
	k.mac.Write(content)
	k.sum = k.mac.Sum(k.sum[:0])
	return hmac.Equal(k.sum, sum)
}
