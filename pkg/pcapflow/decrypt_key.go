package pcapflow

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// cipherKind is how records are protected.
type cipherKind uint8

const (
	cipherUnsupported cipherKind = iota
	cipherGCM
	cipherCCM
	cipherCCM8
	cipherChaCha
	cipherCBC
	cipherRC4
)

// suiteCipher is what decryption needs to know of a cipher suite.
type suiteCipher struct {
	kind    cipherKind
	keyLen  int
	macHash crypto.Hash // of CBC and RC4
	prfHash crypto.Hash
	des     bool
}

// cipherOf derives it from the suite's IANA name.
func cipherOf(name string) suiteCipher {
	c := suiteCipher{prfHash: crypto.SHA256}
	if strings.HasSuffix(name, "SHA384") {
		c.prfHash = crypto.SHA384
	}
	switch {
	case strings.Contains(name, "AES_128"), strings.Contains(name, "RC4_128"):
		c.keyLen = 16
	case strings.Contains(name, "AES_256"), strings.Contains(name, "CHACHA20"):
		c.keyLen = 32
	case strings.Contains(name, "3DES_EDE"):
		c.keyLen, c.des = 24, true
	default:
		return c
	}
	switch {
	case strings.Contains(name, "_GCM_"):
		c.kind = cipherGCM
	case strings.Contains(name, "_CCM_8"):
		c.kind = cipherCCM8
	case strings.Contains(name, "_CCM"):
		c.kind = cipherCCM
	case strings.Contains(name, "CHACHA20_POLY1305"):
		c.kind = cipherChaCha
	case strings.Contains(name, "_CBC_"):
		c.kind = cipherCBC
	case strings.Contains(name, "RC4"):
		c.kind = cipherRC4
	}
	switch {
	case strings.HasSuffix(name, "SHA384"):
		c.macHash = crypto.SHA384
	case strings.HasSuffix(name, "SHA256"):
		c.macHash = crypto.SHA256
	case strings.HasSuffix(name, "MD5"):
		c.macHash = crypto.MD5
	default:
		c.macHash = crypto.SHA1
	}
	return c
}

// newHash avoids crypto.Hash.New, which needs its packages linked by accident.
func newHash(h crypto.Hash) func() hash.Hash {
	switch h {
	case crypto.MD5:
		return md5.New
	case crypto.SHA1:
		return sha1.New
	case crypto.SHA384:
		return sha512.New384
	}
	return sha256.New
}

// aead makes the AEAD of a key.
func (c suiteCipher) aead(key []byte) (cipher.AEAD, error) {
	if c.kind == cipherChaCha {
		return chacha20poly1305.New(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	switch c.kind {
	case cipherCCM:
		return newCCM(block, 16), nil
	case cipherCCM8:
		return newCCM(block, 8), nil
	}
	return cipher.NewGCM(block)
}

// expandLabel is HKDF-Expand-Label without a context (RFC 8446 §7.1).
func expandLabel(h crypto.Hash, secret []byte, label string, length int) []byte {
	info := make([]byte, 0, 64)
	info = binary.BigEndian.AppendUint16(info, uint16(length))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	info = append(info, 0)
	out, err := hkdf.Expand(newHash(h), secret, string(info), length)
	if err != nil {
		return make([]byte, length)
	}
	return out
}

// trafficKey makes the record key of a 1.3 traffic secret (RFC 8446 §7.3).
func trafficKey(c suiteCipher, secret []byte) *recordKey {
	a, err := c.aead(expandLabel(c.prfHash, secret, "key", c.keyLen))
	if err != nil {
		return nil
	}
	k := &recordKey{kind: c.kind, tls13: true, aead: a}
	copy(k.iv[:], expandLabel(c.prfHash, secret, "iv", len(k.iv)))
	return k
}

// prf expands a secret by the version's pseudorandom function: RFC 5246 §5,
// before 1.2 RFC 2246 §5.
func prf(version uint16, h crypto.Hash, secret []byte, label string, seed []byte, length int) []byte {
	seed = append([]byte(label), seed...)
	out := make([]byte, length)
	if version >= versionTLS12 {
		xorExpand(out, newHash(h), secret, seed)
		return out
	}
	half := (len(secret) + 1) / 2
	xorExpand(out, md5.New, secret[:half], seed)
	xorExpand(out, sha1.New, secret[len(secret)-half:], seed)
	return out
}

// xorExpand adds P_hash(secret, seed) to out.
func xorExpand(out []byte, h func() hash.Hash, secret, seed []byte) {
	mac := hmac.New(h, secret)
	mac.Write(seed)
	a := mac.Sum(nil)
	for len(out) > 0 {
		mac.Reset()
		mac.Write(a)
		mac.Write(seed)
		for i, v := range mac.Sum(nil) {
			if i == len(out) {
				return
			}
			out[i] ^= v
		}
		out = out[min(len(out), mac.Size()):]
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(nil)
	}
}

// sessionKeys makes both sides' record keys from a master secret (RFC 5246 §6.3).
func sessionKeys(c suiteCipher, version uint16, master []byte, client, server [32]byte, etm bool) (keys [2]*recordKey) {
	macLen, ivLen := 0, 4
	switch c.kind {
	case cipherChaCha:
		ivLen = 12
	case cipherCBC:
		macLen, ivLen = c.macHash.Size(), 0
		if version < versionTLS11 {
			ivLen = aes.BlockSize
			if c.des {
				ivLen = des.BlockSize
			}
		}
	case cipherRC4:
		macLen, ivLen = c.macHash.Size(), 0
	}
	seed := append(append([]byte(nil), server[:]...), client[:]...)
	block := prf(version, c.prfHash, master, "key expansion", seed, 2*(macLen+c.keyLen+ivLen))
	take := func(n int) []byte {
		b := block[:n:n]
		block = block[n:]
		return b
	}
	macs := [2][]byte{take(macLen), take(macLen)}
	ks := [2][]byte{take(c.keyLen), take(c.keyLen)}
	ivs := [2][]byte{take(ivLen), take(ivLen)}
	for d := range keys {
		keys[d] = sessionKey(c, version, macs[d], ks[d], ivs[d], etm)
	}
	return keys
}

func sessionKey(c suiteCipher, version uint16, mac, key, iv []byte, etm bool) *recordKey {
	k := &recordKey{kind: c.kind, version: version, etm: etm}
	var err error
	switch c.kind {
	case cipherCBC:
		if c.des {
			k.block, err = des.NewTripleDESCipher(key)
		} else {
			k.block, err = aes.NewCipher(key)
		}
		k.mac = hmac.New(newHash(c.macHash), mac)
		k.chain = append([]byte(nil), iv...)
	case cipherRC4:
		k.rc4, err = rc4.NewCipher(key)
		k.mac = hmac.New(newHash(c.macHash), mac)
	default:
		k.aead, err = c.aead(key)
		copy(k.iv[:], iv)
	}
	if err != nil {
		return nil
	}
	return k
}
