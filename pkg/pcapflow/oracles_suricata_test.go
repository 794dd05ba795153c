package pcapflow

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// suricataChecks is what is read of a test.yaml.
type suricataChecks struct {
	Checks []struct {
		Filter struct {
			Count int
			Match map[string]any
		}
	}
}

// suricataEvents counts what an analysis tells that a check asks for. ok is
// false where the check asks for what is not followed here: alerts of rules,
// file contents, PostgreSQL.
func suricataEvents(r *Result, match map[string]any) (n int, ok bool) {
	text := func(key string) string {
		if v, found := match[key]; found {
			return fmt.Sprint(v)
		}
		return ""
	}
	port := func(key string) uint16 {
		n, _ := strconv.ParseUint(text(key), 10, 16)
		return uint16(n)
	}
	count := func(sent bool) {
		if sent {
			n++
		}
	}
	for _, f := range r.Flows {
		switch text("event_type") {
		case "dns":
			for i := range f.DNS {
				x := &f.DNS[i]
				switch kind := text("dns.type"); kind {
				case "query", "request":
					count(x.Query.Seen())
				default:
					from := f.Server.Addr()
					if x.Asker == Server {
						from = f.Client.Addr()
					}
					fits := x.Answer.Seen() && (text("src_ip") == "" || netip.MustParseAddr(text("src_ip")) == from)
					if name := text("dns.queries[0].rrname"); name != "" {
						fits = fits && x.Name == name && x.Type == text("dns.queries[0].rrtype") && slices.Contains(x.Targets, text("dns.answers[0].rdata"))
					}
					if text("dns.answers[0].rrtype") == "CNAME" {
						fits = fits && len(x.CNAMEs) > 0 && len(x.Addresses) == 2
					}
					if fits {
						n += 1 + len(x.Extra)
					}
				}
			}
		case "http":
			if p := port("dest_port"); p == 0 || p == f.Server.Port() {
				n += len(f.HTTP)
			}
		case "flow":
			fits := text("app_proto") == "" || strings.HasPrefix(text("app_proto"), "doh") && hasDoH(f) || text("app_proto") == f.Service
			for key, v := range map[string]int64{"flow.pkts_toserver": f.Packets[Client], "flow.pkts_toclient": f.Packets[Server], "flow.bytes_toserver": f.Bytes[Client], "flow.bytes_toclient": f.Bytes[Server]} {
				fits = fits && (text(key) == "" || text(key) == fmt.Sprint(v))
			}
			if ip := text("src_ip"); ip != "" {
				fits = fits && (f.Client.Addr().String() == ip || f.Server.Addr().String() == ip)
			}
			if match["tcp.fin"] == true {
				fits = fits && f.Conn != nil && (f.Conn.FIN[Client].Seen() || f.Conn.FIN[Server].Seen())
			}
			count(fits)
		default:
			return 0, false
		}
	}
	return n, true
}

// hasDoH: one of the requests of a flow is a question over HTTPS (RFC 8484).
func hasDoH(f *Flow) bool {
	return slices.ContainsFunc(f.HTTP, func(e Exchange) bool { return strings.HasPrefix(e.Path, "/dns-query") })
}

// TestSuricata compares counts of DNS messages, HTTP requests and flows with
// the checks of suricata-verify.
func TestSuricata(t *testing.T) {
	compared, left := 0, 0
	d := readDifferences(t, "suricata")
	for _, x := range sharedIndex(t) {
		for _, path := range x.expected {
			if filepath.Base(path) != "test.yaml" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var c suricataChecks
			if err := yaml.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			r := analyseWith(t, x.path, "")
			var found []string
			for i, check := range c.Checks {
				n, ok := suricataEvents(r, check.Filter.Match)
				if !ok {
					left++
					continue
				}
				compared++
				if n != check.Filter.Count {
					found = append(found, fmt.Sprintf("check %d: %d of %v, here %d", i+1, check.Filter.Count, check.Filter.Match["event_type"], n))
				}
			}
			d.check(t, filepath.Base(filepath.Dir(path)), found)
		}
	}
	t.Logf("%d checks compared; %d ask for alerts, files or PostgreSQL", compared, left)
	if compared < 10 {
		t.Errorf("only %d checks compared", compared)
	}
}
