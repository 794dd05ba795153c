package incident

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// flowsOf is a capture that shows flows "client server".
func flowsOf(pairs ...string) *Capture {
	c := &Capture{}
	for _, p := range pairs {
		client, server, _ := strings.Cut(p, " ")
		c.Flows = append(c.Flows, &pcapflow.Flow{Client: netip.AddrPortFrom(addr(client), 4000), Server: netip.AddrPortFrom(addr(server), 443), Conn: &pcapflow.Conn{}})
	}
	return c
}

func TestClientsAsCaptured(t *testing.T) {
	captures := []*Capture{flowsOf("10.0.0.5 192.0.2.1", "10.0.0.6 192.0.2.1", "10.0.0.8 192.0.2.1", "192.0.2.20 192.0.2.10")}
	told := &Told{
		NAT: []Translation{
			{Inside: addr("10.0.0.5"), Outside: addr("203.0.113.5")},
			{Inside: addr("10.0.0.6"), Outside: addr("203.0.113.6")}, // shared
			{Inside: addr("10.0.0.8"), Outside: addr("203.0.113.6")},
			{Inside: addr("10.0.0.9"), Outside: addr("203.0.113.9")}, // neither seen
		},
		Proxies:   []Proxy{{Address: addr("192.0.2.20"), Backends: []netip.Addr{addr("192.0.2.10")}}},
		Addresses: map[string][]netip.Addr{"app": {addr("192.0.2.10")}, "other": {addr("192.0.2.99")}},
	}
	c := newClients(told, captures)
	for _, k := range []struct{ host, line, want, peers string }{
		{"web", "203.0.113.5:77", "10.0.0.5:77", ""},
		{"web", "10.0.0.6:77", "10.0.0.6:77", ""},
		{"other", "203.0.113.6:77", "203.0.113.6:77", ""},
		{"other", "203.0.113.9:77", "203.0.113.9:77", ""},
		{"app", "198.51.100.3:0", "192.0.2.20:0", "198.51.100.3"},
		{"other", "198.51.100.3:0", "198.51.100.3:0", ""},
	} {
		e := logparse.Event{Kind: logparse.HTTPRequest, Client: netip.MustParseAddrPort(k.line)}
		c.set(&e, k.host)
		peers := ""
		if len(e.Peers) > 0 {
			peers = e.Peers[0].String()
		}
		if e.Client.String() != k.want || peers != k.peers {
			t.Errorf("%s of %s: %s behind %s, want %s behind %s", k.line, k.host, peers, e.Client, k.peers, k.want)
		}
	}
	if c := newClients(&Told{}, captures); c != nil {
		t.Error("nothing was told")
	}
}

func TestToldWhereCaptured(t *testing.T) {
	told := &Told{Addresses: map[string][]netip.Addr{"web": {addr("192.0.2.99"), addr("192.0.2.1")}}, Routers: map[string]bool{"gate": true}}
	c := flowsOf("10.0.0.5 192.0.2.1", "10.0.0.6 192.0.2.1")
	told.place(c, "WEB")
	if c.VantageHost != addr("192.0.2.1") || c.Vantage != pcapflow.VantageServer || len(c.Own) != 1 || c.Flows[0].Conn.Vantage != pcapflow.VantageServer {
		t.Errorf("%v %v %v", c.VantageHost, c.Vantage, c.Own)
	}
	told.place(c, "gate")
	if c.VantageHost.IsValid() || c.Vantage != pcapflow.VantageMiddle || c.Own != nil || c.Flows[0].Conn.Vantage != pcapflow.VantageMiddle {
		t.Errorf("at a router: %v %v %v", c.VantageHost, c.Vantage, c.Own)
	}
	silent := flowsOf("10.0.0.5 192.0.2.7")
	silent.VantageHost = addr("10.0.0.5")
	told.place(silent, "web")
	if silent.VantageHost != addr("10.0.0.5") {
		t.Error("a capture in which the host does not speak keeps what its packets show")
	}
}

// What is told of one capture goes before what its folder says, and its host has the
// addresses told though one of them is silent.
func TestToldOfOneCapture(t *testing.T) {
	told := &Told{Routers: map[string]bool{"gate": true}, Captures: []ToldCapture{
		{Match: func(path string) bool { return path == "gate/a.pcap" }, On: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.99")}},
	}}
	for path, want := range map[string]pcapflow.Vantage{"gate/a.pcap": pcapflow.VantageServer, "gate/b.pcap": pcapflow.VantageMiddle} {
		c := flowsOf("10.0.0.5 192.0.2.1")
		c.Files = []*File{{Path: path}}
		told.place(c, "gate")
		if c.Vantage != want || want == pcapflow.VantageServer && (c.VantageHost != addr("192.0.2.1") || len(c.Own) != 2) {
			t.Errorf("%s: %v %v %v", path, c.Vantage, c.VantageHost, c.Own)
		}
	}
}

// A host has one clock by whatever name its folder or its lines call it.
func TestAliases(t *testing.T) {
	top := write(t, map[string]string{
		"web01/access.log": "10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n",
		"logs/auth.log":    "2026-11-22T11:55:36 WEB-01 sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2\n",
	})
	inc := read(t, Options{Told: Told{Aliases: map[string]string{"web01": "web", "Web-01": "web", "logs": "web"}}}, top)
	if len(inc.Logs) != 2 {
		t.Fatalf("%d logs", len(inc.Logs))
	}
	for _, l := range inc.Logs {
		if l.Folder != "web" {
			t.Errorf("%s is of %q", l.File.Path, l.Folder)
		}
		if e := &l.Events[0]; e.Process == "sshd" && (e.Host != "web" || e.Zone != logparse.ZoneInferred || e.ZoneSeconds != 3600) {
			t.Errorf("%+v", e)
		}
	}
}

// What is told of a file goes before what it looks like.
func TestToldFormats(t *testing.T) {
	own := "203.0.113.9|0.250|2026-11-22T11:55:35+01:00|200|/a\n"
	syslog := "Nov 22 11:55:36 web sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2\n"
	top := write(t, map[string]string{"web/own.log": own, "b.log": syslog})
	told := Told{Formats: []ToldFormat{
		{Match: func(p string) bool { return p == "web/own.log" }, Format: logparse.ByName("nginx-access"), Template: "$remote_addr|$request_time|$time_iso8601|$status|$uri", Server: "nginx"},
		{Match: func(p string) bool { return p == "b.log" }, Host: "db", Zone: time.FixedZone("", 7200), Year: 2024},
	}}
	inc := read(t, Options{Told: told}, top)
	for _, l := range inc.Logs {
		e := &l.Events[0]
		switch l.File.Path {
		case "web/own.log":
			if e.Path != "/a" || e.Duration != 250*time.Millisecond || e.Means != logparse.RequestEnd {
				t.Errorf("%+v", e)
			}
		case "b.log":
			if l.Folder != "db" || e.Time != time.Date(2024, 11, 22, 9, 55, 36, 0, time.UTC).UnixNano() || !e.YearInferred {
				t.Errorf("%s of %s: %+v", time.Unix(0, e.Time).UTC(), l.Folder, e)
			}
		}
	}
	if len(inc.Logs) != 2 {
		t.Errorf("%d logs", len(inc.Logs))
	}
}
