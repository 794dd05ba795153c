package redact

import (
	"math/bits"
	"net/netip"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"

	"pgregory.net/rapid"
)

// TestPrefixPreserved: two addresses with n leading bits in common have exactly
// n in common afterwards, and keep their kind.
func TestPrefixPreserved(t *testing.T) {
	address := rapid.Custom(func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "v6") {
			b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
			return netip.AddrFrom16([16]byte(b))
		}
		head := rapid.SampledFrom([][]byte{{}, {10}, {192, 168}, {172, 16}, {100, 64}, {8, 8, 8}}).Draw(t, "head")
		b := append(append([]byte{}, head...), rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "bytes")...)
		return netip.AddrFrom4([4]byte(b[:4]))
	})
	rapid.Check(t, func(t *rapid.T) {
		r := New([]byte("secret"))
		a, b := address.Draw(t, "a"), address.Draw(t, "b")
		x, y := r.addresses.replace(a), r.addresses.replace(b)
		if keptBits(x) != keptBits(a) || x.Is4() != a.Is4() {
			t.Fatalf("%s became %s: of another kind", a, x)
		}
		if (a == b) != (x == y) {
			t.Fatalf("%s, %s became %s, %s", a, b, x, y)
		}
		if a.Is4() != b.Is4() || a.Is4In6() || b.Is4In6() || keptBits(a) != keptBits(b) {
			return
		}
		if was, is := common(a, b), common(x, y); was != is && (was >= 12 || keptBits(a) > 0) {
			t.Fatalf("%s and %s share %d bits, %s and %s %d", a, b, was, x, y, is)
		}
	})
}

func common(a, b netip.Addr) int {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 8 * len(x)
}

// TestSecret: another secret gives other addresses; the same gives the same.
func TestSecret(t *testing.T) {
	a := netip.MustParseAddr("10.20.30.40")
	x, y, z := New([]byte("one")), New([]byte("two")), New([]byte("one"))
	if x.addresses.replace(a) == y.addresses.replace(a) || x.addresses.replace(a) != z.addresses.replace(a) {
		t.Error("replacements do not follow the secret")
	}
}

// TestForeign: of lines of others nothing stays but known words, times and
// figures.
func TestForeign(t *testing.T) {
	r := New([]byte("x"))
	r.gatherUsers("Accepted publickey for maría from 10.1.2.3 port 22 ssh2")
	for _, c := range []struct{ in, want string }{
		{"Nov 22 10:48:22 bastion sshd[7]: Accepted publickey for maría from 10.1.2.3 port 22 ssh2", "Nov 22 10:48:22 w1 sshd[7]: Accepted publickey for user1 from ADDR port 22 ssh2"},
		{`10.1.2.3 - - [22/Nov/2026:11:48:22 +0100] "GET /clientes/42?dni=12345678Z HTTP/1.1" 200 12 "-" "curl/7.88.1"`, `ADDR - - [22/Nov/2026:11:48:22 +0100] "GET /p1/p2#?p3=p4 HTTP/1.1" 200 12 "-" "curl/7.88.1"`},
		{"2026-11-22T10:48:22.668504Z rt=0.123 12ms", "2026-11-22T10:48:22.668504Z rt=0.123 12ms"},
		{"mail to ana@acme.example.com about 52:54:00:aa:00:01", "w to user@n.n.com w id"},
	} {
		got := r.Foreign(c.in)
		for _, secret := range []string{"10.1.2.3", "bastion", "maría", "clientes", "dni", "12345678", "ana", "acme", "52:54:00", "42"} {
			if strings.Contains(c.in, secret) && strings.Contains(strings.ReplaceAll(got, "04:42", ""), secret) {
				t.Errorf("%q is left in %q", secret, got)
			}
		}
		if strings.Contains(c.want, "Nov") && !strings.Contains(got, "Nov") || strings.Contains(c.in, "rt=0.123") && got != c.want {
			t.Errorf("%q became %q", c.in, got)
		}
	}
}

// TestConsistent: the same thing is replaced by the same, in every place.
func TestConsistent(t *testing.T) {
	r := New([]byte("x"))
	host := r.name("intranet.acme.com")
	if got := r.Foreign("https://intranet.acme.com/a"); !strings.Contains(got, host) {
		t.Errorf("%s in a URL became %s", host, got)
	}
	if got := r.Sentence("Looking up intranet.acme.com took 5 s"); got != "Looking up "+host+" took 5 s" {
		t.Errorf("in a sentence: %q", got)
	}
	if !strings.HasSuffix(host, ".com") || strings.Count(host, ".") != 2 {
		t.Errorf("the name's form is lost: %s", host)
	}
	x := r.addresses.replace(netip.MustParseAddr("10.1.2.3")).String()
	for in, want := range map[string]string{"10.1.2.3:443": x + ":443", "10.1.2.3": x} {
		if got := r.Endpoint(in); got != want {
			t.Errorf("endpoint %s became %s, want %s", in, got, want)
		}
	}
	if got := r.Sentence("[10.1.2.3]:443 and 10.1.2.3."); !strings.Contains(got, x+"]:443 and "+x+".") {
		t.Errorf("in a sentence: %q", got)
	}
	p := strings.Split(x, ".")
	if got := r.name("3.2.1.10.in-addr.arpa"); got != p[3]+"."+p[2]+"."+p[1]+"."+p[0]+".in-addr.arpa" {
		t.Errorf("reverse name: %s", got)
	}
	six := netip.MustParseAddr("fd20:1::a")
	if got := r.name(reverse(six)); got != reverse(r.addresses.replace(six)) {
		t.Errorf("reverse name: %s", got)
	}
}

// TestJSON: keys keep their order, what could be undone by trying goes, figures
// stay as they are written.
func TestJSON(t *testing.T) {
	r := New([]byte("x"))
	got, err := r.JSON([]byte(`{"start":"2026-01-15T10:15:32.000000000Z","community_id":"1:abc","seconds":0.10,"phases":[{"name":"dns.lookup"}],"user":"ana"}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"start":"2026-01-15T10:15:32.000000000Z","seconds":0.10,"phases":[{"name":"dns.lookup"}],"user":"user1"}` + "\n"; string(got) != want {
		t.Errorf("%s", got)
	}
	if _, err := r.JSON([]byte(`{"a":`)); err == nil {
		t.Error("half an object is no mistake")
	}
}

// TestUsersOfSentences: names that a finding quotes are somebody's, in both
// languages and in lists.
func TestUsersOfSentences(t *testing.T) {
	for _, s := range []string{
		`1 failed SSH login from there as "lucía", over 1 connection.`,
		`1 acceso SSH fallido desde ahí como "lucía", en 1 conexión.`,
		`2 failed SSH logins from there as 2 users ("ana", "lucía"), over 2 connections.`,
		`2 accesos SSH fallidos desde ahí como 2 usuarios ("a\"n)a", "lucía", …), en 2 conexiones.`,
	} {
		r := New([]byte("x"))
		r.gatherUsers(s)
		if got := r.Sentence(s); strings.Contains(got, "lucía") {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// TestNothingPanics: hostile text is text.
func TestNothingPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New([]byte("x"))
		s := rapid.String().Draw(t, "s")
		r.Foreign(s)
		r.Sentence(s)
		r.Endpoint(s)
		r.name(s)
		r.File(s)
		r.filter(s)
		r.gatherUsers(s)
	})
}

// TestShownEntry: who is named only in what is shown of a journal's entry is replaced there.
func TestShownEntry(t *testing.T) {
	in := &report.Report{Schema: report.Schema, Journeys: []report.Journey{{ID: "j1", Service: "ssh", Lines: []report.LineLink{{
		Evidence: "e1", Line: 1, Text: `{"__CURSOR":"s=1"…`, Shown: "Nov 26 20:23:42.600925 web sshd[300]: Failed password for server from 192.0.2.77 port 36224 ssh2",
	}}}}}
	out, err := Report(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Journeys[0].Lines[0].Shown; strings.Contains(got, "192.0.2.77") || !strings.Contains(got, "for user1 from ") || !strings.HasPrefix(got, "Nov 26 20:23:42.600925 web sshd[300]: Failed") {
		t.Error(got)
	}
}
