package logparse

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// checkFormat holds what every reader owes on any input: it ends, positions
// lie in the text, what a kind promises is there, and a second reading gives
// the same.
func checkFormat(t *testing.T, f *Format, text string) {
	t.Helper()
	f.Score([]byte(text))
	src := Source{Year: 2026}
	events, problems, lines, err := ReadAll(strings.NewReader(text), f, src)
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	for _, e := range events {
		switch {
		case e.Line < 1 || e.Line > lines || e.Line+max(e.Lines, 1)-1 > lines || e.Offset < 0 || e.Offset > int64(len(text)):
			t.Fatalf("%s: line %d+%d of %d, offset %d of %d", f.Name, e.Line, e.Lines, lines, e.Offset, len(text))
		case e.Kind == "":
			t.Fatalf("%s: an event without kind", f.Name)
		case (e.Kind == ClockReading || e.Kind == ClockStep) && e.Reading == nil, e.Kind == ClientHTTP && e.Timing == nil, e.Kind == ClientDNS && e.Lookup == nil:
			t.Fatalf("%s: %s without what it promises", f.Name, e.Kind)
		case e.Reading != nil && (e.Reading.Bound < 0 || e.Reading.RemBound < 0):
			t.Fatalf("%s: a negative bound: %+v", f.Name, e.Reading)
		case e.Reading != nil && e.Reading.Synchronised && !e.Reading.HasOffset && !e.Reading.HasRemaining && e.Reading.Offset != 0:
			t.Fatalf("%s: an offset that is none: %+v", f.Name, e.Reading)
		}
	}
	for _, p := range problems {
		if p.Line < 1 || p.Line+p.Count > lines+1 {
			t.Fatalf("%s: problem %+v of %d lines", f.Name, p, lines)
		}
	}
	again, _, _, _ := ReadAll(strings.NewReader(text), f, src)
	if !reflect.DeepEqual(fmt.Sprintf("%+v", values(events)), fmt.Sprintf("%+v", values(again))) {
		t.Fatalf("%s: a second reading differs", f.Name)
	}
}

// values lists the events without the addresses of their parts.
func values(events []Event) (list []any) {
	for _, e := range events {
		if e.Reading != nil {
			list = append(list, *e.Reading)
		}
		if e.Timing != nil {
			list = append(list, *e.Timing)
		}
		if e.Lookup != nil {
			list = append(list, *e.Lookup)
		}
		e.Reading, e.Timing, e.Lookup = nil, nil, nil
		list = append(list, e)
	}
	return list
}

// samples are short texts of each format, made by hand or cut from the
// incidents' kinds.
var samples = map[string][]string{
	"chrony-tracking":     {"2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03\n", "===\n   Date (UTC) Time     IP Address   St\n===\n2026-11-22 10:53:04 0.0.0.0          0      0.000 1000000.000  0.000e+00 ?  0  0.000e+00 -0.000e+00  1.000e+00  1.000e+00  1.500e+00\n"},
	"chrony-measurements": {"2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n"},
	"chrony-statistics":   {"2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8  0.00\n"},
	"chrony-selection":    {"2022-05-01 02:01:20 203.0.113.15    * -----  377  1.00   4.228e+01 -1.575e-04  1.239e-04\n"},
	"chrony-refclocks":    {"2009-11-30 14:33:27.000000 PPS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06\n"},
	"chronyd-log":         {"2026-11-22T10:53:07Z chronyd version 4.3 starting (+CMDMON)\n2026-11-22T10:53:08Z Selected source 10.20.0.123\n2026-11-22T10:53:08Z System clock wrong by -2.349353 seconds\n2026-11-22T10:53:08Z System clock was stepped by -2.349353 seconds\n2026-11-22T10:53:09Z Forward time jump detected!\n2026-11-22T10:53:09Z Frequency -3.541 +/- 0.075 ppm read from x\n2026-11-22T10:53:09Z System's initial offset : 1.5 seconds fast of true (step)\n"},
	"chronyc":             {"$ chronyc tracking\nReference ID    : 7F000001 (127.0.0.1)\nStratum         : 2\nRef time (UTC)  : Sun Nov 22 09:57:24 2026\nSystem time     : 5.002627850 seconds slow of NTP time\nLast offset     : -0.000000566 seconds\nFrequency       : 99.793 ppm slow\nRoot delay      : 0.010112514 seconds\nRoot dispersion : 0.002012002 seconds\nLeap status     : Normal\n$ chronyc sources\nMS Name/IP address         Stratum Poll Reach LastRx Last sample\n===\n^* 127.0.0.1                     1   0   377     0  -2430ns[-2996ns] +/- 7064us\n^? 10.0.0.1                      0   0     0     -     +0ns[   +0ns] +/-    0ns\n"},
	"ntpd-loopstats":      {"61366 37092.512 0.050057713 0.000000 0.017698074 0.000000 3\n"},
	"ntpd-peerstats":      {"61366 37086.512 10.9.0.9 b014 0.050145584 0.000332946 7.937500062 0.000000000\n"},
	"ntpd-rawstats":       {"61366 37086.512 10.9.0.9 10.9.0.1 4004331486.511841759 4004331486.562153816 4004331486.562203646 4004331486.512224535 0 4 4 1 0 -20 0.009995 0.001999 .GPS. 0 0 0\n"},
	"ntpd-log":            {"2026-11-22T10:18:05 ntpd[29449]: PROTO: clock_step +0.337123 s\n22 Nov 10:18:05 ntpd[123]: time reset +3.000000 s\n"},
	"ntpq":                {"     remote           refid      st t when poll reach   delay   offset  jitter\n====\n*10.9.0.9        .GPS.            1 u   12   64  377    0.164   50.058   0.040\nassocid=0 status=0615 leap_none,\nleap=00, stratum=2, rootdelay=10.159, rootdisp=3.420, clock=eead3fde.80000000  Sun, Nov 22 2026 10:18:06.500, offset=50.057713\n"},
	"timesync-status":     {"       Server: 192.0.2.1 (time.example)\n         Leap: normal\n      Stratum: 2\nRoot distance: 20.583ms (max: 5s)\n       Offset: +1.2ms\n        Delay: 12.3ms\n    Frequency: +12.345ppm\n", "NTPMessage={ Leap=0, Stratum=1, RootDelay=9.994ms, OriginateTimestamp=Sun 2026-11-22 10:15:50 UTC, ReceiveTimestamp=Sun 2026-11-22 10:15:52 UTC, TransmitTimestamp=Sun 2026-11-22 10:15:52 UTC, DestinationTimestamp=Sun 2026-11-22 10:15:50 UTC }\nFrequency=1\n", "NTP response:\n  leap         : 0\n  stratum      : 1\n  dest         : 1795342552.844\n  offset       : +0.001 sec\n  delay        : +0.001 sec\n"},
	"sntp":                {"2026-11-22 10:53:05.952912 server 10.20.0.123, stratum 2, offset -0.729806, delay 0.034487\n2026-11-22 11:53:05.952912 (+0100) +0.004323 +/- 0.031415 time.example.org 192.0.2.1 s2 no-leap\n22 Nov 10:53:05 ntpdate[1234]: step time server 10.20.0.123 offset 2.350000 sec\n"},
	"dig":                 {"$ dig x +short\n10.0.0.1\n;; communications error to 10.20.0.53#53: timed out\n\n; <<>> DiG 9.18 <<>> @10.20.0.53 app.ejemplo.com A\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 28541\n;; QUESTION SECTION:\n;app.ejemplo.com.\t\tIN\tA\n\n;; ANSWER SECTION:\napp.ejemplo.com.\t2\tIN\tA\t10.20.0.10\n\n;; Query time: 83 msec\n;; SERVER: 10.20.0.53#53(10.20.0.53) (UDP)\n;; WHEN: Sun Nov 22 05:55:29 -05 2026\n;; MSG SIZE  rcvd: 88\n", "-\n  type: MESSAGE\n  message:\n    query_time: !!timestamp 2026-11-22T10:15:32.120Z\n    response_time: !!timestamp 2026-11-22T10:15:32.203Z\n    response_message_data:\n      status: NOERROR\n      QUESTION_SECTION:\n        - 'app.ejemplo.com. IN A'\n"},
	"curl":                {"$ curl -w 'a=%{time_connect} %{time_total}\\n' https://a.b/ http://[::1]/\na=0.1 0.2\ndns=0.020778 connect=0.000000 tls=0.049534 ttfb=0.064336 total=0.064417\ncurl: (60) SSL certificate problem: certificate has expired\nexit=60\n", "10:53:13.064099 *   Trying 10.20.0.10:443...\n10:53:13.078060 * Connected to app.ejemplo.com (10.20.0.10) port 443 (#0)\n10:53:13.1 > GET / HTTP/1.1\n10:53:13.2 < HTTP/1.1 200 OK\n10:53:13.3 { [61 bytes data]\n* Connection #0 to host app.ejemplo.com left intact\n", `{"http_code":200,"time_total":0.09,"time_connect":0.01}` + "\n"},
	"ssh-verbose":         {"$ time ssh -vvv admin@servidor.ejemplo.com 'exit'\nOpenSSH_9.2p1, OpenSSL 3.0\ndebug1: Connecting to servidor.ejemplo.com [10.20.0.10] port 22.\ndebug1: Connection established.\nNov 22 10:15:32 debug1: Authentications that can continue: publickey,password\nAuthenticated to servidor.ejemplo.com ([10.20.0.10]:22) using \"publickey\".\nTransferred: sent 3592, received 3800 bytes, in 0.1 seconds\nreal\t0m0.638s\nexit=0\n"},
	"bind":                {"22-Nov-2026 10:53:04.421 queries: info: client @0x7fe7dfe1d098 10.10.1.13#59340 (app.ejemplo.com): query: app.ejemplo.com IN A + (10.20.0.53)\n22-Nov-2026 10:52:14.286 query-errors: info: client @0x7f69f58fdc98 10.20.0.23#51454 (x): query failed (timed out) for x/IN/PTR at query.c:7916\n"},
	"unbound":             {"[1795342288] unbound[20121:0] reply: 10.9.0.2 app.ejemplo.com. A IN NOERROR 0.000000 1 60\nNov 22 10:48:22 unbound[17380:0] error: SERVFAIL <falla.ejemplo.com. A IN>: x\n"},
	"dnsmasq":             {"Nov 22 10:11:28 dnsmasq[20122]: 3 10.9.0.2/60642 query[A] app.ejemplo.com from 10.9.0.2\nNov 22 10:11:28 dnsmasq[20122]: reply error is SERVFAIL\n"},
	"coredns":             {"[INFO] 10.240.0.1:50759 - 29008 \"A IN example.org. udp 41 false 4096\" NOERROR qr,rd,ra,ad 68 0.037990251s\n[ERROR] plugin/errors: 2 example.org. A: read udp 10.244.0.2:35210->8.8.8.8:53: i/o timeout\n"},
	"powerdns":            {"Nov 22 10:11:28 Remote 10.9.0.2 wants 'app.ejemplo.com|A', do = 0, bufsize = 1232: packetcache MISS\nNov 22 10:11:28 3 [2/1] answer to question 'a.b|A': 12.5 tot ms, rcode=3\nmsg=\"Question\" ts=\"1795342288.123\" qname=\"a\" qtype=\"A\"\n"},
	"nslookup":            {nslookupUnix, nslookupWindows},
	"resolvectl":          {"app.ejemplo.com: 10.20.0.10                    -- link: eth0\n\n-- Information acquired via protocol DNS in 12.3ms.\nLink 2 (eth0)\n    Current Scopes: DNS\n       DNS Servers: 10.20.0.53\n"},
	"resolv-conf":         {"search a b\nnameserver 10.20.0.53\noptions ndots:5 rotate\n"},
	"ping":                {"PING app.ejemplo.com (10.20.0.10) 56(84) bytes of data.\n[1795342288.123456] 64 bytes from 10.20.0.10: icmp_seq=1 ttl=63 time=20.1 ms\n4 packets transmitted, 3 received, 25% packet loss, time 3004ms\nrtt min/avg/max/mdev = 20.100/20.900/21.900/0.736 ms\n"},
	"socket-state":        {"LISTEN     129    128          0.0.0.0:443        0.0.0.0:*\n\t cubic rtt:3.125/1.25 retrans:1/3\n#kernel\nTcpExtListenOverflows           12                 0.0\n10.20.0.77 dev eth0 FAILED\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n 2  1      0 102400   2048  40960    0    0     5     9  100  200 11  4 80  5  0\n"},
	"har":                 {harText},
}

// Every format of this list has samples, and reads them cut at every byte.
func TestCutAnywhere(t *testing.T) {
	for name, texts := range samples {
		f := ByName(name)
		if f == nil {
			t.Fatalf("no format %s", name)
		}
		for _, text := range texts {
			if events, problems, _, _ := ReadAll(strings.NewReader(text), f, Source{Year: 2026}); len(events) == 0 || len(problems) > 0 {
				t.Errorf("%s: %d events, %v", name, len(events), problems)
			}
			step := 1 + len(text)/400
			for n := 0; n < len(text); n += step {
				checkFormat(t, f, text[:n])
			}
			checkFormat(t, f, strings.ReplaceAll(text, "\n", "\r\n"))
			checkFormat(t, f, "\xef\xbb\xbf"+text+"\x00\x00\xff\xfe\n"+text)
		}
	}
	for _, f := range formats {
		if f.Name == "chronyd-log" {
			return
		}
	}
	t.Error("the table lost a format")
}

// Each sample is recognised for what it is, among all formats.
func TestDetectSamples(t *testing.T) {
	for name, texts := range samples {
		for i, text := range texts {
			got, reason, _ := Detect([]byte(text), "file")
			if got == nil || got.Name != name {
				t.Errorf("sample %d of %s: taken for %v: %s", i, name, got, reason)
			}
		}
	}
}

// Texts of other kinds are not taken for these formats.
func TestOthersAreNotOurs(t *testing.T) {
	for _, path := range []string{"daemons/web/logs/access.log", "daemons/web/logs/error.log", "daemons/web/logs/aerror.log", "incidents/s06_ssh/input/ssh/auth.log", "incidents/s15_journal_step/input/web/journal.json"} {
		text, err := os.ReadFile(need.Shared(t, strings.Split(path, "/")...))
		if err != nil {
			t.Fatal(err)
		}
		for name := range samples {
			if n := ByName(name).Score(wholeLines(text[:min(len(text), HeadBytes)])); n > 50 {
				t.Errorf("%s scores %d as %s", path, n, name)
			}
		}
	}
}

func fuzzFormat(f *testing.F, name string) {
	for _, text := range samples[name] {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFormat(t, ByName(name), text) })
}

func FuzzChronyTracking(f *testing.F)     { fuzzFormat(f, "chrony-tracking") }
func FuzzChronyMeasurements(f *testing.F) { fuzzFormat(f, "chrony-measurements") }
func FuzzChronyStatistics(f *testing.F)   { fuzzFormat(f, "chrony-statistics") }
func FuzzChronySelection(f *testing.F)    { fuzzFormat(f, "chrony-selection") }
func FuzzChronyRefclocks(f *testing.F)    { fuzzFormat(f, "chrony-refclocks") }
func FuzzChronydLog(f *testing.F)         { fuzzFormat(f, "chronyd-log") }
func FuzzChronyc(f *testing.F)            { fuzzFormat(f, "chronyc") }
func FuzzNTPDLoopstats(f *testing.F)      { fuzzFormat(f, "ntpd-loopstats") }
func FuzzNTPDPeerstats(f *testing.F)      { fuzzFormat(f, "ntpd-peerstats") }
func FuzzNTPDRawstats(f *testing.F)       { fuzzFormat(f, "ntpd-rawstats") }
func FuzzNTPDLog(f *testing.F)            { fuzzFormat(f, "ntpd-log") }
func FuzzNTPQ(f *testing.F)               { fuzzFormat(f, "ntpq") }
func FuzzTimesyncStatus(f *testing.F)     { fuzzFormat(f, "timesync-status") }
func FuzzSNTP(f *testing.F)               { fuzzFormat(f, "sntp") }
func FuzzDig(f *testing.F)                { fuzzFormat(f, "dig") }
func FuzzCurl(f *testing.F)               { fuzzFormat(f, "curl") }
func FuzzSSHVerbose(f *testing.F)         { fuzzFormat(f, "ssh-verbose") }
func FuzzBind(f *testing.F)               { fuzzFormat(f, "bind") }
func FuzzUnbound(f *testing.F)            { fuzzFormat(f, "unbound") }
func FuzzDnsmasq(f *testing.F)            { fuzzFormat(f, "dnsmasq") }
func FuzzCoreDNS(f *testing.F)            { fuzzFormat(f, "coredns") }
func FuzzPowerDNS(f *testing.F)           { fuzzFormat(f, "powerdns") }
func FuzzNslookup(f *testing.F)           { fuzzFormat(f, "nslookup") }
func FuzzResolvectl(f *testing.F)         { fuzzFormat(f, "resolvectl") }
func FuzzResolvConf(f *testing.F)         { fuzzFormat(f, "resolv-conf") }
func FuzzPing(f *testing.F)               { fuzzFormat(f, "ping") }
func FuzzSocketState(f *testing.F)        { fuzzFormat(f, "socket-state") }
func FuzzHAR(f *testing.F)                { fuzzFormat(f, "har") }
