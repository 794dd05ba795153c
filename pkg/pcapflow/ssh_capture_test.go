package pcapflow

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// sshFlows analyses a capture and keeps its SSH connections.
func sshFlows(t testing.TB, path string) []*Flow {
	t.Helper()
	r, err := Analyse(readPackets(t, path), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []*Flow
	for _, f := range r.Flows {
		if f.SSH != nil {
			list = append(list, f)
		}
	}
	return list
}

// The incidents know how each login ended.
func TestSSHTruth(t *testing.T) {
	for _, incident := range []string{"s06_ssh", "s10_integrador", "s15_journal_step"} {
		var truth struct {
			Sessions []struct {
				Label, Outcome, Client string
				Connected              bool
			} `json:"ssh_sessions"`
		}
		b, err := os.ReadFile(need.Shared(t, "incidents", incident, "truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &truth); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, s := range truth.Sessions {
			want[s.Client] = map[string]string{"accepted": "success", "denied": "failure", "failed": ""}[s.Outcome]
		}
		seen := map[string]bool{}
		for _, path := range capturesOf(t, incident) {
			for _, f := range sshFlows(t, path) {
				outcome, known := want[f.Client.String()]
				if !known {
					continue
				}
				seen[f.Client.String()] = true
				if f.SSH.Auth != outcome {
					t.Errorf("%s %s: %q, truth %q", filepath.Base(path), f.Client, f.SSH.Auth, outcome)
				}
				if outcome == "" && f.SSH.NoCommon == "" {
					t.Errorf("%s %s: no common algorithm not found", filepath.Base(path), f.Client)
				}
			}
		}
		for client := range want {
			if client != "" && !seen[client] {
				t.Errorf("%s: login from %s not found", incident, client)
			}
		}
	}
}

// What ssh -vvv printed of each key exchange, in the order of the connections.
func TestSSHAsItsClient(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents", "s06_ssh", "input", "c1"), "ssh_*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal("no logs", err)
	}
	flows := sshFlows(t, need.Shared(t, "incidents", "s06_ssh", "input", "c1.pcap"))
	next := 0
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		said := func(label string) string {
			_, rest, _ := strings.Cut(string(b), label)
			line, _, _ := strings.Cut(rest, "\n")
			return strings.TrimSpace(line)
		}
		for next < len(flows) && flows[next].SSH.ClientSoftware == "" { // other programs
			next++
		}
		if next == len(flows) {
			t.Fatalf("%s has no connection", filepath.Base(path))
		}
		s := flows[next].SSH
		next++
		kex := said("kex: algorithm: ")
		if kex == "(no match)" {
			if s.NoCommon != "kex" {
				t.Errorf("%s: no match, %+v", filepath.Base(path), s)
			}
			continue
		}
		cipher, _, _ := strings.Cut(said("kex: client->server cipher: "), " ")
		if s.Kex != kex || s.HostKey != said("kex: host key algorithm: ") || s.Cipher != cipher || s.HostKey+" "+s.HostKeySHA256 != said("Server host key: ") {
			t.Errorf("%s: %s %s %s %s, ssh says %s %s", filepath.Base(path), s.Kex, s.HostKey, s.Cipher, s.HostKeySHA256, kex, said("Server host key: "))
		}
	}
}

// The pause of a server that looks up a name lies in one round.
func TestSSHLongRound(t *testing.T) {
	longest := 0.0
	for _, f := range sshFlows(t, need.Shared(t, "incidents", "s06_ssh", "input", "c2.pcap")) {
		for _, r := range f.SSH.Rounds {
			if r.Reply.Seen() {
				longest = max(longest, float64(r.Reply.Time-r.Request.Time)/1e9)
			}
		}
	}
	if longest < 2 {
		t.Errorf("longest round %.3f s", longest)
	}
}

// TestSSHAsWireshark compares the frames of the handshake messages and the
// fingerprints.
func TestSSHAsWireshark(t *testing.T) {
	list := []string{
		need.Shared(t, "captures", "ja4/pcap/ssh-r.pcap"),
		zeekTrace(t, "ssh/ssh_kex_mlkem.pcap"), zeekTrace(t, "ssh/ssh_version_199.pcap"), zeekTrace(t, "ssh/ssh-on-port-80.pcap"),
		zeekTrace(t, "ssh/ssh_kex_dh_group18.pcap"), zeekTrace(t, "ssh/server-pre-banner-data.pcap"),
	}
	for _, path := range capturesOf(t, "s06_ssh", "s10_integrador") {
		if filepath.Base(path) != "router_wan.pcap" { // cut by its snap length
			list = append(list, path)
		}
	}
	for _, path := range list {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			type messages struct {
				frames map[string]int // "client 20" → the first frame
				hassh  [2]string
			}
			want := map[int]*messages{}
			fields := []string{"frame.number", "tcp.stream", "tcp.srcport", "tcp.dstport", "ssh.message_code", "ssh.kex.hassh", "ssh.kex.hasshserver", "ssh.protocol"}
			servers := map[int]string{}
			flows := map[int]*Flow{}
			for _, f := range sshFlows(t, path) {
				flows[f.Stream] = f
				servers[f.Stream] = itoa(int(f.Server.Port()))
			}
			tsharkFields(t, path, "ssh", fields, func(v []string) {
				frame, _ := strconv.Atoi(v[0])
				stream, _ := strconv.Atoi(v[1])
				m := want[stream]
				if m == nil {
					m = &messages{frames: map[string]int{}}
					want[stream] = m
				}
				side := "client "
				if v[2] == servers[stream] {
					side = "server "
				}
				codes := strings.Split(v[4], ",")
				if strings.HasPrefix(v[7], "SSH-") {
					codes = append(codes, "banner")
				}
				for _, code := range codes {
					if m.frames[side+code] == 0 {
						m.frames[side+code] = frame
					}
				}
				if v[5] != "" {
					m.hassh[0] = v[5]
				}
				if v[6] != "" {
					m.hassh[1] = v[6]
				}
			})
			for stream, m := range want {
				f := flows[stream]
				if f == nil {
					if m.frames["client banner"]+m.frames["server banner"] > 0 {
						t.Errorf("stream %d is not found", stream)
					}
					continue
				}
				s := f.SSH
				for key, at := range map[string]Stamp{
					"client banner": s.ClientBanner, "server banner": s.ServerBanner,
					"client 20": s.KexInit[Client], "server 20": s.KexInit[Server],
					"client 21": s.NewKeys[Client], "server 21": s.NewKeys[Server],
					"server 33": s.KexReply,
				} {
					if w := m.frames[key]; w != 0 && at.Frame != w {
						t.Errorf("stream %d: %s in frame %d, tshark %d", stream, key, at.Frame, w)
					}
				}
				// The server's is missing in tshark where text came before the banner.
				if s.HASSH != m.hassh[0] || m.hassh[1] != "" && s.HASSHServer != m.hassh[1] {
					t.Errorf("stream %d: HASSH %q %q, tshark %q", stream, s.HASSH, s.HASSHServer, m.hassh)
				}
			}
		})
	}
}

// Where Zeek's own tests and we differ, and why.
var sshUnlikeZeek = map[string]string{
	// It takes the second EXT_INFO for the size of FAILURE; the first key was turned down.
	"10.211.55.16 49046": "auth_attempts",
	// It gives up at a banner together with the first FAILURE.
	"192.168.1.79 51880": "auth_success auth_attempts",
	// The capture ends in mid-login; what was turned down until then counts.
	"10.0.2.1 55343":      "auth_attempts",
	"192.168.249.1 54468": "auth_attempts",
}

// zeekFingerprint is how much of a fingerprint Zeek logs.
const zeekFingerprint = len("SHA256:") + 32

func TestSSHAsZeek(t *testing.T) {
	for _, test := range []struct{ trace, baseline string }{
		{"ssh/ssh.pcap", "scripts.base.protocols.ssh.basic"},
		{"ssh/ssh_kex_dh_group18.pcap", "scripts.base.protocols.ssh.dh_group18_kex"},
		{"ssh/ssh_kex_mlkem.pcap", "scripts.base.protocols.ssh.mlkem_kex"},
		{"ssh/server-pre-banner-data.pcap", "scripts.base.protocols.ssh.pre-banner"},
		{"ssh/ssh_version_199.pcap", "scripts.base.protocols.ssh.ssh_version_199"},
	} {
		flows := map[string]*Flow{}
		for _, f := range sshFlows(t, zeekTrace(t, test.trace)) {
			flows[zeekEnds(f)] = f
		}
		rows := zeekLog(t, test.baseline, "ssh.log")
		for _, row := range rows {
			f := flows[rowEnds(row)]
			if f == nil {
				t.Errorf("%s: %s not found", test.trace, rowEnds(row))
				continue
			}
			s := f.SSH
			got := map[string]string{
				"version": itoa(s.Version), "auth_attempts": itoa(s.AuthAttempts), "client": "SSH-" + s.ClientProtocol + "-" + s.ClientSoftware,
				"server": "SSH-" + s.ServerProtocol + "-" + s.ServerSoftware, "cipher_alg": s.Cipher, "mac_alg": s.MAC,
				"compression_alg": s.Compression, "kex_alg": s.Kex, "host_key_alg": s.HostKey,
				"host_key_fingerprint": s.HostKeySHA256[:min(len(s.HostKeySHA256), zeekFingerprint)],
				"auth_success":         map[string]string{"success": "T", "failure": "F"}[s.Auth],
			}
			unlike := sshUnlikeZeek[row["id.orig_h"]+" "+row["id.orig_p"]]
			for field, g := range got {
				if g == "" {
					g = "-"
				}
				if g == sshImplicit && field == "mac_alg" {
					continue // Zeek names what the lists have in common, which nobody uses
				}
				if w := row[field]; g != w && !strings.Contains(unlike, field) {
					t.Errorf("%s %s: %s %q, Zeek %q", test.trace, rowEnds(row), field, g, w)
				}
			}
		}
	}
}

// With one direction missing nothing is claimed about the other.
func TestSSHOneSided(t *testing.T) {
	flows := sshFlows(t, zeekTrace(t, "ssh/ssh.client-side-half-duplex.pcap"))
	if len(flows) != len(zeekLog(t, "scripts.base.protocols.ssh.half-duplex-client", "ssh.log")) {
		t.Errorf("%d connections", len(flows))
	}
	for _, f := range flows {
		if s := f.SSH; s.Auth == "success" || s.Auth == "failure" || s.ServerSoftware != "" || s.Kex != "" || len(s.Rounds) > 0 {
			t.Errorf("stream %d: %+v", f.Stream, s)
		}
	}
}
