package pcapflow

import (
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// ccm is AES-CCM with a nonce of 12 bytes (RFC 3610, RFC 6655), which the
// standard library lacks.
type ccm struct {
	block cipher.Block
	tag   int
	// scratch: a record is opened at a time
	mac, counter, stream [16]byte
}

func newCCM(block cipher.Block, tag int) *ccm { return &ccm{block: block, tag: tag} }

func (c *ccm) NonceSize() int { return 12 }
func (c *ccm) Overhead() int  { return c.tag }

var errCCM = errors.New("ccm: message authentication failed")

// Seal implements cipher.AEAD.
func (c *ccm) Seal(dst, nonce, plain, data []byte) []byte {
	c.authenticate(nonce, plain, data)
	n := len(dst)
	dst = append(dst, plain...)
	c.crypt(nonce, dst[n:])
	var tag [16]byte
	c.encryptTag(nonce, &tag)
	return append(dst, tag[:c.tag]...)
}

// Open implements cipher.AEAD.
func (c *ccm) Open(dst, nonce, text, data []byte) ([]byte, error) {
	if len(text) < c.tag || len(nonce) != 12 {
		return nil, errCCM
	}
	text, sum := text[:len(text)-c.tag], text[len(text)-c.tag:]
	n := len(dst)
	dst = append(dst, text...)
	c.crypt(nonce, dst[n:])
	c.authenticate(nonce, dst[n:], data)
	var tag [16]byte
	c.encryptTag(nonce, &tag)
	if subtle.ConstantTimeCompare(tag[:c.tag], sum) != 1 {
		return nil, errCCM
	}
	return dst, nil
}

// authenticate leaves the CBC-MAC of RFC 3610 §2.2 in mac; L is 3.
func (c *ccm) authenticate(nonce, plain, data []byte) {
	flags := byte((c.tag-2)/2<<3 | 2)
	if len(data) > 0 {
		flags |= 1 << 6
	}
	c.mac = [16]byte{flags}
	copy(c.mac[1:13], nonce)
	n := len(plain)
	c.mac[13], c.mac[14], c.mac[15] = byte(n>>16), byte(n>>8), byte(n)
	c.block.Encrypt(c.mac[:], c.mac[:])
	if len(data) > 0 { // RFC 3610 §2.2: below 0xff00 a length of two bytes
		at := 2
		c.mac[0] ^= byte(len(data) >> 8)
		c.mac[1] ^= byte(len(data))
		for _, v := range data {
			if at == 16 {
				c.block.Encrypt(c.mac[:], c.mac[:])
				at = 0
			}
			c.mac[at] ^= v
			at++
		}
		c.block.Encrypt(c.mac[:], c.mac[:])
	}
	for len(plain) > 0 {
		n := subtle.XORBytes(c.mac[:], c.mac[:], plain[:min(16, len(plain))])
		c.block.Encrypt(c.mac[:], c.mac[:])
		plain = plain[n:]
	}
}

// crypt adds the key stream of blocks 1, 2, … to b (RFC 3610 §2.3).
func (c *ccm) crypt(nonce, b []byte) {
	for i := 1; len(b) > 0; i++ {
		c.keyBlock(nonce, i)
		n := subtle.XORBytes(b, b, c.stream[:min(16, len(b))])
		b = b[n:]
	}
}

func (c *ccm) encryptTag(nonce []byte, tag *[16]byte) {
	c.keyBlock(nonce, 0)
	subtle.XORBytes(tag[:], c.mac[:], c.stream[:])
}

func (c *ccm) keyBlock(nonce []byte, i int) {
	c.counter = [16]byte{2}
	copy(c.counter[1:13], nonce)
	c.counter[13], c.counter[14], c.counter[15] = byte(i>>16), byte(i>>8), byte(i)
	c.block.Encrypt(c.stream[:], c.counter[:])
}
