package pcapflow

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// With lengths in the clear, where TCP cuts the stream changes nothing but
// instants; before NEWKEYS it never does.
func TestSSHRecut(t *testing.T) {
	const mac = "hmac-sha2-256-etm@openssh.com"
	z := sshSizesOf(ctr, mac)
	lists := []string{"curve25519-sha256", "ssh-ed25519", ctr, ctr, mac, mac, "none", "none"}
	turns := []struct {
		d Dir
		b []byte
	}{
		{Client, []byte("SSH-2.0-a\r\n")},
		{Server, []byte("hello\r\nworld\nSSH-2.0-b c\n")},
		{Client, append(sshPacket(sshKexInit, sshOfferBytes(lists...)), sshPacket(sshKexFirst, make([]byte, 36))...)},
		{Server, sshPacket(sshKexInit, sshOfferBytes(lists...))},
		{Server, append(append(sshPacket(sshKexSecond, make([]byte, 2000)), sshPacket(sshNewKeys, nil)...), sealedPacket(z, 150)...)},
		{Client, append(sshPacket(sshNewKeys, nil), sealedPacket(z, sshServiceLen)...)},
		{Server, sealedPacket(z, sshServiceLen)},
		{Client, sealedPacket(z, 36)}, {Server, sealedPacket(z, 24)},
		{Client, sealedPacket(z, 115)}, {Server, append(sealedPacket(z, 1), sealedPacket(z, 400)...)},
	}
	run := func(size int) *SSH {
		s := newSSH()
		for i, turn := range turns {
			for b := turn.b; len(b) > 0; {
				n := min(size, len(b))
				s.stream.Data(turn.d, at(i+1, time.Duration(i)), b[:n])
				b = b[n:]
			}
		}
		s.stream.Close(at(99, time.Hour))
		return s.flow.SSH
	}
	want := run(1 << 16)
	if want.Auth != "success" || want.AuthAttempts != 1 || want.ServerText != `"hello"` || want.ServerSoftware != "b c" || want.KexReply.Frame != 5 || want.NewKeys[Client].Frame != 6 {
		t.Fatalf("%+v", want)
	}
	for size := 1; size < 300; size++ {
		if got := run(size); !reflect.DeepEqual(got, want) {
			t.Fatalf("in pieces of %d: %+v\nwhole: %+v", size, got, want)
		}
	}
}

func TestSSHBroken(t *testing.T) {
	phase := func(f *Flow, name PhaseName) string {
		for _, p := range f.Phases {
			if p.Name == name {
				return p.Outcome.String() + " " + p.Note
			}
		}
		return "none"
	}
	fin := func(d Dir) func(*Flow) { return func(f *Flow) { f.Conn.FIN[d] = at(50, time.Hour) } }
	rst := func(d Dir) func(*Flow) {
		return func(f *Flow) { f.Conn.RST = []Reset{{Stamp: at(50, time.Hour), Dir: d}} }
	}
	hello := func(s *sshScript) {
		s.send(Client, []byte("SSH-2.0-x\r\n"))
		s.send(Server, []byte("SSH-2.0-y\r\n"))
	}
	for _, test := range []struct {
		name        string
		play        func(*sshScript)
		end         func(*Flow)
		banner, kex string
		check       func(*SSH) bool
	}{
		{"client waits in vain", func(s *sshScript) { s.send(Client, []byte("SSH-2.0-x\r\n")) }, fin(Client), "unanswered closed by the client", "none", nil},
		{"closed before the banner", func(s *sshScript) { s.send(Client, []byte("SSH-2.0-x\r\n")) }, fin(Server), "failed closed by the server", "none", nil},
		{"reset before the banner", func(s *sshScript) { s.send(Client, []byte("SSH-2.0-x\r\n")) }, rst(Server), "refused reset by the server", "none", nil},
		{"capture ends", func(s *sshScript) { s.send(Client, []byte("SSH-2.0-x\r\n")) }, func(*Flow) {}, "unseen ", "none", nil},
		{"too many", func(s *sshScript) {
			s.send(Client, []byte("SSH-2.0-x\r\n"))
			s.send(Server, []byte("Exceeded MaxStartups\r\n"))
		}, fin(Server), `failed the server said "Exceeded MaxStartups"`, "none", nil},
		{"not SSH", func(s *sshScript) {
			s.send(Server, []byte("SSH-2.0-y\r\n"))
			s.send(Client, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			s.send(Server, []byte("Invalid SSH identification string.\r\n"))
		}, fin(Server), "done ", "none", func(o *SSH) bool { return o.WrongProtocol == `"GET / HTTP/1.1"` }},
		{"TLS on the port", func(s *sshScript) {
			s.send(Client, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
			s.send(Server, []byte("SSH-2.0-y\r\n"))
		}, fin(Server), "done ", "none", func(o *SSH) bool { return strings.HasPrefix(o.WrongProtocol, `"\x16\x03`) }},
		{"closed in the exchange", hello, fin(Server), "done ", "failed closed by the server", nil},
		{"disconnected in the exchange", func(s *sshScript) {
			hello(s)
			s.send(Server, sshPacket(sshDisconnect, append([]byte{0, 0, 0, 12, 0, 0, 0, 3}, "no!\x00\x00\x00\x00"...)))
		}, fin(Server), "done ", "failed disconnected by the server", func(o *SSH) bool {
			return o.DisconnectReason == "TOO_MANY_CONNECTIONS" && o.DisconnectText == `"no!"`
		}},
		{"disconnected without a reason", func(s *sshScript) {
			hello(s)
			s.send(Client, sshPacket(sshDisconnect, []byte{0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 'x'}))
		}, fin(Client), "done ", "failed disconnected by the client", func(o *SSH) bool { return o.DisconnectReason+o.DisconnectText == "" }},
	} {
		s := newSSH()
		test.play(s)
		test.end(&s.flow)
		o := s.close()
		if got := phase(&s.flow, SSHBanner); got != test.banner {
			t.Errorf("%s: banner %q, want %q", test.name, got, test.banner)
		}
		if got := phase(&s.flow, SSHKex); got != test.kex {
			t.Errorf("%s: kex %q, want %q", test.name, got, test.kex)
		}
		if test.check != nil && !test.check(o) {
			t.Errorf("%s: %+v", test.name, o)
		}
	}
}

// A snap length cuts the end off each segment: sizes are known all the same.
func TestSSHSnapped(t *testing.T) {
	s := newSSH()
	z := sshSizesOf(chacha, "")
	cut := func(d Dir, b []byte, keep int) {
		stamp := s.send(d, b[:min(keep, len(b))])
		if n := len(b) - keep; n > 0 {
			s.stream.Gap(d, stamp, int64(n))
		}
	}
	lists := []string{"curve25519-sha256", "k", chacha, chacha, "m", "m", "none", "none"}
	const keep = 30
	cut(Client, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n"), keep)
	cut(Server, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n"), keep)
	cut(Client, sshPacket(sshKexInit, sshOfferBytes(lists...)), keep)
	cut(Server, sshPacket(sshKexInit, sshOfferBytes(lists...)), keep)
	cut(Client, sshPacket(sshKexFirst, make([]byte, 36)), keep)
	cut(Server, append(append(sshPacket(sshKexSecond, make([]byte, 200)), sshPacket(sshNewKeys, nil)...), sealedPacket(z, 200)...), keep)
	cut(Client, sshPacket(sshNewKeys, nil), keep)
	for _, n := range []int{17, -17, 36, -24, 115, -24, 115, -1, 24, -400, -17, 120, -5, -60} {
		if n > 0 {
			cut(Client, sealedPacket(z, n), keep)
		} else {
			cut(Server, sealedPacket(z, -n), keep)
		}
	}
	o := s.close()
	if o.ClientSoftware != "OpenSSH_9.2p1 Debian-2" || !o.NewKeys[Server].Seen() || !o.NewKeys[Client].Seen() || o.Auth != "success" || o.AuthAttempts != 2 || !o.Desynchronised {
		t.Errorf("%+v", o)
	}
}

func TestSSHGapsAndCuts(t *testing.T) {
	var whole [2][]byte
	record := func(d Dir, b []byte) { whole[d] = append(whole[d], b...) }
	lists := []string{"curve25519-sha256", "k", gcm, gcm, "m", "m", "none", "none"}
	z := sshSizesOf(gcm, "")
	record(Client, []byte("SSH-2.0-x\r\n"))
	record(Client, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	record(Client, sshPacket(sshKexFirst, nil))
	record(Client, sshPacket(sshNewKeys, nil))
	record(Client, sealedPacket(z, 17))
	record(Server, []byte("SSH-2.0-y\r\n"))
	record(Server, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	record(Server, append(sshPacket(sshKexSecond, make([]byte, 99)), sshPacket(sshNewKeys, nil)...))
	record(Server, sealedPacket(z, 17))
	for from := range whole[Server] {
		for _, lost := range []int{0, 1, 20, 500} {
			s := newSSH()
			s.send(Client, whole[Client])
			s.send(Server, whole[Server][:from])
			if lost > 0 && from+lost < len(whole[Server]) {
				s.stream.Gap(Server, at(90, time.Second), int64(lost))
				s.send(Server, whole[Server][from+lost:])
			}
			if o := s.close(); o.ClientSoftware != "x" || from > 20 && o.ServerSoftware != "y" {
				t.Fatalf("%d lost at %d: %+v", lost, from, o)
			}
		}
	}
}

func FuzzSSH(f *testing.F) {
	lists := []string{"curve25519-sha256", "k", gcm, gcm, "m", "m", "none", "none"}
	up := append([]byte("SSH-2.0-x\r\n"), sshPacket(sshKexInit, sshOfferBytes(lists...))...)
	up = append(append(up, sshPacket(sshKexFirst, nil)...), sshPacket(sshNewKeys, nil)...)
	up = append(up, sealedPacket(sshSizesOf(gcm, ""), 17)...)
	f.Add(up, up, uint16(7), uint16(0))
	f.Add([]byte("SSH-1.5-x\n\x00\x00\x00\x05abc\x02...."), []byte("SSH-1.5-y\n\x00\x00\x00\x05abc\x03....abcdefgh"), uint16(1), uint16(3))
	f.Fuzz(func(t *testing.T, a, b []byte, size, gap uint16) {
		for _, port := range []uint16{22, 2222} {
			probeSSH([2][]byte{a, b}, port)
		}
		s := newSSH()
		step := int(size%512) + 1
		for i := 0; len(a)+len(b) > 0; i++ {
			for d, p := range [...]*[]byte{&a, &b} {
				n := min(step, len(*p))
				stamp := s.send(Dir(d), (*p)[:n])
				*p = (*p)[n:]
				if i == 3 {
					s.stream.Gap(Dir(d), stamp, int64(gap))
				}
			}
		}
		o := s.close()
		if len(o.Rounds) > sshRoundsMax {
			t.Errorf("%d rounds", len(o.Rounds))
		}
	})
}
