package logparse

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// shape is what the tests of the DNS servers compare.
type shape struct {
	kind         Kind
	client, name string
	qtype, rcode string
	duration     time.Duration
	outcome      string
}

func shapeOf(e Event) shape {
	s := shape{kind: e.Kind, name: e.Name, qtype: e.Type, rcode: e.RCode, duration: e.Duration, outcome: e.Outcome}
	if e.Client.IsValid() {
		s.client = e.Client.String()
	}
	return s
}

func TestDNSLines(t *testing.T) {
	for _, c := range []struct {
		format, line string
		want         shape
	}{
		{"bind", "22-Nov-2026 10:53:04.421 queries: info: client @0x7fe7dfe1d098 10.10.1.13#59340 (App.Ejemplo.COM): query: App.Ejemplo.COM IN A + (10.20.0.53)",
			shape{DNSQuery, "10.10.1.13:59340", "app.ejemplo.com", "A", "", -1, ""}},
		{"bind", "2026-11-22T10:11:27.970Z client @0x7fc7556f5898 2001:db8::2#34735 (nx.ejemplo.com): view inside: query: nx.ejemplo.com IN AAAA +E(0)TK (10.9.0.1)",
			shape{DNSQuery, "[2001:db8::2]:34735", "nx.ejemplo.com", "AAAA", "", -1, ""}},
		{"bind", "client 10.9.0.2#34735: query: nx.ejemplo.com IN AAAA +E(0)K",
			shape{DNSQuery, "10.9.0.2:34735", "nx.ejemplo.com", "AAAA", "", -1, ""}},
		{"bind", "22-Nov-2026 10:52:14.286 query-errors: info: client @0x7f69f58fdc98 10.20.0.23#51454 (12.1.10.10.in-addr.arpa): query failed (timed out) for 12.1.10.10.in-addr.arpa/IN/PTR at query.c:7916",
			shape{DNSError, "10.20.0.23:51454", "12.1.10.10.in-addr.arpa", "PTR", "SERVFAIL", -1, ""}},
		{"bind", "19-Oct-2022 05:34:02.425 client @0x7f65100ee4d8 192.168.1.1#3076 (example.com): query (cache) 'example.com/ANY/IN' denied",
			shape{DNSError, "192.168.1.1:3076", "example.com", "ANY", "REFUSED", -1, ""}},
		{"bind", "22-Nov-2026 10:53:03.381 general: notice: all zones loaded", shape{kind: Message, duration: -1}},
		{"unbound", "[1795342288] unbound[20121:0] query: 10.9.0.2 app.ejemplo.com. A IN",
			shape{DNSQuery, "10.9.0.2:0", "app.ejemplo.com", "A", "", -1, ""}},
		{"unbound", "[1795342288] unbound[20121:0] reply: 10.9.0.2 APP.ejemplo.com. A IN NOERROR 0.000716 1 60",
			shape{DNSReply, "10.9.0.2:0", "app.ejemplo.com", "A", "NOERROR", 716 * time.Microsecond, "cached"}},
		{"unbound", "Nov 22 10:48:22 unbound[17380:0] info: fd20:1::35 . NS IN SERVFAIL 1.250000 0 49",
			shape{DNSReply, "[fd20:1::35]:0", ".", "NS", "SERVFAIL", 1250 * time.Millisecond, "resolved"}},
		{"unbound", "Nov 22 10:48:22 unbound[17380:0] error: SERVFAIL <falla.ejemplo.com. A IN>: all the configured stub or forward servers failed, at zone . from 10.20.0.54 got SERVFAIL",
			shape{DNSError, "", "falla.ejemplo.com", "A", "SERVFAIL", -1, ""}},
		{"dnsmasq", "Nov 22 10:11:28 dnsmasq[20122]: 3 10.9.0.2/60642 query[AAAA] app.ejemplo.com from 10.9.0.2",
			shape{DNSQuery, "10.9.0.2:60642", "app.ejemplo.com", "AAAA", "", -1, ""}},
		{"dnsmasq", "Nov 22 10:11:28 dnsmasq[20122]: query[A] app.ejemplo.com from 10.9.0.2",
			shape{DNSQuery, "10.9.0.2:0", "app.ejemplo.com", "A", "", -1, ""}},
		{"dnsmasq", "Nov 22 10:11:28 dnsmasq[20122]: 3 10.9.0.2/60642 config app.ejemplo.com is 10.9.0.5",
			shape{DNSReply, "10.9.0.2:60642", "app.ejemplo.com", "", "NOERROR", -1, "local"}},
		{"dnsmasq", "Nov 22 10:11:28 dnsmasq[20122]: reply nada.ejemplo.com is NXDOMAIN",
			shape{DNSReply, "", "nada.ejemplo.com", "", "NXDOMAIN", -1, "resolved"}},
		{"dnsmasq", "Nov 22 10:11:28 dnsmasq[20122]: forwarded app.ejemplo.com to 10.20.0.54",
			shape{Message, "", "app.ejemplo.com", "", "", -1, "forwarded"}},
		{"coredns", `2026-11-22T10:11:27.990123456Z [INFO] 10.240.0.1:50759 - 29008 "A IN app.ejemplo.com. udp 41 false 4096" NOERROR qr,rd,ra 68 0.037990251s`,
			shape{DNSReply, "10.240.0.1:50759", "app.ejemplo.com", "A", "NOERROR", 37990251, ""}},
		{"coredns", `[INFO] [2001:db8::9]:50759 - 29008 "HTTPS IN app.ejemplo.com. tcp 41 false 65535" - - 0 5.001s`,
			shape{DNSReply, "[2001:db8::9]:50759", "app.ejemplo.com", "HTTPS", "", 5001 * time.Millisecond, ""}},
		{"coredns", `[ERROR] plugin/errors: 2 app.ejemplo.com. A: read udp 10.244.0.2:35210->10.20.0.54:53: i/o timeout`,
			shape{DNSError, "", "app.ejemplo.com", "A", "SERVFAIL", -1, ""}},
		{"powerdns", "Nov 22 10:11:28 Remote 10.9.0.2 wants 'app.ejemplo.com|A', do = 0, bufsize = 1232: packetcache MISS",
			shape{DNSQuery, "10.9.0.2:0", "app.ejemplo.com", "A", "", -1, ""}},
		{"powerdns", "Nov 22 10:11:28 3 [2/1] question for 'app.ejemplo.com|A' from 10.9.0.2:5678",
			shape{DNSQuery, "10.9.0.2:5678", "app.ejemplo.com", "A", "", -1, ""}},
		{"powerdns", "Nov 22 10:11:28 3 [2/1] answer to question 'app.ejemplo.com|A': 1 answers, 0 additional, took 1 packets, 12.1 netw ms, 12.5 tot ms, 0 throttled, 0 timeouts, 0 tcp connections, rcode=3",
			shape{DNSReply, "", "app.ejemplo.com", "A", "NXDOMAIN", 12500 * time.Microsecond, ""}},
		{"powerdns", `msg="Answer" subsystem="syncres" level="0" prio="Info" tid="2" ts="1795342288.123" mtid="7" proto="udp" qname="app.ejemplo.com" qtype="A" remote="10.9.0.2:5678" rcode="2" netms="1500.000" totms="1501.250"`,
			shape{DNSReply, "10.9.0.2:5678", "app.ejemplo.com", "A", "SERVFAIL", 1501250 * time.Microsecond, ""}},
	} {
		e := parseOne(t, c.format, c.line)
		if got := shapeOf(e); got != c.want {
			t.Errorf("%s: %s\n got %+v\nwant %+v", c.format, c.line, got, c.want)
		}
		if e.Kind == DNSQuery && e.Means != QueryReceived || e.Kind == DNSReply && e.Means != AnswerSent {
			t.Errorf("%s: %s means %v", c.format, c.line, e.Means)
		}
		if e.Kind == DNSQuery && e.Lag != 10*time.Millisecond {
			t.Errorf("%s: lag %v", c.format, e.Lag)
		}
	}
}

// BIND's three forms of the stamp tell the same instants; two of them do not
// tell their zone.
func TestBindStamps(t *testing.T) {
	local := readFile(t, "bind", "daemons", "dns", "q.log")
	iso := readFile(t, "bind", "daemons", "dns", "qi.log")
	utc := readFile(t, "bind", "daemons", "dns", "qu.log")
	if len(local) != len(iso) || len(local) != len(utc) || len(local) < 5 {
		t.Fatal(len(local), len(iso), len(utc))
	}
	for i := range local {
		if local[i].Time != iso[i].Time || local[i].Time != utc[i].Time || local[i].Width != time.Millisecond {
			t.Errorf("line %d: %d %d %d", i+1, local[i].Time, iso[i].Time, utc[i].Time)
		}
		if local[i].Zone != ZoneUnknown || iso[i].Zone != ZoneUnknown || utc[i].Zone != ZoneStated {
			t.Errorf("line %d: zones %d %d %d", i+1, local[i].Zone, iso[i].Zone, utc[i].Zone)
		}
		if shapeOf(local[i]) != shapeOf(utc[i]) {
			t.Errorf("line %d: %+v %+v", i+1, local[i], utc[i])
		}
	}
	if local[1].Proto != "tcp" || local[0].Proto != "udp" {
		t.Errorf("protocols %q %q", local[0].Proto, local[1].Proto)
	}
	events, _, _, _ := ReadAll(strings.NewReader("22-Nov-2026 11:53:04.421 queries: info: client @0x1 10.10.1.13#59340 (a.b): query: a.b IN A + (10.20.0.53)\n"), bindLog, Source{Local: FixedZone(3600)})
	if e := events[0]; e.Zone != ZoneInferred || e.ZoneSeconds != 3600 || e.Time != time.Date(2026, 11, 22, 10, 53, 4, 421e6, time.UTC).UnixNano() {
		t.Errorf("%+v", e)
	}
}

// Without a year there is no time, only a line.
func TestUnboundWithoutYear(t *testing.T) {
	events, problems, _, _ := ReadAll(strings.NewReader("Nov 22 10:48:22 unbound[17380:0] info: 10.10.1.11 app.ejemplo.com. A IN\n"), unboundLog, Source{})
	if len(events) != 1 || len(problems) != 0 || events[0].HasTime || !events[0].YearInferred || events[0].Kind != DNSQuery {
		t.Fatalf("%+v %v", events, problems)
	}
}

// Address and port of every refusal, as crowdsec's own tests expect them.
func TestBindThirdParty(t *testing.T) {
	expected := regexp.MustCompile(`results\["s01-parse"\]\["[^"]*bind9[^"]*"\]\[(\d+)\]\.Evt\.(?:Parsed\["(remote_port)"\]|Meta\["(source_ip)"\]) == "([^"]*)"`)
	readFile(t, "bind", "logs", "crowdsec-hub", ".tests", "bind9-refused", "bind9-refused.log")
	want, err := os.ReadFile(filepath.Join(need.Shared(t, "logs", "crowdsec-hub", ".tests", "bind9-logs"), "parser.assert"))
	if err != nil {
		t.Fatal(err)
	}
	events := readFile(t, "bind", "logs", "crowdsec-hub", ".tests", "bind9-logs", "bind9-logs.log")
	checked := 0
	for _, m := range expected.FindAllStringSubmatch(string(want), -1) {
		i, _ := strconv.Atoi(m[1])
		if i >= len(events) || events[i].Kind != DNSError {
			t.Errorf("%d events, %s expects a refusal as number %d", len(events), m[0], i)
			continue
		}
		got := events[i].Client.Addr().String()
		if m[2] != "" {
			got = strconv.Itoa(int(events[i].Client.Port()))
		}
		if got != m[4] {
			t.Errorf("event %d: %s, want %s", i, got, m[4])
		}
		checked++
	}
	if checked < 26 {
		t.Errorf("only %d fields expected", checked)
	}
}
