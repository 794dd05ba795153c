package pcapflow

import (
	"encoding/binary"
	"strings"
)

// sshSizes tells how large an encrypted packet is for a given payload
// (RFC 4253 §6, RFC 5647 §7, OpenSSH's PROTOCOL §1.5 and
// PROTOCOL.chacha20poly1305).
type sshSizes struct {
	block int  // payload and padding fill multiples of it
	mac   int  // octets behind each packet
	apart bool // the length field stands outside the multiple
	clear bool // and is not encrypted
	known bool
}

// sealed tells whether a cipher authenticates by itself.
func sealed(cipher string) bool {
	return strings.HasPrefix(cipher, "chacha20-poly1305") || strings.Contains(strings.ToLower(cipher), "gcm")
}

func sshSizesOf(cipher, mac string) sshSizes {
	switch {
	case cipher == "" || cipher == "none":
		return sshSizes{}
	case strings.HasPrefix(cipher, "chacha20-poly1305"):
		return sshSizes{block: 8, mac: 16, apart: true, known: true}
	case sealed(cipher):
		return sshSizes{block: 16, mac: 16, apart: true, clear: true, known: true}
	}
	n, ok := sshMACs[strings.TrimSuffix(strings.TrimSuffix(mac, "@openssh.com"), "-etm")]
	if !ok {
		return sshSizes{}
	}
	etm := strings.HasSuffix(mac, "-etm@openssh.com")
	return sshSizes{block: sshBlock(cipher), mac: n, apart: etm, clear: etm, known: true}
}

// sshMACs are the lengths of message authentication codes in octets.
var sshMACs = map[string]int{
	"hmac-md5": 16, "hmac-md5-96": 12, "hmac-sha1": 20, "hmac-sha1-96": 12, "hmac-sha2-256": 32, "hmac-sha2-512": 64,
	"hmac-sha2-256-96": 12, "hmac-sha2-512-96": 12, "hmac-ripemd160": 20, "umac-64": 8, "umac-128": 16, "none": 0,
	"hmac-sha256": 32, "hmac-sha256@ssh.com": 32, "hmac-ripemd": 20, "hmac-sha224@ssh.com": 28, "hmac-sha512@ssh.com": 64,
}

// sshBlock is a cipher's block in octets; stream ciphers count as 8
// (RFC 4253 §6).
func sshBlock(cipher string) int {
	for _, p := range [...]string{"aes", "rijndael", "twofish", "serpent", "camellia", "seed", "sm4"} {
		if strings.HasPrefix(cipher, p) {
			return 16
		}
	}
	return 8
}

// wire is the size on the wire of a packet with the least padding.
func (z *sshSizes) wire(payload int) int {
	n := 1 + payload + 4 // padding length, payload, at least four of padding
	if !z.apart {
		n += 4
	}
	n = (n + z.block - 1) / z.block * z.block
	if z.apart {
		n += 4
	}
	return n + z.mac
}

// sshCutter cuts one direction behind NEWKEYS. Where the length field is
// readable it cuts packets; else what became readable at once counts as one.
type sshCutter struct {
	sizes sshSizes
	clear bool // lengths are read
	head  [4]byte
	have  int // octets of the packet that have passed
	total int // 0: not known
}

// setCutter chooses how d's encrypted bytes are cut.
func (s *sshStream) setCutter(d Dir) {
	cipher, mac := sshListCipherUp, sshListMACUp
	if s.role(d) == Server {
		cipher, mac = sshListCipherDown, sshListMACDown
	}
	sizes := sshSizesOf(s.kex.chosen[cipher], s.kex.chosen[mac])
	s.side[d].cutter = sshCutter{sizes: sizes, clear: sizes.clear}
}

// cut calls unit with the size of each packet that ends in b, or of b.
func (c *sshCutter) cut(b []byte, unit func(size int)) {
	c.regain(b)
	for len(b) > 0 {
		if !c.clear {
			unit(len(b))
			return
		}
		if c.total == 0 {
			n := copy(c.head[c.have:], b)
			c.have += n
			b = b[n:]
			if c.have < 4 {
				return
			}
			if c.total = c.size(); c.total == 0 {
				c.lost()
				unit(c.have + len(b))
				return
			}
		}
		n := min(c.total-c.have, len(b))
		c.have += n
		b = b[n:]
		if c.have == c.total {
			size := c.total
			c.have, c.total = 0, 0
			unit(size)
		}
	}
}

// size reads the length field; 0: it makes no sense.
func (c *sshCutter) size() int {
	n := int64(binary.BigEndian.Uint32(c.head[:]))
	switch {
	case n > sshPacketMax:
		return 0
	case n == 0 || n%int64(c.sizes.block) != 0:
		return 0
	}
	return 4 + int(n) + c.sizes.mac
}

// gap passes over octets of the packet at hand; false: it held fewer.
func (c *sshCutter) gap(n int64, unit func(size int)) bool {
	if !c.clear || c.total == 0 {
		return false
	}
	rest := int64(c.total - c.have)
	if n < rest {
		c.have += int(n)
		return true
	}
	size := c.total
	c.have, c.total = 0, 0
	unit(size)
	return n == rest
}

// lost falls back to what becomes readable at once, until a segment begins
// with a length that makes sense.
func (c *sshCutter) lost() { c.clear, c.have, c.total = false, 0, 0 }

// regain takes the lengths up again.
func (c *sshCutter) regain(b []byte) {
	if c.clear || !c.sizes.clear || len(b) < len(c.head) {
		return
	}
	copy(c.head[:], b)
	c.clear = c.size() > 0
}
