package pcapflow

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// expectedOf calls use with each shared capture and each file of expected
// results beside it that has an ending.
func expectedOf(t *testing.T, ending string, use func(capture string, r *Result, text []byte) (found []string), d *differences) {
	t.Helper()
	files := 0
	for _, x := range sharedIndex(t) {
		for _, path := range x.expected {
			if !strings.HasSuffix(path, ending) {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files++
			d.check(t, filepath.Base(filepath.Dir(x.path))+"/"+filepath.Base(x.path), use(x.path, analyseWith(t, x.path, ""), text))
		}
	}
	if files == 0 {
		t.Errorf("no expected results end in %s", ending)
	}
}

var ndpiFlow = regexp.MustCompile(`^\t\d+\t(TCP|UDP) (\S+) <?-> (\S+) \[proto: [\d.]+/(\S+)\].*\[Confidence: ([^\]]+)\].*\[(\d+) pkts/(\d+) bytes <?-> (\d+) pkts/(\d+) bytes\].*\[(< 1|[\d.]+) sec\]`)

// ndpiServices are nDPI's names of what is recognised here.
var ndpiServices = map[string]string{"HTTP": "http", "TLS": "tls", "QUIC": "quic", "SSH": "ssh", "DNS": "dns", "NTP": "ntp", "DTLS": "dtls"}

// ndpiFlows are the flows that rows of nDPI have been found for.
type ndpiFlows map[*Flow]bool

// next is the flow of a row that names transport and both ends, and what it counts of
// packets and bytes from either; nil: there is none, or no further one.
func (used ndpiFlows) next(r *Result, row []string) (who string, f *Flow, counts string) {
	transport, a, b := strings.ToLower(row[0]), netip.MustParseAddrPort(row[1]), netip.MustParseAddrPort(row[2])
	who = fmt.Sprintf("%s %v-%v", transport, a, b)
	for _, f := range byEnds(r, transportByName[transport], a, b) {
		if used[f] {
			continue
		}
		used[f] = true
		near, far := Client, Server
		if f.Client != a {
			near, far = far, near
		}
		return who, f, fmt.Sprint(f.Packets[near], f.Bytes[near], f.Packets[far], f.Bytes[far])
	}
	return who, nil, ""
}

// TestNDPI compares packets and bytes of each side, durations, services and
// server names with what nDPI's own tests expect.
func TestNDPI(t *testing.T) {
	rows := 0
	expectedOf(t, ".out", func(capture string, r *Result, text []byte) (found []string) {
		if !strings.Contains(capture, "/ndpi/") {
			return nil
		}
		used := ndpiFlows{}
		for line := range strings.Lines(string(text)) {
			m := ndpiFlow.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			rows++
			who, f, got := used.next(r, m[1:4])
			if f == nil {
				found = append(found, who+" is not a flow here")
				continue
			}
			if want := strings.Join(m[6:10], " "); want != got {
				found = append(found, fmt.Sprintf("%s packets and bytes %s, here %s", who, want, got))
			}
			if want, err := strconv.ParseFloat(m[10], 64); err == nil {
				if got := float64(f.End.Time-f.Start.Time) / 1e9; got-want > 0.011 || want-got > 0.011 {
					found = append(found, fmt.Sprintf("%s takes %.2f s, here %.2f", who, want, got))
				}
			}
			protocol, _, _ := strings.Cut(m[4], ".")
			if want := ndpiServices[protocol]; m[5] == "DPI" && want != f.Service {
				found = append(found, fmt.Sprintf("%s is %s, here %q", who, protocol, f.Service))
			}
			if _, name, ok := strings.Cut(line, "[Hostname/SNI: "); ok {
				name, _, _ = strings.Cut(name, "]")
				if got := serverName(f); got != name {
					found = append(found, fmt.Sprintf("%s names %s, here %q", who, name, got))
				}
			}
		}
		return found
	}, readDifferences(t, "ndpi"))
	if rows < 2000 {
		t.Errorf("only %d flows compared", rows)
	}
}

func serverName(f *Flow) string {
	switch {
	case f.QUIC != nil:
		return f.QUIC.SNI
	case f.TLS != nil:
		return f.TLS.SNI
	case len(f.HTTP) > 0:
		host, _, _ := strings.Cut(f.HTTP[0].Host, ":")
		return host
	}
	return ""
}

// foxioFlow is a flow in the results FoxIO's own tests expect.
type foxioFlow struct {
	Transport string
	Src, Dst  string
	SrcPort   uint16 `yaml:"src_port"`
	DstPort   uint16 `yaml:"dst_port"`
	Name      string `yaml:"tls_server_name"`
	JA4       string
	C         string `yaml:"ja4l_c"` // half of SYN-ACK to ACK in µs, and the client's TTL
	S         string `yaml:"ja4l_s"` // half of SYN to SYN-ACK in µs, and the server's TTL
	SSH       struct {
		HASSH       string
		HASSHServer string `yaml:"hassh_server"`
		Client      string `yaml:"ssh_protocol_client"`
		Server      string `yaml:"ssh_protocol_server"`
		Cipher      string `yaml:"encryption_algorithm"`
	} `yaml:"ssh_extras"`
}

// TestFoxIO compares names, fingerprints, halves of the handshake and TTLs with
// what FoxIO's own tests expect.
func TestFoxIO(t *testing.T) {
	rows := 0
	expectedOf(t, ".snap", func(_ string, r *Result, text []byte) (found []string) {
		var list []foxioFlow
		_, body, _ := strings.Cut(string(text)[3:], "\n---\n")
		if err := yaml.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		for i := range list {
			want := &list[i]
			who := fmt.Sprintf("%s %d", want.Transport, want.SrcPort)
			flows := byEnds(r, transportByName[want.Transport], netip.AddrPortFrom(netip.MustParseAddr(want.Src), want.SrcPort), netip.AddrPortFrom(netip.MustParseAddr(want.Dst), want.DstPort))
			if len(flows) != 1 {
				found = append(found, fmt.Sprintf("%s: %d flows", who, len(flows)))
				continue
			}
			rows++
			for _, pair := range foxioPairs(flows[0], want) {
				if pair[0] != "" && pair[0] != pair[1] {
					found = append(found, fmt.Sprintf("%s %s, here %s", who, pair[0], pair[1]))
				}
			}
		}
		return found
	}, readDifferences(t, "foxio"))
	if rows < 50 {
		t.Errorf("only %d flows compared", rows)
	}
}

// foxioPairs are the values to compare: FoxIO's and ours.
func foxioPairs(f *Flow, want *foxioFlow) [][2]string {
	list := [][2]string{{want.Name, serverName(f)}}
	switch {
	case f.TLS != nil:
		list = append(list, [2]string{want.JA4, f.TLS.JA4})
	case f.QUIC != nil:
		list = append(list, [2]string{want.JA4, f.QUIC.JA4})
	}
	if c := f.Conn; c != nil {
		half := func(ns int64, ttl uint8) string { return fmt.Sprintf("%d_%d", ns/2000, ttl) }
		list = append(list, [2]string{want.C, half(c.RTTClient, f.TTL[Client])}, [2]string{want.S, half(c.RTTServer, f.TTL[Server])})
	}
	if s := f.SSH; s != nil {
		list = append(list, [2]string{want.SSH.HASSH, s.HASSH}, [2]string{want.SSH.HASSHServer, s.HASSHServer}, [2]string{want.SSH.Cipher, s.Cipher},
			[2]string{want.SSH.Client, "SSH-" + s.ClientProtocol + "-" + s.ClientSoftware}, [2]string{want.SSH.Server, "SSH-" + s.ServerProtocol + "-" + s.ServerSoftware})
	}
	return list
}
