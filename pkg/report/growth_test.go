package report

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/growth"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// crowd is an incident with many of one kind; times are in ms.
type crowd struct {
	inc   *incident.Incident
	c     *incident.Capture
	frame int
}

func newCrowd() *crowd {
	w := &crowd{inc: &incident.Incident{}}
	w.capture("a.pcap")
	return w
}

// capture begins another one.
func (w *crowd) capture(path string) {
	f := &incident.File{Path: path, Kind: "pcap", Records: 1 << 30}
	w.c = &incident.Capture{Files: []*incident.File{f}, Frames: []int{1 << 30}}
	w.frame = 0
	w.c.First = w.at(0)
	w.inc.Files, w.inc.Captures = append(w.inc.Files, f), append(w.inc.Captures, w.c)
}

func (w *crowd) at(ms int) pcapflow.Stamp {
	w.frame++
	return pcapflow.Stamp{Time: 1_800_000_000e9 + int64(ms)*int64(time.Millisecond), Frame: w.frame}
}

// host is the i-th address.
func host(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func port(a netip.Addr, p int) netip.AddrPort { return netip.AddrPortFrom(a, uint16(p)) }

var (
	me     = host(1)
	web    = netip.MustParseAddr("192.0.2.10")
	dns    = netip.MustParseAddr("192.0.2.53")
	behind = netip.MustParseAddr("192.0.2.99")
)

func (w *crowd) flow(t pcapflow.Transport, client, server netip.AddrPort, from, to int) *pcapflow.Flow {
	f := &pcapflow.Flow{
		Transport: t, Stream: len(w.c.Flows), Client: client, Server: server, Start: w.at(from), End: w.at(to), Packets: [2]int64{1, 1}, TTL: [2]uint8{64, 60},
	}
	w.c.Flows, w.c.Last, w.c.Packets = append(w.c.Flows, f), w.at(to+60_000), w.c.Packets+2
	return f
}

// tcp is a connection; how far it came: 0 a SYN, 1 refused, 2 open.
func (w *crowd) tcp(client, server netip.AddrPort, from, to, how int) *pcapflow.Flow {
	f := w.flow(pcapflow.TCP, client, server, from, to)
	f.Conn = &pcapflow.Conn{SYN: []pcapflow.Stamp{f.Start}, ISN: [2]uint32{7, 9}, Scale: [2]int{-1, -1}}
	p := pcapflow.Phase{Name: pcapflow.TCPConnect, Begin: f.Start, Outcome: pcapflow.Unanswered, Attempts: 1}
	switch how {
	case 0:
		f.Packets[pcapflow.Server] = 0
	case 1:
		p.Outcome, p.End = pcapflow.Refused, w.at(from+1)
		f.Conn.RST = []pcapflow.Reset{{Stamp: p.End, Dir: pcapflow.Server, TTL: 50, Answer: true}}
	default:
		f.Conn.SYNACK, f.Conn.ACK = []pcapflow.Stamp{w.at(from + 1)}, w.at(from+1)
		f.Conn.ISN = [2]uint32{uint32(w.frame) * 7919, uint32(w.frame) * 104729}
		p.Outcome, p.End = pcapflow.Done, f.Conn.ACK
	}
	f.Phases = []pcapflow.Phase{p}
	return f
}

// request adds one over f, answered after so long.
func (w *crowd) request(f *pcapflow.Flow, path string, at, wait int) {
	f.Service = "http"
	f.HTTP = append(f.HTTP, pcapflow.Exchange{
		Ordinal: len(f.HTTP) + 1, Method: "GET", Path: path, Status: 200, RequestFirst: w.at(at), RequestLast: w.at(at),
		ResponseFirst: w.at(at + wait), ResponseLast: w.at(at + wait), RequestBytes: 100, ResponseBytes: 1000, BodyBytes: -1,
	})
}

// query adds a question of me to the resolver; one below 0 is not answered.
func (w *crowd) query(client netip.Addr, name, typ string, at, wait int) {
	f := w.flow(pcapflow.UDP, port(client, 1024+w.frame%60000), port(dns, 53), at, at+max(wait, 0))
	t := pcapflow.Transaction{ID: uint16(w.frame), Name: name, Type: typ, Query: f.Start, EDE: -1}
	if f.Service = "dns"; wait >= 0 {
		t.Answer, t.RCode, t.Addresses, t.Records = f.End, "NOERROR", []netip.Addr{web}, 1
	} else {
		f.Packets[pcapflow.Server] = 0
	}
	f.DNS = []pcapflow.Transaction{t}
}

func (w *crowd) log(path, kind string, events ...logparse.Event) {
	f := &incident.File{Path: path, Kind: kind, Records: len(events), Zoned: true, Dated: true}
	for i := range events {
		e := &events[i]
		e.Line, e.HasTime, e.Zone = i+1, true, logparse.ZoneStated
		if f.First == 0 {
			f.First = e.Time
		}
		f.Last = e.Time
	}
	w.inc.Files = append(w.inc.Files, f)
	w.inc.Logs = append(w.inc.Logs, &incident.Log{File: f, Folder: path[:1], Events: events})
}

func stamp(ms int) int64 { return 1_800_000_000e9 + int64(ms)*int64(time.Millisecond) }

// crowds are incidents in which much is alike, as scanners, resolvers, proxies and
// programs that try for ever make them.
var crowds = []struct {
	name string
	n    int
	make func(w *crowd, n int)
}{
	{"SYNs of one sequence number", 3000, func(w *crowd, n int) {
		for i := range n {
			w.tcp(port(host(i), 4000), port(web, 443), i, i, 0)
		}
	}},
	{"refused by a host that takes nothing", 3000, func(w *crowd, n int) {
		for i := range n {
			w.tcp(port(me, 1024+i%60000), port(web, 1+i%60000), i, i+1, 1)
		}
	}},
	{"time asked for without a stamp, at two points", 3000, func(w *crowd, n int) {
		for _, path := range []string{"a.pcap", "b.pcap"} {
			if path != "a.pcap" {
				w.capture(path)
			}
			for i := range n {
				f := w.flow(pcapflow.UDP, port(host(i), 123), port(dns, 123), i, i+10)
				f.Service = "ntp"
				f.NTP = []pcapflow.NTPSample{{Request: pcapflow.NTPMessage{Stamp: f.Start, Mode: 3, Version: 4}, Response: pcapflow.NTPMessage{Stamp: f.End, Mode: 4, Version: 4, Stratum: 2}}}
			}
		}
	}},
	{"a resolver that asks for www of everything", 4000, func(w *crowd, n int) {
		for i := range n {
			w.query(me, fmt.Sprintf("www.d%d.example", i), "A", 10*i, 5)
		}
	}},
	{"one name in vain, for days", 4000, func(w *crowd, n int) {
		for i := range n {
			w.query(me, "db.example", "A", 5000*i, -1)
		}
	}},
	{"many names in vain, beside the resolver's log", 3000, func(w *crowd, n int) {
		var events []logparse.Event
		for i := range n {
			w.query(me, fmt.Sprintf("h%d.example", i), "A", 20_000*i, -1)
			w.query(me, fmt.Sprintf("h%d.example", i), "A", 20_000*i+5000, -1)
			events = append(events, logparse.Event{Kind: logparse.DNSQuery, Time: stamp(20_000 * i), Client: port(me, 0), Name: fmt.Sprintf("h%d.example", i), Type: "A", Duration: -1})
		}
		w.log("r/dns.log", "dnsmasq", events...)
	}},
	{"lookups at two points", 3000, func(w *crowd, n int) {
		for i := range n {
			w.query(me, fmt.Sprintf("h%d.example", i), "A", 100*i, 5)
		}
		w.capture("b.pcap")
		for i := range n {
			w.query(host(9), fmt.Sprintf("g%d.example", i), "A", 100*i, 5)
		}
	}},
	{"neighbours in vain", 3000, func(w *crowd, n int) {
		for i := range n {
			r := &pcapflow.Resolution{Protocol: "arp", Asker: me, AskerMAC: [6]byte{2}, Target: host(100 + i)}
			for k := range 3 {
				r.Requests = append(r.Requests, w.at(i+1000*k))
			}
			w.c.Neighbours = append(w.c.Neighbours, r)
		}
		w.tcp(port(me, 4000), port(web, 443), 0, 10, 2)
	}},
	{"senders of many link addresses", 3000, func(w *crowd, n int) {
		for i := range n {
			f := w.tcp(port(host(i), 4000), port(web, 443), i, i, 2)
			f.MAC[0], f.TTL[0] = [6]byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}, 60
		}
	}},
	{"logins turned down, each with a name asked for", 2000, func(w *crowd, n int) {
		var events []logparse.Event
		for i := range n {
			client := port(host(i%50), 1024+i%60000)
			f := w.tcp(client, port(web, 22), 200*i, 200*i+2000, 2)
			f.Service, f.SSH = "ssh", &pcapflow.SSH{Auth: "failure", AuthAttempts: 3}
			f.Payload = [2]int64{1000, 1000}
			b := client.Addr().As4()
			w.query(web, fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0]), "PTR", 200*i+50, 5)
			events = append(events, logparse.Event{Kind: logparse.SSHFailed, Time: stamp(200*i + 1500), Client: client, User: fmt.Sprintf("u%d", i), Process: "sshd", PID: 1000 + i, Duration: -1})
		}
		w.log("s/auth.log", "auth-log", events...)
	}},
	{"outputs of one path", 1500, func(w *crowd, n int) {
		var events []logparse.Event
		for i := range n {
			f := w.tcp(port(me, 1024+i%60000), port(web, 80), 1000*i, 1000*i+100, 2)
			w.request(f, "/", 1000*i+2, 20+i%60)
			events = append(events, logparse.Event{
				Kind: logparse.ClientHTTP, Server: port(web, 80), Path: "/", Method: "GET", Status: 200, Duration: -1,
				Timing: &logparse.Timing{Exit: -1, URL: "http://192.0.2.10/", NameLookup: 1, Connect: time.Millisecond, AppConnect: -1, PreTransfer: 2 * time.Millisecond, StartTransfer: time.Duration(22+i%60) * time.Millisecond, Total: time.Duration(23+i%60) * time.Millisecond},
			})
		}
		w.log("c/curl.txt", "curl-w", events...)
		for i := range w.inc.Logs[0].Events {
			w.inc.Logs[0].Events[i].HasTime = false
		}
	}},
	{"lines of one client, of requests and of errors", 3000, func(w *crowd, n int) {
		var lines, errors []logparse.Event
		for i := range n {
			f := w.tcp(port(me, 1024+i%60000), port(web, 80), 100*i, 100*i+90, 2)
			w.request(f, fmt.Sprintf("/%d", i%7), 100*i+2, 20+i%60)
			at := stamp(100*i + 25 + i%60)
			lines = append(lines, logparse.Event{Kind: logparse.HTTPRequest, Means: logparse.RequestEnd, Time: at, Width: time.Millisecond, Client: port(me, 0), Method: "GET", Path: fmt.Sprintf("/%d", i%7), Status: 200, Duration: -1})
			errors = append(errors, logparse.Event{Kind: logparse.HTTPError, Time: at, Width: time.Second, Client: port(me, 0), Path: fmt.Sprintf("/%d", i%7), Text: "worker_connections are not enough", Duration: -1})
		}
		w.log("w/access.log", "nginx-access", lines...)
		w.log("w/error.log", "nginx-error", errors...)
	}},
	{"a proxy with one wait of hours", 3000, func(w *crowd, n int) {
		f := w.tcp(port(me, 1000), port(web, 80), 0, 100*n, 2)
		w.request(f, "/events", 1, 100*n)
		for i := range n {
			f := w.tcp(port(me, 1024+i%60000), port(web, 80), 100*i, 100*i+90, 2)
			w.request(f, fmt.Sprintf("/%d", i), 100*i+2, 80)
			g := w.tcp(port(web, 1024+i%60000), port(behind, 8080), 100*i+5, 100*i+80, 2)
			w.request(g, fmt.Sprintf("/%d", i), 100*i+7, 60)
		}
	}},
	{"losses on the way to many servers", 2000, func(w *crowd, n int) {
		for i := range n {
			f := w.tcp(port(me, 1024+i%60000), port(host(100+i), 80), 10*i, 10*i+900, 2)
			w.request(f, "/", 10*i+2, 800)
			f.Conn.SYN = append(f.Conn.SYN, w.at(10*i+1))
			f.Conn.Retransmissions = append(f.Conn.Retransmissions, pcapflow.Retransmission{Stamp: w.at(10*i + 400), Dir: pcapflow.Server, Seq: 1, Len: 1000, Wait: 300e6})
			f.Conn.Count[pcapflow.Server].Retransmitted, f.Conn.Count[pcapflow.Server].Timeout = 1, 1
		}
	}},
}

// TestGrowth: from what was read to the text of the report, nothing takes longer than
// in proportion to what there is.
func TestGrowth(t *testing.T) {
	for _, k := range crowds {
		t.Run(k.name, func(t *testing.T) {
			growth.Linear(t, k.n, func(n int) func() {
				w := newCrowd()
				k.make(w, n)
				return func() {
					c := correlate.Correlate(w.inc, correlate.Options{})
					r := Build(c, diagnose.Run(c, diagnose.Options{}), lang.EN, "test")
					r.Pairings()
					r.Select(Selection{By: "everything"}).Others()
					if err := Encode(io.Discard, r); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}
