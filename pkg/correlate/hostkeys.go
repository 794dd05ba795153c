package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// HostKeys are the keys of one type that an SSH server showed, in order of their first
// use.
type HostKeys struct {
	Server netip.AddrPort
	Type   string // as in the key itself: "ssh-ed25519", "ssh-rsa"
	Keys   []HostKey
}

// HostKey is one of them.
type HostKey struct {
	SHA256   string     // fingerprint as OpenSSH writes it
	Journeys []*Journey // that were shown it, in order of their start
}

// HostKeysOf gathers what servers showed, over all captures. A server has a key of each
// type, so that only those of one type can differ.
func HostKeysOf(journeys []*Journey) []*HostKeys {
	type place struct {
		server netip.AddrPort
		kind   string
	}
	of := map[place]*HostKeys{}
	var all []*HostKeys
	list := slices.Clone(journeys)
	slices.SortStableFunc(list, func(a, b *Journey) int { return cmp.Compare(a.Start.Time, b.Start.Time) })
	for _, j := range list {
		s := j.SSH
		if s == nil || s.HostKeySHA256 == "" || s.HostKey == "" || s.Turned {
			continue
		}
		k := place{j.Server, keyType(s.HostKey)}
		h := of[k]
		if h == nil {
			h = &HostKeys{Server: k.server, Type: k.kind}
			of[k] = h
			all = append(all, h)
		}
		h.add(j, s.HostKeySHA256)
	}
	return all
}

func (h *HostKeys) add(j *Journey, sha256 string) {
	i := slices.IndexFunc(h.Keys, func(k HostKey) bool { return k.SHA256 == sha256 })
	if i < 0 {
		i = len(h.Keys)
		h.Keys = append(h.Keys, HostKey{SHA256: sha256})
	}
	h.Keys[i].Journeys = append(h.Keys[i].Journeys, j)
}

// keyType is the type of the key that an algorithm signs with: RSA has several
// (RFC 8332 §3).
func keyType(algorithm string) string {
	if rest, ok := strings.CutPrefix(algorithm, "rsa-sha2-"); ok {
		_, certificate, _ := strings.Cut(rest, "-")
		return strings.TrimSuffix("ssh-rsa-"+certificate, "-")
	}
	return algorithm
}

// Changed tells whether the server showed several keys. Addresses that every site may
// have stand for one server only where a client or a capture shows both; what listens on
// the loopback interface leads elsewhere.
func (h *HostKeys) Changed() bool {
	if len(h.Keys) < 2 || h.Server.Addr().IsLoopback() {
		return false
	}
	if a := h.Server.Addr(); !a.IsPrivate() && !a.IsLinkLocalUnicast() {
		return true
	}
	for _, j := range h.Keys[0].Journeys {
		for _, x := range h.Keys[1].Journeys {
			if j.Client.Addr() == x.Client.Addr() || len(j.Points) > 0 && len(x.Points) > 0 && j.Points[0].Capture == x.Points[0].Capture {
				return true
			}
		}
	}
	return false
}

// ByTurns tells whether a key came back after another, as where several machines answer
// at one address.
func (h *HostKeys) ByTurns() bool {
	for i, k := range h.Keys[:len(h.Keys)-1] {
		last := k.Journeys[len(k.Journeys)-1]
		for _, next := range h.Keys[i+1:] {
			if next.Journeys[0].Start.Time < last.Start.Time {
				return true
			}
		}
	}
	return false
}
