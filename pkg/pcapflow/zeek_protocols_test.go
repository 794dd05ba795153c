package pcapflow

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// compareRows checks the rows of every expected log of a name against the flows
// of its capture. A log may tell of several captures: rows of other ends are
// passed over, but every capture must have some.
func compareRows(t *testing.T, names []string, least int, compare func(r *Result, f *Flow, row map[string]string) []string) {
	t.Helper()
	d := readDifferences(t, "zeek protocols")
	compared := 0
	for _, x := range sharedIndex(t) {
		for _, log := range x.expected {
			text, err := os.ReadFile(log)
			if err != nil || !slices.Contains(names, filepath.Base(log)) {
				continue
			}
			r, err := Analyse(readPackets(t, x.path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, row := range zeekRows(string(text)) {
				for _, f := range r.Flows {
					if zeekEnds(f) != rowEnds(row) {
						continue
					}
					compared++
					for _, what := range compare(r, f, row) {
						found = append(found, rowEnds(row)+" "+what)
					}
					break
				}
			}
			d.check(t, filepath.Base(filepath.Dir(log))+"/"+filepath.Base(log)+" "+filepath.Base(x.path), found)
		}
	}
	if compared < least {
		t.Errorf("only %d rows of %v compared", compared, names)
	}
}

// unlike lists the fields of a row whose values are not ours; "-" stands for
// what Zeek does not know, and fields it does not log are passed over.
func unlike(row, got map[string]string) (found []string) {
	for field, value := range got {
		want, ok := row[field]
		if want == "-" || want == "(empty)" {
			want = ""
		}
		if ok && want != value {
			found = append(found, fmt.Sprintf("%s %s, here %s", field, want, value))
		}
	}
	slices.Sort(found)
	return found
}

var zeekTLSVersions = strings.NewReplacer("TLSv1.0", "TLSv10", "TLSv1.1", "TLSv11", "TLSv1.2", "TLSv12", "TLSv1.3", "TLSv13")

// TestZeekTLS compares versions, suites, groups, names, resumption and alerts
// with Zeek's ssl.log.
func TestZeekTLS(t *testing.T) {
	compareRows(t, []string{"ssl.log", "ssl-out.log", "ssl-all.log"}, 8, func(_ *Result, f *Flow, row map[string]string) []string {
		x := f.TLS
		if x == nil {
			if f.QUIC != nil {
				return nil // its own test
			}
			return []string{"is no TLS here"}
		}
		got := map[string]string{
			"version": zeekTLSVersions.Replace(x.Version), "cipher": x.Cipher, "curve": x.Group, "server_name": x.SNI,
			"resumed": zeekBool(x.Resumed), "next_protocol": x.ALPN, "last_alert": "", "established": zeekBool(x.HandshakeEnd.Seen()),
		}
		for _, a := range x.Alerts {
			if a.Code >= 0 {
				got["last_alert"] = a.Description
			}
		}
		return unlike(row, got)
	})
}

func zeekBool(v bool) string {
	if v {
		return "T"
	}
	return "F"
}

// TestZeekHTTP compares methods, hosts, targets, answers and lengths of bodies
// with Zeek's http.log.
func TestZeekHTTP(t *testing.T) {
	next := map[*Flow]int{}
	compareRows(t, []string{"http.log"}, 10, func(_ *Result, f *Flow, row map[string]string) []string {
		if f.TLS != nil {
			return nil // TestZeekDecryption
		}
		n := next[f]
		next[f]++
		if n >= len(f.HTTP) {
			return []string{fmt.Sprintf("request %s is missing", row["trans_depth"])}
		}
		return unlike(row, zeekExchange(&f.HTTP[n]))
	})
}

func zeekExchange(e *Exchange) map[string]string {
	got := map[string]string{"method": e.Method, "host": e.Host, "uri": e.Path, "version": strings.TrimPrefix(e.Version, "HTTP/"), "status_code": "", "response_body_len": ""}
	if e.Status > 0 {
		got["status_code"] = strconv.Itoa(e.Status)
	}
	if e.ContentBytes >= 0 {
		got["response_body_len"] = strconv.FormatInt(e.ContentBytes, 10)
	}
	return got
}

// TestZeekDNS compares names, types, codes, times and flags with Zeek's dns.log.
func TestZeekDNS(t *testing.T) {
	compareRows(t, []string{"dns.log"}, 4, func(r *Result, _ *Flow, row map[string]string) []string {
		for _, f := range r.Flows {
			for i := range f.DNS {
				x := &f.DNS[i]
				if zeekEnds(f) != rowEnds(row) || strconv.Itoa(int(x.ID)) != row["trans_id"] {
					continue
				}
				if row["qtype_name"] == "*" { // RFC 1035, section 3.2.3
					row["qtype_name"] = "ANY"
				}
				got := map[string]string{"query": x.Name, "qtype_name": x.Type, "rcode_name": x.RCode, "rtt": "", "TC": zeekBool(x.Truncated)}
				if x.Query.Seen() && x.Answer.Seen() {
					got["rtt"] = strconv.FormatFloat(float64(x.Answer.Time-x.Query.Time)/1e9, 'f', 6, 64)
				}
				if x.Answer.Seen() && row["rcode"] != "-" {
					zeekAnswer(x, row, got)
				}
				return unlike(row, got)
			}
		}
		return []string{"transaction " + row["trans_id"] + " is missing"}
	})
}

// zeekAnswer adds what Zeek and we tell of an answer: flags, the least TTL, and of the
// records those that name hosts.
func zeekAnswer(x *Transaction, row, got map[string]string) {
	got["AA"], got["RA"] = zeekBool(x.Authoritative()), zeekBool(x.Flags[1]&(1<<7) != 0)
	if x.Query.Seen() {
		got["RD"] = zeekBool(x.Flags[0]&(1<<8) != 0)
	}
	least := ""
	for i, ttl := range strings.Split(row["TTLs"], ",") {
		v, err := strconv.ParseFloat(ttl, 64)
		if n := strconv.Itoa(int(v)); err == nil && (i == 0 || int(v) < zeekNumber(least)) {
			least = n
		}
	}
	if row["least TTL"] = least; x.HasTTL {
		got["least TTL"] = strconv.Itoa(int(x.TTL))
	} else if x.Records == 0 {
		got["least TTL"] = ""
	}
	var theirs, here []string
	for _, a := range strings.Split(row["answers"], ",") {
		if !strings.Contains(a, " ") && a != "-" {
			theirs = append(theirs, a)
		}
	}
	for _, a := range x.Addresses {
		here = append(here, a.String())
	}
	here = append(append(here, x.CNAMEs...), x.Targets...)
	slices.Sort(theirs)
	slices.Sort(here)
	row["hosts"], got["hosts"] = strings.Join(slices.Compact(theirs), " "), strings.Join(slices.Compact(here), " ")
}

func zeekNumber(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// TestZeekCertificates compares names and validity with Zeek's x509.log, which tells of
// certificates, not of connections.
func TestZeekCertificates(t *testing.T) {
	compared := 0
	for _, x := range sharedIndex(t) {
		for _, log := range x.expected {
			text, err := os.ReadFile(log)
			if err != nil || filepath.Base(log) != "x509.log" {
				continue
			}
			r, err := Analyse(readPackets(t, x.path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, f := range r.Flows {
				if f.TLS == nil {
					continue
				}
				for _, c := range f.TLS.Certificates {
					seen[fmt.Sprintf("%s %s %d %d %s", commonName(c.Subject), commonName(c.Issuer), c.NotBefore, c.NotAfter, strings.Join(c.Names, ","))] = true
				}
			}
			for _, row := range zeekRows(string(text)) {
				compared++
				begin, _ := strconv.ParseFloat(row["certificate.not_valid_before"], 64)
				end, _ := strconv.ParseFloat(row["certificate.not_valid_after"], 64)
				names := row["san.dns"]
				if names == "-" {
					names = ""
				}
				want := fmt.Sprintf("%s %s %d %d %s", commonName(row["certificate.subject"]), commonName(row["certificate.issuer"]), int64(begin), int64(end), names)
				if !seen[want] {
					t.Errorf("%s: no %q in %q", x.path, want, slices.Sorted(maps.Keys(seen)))
				}
			}
		}
	}
	if compared < 4 {
		t.Errorf("only %d certificates compared", compared)
	}
}

// commonName of a distinguished name.
func commonName(name string) string {
	_, name, _ = strings.Cut(name, "CN=")
	name, _, _ = strings.Cut(name, ",")
	return name
}

// TestZeekDecryption: with the secret that Zeek's own test holds, the request
// it finds is found.
func TestZeekDecryption(t *testing.T) {
	root := need.Shared(t, "captures", "zeek", "testing", "btest")
	script, err := os.ReadFile(filepath.Join(root, "scripts/policy/protocols/ssl/decryption.zeek"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\["((?:\\x[0-9a-f]{2})+)"\] = "((?:\\x[0-9a-f]{2})+)"`).FindSubmatch(script)
	if m == nil {
		t.Fatal("no secret in the script")
	}
	plain := func(b []byte) string { return strings.ReplaceAll(string(b), `\x`, "") }
	path := filepath.Join(root, "Traces", "tls/tls12-decryption.pcap")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tail []byte // Zeek leaves out the four bytes of time that begin the random
	if _, err := fmt.Sscanf(plain(m[1]), "%x", &tail); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(file, tail)
	if i < 4 {
		t.Fatal("the capture lacks the client's random")
	}
	log := filepath.Join(t.TempDir(), "keys")
	line := fmt.Sprintf("CLIENT_RANDOM %x %s\n", file[i-4:i+28], plain(m[2]))
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := zeekLog(t, "scripts.policy.protocols.ssl.decryption", "http.log")
	for _, f := range analyseWith(t, path, log).Flows {
		if f.TLS == nil || !f.TLS.Decrypted || len(f.HTTP) != len(rows) {
			t.Fatalf("%+v, notes %q, %d requests", f.TLS, f.Notes, len(f.HTTP))
		}
		if found := unlike(rows[0], zeekExchange(&f.HTTP[0])); len(found) > 0 {
			t.Error(found)
		}
	}
}
