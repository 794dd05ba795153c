package logparse

import (
	"strings"
	"testing"
	"time"
)

func TestNslookup(t *testing.T) {
	events := readText(t, "nslookup", nslookupUnix+nslookupWindows, 4)
	if l := events[0].Lookup; l.Name != "app.ejemplo.com" || len(l.Answers) != 2 || l.Status != "NOERROR" || l.Server.String() != "10.20.0.53:53" {
		t.Errorf("%+v", l)
	}
	if l := events[1].Lookup; l.Status != "NXDOMAIN" || l.Name != "nohay.ejemplo.com" || events[1].Outcome != "failed" {
		t.Errorf("%+v", l)
	}
	if l := events[2].Lookup; !l.NoServers || l.Timeouts != 2 || l.Server.String() != "10.20.0.99:53" || events[2].Outcome != "no-servers" {
		t.Errorf("%+v", l)
	}
	if l := events[3].Lookup; l.Name != "app.ejemplo.com" || len(l.Answers) != 2 || l.Server.String() != "10.20.0.53:53" {
		t.Errorf("windows: %+v", l)
	}
}

const nslookupUnix = `$ nslookup app.ejemplo.com
Server:		10.20.0.53
Address:	10.20.0.53#53

Non-authoritative answer:
app.ejemplo.com	canonical name = www.ejemplo.com.
Name:	www.ejemplo.com
Address: 10.20.0.10
Name:	www.ejemplo.com
Address: fd20:1::a

$ nslookup nohay.ejemplo.com
Server:		10.20.0.53
Address:	10.20.0.53#53

** server can't find nohay.ejemplo.com: NXDOMAIN

exit=1
$ nslookup app.ejemplo.com 10.20.0.99
;; communications error to 10.20.0.99#53: timed out
;; communications error to 10.20.0.99#53: timed out
;; no servers could be reached

`

const nslookupWindows = `Server:  dns.ejemplo.com
Address:  10.20.0.53

Non-authoritative answer:
Name:    app.ejemplo.com
Addresses:  fd20:1::a
          10.20.0.10
`

func TestResolvectl(t *testing.T) {
	events := readText(t, "resolvectl", `$ resolvectl query app.ejemplo.com
app.ejemplo.com: 10.20.0.10                    -- link: eth0
                 fd20:1::a                     -- link: eth0
                 (www.ejemplo.com)

-- Information acquired via protocol DNS in 12.3ms.
-- Data is authenticated: no; Data was acquired via local or encrypted transport: no
-- Data from: network
$ resolvectl query nohay.ejemplo.com
nohay.ejemplo.com: resolve call failed: 'nohay.ejemplo.com' not found
$ resolvectl query muda.ejemplo.com
muda.ejemplo.com: resolve call failed: All attempts to contact name servers or networks failed
$ resolvectl status
Global
         Protocols: -LLMNR -mDNS -DNSOverTLS DNSSEC=no/unsupported
  resolv.conf mode: stub

Link 2 (eth0)
    Current Scopes: DNS
         Protocols: +DefaultRoute -LLMNR
Current DNS Server: 10.20.0.53
       DNS Servers: 10.20.0.53 fd20:1::35
                    10.20.0.54
        DNS Domain: corp.ejemplo.lan
`, 5)
	if l := events[0].Lookup; l.Name != "app.ejemplo.com" || len(l.Answers) != 2 || l.QueryTime != 12300*time.Microsecond || l.Status != "NOERROR" {
		t.Errorf("%+v", l)
	}
	if l := events[1].Lookup; l.Status != "NXDOMAIN" {
		t.Errorf("%+v", l)
	}
	if l := events[2].Lookup; !l.NoServers || l.Status != "" {
		t.Errorf("%+v", l)
	}
	if e := events[4]; e.Name != "eth0" || e.Server.String() != "10.20.0.53:53" || len(e.Peers) != 3 || e.Text != "search corp.ejemplo.lan" {
		t.Errorf("%+v", e)
	}
}

// valueOf is the number of that name.
func valueOf(t *testing.T, e Event, name string) float64 {
	t.Helper()
	for _, v := range e.Values {
		if v.Name == name {
			return v.Number
		}
	}
	t.Errorf("no %s in %v", name, e.Values)
	return 0
}

func TestPing(t *testing.T) {
	events := readText(t, "ping", `$ ping -D -c 4 app.ejemplo.com
PING app.ejemplo.com (10.20.0.10) 56(84) bytes of data.
[1795342288.123456] 64 bytes from 10.20.0.10 (10.20.0.10): icmp_seq=1 ttl=63 time=20.1 ms
[1795342289.124456] 64 bytes from 10.20.0.10 (10.20.0.10): icmp_seq=2 ttl=63 time=21.9 ms
no answer yet for icmp_seq=3

--- app.ejemplo.com ping statistics ---
4 packets transmitted, 3 received, 25% packet loss, time 3004ms
rtt min/avg/max/mdev = 20.100/20.900/21.900/0.736 ms
$ ping -c 1 10.20.0.77
PING 10.20.0.77 (10.20.0.77) 56(84) bytes of data.
From 10.10.1.1 icmp_seq=1 Destination Host Unreachable

--- 10.20.0.77 ping statistics ---
1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms
$ ping nohay
ping: nohay: Name or service not known
`, 3)
	if e := events[0]; e.Outcome != "loss" || e.Server.Addr().String() != "10.20.0.10" || e.Time != 1795342288123456000 || valueOf(t, e, "loss") != 25 || valueOf(t, e, "rtt-avg") != 20.9 || valueOf(t, e, "received") != 3 {
		t.Errorf("%+v", e)
	}
	if e := events[1]; e.Outcome != "unreachable" || valueOf(t, e, "errors") != 1 || e.HasTime {
		t.Errorf("%+v", e)
	}
	if e := events[2]; e.Outcome != "failed" {
		t.Errorf("%+v", e)
	}
}

func TestHostState(t *testing.T) {
	events := readText(t, "socket-state", `$ ss -lnt
State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN     129    128          0.0.0.0:443        0.0.0.0:*
LISTEN     0      128             [::]:22            [::]:*     users:(("sshd",pid=1,fd=3))
$ ss -tin
State      Recv-Q Send-Q        Local Address:Port          Peer Address:Port
ESTAB      0      36               10.20.0.10:22              10.10.1.11:45840
	 cubic wscale:7,7 rto:204 rtt:3.125/1.25 ato:40 mss:1448 cwnd:10 bytes_sent:3640 retrans:1/3 unacked:2
$ nstat -az
#kernel
TcpRetransSegs                  17                 0.0
TcpExtListenOverflows           12                 0.0
TcpExtListenDrops               14                 0.0
$ netstat -s
Tcp:
    10 active connection openings
    17 segments retransmitted

TcpExt:
    12 times the listen queue of a socket overflowed
    14 SYNs to LISTEN sockets dropped
    TCPTimeouts: 5
$ ip neigh
10.20.0.10 dev eth0 lladdr 52:54:00:01:0a:0a REACHABLE
10.20.0.77 dev eth0 FAILED
fe80::1 dev eth0 lladdr 52:54:00:01:0a:01 router STALE
$ vmstat -t 1 1
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 UTC
 2  1      0 102400   2048  40960    0    0     5     9  100  200 11  4 80  5  0 2026-11-22 10:15:32
$ iostat -xt 1
Linux 6.1.0 (web) 	11/22/2026 	_x86_64_	(2 CPU)

11/22/2026 10:15:32 AM
avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           1.50    0.00    0.50   40.00    0.00   58.00

Device            r/s     w/s  %util
sda              1.00  200.00  99.80
`, 11)
	if e := events[0]; e.Server.String() != "0.0.0.0:443" || e.Outcome != "LISTEN" || valueOf(t, e, "recv-q") != 129 || valueOf(t, e, "send-q") != 128 {
		t.Errorf("%+v", e)
	}
	if e := events[2]; e.Server.String() != "10.20.0.10:22" || e.Client.String() != "10.10.1.11:45840" || valueOf(t, e, "rtt") != 3.125 || valueOf(t, e, "retrans2") != 3 || valueOf(t, e, "send-q") != 36 {
		t.Errorf("%+v", e)
	}
	for _, e := range events[3:5] {
		if valueOf(t, e, "TcpExtListenOverflows") != 12 || valueOf(t, e, "TcpExtListenDrops") != 14 || valueOf(t, e, "TcpRetransSegs") != 17 {
			t.Errorf("%+v", e)
		}
	}
	if valueOf(t, events[4], "TcpExtTCPTimeouts") != 5 {
		t.Errorf("%+v", events[4])
	}
	if e := events[6]; e.Outcome != "FAILED" || e.Peers[0].String() != "10.20.0.77" || e.Name != "eth0" {
		t.Errorf("%+v", e)
	}
	if e := events[8]; valueOf(t, e, "wa") != 5 || !e.HasTime || e.Time != 1795342532e9 || e.Zone != ZoneUnknown {
		t.Errorf("%+v", e)
	}
	if e := events[10]; e.Name != "sda" || valueOf(t, e, "%util") != 99.8 || e.Time != 1795342532e9 {
		t.Errorf("%+v", e)
	}
}

func TestResolvConf(t *testing.T) {
	e := readText(t, "resolv-conf", "# made by hand\nsearch corp.ejemplo.lan ejemplo.com\nnameserver 10.20.0.53\nnameserver fd20:1::35\noptions ndots:5 timeout:2 attempts:3 rotate\n", 1)[0]
	if len(e.Peers) != 2 || e.Text != "search corp.ejemplo.lan ejemplo.com" || valueOf(t, e, "ndots") != 5 || valueOf(t, e, "rotate") != 1 {
		t.Errorf("%+v", e)
	}
}

const harText = `{
  "log": {
    "version": "1.2",
    "creator": {"name": "x", "version": "1", "entries": []},
    "entries": [
      {"startedDateTime": "2026-11-22T11:15:32.120+01:00", "time": 180.5,
       "request": {"method": "GET", "url": "https://app.ejemplo.com/item/1?q=2", "httpVersion": "h2", "headers": [{"name": "Cookie", "value": "secret"}]},
       "response": {"status": 200, "httpVersion": "h2", "bodySize": 55, "content": {"size": 55, "text": "…"}},
       "serverIPAddress": "10.20.0.10", "connection": "443",
       "timings": {"blocked": 1.5, "dns": 10, "connect": 40, "ssl": 25, "send": 1, "wait": 100, "receive": 28}},
      {"startedDateTime": "2026-11-22T11:15:33.000+01:00", "time": 20,
       "request": {"method": "POST", "url": "http://app.ejemplo.com:8080/x"},
       "response": {"status": 0, "_error": "net::ERR_CONNECTION_RESET", "bodySize": -1},
       "timings": {"blocked": 0, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 20, "receive": 0}}
    ]
  }
}
`

func TestHAR(t *testing.T) {
	events := readText(t, "har", harText, 2)
	e := events[0]
	g := e.Timing
	if e.Time != 1795342532120e6 || e.Zone != ZoneStated || e.Line != 6 || e.Name != "app.ejemplo.com" || e.Path != "/item/1?q=2" || e.Proto != "HTTP/2" || e.Status != 200 || e.Server.String() != "10.20.0.10:443" {
		t.Errorf("%+v", e)
	}
	if g.NameLookup != 11500*time.Microsecond || g.Connect != 26500*time.Microsecond || g.AppConnect != 51500*time.Microsecond || g.StartTransfer != 152500*time.Microsecond || g.Total != 180500*time.Microsecond || g.Reused {
		t.Errorf("%+v", g)
	}
	if e := events[1]; e.Outcome != "failed" || e.Text != "net::ERR_CONNECTION_RESET" || e.Timing.NameLookup != -1 || e.Timing.Reused || e.Body != -1 {
		t.Errorf("%+v %+v", e, e.Timing)
	}
	// Cut anywhere, it ends with a problem and what came before.
	for n := range len(harText) {
		list, problems, _, err := ReadAll(strings.NewReader(harText[:n]), har, Source{})
		if err != nil || len(list) > 2 || n < strings.LastIndex(harText, "]") && len(problems) == 0 {
			t.Fatalf("%d: %d events, %v, %v", n, len(list), problems, err)
		}
	}
}
