package pcapflow

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Name lists of a KEXINIT in their order (RFC 4253 §7.1).
const (
	sshListKex = iota
	sshListHostKey
	sshListCipherUp // client to server
	sshListCipherDown
	sshListMACUp
	sshListMACDown
	sshListCompressionUp
	sshListCompressionDown
	sshLists
)

// sshOffer is what one side's KEXINIT lists.
type sshOffer struct {
	list  [sshLists]string
	print [2]string // its HASSH as a client's, as a server's; "": not asked for yet
}

// sshCookie is how many random octets a KEXINIT begins with.
const sshCookie = 16

// sshKex is the key exchange as it was seen.
type sshKex struct {
	request, reply           Stamp // INIT and REPLY
	groupRequest, groupReply Stamp
	sshAgreement
	agreed  bool // both offers are known
	hostKey string
	hassh   [2]string // by TCP's sides
}

func (k *sshKex) started() bool { return k.request.Seen() || k.reply.Seen() }

// parseSSHOffer reads the lists of a KEXINIT payload without its message
// number: a cookie of 16 octets, then ten lists.
func parseSSHOffer(b []byte) (*sshOffer, bool) {
	if len(b) < sshCookie {
		return nil, false
	}
	b = b[sshCookie:]
	var o sshOffer
	for i := range o.list {
		if len(b) < 4 {
			return nil, false
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return nil, false
		}
		o.list[i] = string(b[:n])
		b = b[n:]
	}
	return &o, true
}

// kexInit takes the payload of a KEXINIT of n octets behind its message number.
func (s *sshStream) kexInit(d Dir, payload []byte, n int) {
	if n < 0 || n > len(payload) {
		return
	}
	offer, ok := s.env.sshOffer(payload[:n])
	if !ok {
		s.ssh.Desynchronised = true
		return
	}
	s.side[d].offer = offer
	kex := offer.list[sshListKex]
	if d == Server && inList(kex, "ext-info-c") || d == Client && inList(kex, "ext-info-s") {
		s.turned = true // RFC 8308 §2.1: c is for clients
	}
	s.agree()
}

// agree works out what both offers lead to, once they are known: the first of
// the client's names that the server has too (RFC 4253 §7.1).
func (s *sshStream) agree() {
	client, server := s.side[s.role(Client)].offer, s.side[s.role(Server)].offer
	for d := range s.side {
		if o := s.side[d].offer; o != nil {
			s.kex.hassh[d] = o.hassh(s.role(Dir(d)))
		}
	}
	if client == nil || server == nil {
		return
	}
	s.kex.agreed, s.kex.sshAgreement = true, *s.env.sshAgreement(client, server)
}

// sshImplicit stands for the MAC where the cipher authenticates by itself: none is
// negotiated then, and OpenSSH calls it so (its PROTOCOL §1.6).
const sshImplicit = "implicit"

func agreementOf(client, server *sshOffer) *sshAgreement {
	k := &sshAgreement{}
	k.strict = inList(client.list[sshListKex], "kex-strict-c-v00@openssh.com") && inList(server.list[sshListKex], "kex-strict-s-v00@openssh.com")
	for i := range k.chosen {
		if (i == sshListMACUp || i == sshListMACDown) && sealed(k.chosen[i-sshListMACUp+sshListCipherUp]) {
			k.chosen[i] = sshImplicit
			continue
		}
		k.chosen[i] = firstCommon(client.list[i], server.list[i], i == sshListKex)
		if k.chosen[i] != "" || k.noCommon != "" {
			continue
		}
		k.noCommon = sshClasses[i]
		k.offers = [2]string{client.list[i], server.list[i]}
	}
	return k
}

var sshClasses = [sshLists]string{"kex", "host key", "cipher", "cipher", "mac", "mac", "compression", "compression"}

// firstCommon is the first name of client that server has too. Names that
// signal an extension instead of an algorithm never count (RFC 8308 §2.1,
// OpenSSH's PROTOCOL §1.10).
func firstCommon(client, server string, kex bool) string {
	var index map[string]bool
	if strings.Count(client, ",") > 32 && strings.Count(server, ",") > 32 {
		index = make(map[string]bool)
		for name := range strings.SplitSeq(server, ",") {
			index[name] = true
		}
	}
	for name := range strings.SplitSeq(client, ",") {
		if name == "" || kex && (strings.HasPrefix(name, "ext-info-") || strings.HasPrefix(name, "kex-strict-")) {
			continue
		}
		if index != nil && index[name] || index == nil && inList(server, name) {
			return name
		}
	}
	return ""
}

func inList(list, name string) bool {
	for len(list) > 0 {
		item, rest, _ := strings.Cut(list, ",")
		if item == name {
			return true
		}
		list = rest
	}
	return false
}

// hassh is the fingerprint of an offer: MD5 over the lists that its sender
// uses, as Salesforce published it.
func (o *sshOffer) hassh(role Dir) string {
	if o.print[role] == "" {
		o.print[role] = o.fingerprint(role)
	}
	return o.print[role]
}

func (o *sshOffer) fingerprint(role Dir) string {
	lists := [...]int{sshListKex, sshListCipherUp, sshListMACUp, sshListCompressionUp}
	if role == Server {
		lists = [...]int{sshListKex, sshListCipherDown, sshListMACDown, sshListCompressionDown}
	}
	var text bytes.Buffer
	for i, l := range lists {
		if i > 0 {
			text.WriteByte(';')
		}
		text.WriteString(o.list[l])
	}
	sum := md5.Sum(text.Bytes())
	return hex.EncodeToString(sum[:])
}

// kexMessage takes a message of the key exchange method. The client asks with
// 30, 32 and 34, the server answers with 31 and 33 (RFC 4253 §8, 4419 §5,
// 5656 §7.1), but in methods of GSS-API (RFC 4462 §2.1).
func (s *sshStream) kexMessage(d Dir, at Stamp, code byte) {
	k := &s.kex
	gss := strings.HasPrefix(k.chosen[sshListKex], "gss-")
	asks := code == sshKexFirst || code == sshGroupInit || code == sshGroupAsk
	if !gss && !k.started() && asks == (s.role(d) == Server) && code <= sshGroupAsk {
		s.turned = !s.turned
		s.agree()
	}
	if s.role(d) == Server {
		k.reply = at
		return
	}
	if code == sshGroupInit && !gss && k.request.Seen() {
		k.groupRequest, k.groupReply, k.reply = k.request, k.reply, Stamp{}
	}
	if !gss || !k.request.Seen() {
		k.request = at
	}
}

// hostKey takes the fingerprint of the key that the server's answer begins
// with: 31, or 33 in a group exchange (RFC 4253 §8, 4419 §3, 5656 §4).
func (s *sshStream) hostKey(code byte, payload []byte) {
	kex := s.kex.chosen[sshListKex]
	if strings.HasPrefix(kex, "gss-") || strings.HasPrefix(kex, "rsa") || strings.Contains(kex, "group-exchange") != (code == sshGroupReply) {
		return
	}
	if len(payload) < 4 {
		return
	}
	n := binary.BigEndian.Uint32(payload)
	if n == 0 || uint64(n) > uint64(len(payload)-4) {
		return
	}
	s.kex.hostKey = s.env.sshHostKey(payload[4 : 4+n])
}

// sshFingerprint writes a key's fingerprint as OpenSSH does.
func sshFingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
