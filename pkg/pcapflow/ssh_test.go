package pcapflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sshPacket is a packet in the clear with the given message number and payload.
func sshPacket(code byte, payload []byte) []byte {
	n := 5 + 1 + len(payload)
	padding := 8 - n%8 + 8
	b := binary.BigEndian.AppendUint32(nil, uint32(1+1+len(payload)+padding))
	b = append(b, byte(padding), code)
	b = append(b, payload...)
	return append(b, make([]byte, padding)...)
}

func sshOfferBytes(lists ...string) []byte {
	b := bytes.Repeat([]byte{0xc0}, 16)
	for i := range 10 {
		s := ""
		if i < len(lists) {
			s = lists[i]
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return append(b, 0, 0, 0, 0, 0)
}

// sshScript plays segments, each in a frame and millisecond of its own.
type sshScript struct {
	flow   Flow
	stream Stream
	frame  int
}

func newSSH() *sshScript {
	s := &sshScript{}
	s.flow.Conn = &Conn{ACK: at(1, 0)}
	s.frame = 1
	s.stream = sshDissector.Open(&s.flow, &Env{})
	return s
}

func (s *sshScript) send(d Dir, b []byte) Stamp {
	s.frame++
	stamp := at(s.frame, time.Duration(s.frame)*time.Millisecond)
	s.stream.Data(d, stamp, b)
	return stamp
}

func (s *sshScript) close() *SSH {
	s.stream.Close(at(s.frame, time.Duration(s.frame)*time.Millisecond))
	return s.flow.SSH
}

const (
	chacha = "chacha20-poly1305@openssh.com"
	gcm    = "aes256-gcm@openssh.com"
	ctr    = "aes128-ctr"
)

// handshake plays everything up to NEWKEYS.
func (s *sshScript) handshake(kex, cipher, mac string) {
	lists := []string{kex, "ssh-ed25519", cipher, cipher, mac, mac, "none", "none"}
	s.send(Client, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"))
	s.send(Server, []byte("SSH-2.0-OpenSSH_9.2p1\r\n"))
	s.send(Client, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	s.send(Server, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	s.send(Client, sshPacket(sshKexFirst, make([]byte, 36)))
	s.send(Server, append(sshPacket(sshKexSecond, make([]byte, 200)), sshPacket(sshNewKeys, nil)...))
	s.send(Client, sshPacket(sshNewKeys, nil))
}

// sealedPacket is an encrypted packet of a given payload: only its size, and
// its length where that is readable, mean anything.
func sealedPacket(z sshSizes, payload int) []byte {
	b := bytes.Repeat([]byte{0xee}, z.wire(payload))
	if z.clear {
		binary.BigEndian.PutUint32(b, uint32(len(b)-4-z.mac))
	}
	return b
}

func TestSSHSizes(t *testing.T) {
	for _, test := range []struct {
		cipher, mac      string
		accept, success  int
		failure, keyProb int // FAILURE of "publickey,password"; a signed request as measured
	}{
		{chacha, "umac-64-etm@openssh.com", 44, 28, 52, 100},
		{"aes128-ctr", "hmac-md5", 48, 32, 64, 96},
		{"aes256-ctr", "hmac-sha2-256", 64, 48, 80, 112},
		{"aes128-ctr", "hmac-md5-etm@openssh.com", 52, 36, 52, 100},
		{"3des-cbc", "hmac-sha1", 52, 36, 60, 100},
		{gcm, "", 52, 36, 52, 100},
	} {
		z := sshSizesOf(test.cipher, test.mac)
		got := [...]int{z.wire(sshServiceLen), z.wire(1), z.wire(6 + len("publickey,password")), z.wire(71)}
		if want := [...]int{test.accept, test.success, test.failure, test.keyProb}; got != want || !z.known {
			t.Errorf("%s %s: %v, want %v", test.cipher, test.mac, got, want)
		}
		if z.isShort(test.success) == z.isShort(test.failure) {
			t.Errorf("%s %s: success and failure look alike", test.cipher, test.mac)
		}
		for payload := 1; payload < 300; payload++ {
			if least, most := z.payload(z.wire(payload)); payload < least || payload > most {
				t.Fatalf("%s %s: payload %d outside %d..%d", test.cipher, test.mac, payload, least, most)
			}
		}
	}
	if sshSizesOf("aes128-ctr", "no-such-mac").known || sshSizesOf("", "").known {
		t.Error("unknown algorithms have unknown sizes")
	}
}

func (z *sshSizes) isShort(size int) bool { return size < z.wire(sshLeastFailure) }

func TestSSHAuthentication(t *testing.T) {
	const none, password, keyProbe, signed, failure, keyOK = 36, 115, 107, 275, 24, 71
	type step struct {
		d       Dir
		payload int
	}
	up := func(n int) step { return step{Client, n} }
	down := func(n int) step { return step{Server, n} }
	service := []step{up(sshServiceLen), down(sshServiceLen)}
	session := []step{up(sshOpenLen), down(400), down(sshOpenConfirm), up(120), down(sshChannelReply), down(sshOpenConfirm - 1), down(60)}
	for _, test := range []struct {
		name     string
		steps    []step
		together map[int]bool // steps read together with the next where nothing shows the cut
		ends     bool
		want     string
	}{
		{"key", []step{up(none), down(failure), up(keyProbe), down(keyOK), up(signed), down(1)}, nil, true, "success 1: failure continue success"},
		{"password at once", []step{up(password), down(1)}, nil, true, "success 1: success"},
		{"wrong three times", []step{up(none), down(failure), up(password), down(failure), up(password), down(failure), up(password), down(failure)}, nil, true, "failure 3: failure failure failure failure"},
		{"capture ends", []step{up(none), down(failure), up(password)}, nil, false, "unknown 0: failure unknown"},
		{"method none suffices", []step{up(none), down(1)}, nil, true, "success 1: success"},
		{"second factor", []step{up(none), down(failure), up(signed), down(45), up(92), down(60), up(115), down(1)}, nil, true, "success 1: failure continue continue success"},
		{"more extensions before the first failure", []step{up(none), down(220), down(failure), up(password), down(failure), up(password), down(1)}, map[int]bool{1: true}, true, "success 2: failure failure success"},
		{"banner before the failure", []step{up(none), down(900), down(failure), up(password), down(1)}, nil, true, "success 1: failure success"},
		{"success and host keys in one segment", []step{up(none), down(failure), up(password), down(1), down(400), up(sshOpenLen)}, map[int]bool{3: true}, true, "success 1: failure success"},
	} {
		for _, cipher := range []string{chacha, gcm, ctr} {
			s := newSSH()
			s.handshake("curve25519-sha256", cipher, "hmac-sha2-256")
			z := sshSizesOf(cipher, "hmac-sha2-256")
			steps := append(append([]step{}, service...), test.steps...)
			if strings.HasPrefix(test.want, "success") {
				steps = append(steps, session...)
			}
			var held []byte
			for i, x := range steps {
				held = append(held, sealedPacket(z, x.payload)...)
				if !test.together[i-len(service)] {
					s.send(x.d, held)
					held = nil
				}
			}
			if test.ends {
				s.flow.Conn.FIN[Client] = at(999, time.Hour)
			}
			o := s.close()
			got := fmt.Sprintf("%s %d:", o.Auth, o.AuthAttempts)
			for _, r := range o.Rounds {
				got += " " + r.Result
			}
			if got != test.want {
				t.Errorf("%s, %s: %q, want %q", test.name, cipher, got, test.want)
			}
			// A few bytes of output are as large as what confirmed the channel.
			want := s.frame - 1
			if z.wire(sshOpenConfirm-1) == z.wire(sshWindowAdjust) {
				want++ // and with this cipher as large as what widens the window
			}
			if (o.Auth == "success") != o.SessionStart.Seen() || o.SessionStart.Seen() && o.SessionStart.Frame != want {
				t.Errorf("%s, %s: session start %+v, want frame %d", test.name, cipher, o.SessionStart, want)
			}
		}
	}
}

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

func TestSSHKeyExchange(t *testing.T) {
	s := newSSH()
	client := []string{"ext-x,b,a,ext-info-c,kex-strict-c-v00@openssh.com", "k1,k2", "c1,aes128-ctr", "aes128-ctr", "hmac-sha1", "hmac-sha1", "none", "none"}
	server := []string{"a,b,kex-strict-s-v00@openssh.com,ext-info-c", "k2", "aes128-ctr,c1", "aes256-ctr,aes128-ctr", "hmac-md5,hmac-sha1", "hmac-md5,hmac-sha1", "none", "none"}
	s.send(Client, []byte("SSH-2.0-x\r\n"))
	s.send(Server, []byte("SSH-1.99-y\r\n"))
	s.send(Client, sshPacket(sshKexInit, sshOfferBytes(client...)))
	server[0] = strings.TrimSuffix(server[0], ",ext-info-c")
	s.send(Server, sshPacket(sshKexInit, sshOfferBytes(server...)))
	ask := s.send(Client, sshPacket(sshGroupAsk, make([]byte, 12)))
	s.send(Server, sshPacket(sshKexSecond, make([]byte, 300)))
	init := s.send(Client, sshPacket(sshGroupInit, make([]byte, 300)))
	reply := s.send(Server, sshPacket(sshGroupReply, make([]byte, 800)))
	o := s.close()
	if o.Version != 2 || o.Kex != "b" || o.HostKey != "k2" || o.Cipher != "c1" || o.CipherToClient != "aes128-ctr" || o.MAC != "hmac-sha1" || !o.Strict || o.NoCommon != "" {
		t.Errorf("%+v", o)
	}
	if o.GroupRequest != ask || o.KexRequest != init || o.KexReply != reply || !o.GroupReply.Seen() || o.Turned {
		t.Errorf("group exchange: %+v", o)
	}
}

func TestSSHNoCommon(t *testing.T) {
	for _, test := range []struct {
		client, server []string
		want           string
	}{
		{[]string{"a", "k", "c", "c", "m", "m", "n", "n"}, []string{"b", "k", "c", "c", "m", "m", "n", "n"}, "kex"},
		{[]string{"a", "k", "c", "c", "m", "m", "n", "n"}, []string{"a", "l", "c", "c", "m", "m", "n", "n"}, "host key"},
		{[]string{"a", "k", "c", "c", "m", "m", "n", "n"}, []string{"a", "k", "c", "d", "m", "m", "n", "n"}, "cipher"},
		{[]string{"a", "k", "c", "c", "m", "m", "n", "n"}, []string{"a", "k", "c", "c", "o", "m", "n", "n"}, "mac"},
		{[]string{"a", "k", chacha, chacha, "m", "m", "n", "n"}, []string{"a", "k", chacha, chacha, "o", "o", "n", "n"}, ""},
		{[]string{"a", "k", "c", "c", "m", "m", "n", "n"}, []string{"a", "k", "c", "c", "m", "m", "z", "n"}, "compression"},
		{[]string{"ext-info-c", "k", "c", "c", "m", "m", "n", "n"}, []string{"ext-info-c,a", "k", "c", "c", "m", "m", "n", "n"}, "kex"},
	} {
		s := newSSH()
		s.send(Client, []byte("SSH-2.0-x\r\n"))
		s.send(Server, []byte("SSH-2.0-y\r\n"))
		s.send(Client, sshPacket(sshKexInit, sshOfferBytes(test.client...)))
		s.send(Server, sshPacket(sshKexInit, sshOfferBytes(test.server...)))
		if o := s.close(); o.NoCommon != test.want {
			t.Errorf("%v and %v: %q, want %q", test.client, test.server, o.NoCommon, test.want)
		}
	}
}

// A side that offers ten thousand names costs as much as it sends.
func TestSSHLongLists(t *testing.T) {
	var a, b strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&a, "a%d,", i)
		fmt.Fprintf(&b, "b%d,", i)
	}
	b.WriteString("a7999")
	began := time.Now()
	if got := firstCommon(a.String(), b.String(), false); got != "a7999" {
		t.Errorf("%q", got)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("took %v", d)
	}
}

func TestSSHTurnedRound(t *testing.T) {
	lists := []string{"curve25519-sha256,ext-info-c", "k", chacha, chacha, "m", "m", "none", "none"}
	for _, extension := range []bool{true, false} {
		s := newSSH()
		s.send(Client, []byte("SSH-2.0-daemon\r\n"))
		s.send(Server, []byte("SSH-2.0-client\r\n"))
		if !extension {
			lists[0] = "curve25519-sha256"
		}
		s.send(Server, sshPacket(sshKexInit, sshOfferBytes(lists...)))
		s.send(Client, sshPacket(sshKexInit, sshOfferBytes(append([]string{"curve25519-sha256"}, lists[1:]...)...)))
		s.send(Server, sshPacket(sshKexFirst, nil))
		s.send(Client, sshPacket(sshKexSecond, nil))
		o := s.close()
		if !o.Turned || o.ServerSoftware != "daemon" || o.ClientSoftware != "client" || o.KexInit[Client].Frame != 4 || !o.KexReply.Seen() || o.Kex != "curve25519-sha256" {
			t.Errorf("extension %v: %+v", extension, o)
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
			s.send(Server, sshPacket(sshDisconnect, make([]byte, 20)))
		}, fin(Server), "done ", "failed disconnected by the server", nil},
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

func TestSSHEcho(t *testing.T) {
	z := sshSizesOf(chacha, "")
	login := []int{17, -17, 36, -24, 115, -1, 24, -17, 120, -5, -60}
	run := func(software string, interval time.Duration, more func(*sshScript)) *SSH {
		s := newSSH()
		s.handshake("curve25519-sha256", chacha, "m")
		for _, n := range login {
			if n > 0 {
				s.send(Client, sealedPacket(z, n))
			} else {
				s.send(Server, sealedPacket(z, -n))
			}
		}
		if more != nil {
			more(s)
		}
		for i := range 40 {
			typed := time.Second + time.Duration(i)*interval
			s.stream.Data(Client, at(100+2*i, typed), sealedPacket(z, sshKeyLen))
			s.stream.Data(Server, at(101+2*i, typed+7*time.Millisecond), sealedPacket(z, sshKeyLen))
		}
		s.stream.(*sshStream).side[Client].software = software
		return s.close()
	}
	if o := run("OpenSSH_9.2p1", 130*time.Millisecond, nil); o.Echo.N < 38 || o.Echo.P50 != 7e6 || o.EchoObscured {
		t.Errorf("typing: %+v", o.Echo)
	}
	if o := run("OpenSSH_9.9", 22*time.Millisecond, nil); o.Echo.N != 0 || !o.EchoObscured {
		t.Errorf("obscured: %+v", o.Echo)
	}
	bulk := func(s *sshScript) {
		for range sshEchoBulk {
			s.send(Server, sealedPacket(z, 1400))
		}
	}
	if o := run("OpenSSH_9.2p1", 130*time.Millisecond, bulk); o.Echo.N != 0 {
		t.Errorf("a transfer: %+v", o.Echo)
	}
}

func TestProbeSSH(t *testing.T) {
	for _, test := range []struct {
		client, server string
		port           uint16
		want           Verdict
	}{
		{"SSH-2.0-x\r\n", "", 2222, Yes},
		{"", "SSH-1.99-x\r\n", 80, Yes},
		{"", "SSH-2", 80, Maybe},
		{"S", "", 80, Maybe},
		{"", "welcome\r\nplease wait\r\nSSH-2.0-x\r\n", 80, Yes},
		{"", "welcome\r\n", 22, Maybe},
		{"GET / HTTP/1.1\r\n", "", 22, Maybe},
		{"GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", 22, Yes},
		{"GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", 80, No},
		{"SSH-3.0-x\r\n", "", 2222, No},
		{"\x16\x03\x01\x02", "", 443, No},
	} {
		if got := probeSSH([2][]byte{[]byte(test.client), []byte(test.server)}, test.port); got != test.want {
			t.Errorf("%q, %q, port %d: %v, want %v", test.client, test.server, test.port, got, test.want)
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

func BenchmarkSSHAuthentication(b *testing.B) {
	b.ReportAllocs()
	z := sshSizesOf(chacha, "")
	for b.Loop() {
		s := newSSH()
		s.handshake("curve25519-sha256", chacha, "m")
		for _, n := range []int{17, -17, 36, -24, 115, -1, 24, -17, 120, -5, -60} {
			if n > 0 {
				s.send(Client, sealedPacket(z, n))
			} else {
				s.send(Server, sealedPacket(z, -n))
			}
		}
		if s.close().Auth != "success" {
			b.Fatal("no success")
		}
	}
}

// TestSSHKexInitLarge: which side's KEXINIT is the first to fill a segment.
func TestSSHKexInitLarge(t *testing.T) {
	for _, c := range []struct {
		bytes, mss [2]int
		text       string
		want       [2]int64
	}{
		{[2]int{1560, 1088}, [2]int{1460, 1460}, "", [2]int64{1, 0}},
		{[2]int{1421, 1420}, [2]int{1460, 1460}, "", [2]int64{1, 0}},
		{[2]int{1560, 1088}, [2]int{1460, 900}, "", [2]int64{1, 1}},
		{[2]int{1560, 1560}, [2]int{1460, 0}, "", [2]int64{-1, -1}},
		{[2]int{0, 1560}, [2]int{1460, 1460}, "", [2]int64{-1, 1}},
		{[2]int{1560, 1560}, [2]int{1460, 1460}, `"a long text"`, [2]int64{1, -1}},
	} {
		s := &SSH{KexInitBytes: c.bytes, ServerText: c.text}
		conn := &Conn{MSS: c.mss}
		if got := [2]int64{s.kexInitLarge(conn, Client), s.kexInitLarge(conn, Server)}; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
