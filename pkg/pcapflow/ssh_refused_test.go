package pcapflow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSSHRefusedAsOpenSSH: the class without a common algorithm and what the server
// offers in it, host keys and how far clients went, as OpenSSH's client says.
func TestSSHRefusedAsOpenSSH(t *testing.T) {
	var flows []*Flow
	for _, f := range recorded(t, "ssh-refused.pcap", "").Flows {
		if f.SSH != nil {
			flows = append(flows, f)
		}
	}
	b, err := os.ReadFile("testdata/recorded/ssh-refused.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]string{"key exchange method": "kex", "host key type": "host key", "cipher": "cipher", "MAC": "mac", "": ""}
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); n++ {
		var said struct {
			Case, Class, Offer, Changed string
			Port, Status                int
			HostKey                     string `json:"host_key"`
		}
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		if n >= len(flows) {
			break
		}
		f := flows[n]
		s := f.SSH
		if int(f.Server.Port()) != said.Port || s.NoCommon != classes[said.Class] || s.NoCommonOffers[Server] != said.Offer {
			t.Errorf("%s: %v, no common %q of %v; OpenSSH says %q, %q", said.Case, f.Server, s.NoCommon, s.NoCommonOffers, said.Class, said.Offer)
		}
		if key := strings.TrimSpace(s.HostKey + " " + s.HostKeySHA256); said.HostKey != "" && key != said.HostKey {
			t.Errorf("%s: key %q, OpenSSH says %q", said.Case, key, said.HostKey)
		}
		let := said.Status == 0
		if let != (s.Auth == "success") || let != s.NewKeys[Client].Seen() || let != s.ChannelOpen.Seen() {
			t.Errorf("%s: auth %q, keys %v, channel %v", said.Case, s.Auth, s.NewKeys, s.ChannelOpen)
		}
		if let && (s.ChannelOpen.Time < s.AuthEnd.Time || s.SessionStart.Seen() && s.SessionStart.Time < s.ChannelOpen.Time || s.ChannelConfirmed.Seen() && s.ChannelConfirmed.Time < s.ChannelOpen.Time) {
			t.Errorf("%s: %v, %v, %v, %v", said.Case, s.AuthEnd, s.ChannelOpen, s.ChannelConfirmed, s.SessionStart)
		}
	}
	if n != len(flows) || n != 7 || !slices.ContainsFunc(flows, func(f *Flow) bool { return f.SSH.ChannelConfirmed.Seen() }) {
		t.Errorf("%d connections, %d said", len(flows), n)
	}
}
