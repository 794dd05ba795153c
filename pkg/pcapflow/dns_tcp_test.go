package pcapflow

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func framedDNS(messages ...[]byte) (b []byte) {
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

// However TCP cuts the stream, the transactions are the same.
func TestDNSOverTCPRecut(t *testing.T) {
	soa := func(serial uint32) []byte {
		return dnsBytes(t, dnsmessage.Message{
			Header:    dnsmessage.Header{ID: 5, Response: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("example."), Type: dnsmessage.TypeAXFR, Class: dnsmessage.ClassINET}},
			Answers: []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("example."), Class: dnsmessage.ClassINET, TTL: 9},
				Body:   &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns."), MBox: dnsmessage.MustNewName("m."), Serial: serial}}},
		})
	}
	up := framedDNS(dnsQuery(t, 4, "a.example.", dnsmessage.TypeA), dnsQuery(t, 5, "example.", dnsmessage.TypeAXFR))
	down := framedDNS(soa(1), dnsReply(t, 4, "a.example.", dnsmessage.TypeA, "192.0.2.1"), soa(2))
	run := func(size int) []Transaction {
		var f Flow
		s := dnsTCPDissector.Open(&f, &Env{})
		for chunk := range slices.Chunk(up, size) {
			s.Data(Client, at(1, 0), chunk)
		}
		for chunk := range slices.Chunk(down, size) {
			s.Data(Server, at(2, time.Second), chunk)
		}
		s.Close(at(3, time.Minute))
		if len(f.Notes) != 0 {
			t.Errorf("in pieces of %d: %q", size, f.Notes)
		}
		return f.DNS
	}
	want := run(1 << 16)
	if len(want) != 2 || want[0].RCode != "NOERROR" || want[1].Messages != 2 || want[1].Records != 2 || len(want[1].Extra) != 0 {
		t.Fatalf("%+v", want)
	}
	for size := 1; size <= len(down); size++ {
		if got := run(size); !reflect.DeepEqual(got, want) {
			t.Fatalf("in pieces of %d: %+v", size, got)
		}
	}
}

func TestDNSOverTCPGap(t *testing.T) {
	first := dnsReply(t, 1, "a.example.", dnsmessage.TypeA, "192.0.2.1", "192.0.2.2")
	second := dnsReply(t, 2, "b.example.", dnsmessage.TypeA, "192.0.2.3")
	down := framedDNS(first, second)
	for from := 0; from < len(down); from++ {
		for _, n := range []int{1, 9, 40} {
			if from+n > len(down) {
				continue
			}
			var f Flow
			s := dnsTCPDissector.Open(&f, &Env{})
			s.Data(Server, at(1, 0), down[:from])
			s.Gap(Server, at(2, 0), int64(n))
			s.Data(Server, at(3, 0), down[from+n:])
			s.Close(at(4, 0))
			inside := from >= 2 && from+n <= 2+len(first)
			if inside && (len(f.DNS) == 0 || f.DNS[len(f.DNS)-1].Name != "b.example") {
				t.Fatalf("%d octets missing at %d: %s %q", n, from, describeDNS(f.DNS), f.Notes)
			}
		}
	}
}
