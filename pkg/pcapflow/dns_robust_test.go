package pcapflow

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A chain of pointers, each to the one before, costs no more than a name may
// hold labels.
func TestDNSPointerChain(t *testing.T) {
	b := make([]byte, dnsHeaderLen, 4096)
	b = append(b, 1, 'a', 0)
	to := dnsHeaderLen
	for len(b) < 2000 {
		at := len(b)
		b = append(b, 0xc0|byte(to>>8), byte(to))
		to = at
	}
	if _, bad := appendDNSName(nil, b, to); bad != dnsPointer {
		t.Errorf("%q", bad)
	}
}

func TestDNSTruncatedEverywhere(t *testing.T) {
	b := dnsReply(t, 1, "a.example.", dnsmessage.TypeA, "192.0.2.1", "2001:db8::1")
	for n := range b {
		var f Flow
		s := openDNS(&f)
		s.Data(Server, at(1, 0), b[:n])
		s.Close(at(1, 0))
		if len(f.Notes) != 1 {
			t.Errorf("cut at %d: %q", n, f.Notes)
		}
		if n >= dnsHeaderLen+len("a.example.")+1+4 && (len(f.DNS) != 1 || f.DNS[0].Name != "a.example") {
			t.Errorf("cut at %d: the question is whole, %+v", n, f.DNS)
		}
	}
}

// What the snap length leaves of a message is used, down to its ID.
func TestDNSSnapped(t *testing.T) {
	query := dnsQuery(t, 7, "application.example.", dnsmessage.TypeA)
	reply := dnsReply(t, 7, "application.example.", dnsmessage.TypeA, "192.0.2.1")
	for up := dnsHeaderLen; up <= len(query); up++ {
		for down := dnsHeaderLen; down <= len(reply); down++ {
			var f Flow
			s := openDNS(&f)
			s.Data(Client, at(1, 0), query[:up])
			if up < len(query) {
				s.Gap(Client, at(1, 0), int64(len(query)-up))
			}
			s.Data(Server, at(2, 0), reply[:down])
			if down < len(reply) {
				s.Gap(Server, at(2, 0), int64(len(reply)-down))
			}
			s.Close(at(2, 0))
			if len(f.DNS) != 1 || f.DNS[0].Query.Frame != 1 || f.DNS[0].Answer.Frame != 2 || f.DNS[0].Bytes != [2]int{len(query), len(reply)} {
				t.Fatalf("%d and %d octets: %+v", up, down, f.DNS)
			}
			if up == len(query) != (f.DNS[0].Name == "application.example") && down < len(reply) && up == len(query) {
				t.Fatalf("%d and %d octets: name %q", up, down, f.DNS[0].Name)
			}
		}
	}
}

// What a library of another author reads in a message, we read too.
func checkAgainstLibrary(t *testing.T, b []byte) {
	var m dnsmessage.Message
	if m.Unpack(b) != nil || len(m.Questions) == 0 {
		return
	}
	var f Flow
	openDNS(&f).Data(Server, at(1, 0), b)
	if len(f.DNS) == 0 && strings.Contains(strings.Join(f.Notes, " "), "does not point backwards") {
		return // the library follows it; RFC 1035 section 4.1.4 allows a prior occurrence only
	}
	if len(f.DNS) != 1 {
		t.Fatalf("%d transactions, %q", len(f.DNS), f.Notes)
	}
	got := f.DNS[0]
	if m.Response != got.Answer.Seen() {
		t.Errorf("answer: %+v", got)
	}
	if got.ID != m.ID || plainNames(m.Questions[0].Name.String()) && got.Name != foldName(m.Questions[0].Name.String()) {
		t.Errorf("%d %q, library %d %q", got.ID, got.Name, m.ID, m.Questions[0].Name)
	}
	if !m.Response || got.Type == "AXFR" || got.Type == "IXFR" {
		return
	}
	var want []netip.Addr
	for _, r := range m.Answers {
		switch body := r.Body.(type) { // it reads an address also where the record's length denies it
		case *dnsmessage.AResource:
			if r.Header.Length == 4 {
				want = append(want, netip.AddrFrom4(body.A))
			}
		case *dnsmessage.AAAAResource:
			if r.Header.Length == 16 {
				want = append(want, netip.AddrFrom16(body.AAAA))
			}
		}
	}
	if len(want) <= dnsAnswersMax && !slices.Equal(got.Addresses, want) {
		t.Errorf("%v, library %v", got.Addresses, want)
	}
}

func plainNames(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) < 0 && !strings.Contains(s, "..")
}

func foldName(s string) string {
	if s == "." {
		return s
	}
	return strings.TrimSuffix(strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c | 0x20
		}
		return c
	}, s), ".")
}

func FuzzDNS(f *testing.F) {
	f.Add(dnsReply(f, 1, "a.example.", dnsmessage.TypeA, "192.0.2.1", "2001:db8::1"))
	f.Add(dnsQuery(f, 1, "a.example.", dnsmessage.TypeA))
	f.Add([]byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkAgainstLibrary(t, b)
		for _, port := range []uint16{53, 5300} {
			dnsDissector.Probe([2][]byte{b, b}, port)
			dnsTCPDissector.Probe([2][]byte{b, b}, port)
		}
		var f Flow
		s := dnsTCPDissector.Open(&f, &Env{})
		half := len(b) / 2
		s.Data(Client, at(1, 0), b[:half])
		s.Gap(Client, at(2, 0), int64(half%5))
		s.Data(Client, at(3, 0), b[half:])
		s.Data(Server, at(4, 0), framedDNS(b, b))
		s.Close(at(5, 0))
	})
}
