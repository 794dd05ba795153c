package pcapflow

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ja3 is the MD5 of the ClientHello's numbers as Salesforce published it
// (https://github.com/salesforce/ja3): version, suites, extensions, groups,
// point formats; GREASE left out.
func (h *clientHello) ja3() string {
	var b []byte
	b = strconv.AppendUint(b, uint64(h.version), 10)
	for _, list := range [][]uint16{h.suites, h.extensions, h.groups} {
		b = append(b, ',')
		first := true
		for _, v := range list {
			if isGREASE(v) {
				continue
			}
			if !first {
				b = append(b, '-')
			}
			first = false
			b = strconv.AppendUint(b, uint64(v), 10)
		}
	}
	b = append(b, ',')
	for i, v := range h.points {
		if i > 0 {
			b = append(b, '-')
		}
		b = strconv.AppendUint(b, uint64(v), 10)
	}
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// ja4 is the client's fingerprint as FoxIO published it under the BSD licence
// (https://github.com/FoxIO-LLC/ja4, technical details of JA4). transport is
// 't' for TCP, 'q' for QUIC, 'd' for DTLS.
func (h *clientHello) ja4(transport byte) string {
	suites, exts := withoutGREASE(h.suites), withoutGREASE(h.extensions)
	sni := byte('i')
	if slices.Contains(exts, extServerName) {
		sni = 'd'
	}
	a := fmt.Sprintf("%c%s%c%02d%02d%s", transport, h.ja4Version(), sni, min(len(suites), 99), min(len(exts), 99), h.ja4ALPN())

	slices.Sort(suites)
	b := shortHash(hexList(suites))

	exts = slices.DeleteFunc(exts, func(e uint16) bool { return e == extServerName || e == extALPN })
	slices.Sort(exts)
	c := hexList(exts)
	if sigs := withoutGREASE(h.signatures); len(sigs) > 0 {
		c += "_" + hexList(sigs)
	}
	return a + "_" + b + "_" + shortHash(c)
}

// ja4Version is the highest version offered.
func (h *clientHello) ja4Version() string {
	v := h.version
	if list := withoutGREASE(h.versions); len(list) > 0 {
		v = slices.Max(list)
	}
	switch v {
	case versionTLS13:
		return "13"
	case versionTLS12:
		return "12"
	case versionTLS11:
		return "11"
	case versionTLS10:
		return "10"
	case versionSSL3:
		return "s3"
	case versionSSL2:
		return "s2"
	case 0xfeff:
		return "d1"
	case 0xfefd:
		return "d2"
	case 0xfefc:
		return "d3"
	}
	return "00"
}

// ja4ALPN is the first and last character of the first protocol offered; of
// its hexadecimal form where one of them is not alphanumeric.
func (h *clientHello) ja4ALPN() string {
	if len(h.alpn) == 0 || h.alpn[0] == "" {
		return "00"
	}
	name := h.alpn[0]
	first, last := name[0], name[len(name)-1]
	if !isAlphanumeric(first) || !isAlphanumeric(last) {
		x := hex.EncodeToString([]byte(name))
		first, last = x[0], x[len(x)-1]
	}
	return string([]byte{first, last})
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func withoutGREASE(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), isGREASE)
}

func hexList(list []uint16) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%04x", v)
	}
	return b.String()
}

// shortHash is the first twelve hexadecimal digits of SHA-256; zeros for nothing.
func shortHash(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
