package report

import "github.com/flowcorr/flowcorr/pkg/correlate"

// HostKeys are the keys of one type that an SSH server showed, in order of their first
// use.
type HostKeys struct {
	Server  string    `json:"server"`
	Type    string    `json:"type"`
	Keys    []HostKey `json:"keys"`
	Changed bool      `json:"changed,omitempty"`
	ByTurns bool      `json:"by_turns,omitempty"` // a key came back after another
}

// HostKey is one of them.
type HostKey struct {
	SHA256   string `json:"sha256,omitempty"`
	Journeys int    `json:"journeys"`
	First    string `json:"first"` // journey
	Last     string `json:"last"`
}

// mostHostKeys bounds the servers that are listed.
const mostHostKeys = 2000

func hostKeys(list []*correlate.Journey) []HostKeys {
	var out []HostKeys
	for _, h := range correlate.HostKeysOf(list) {
		if len(out) == mostHostKeys {
			break
		}
		x := HostKeys{Server: endpoint(h.Server), Type: h.Type, Changed: h.Changed()}
		x.ByTurns = x.Changed && h.ByTurns()
		for _, k := range h.Keys {
			n := len(k.Journeys)
			x.Keys = append(x.Keys, HostKey{k.SHA256, n, k.Journeys[0].ID, k.Journeys[n-1].ID})
		}
		out = append(out, x)
	}
	return out
}
