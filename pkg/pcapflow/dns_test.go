package pcapflow

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsBytes builds a message with a library of another author.
func dnsBytes(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dnsQuery(t testing.TB, id uint16, name string, typ dnsmessage.Type) []byte {
	return dnsBytes(t, dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}},
	})
}

func dnsReply(t testing.TB, id uint16, name string, typ dnsmessage.Type, addresses ...string) []byte {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}},
	}
	owner := name
	if len(addresses) > 0 {
		owner = "alias.example."
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 300},
			Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(owner)},
		})
	}
	for i, a := range addresses {
		h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner), Class: dnsmessage.ClassINET, TTL: uint32(60 - i)}
		if ip := netip.MustParseAddr(a); ip.Is4() {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: ip.As4()}})
		} else {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return dnsBytes(t, m)
}

func openDNS(f *Flow) Stream { return dnsDissector.Open(f, &Env{}) }

func TestDNSAnswer(t *testing.T) {
	var f Flow
	s := openDNS(&f)
	s.Data(Client, at(1, 0), dnsQuery(t, 7, "App.EXAMPLE.", dnsmessage.TypeA))
	s.Data(Server, at(2, 12*time.Millisecond), dnsReply(t, 7, "aPP.example.", dnsmessage.TypeA, "192.0.2.1", "192.0.2.2"))
	if len(f.DNS) != 1 {
		t.Fatalf("%+v", f.DNS)
	}
	got := f.DNS[0]
	if got.Name != "app.example" || got.Type != "A" || got.RCode != "NOERROR" || got.Answer.Frame != 2 || got.Records != 3 || got.TTL != 59 || got.EDE != -1 {
		t.Errorf("%+v", got)
	}
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}; !reflect.DeepEqual(got.Addresses, want) {
		t.Errorf("addresses %v", got.Addresses)
	}
	if !reflect.DeepEqual(got.CNAMEs, []string{"alias.example"}) {
		t.Errorf("chain %v", got.CNAMEs)
	}
}

func TestDNSPairing(t *testing.T) {
	a := func(id uint16) []byte { return dnsQuery(t, id, "a.example.", dnsmessage.TypeA) }
	aaaa := func(id uint16) []byte { return dnsQuery(t, id, "a.example.", dnsmessage.TypeAAAA) }
	toA := func(id uint16) []byte { return dnsReply(t, id, "a.example.", dnsmessage.TypeA, "192.0.2.1") }
	toAAAA := func(id uint16) []byte { return dnsReply(t, id, "a.example.", dnsmessage.TypeAAAA, "2001:db8::1") }
	wrong := dnsReply(t, 1, "b.example.", dnsmessage.TypeA, "192.0.2.9")
	bare := dnsBytes(t, dnsmessage.Message{Header: dnsmessage.Header{ID: 1, Response: true, RCode: dnsmessage.RCodeFormatError}})
	type step struct {
		d Dir
		b []byte
	}
	for _, test := range []struct {
		name  string
		steps []step // frame 1, 2, …, a second apart
		want  string // query+repeats>answer+extra
	}{
		{"one", []step{{Client, a(1)}, {Server, toA(1)}}, "A 1>2"},
		{"unanswered and repeated", []step{{Client, a(1)}, {Client, a(1)}, {Client, a(1)}}, "A 1+2+3>0"},
		{"repeat answered once", []step{{Client, a(1)}, {Client, a(1)}, {Server, toA(1)}}, "A 1+2>3"},
		{"late", []step{{Client, a(1)}, {Client, a(1)}, {Server, toA(1)}, {Server, toA(1)}}, "A 1+2>3+4 late"},
		{"duplicate answer", []step{{Client, a(1)}, {Server, toA(1)}, {Server, toA(1)}}, "A 1>2+3"},
		{"asked anew", []step{{Client, a(1)}, {Server, toA(1)}, {Client, a(1)}, {Server, toA(1)}}, "A 1>2; A 3>4"},
		{"parallel", []step{{Client, a(1)}, {Client, aaaa(2)}, {Server, toAAAA(2)}, {Server, toA(1)}}, "A 1>4; AAAA 2>3"},
		{"same id for both", []step{{Client, a(1)}, {Client, aaaa(1)}, {Server, toAAAA(1)}, {Server, toA(1)}}, "A 1>4; AAAA 2>3"},
		{"unsolicited", []step{{Server, toA(1)}}, "A 0>1"},
		{"unsolicited twice", []step{{Server, toA(1)}, {Server, toA(1)}}, "A 0>1+2"},
		{"other question", []step{{Client, a(1)}, {Server, wrong}}, "A 1>0; A 0>2 mismatch"},
		{"other id", []step{{Client, a(1)}, {Server, toA(2)}}, "A 1>0; A 0>2"},
		{"answer without question", []step{{Client, a(1)}, {Server, bare}}, "A 1>2"},
		{"answer from the asker's side", []step{{Client, a(1)}, {Client, toA(1)}}, "A 1>0; A 0>2"},
		{"both sides ask", []step{{Client, a(1)}, {Server, a(1)}, {Client, toA(1)}}, "A 1>0; A 2>3"},
	} {
		var f Flow
		s := openDNS(&f)
		for i, step := range test.steps {
			s.Data(step.d, at(i+1, time.Duration(i)*time.Second), step.b)
		}
		s.Close(at(99, time.Hour))
		if got := describeDNS(f.DNS); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func describeDNS(all []Transaction) string {
	var parts []string
	for _, x := range all {
		s := fmt.Sprintf("%s %d", x.Type, x.Query.Frame)
		for _, r := range x.Repeats {
			s += fmt.Sprintf("+%d", r.Frame)
		}
		s += fmt.Sprintf(">%d", x.Answer.Frame)
		for _, r := range x.Extra {
			s += fmt.Sprintf("+%d", r.Frame)
		}
		if x.Late {
			s += " late"
		}
		if x.Mismatch {
			s += " mismatch"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

// A flow with many transactions is searched by an index, a short one is not:
// both must find the same.
func TestDNSManyTransactions(t *testing.T) {
	var f Flow
	s := openDNS(&f)
	const n = 500
	for i := range n {
		s.Data(Client, at(i+1, time.Duration(i)*time.Millisecond), dnsQuery(t, uint16(i), fmt.Sprintf("n%d.example.", i%7), dnsmessage.TypeA))
	}
	for i := range n {
		s.Data(Server, at(n+i+1, time.Second), dnsReply(t, uint16(i), fmt.Sprintf("n%d.example.", i%7), dnsmessage.TypeA, "192.0.2.1"))
	}
	if len(f.DNS) != n {
		t.Fatalf("%d transactions", len(f.DNS))
	}
	for i, x := range f.DNS {
		if x.ID != uint16(i) || x.Answer.Frame != n+i+1 {
			t.Fatalf("transaction %d: %+v", i, x)
		}
	}
}

func TestDNSOptions(t *testing.T) {
	opt := func(size int, rcode dnsmessage.RCode, options ...dnsmessage.Option) dnsmessage.Resource {
		r := dnsmessage.Resource{Body: &dnsmessage.OPTResource{Options: options}}
		if err := r.Header.SetEDNS0(size, rcode, false); err != nil {
			t.Fatal(err)
		}
		return r
	}
	q := []dnsmessage.Question{{Name: dnsmessage.MustNewName("x.example."), Type: dnsmessage.TypeMX, Class: dnsmessage.ClassINET}}
	soa := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("example."), Class: dnsmessage.ClassINET, TTL: 900},
		Body:   &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns."), MBox: dnsmessage.MustNewName("m."), MinTTL: 120},
	}
	var f Flow
	s := openDNS(&f)
	s.Data(Client, at(1, 0), dnsBytes(t, dnsmessage.Message{
		Header: dnsmessage.Header{ID: 1}, Questions: q, Additionals: []dnsmessage.Resource{opt(1232, 0)}}))
	s.Data(Server, at(2, 0), dnsBytes(t, dnsmessage.Message{
		Header: dnsmessage.Header{ID: 1, Response: true, Truncated: true, RCode: 23 & 15}, Questions: q, Authorities: []dnsmessage.Resource{soa},
		Additionals: []dnsmessage.Resource{opt(4096, 23, dnsmessage.Option{Code: 10, Data: make([]byte, 8)}, dnsmessage.Option{Code: 15, Data: []byte{0, 6, 'x'}})}}))
	got := f.DNS[0]
	if got.EDNS != 1232 || got.RCode != "BADCOOKIE" || got.EDE != 6 || !got.Truncated || got.NegativeTTL != 120 || got.Records != 0 {
		t.Errorf("%+v", got)
	}
	if EDEText(6) != "DNSSEC Bogus" || EDEText(-1) != "" || EDEText(30) != "Invalid Query Type" || EDEText(4000) != "EDE 4000" {
		t.Error("texts of extended errors")
	}
}

func TestDNSNames(t *testing.T) {
	header := func(tail ...byte) []byte { return append(make([]byte, dnsHeaderLen), tail...) }
	loop := header(0xc0, 12)
	two := header(0xc0, 14, 0xc0, 12)
	forward := header(1, 'a', 0xc0, 20, 0, 0, 0, 0, 1, 'b', 0)
	long := header(bytes.Repeat(append([]byte{63}, bytes.Repeat([]byte{'x'}, 63)...), 4)...)
	long = append(long, 0)
	for _, test := range []struct {
		name string
		b    []byte
		off  int
		want string
		bad  dnsProblem
	}{
		{"root", header(0), 12, ".", ""},
		{"folded and escaped", header(4, 'A', '.', '\\', 0xff, 1, 'B', 0), 12, `a\.\\\255.b`, ""},
		{"pointer back", header(1, 'a', 0, 1, 'b', 0xc0, 12), 15, "b.a", ""},
		{"points at itself", loop, 12, "", dnsPointer},
		{"two that point at each other", two, 14, "", dnsPointer},
		{"forward", forward, 12, "a", dnsPointer},
		{"label of kind 01", header(0x41, 0), 12, "", dnsLabel},
		{"label cut", header(5, 'a'), 12, "", dnsShort},
		{"no end", header(1, 'a'), 12, "a", dnsShort},
		{"pointer cut", header(0xc0), 12, "", dnsShort},
		{"too long", long, 12, "", dnsLong},
	} {
		got, bad := appendDNSName(nil, test.b, test.off)
		if bad != test.bad || bad == "" && string(got) != test.want {
			t.Errorf("%s: %q %q, want %q %q", test.name, got, bad, test.want, test.bad)
		}
	}
}

func TestProbeDNS(t *testing.T) {
	query := dnsQuery(t, 1, "a.example.", dnsmessage.TypeA)
	reply := dnsReply(t, 1, "a.example.", dnsmessage.TypeA, "192.0.2.1")
	netbios := append([]byte{0, 1, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 32}, bytes.Repeat([]byte{'A'}, 32)...)
	netbios = append(netbios, 0, 0, 0x20, 0, 1)
	for _, test := range []struct {
		name  string
		first []byte
		port  uint16
		want  Verdict
	}{
		{"query", query, 53, Yes},
		{"query elsewhere", query, 5300, Yes},
		{"reply elsewhere", reply, 5300, Yes},
		{"with something behind", append(slices.Clone(query), 1, 2, 3), 5300, No},
		{"snapped on 53", query[:20], 53, Yes},
		{"text", []byte("GET /index.html HTTP/1.1\r\n\r\n"), 53, No},
		{"name service of NetBIOS", netbios, 137, No},
		{"empty message", make([]byte, 12), 5300, No},
		{"zeros", make([]byte, 80), 5300, No},
	} {
		if got := dnsDissector.Probe([2][]byte{test.first, nil}, test.port); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	framed := framedDNS(query)
	for n := 1; n < len(framed); n++ {
		if got := dnsTCPDissector.Probe([2][]byte{framed[:n], nil}, 5300); got != Maybe {
			t.Errorf("%d octets of a query over TCP: %v", n, got)
		}
	}
	if got := dnsTCPDissector.Probe([2][]byte{framed, nil}, 5300); got != Yes {
		t.Errorf("query over TCP: %v", got)
	}
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 500)} {
		if got := dnsTCPDissector.Probe([2][]byte{[]byte(text), nil}, 443); got != No {
			t.Errorf("%.10q is no DNS: %v", text, got)
		}
	}
}

func TestDNSMulticast(t *testing.T) {
	f := Flow{Client: netip.MustParseAddrPort("192.0.2.7:5353"), Server: netip.MustParseAddrPort("224.0.0.251:5353")}
	s := openDNS(&f)
	s.Data(Client, at(1, 0), dnsQuery(t, 0, "printer.local.", dnsmessage.TypeA))
	answer := dnsBytes(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}, Answers: []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("Printer.local."), Class: 0x8001, TTL: 120},
		Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}}}})
	s.Data(Client, at(2, 0), answer)
	if got := describeDNS(f.DNS); got != "A 1>0; A 0>2" || !f.DNS[0].Multicast || f.DNS[1].Name != "printer.local" || len(f.DNS[1].Addresses) != 1 {
		t.Errorf("%s %+v", got, f.DNS)
	}
}

// TestDNSMulticastPaired: who answers, the question does not name: mDNS answers the
// group, LLMNR the asker.
func TestDNSMulticastPaired(t *testing.T) {
	env := &Env{}
	open := func(client, server string) (*Flow, Stream) {
		f := &Flow{Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server)}
		return f, dnsDissector.Open(f, env)
	}
	asks, q := open("192.0.2.7:5353", "224.0.0.251:5353")
	_, a := open("192.0.2.8:5353", "224.0.0.251:5353")
	record := func(name string, id uint16, last byte) []byte {
		return dnsBytes(t, dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: true, Authoritative: true}, Answers: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("other.local."), Class: 0x8001, TTL: 9}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 99}}},
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: 0x8001, TTL: 120}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, last}}}}})
	}
	q.Data(Client, at(1, 0), dnsQuery(t, 0, "Printer.local.", dnsmessage.TypeA))
	q.Data(Client, at(2, 1), record("printer.local.", 0, 7)) // its own word is no answer
	a.Data(Client, at(3, 2), record("nobody.local.", 0, 8))
	a.Data(Client, at(4, 3), record("printer.local.", 0, 8))
	a.Data(Client, at(5, 4), record("printer.local.", 0, 8))
	q.Data(Client, at(6, 5), dnsQuery(t, 0, "late.local.", dnsmessage.TypeA))
	a.Data(Client, at(7, 6*time.Second), record("late.local.", 0, 8))
	if got := describeDNS(asks.DNS); got != "A 1>4+5; A 0>2; A 6>0" || asks.DNS[0].RCode != "NOERROR" || asks.DNS[0].TTL != 120 || len(asks.DNS[0].Addresses) != 1 || asks.DNS[0].Addresses[0].String() != "192.0.2.8" {
		t.Errorf("%s %+v", got, asks.DNS)
	}
	llmnr, q := open("192.0.2.7:50000", "224.0.0.252:5355")
	_, a = open("192.0.2.9:5355", "192.0.2.7:50000")
	q.Data(Client, at(11, 0), dnsQuery(t, 77, "host.", dnsmessage.TypeA))
	q.Data(Client, at(12, time.Second), dnsQuery(t, 78, "host.", dnsmessage.TypeAAAA))
	a.Data(Client, at(13, time.Second), record("host.", 76, 9))
	a.Data(Client, at(14, time.Second), record("host.", 77, 9))
	if got := describeDNS(llmnr.DNS); got != "A 11>14; AAAA 12>0" {
		t.Errorf("%s %+v", got, llmnr.DNS)
	}
	for _, x := range env.multicast.list {
		if x.s == q {
			q.Close(at(15, 2*time.Second))
		}
	}
	for _, x := range env.multicast.list {
		if x.s == q {
			t.Error("a flow that has ended is remembered")
		}
	}
}

func BenchmarkDNSData(b *testing.B) {
	query := dnsQuery(b, 1, "application.example.com.", dnsmessage.TypeA)
	reply := dnsReply(b, 1, "application.example.com.", dnsmessage.TypeA, "192.0.2.1", "192.0.2.2")
	var f Flow
	s := openDNS(&f).(*dnsDatagrams)
	b.ReportAllocs()
	for b.Loop() {
		f.DNS, s.keys = f.DNS[:0], s.keys[:0]
		s.Data(Client, at(1, 0), query)
		s.Data(Server, at(2, 0), reply)
	}
}
