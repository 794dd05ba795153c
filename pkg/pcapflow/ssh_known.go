package pcapflow

import "hash/maphash"

// sshKnown keeps what clients and servers of SSH say again and again: offers,
// what two of them lead to, and host keys. Each is found by a hash of its bytes
// with a seed that nobody knows, or by the offers themselves.
type sshKnown struct {
	offers map[uint64]*sshOffer
	bytes  int // of the KEXINITs whose offers are kept
	agreed map[[2]*sshOffer]*sshAgreement
	keys   map[uint64]string // fingerprints
}

// Bounds of what is kept; beyond them it begins anew.
const (
	maxSSHOfferBytes = 2 << 20
	maxSSHKnown      = 1 << 12
)

// sshAgreement is what two offers lead to.
type sshAgreement struct {
	chosen   [sshLists]string
	strict   bool
	noCommon string    // the class without a common algorithm
	offers   [2]string // in it, client first
}

// sshOffer reads the lists of a KEXINIT behind its message number.
func (v *Env) sshOffer(b []byte) (*sshOffer, bool) {
	if v == nil || len(b) < sshCookie {
		return parseSSHOffer(b)
	}
	k := &v.pools.ssh.known
	hash := maphash.Bytes(nameSeed, b[sshCookie:])
	if o := k.offers[hash]; o != nil {
		return o, true
	}
	o, ok := parseSSHOffer(b)
	if !ok {
		return nil, false
	}
	if k.bytes += len(b); k.offers == nil || k.bytes > maxSSHOfferBytes {
		k.offers, k.agreed, k.bytes = map[uint64]*sshOffer{}, nil, len(b)
	}
	k.offers[hash] = o
	return o, true
}

// sshAgreement is what a client's offer and a server's lead to.
func (v *Env) sshAgreement(client, server *sshOffer) *sshAgreement {
	if v == nil {
		return agreementOf(client, server)
	}
	k := &v.pools.ssh.known
	pair := [2]*sshOffer{client, server}
	if a := k.agreed[pair]; a != nil {
		return a
	}
	a := agreementOf(client, server)
	if k.agreed == nil || len(k.agreed) >= maxSSHKnown {
		k.agreed = map[[2]*sshOffer]*sshAgreement{}
	}
	k.agreed[pair] = a
	return a
}

// sshHostKey is the fingerprint of a host key.
func (v *Env) sshHostKey(key []byte) string {
	if v == nil {
		return sshFingerprint(key)
	}
	k := &v.pools.ssh.known
	hash := maphash.Bytes(nameSeed, key)
	if s := k.keys[hash]; s != "" {
		return s
	}
	s := sshFingerprint(key)
	if k.keys == nil || len(k.keys) >= maxSSHKnown {
		k.keys = map[uint64]string{}
	}
	k.keys[hash] = s
	return s
}
