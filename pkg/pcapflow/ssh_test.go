package pcapflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
