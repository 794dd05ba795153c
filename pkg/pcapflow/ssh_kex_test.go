package pcapflow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

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

// TestSSHImplicitMAC: beside a cipher that authenticates by itself no MAC is negotiated,
// which each direction may have its own way.
func TestSSHImplicitMAC(t *testing.T) {
	s := newSSH()
	lists := []string{"a", "k", chacha, "aes128-ctr", "m,hmac-sha1", "m,hmac-sha1", "n", "n"}
	s.send(Client, []byte("SSH-2.0-x\r\n"))
	s.send(Server, []byte("SSH-2.0-y\r\n"))
	s.send(Client, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	lists[sshListMACDown] = "hmac-sha1"
	s.send(Server, sshPacket(sshKexInit, sshOfferBytes(lists...)))
	if o := s.close(); o.MAC != "implicit" || o.MACToClient != "hmac-sha1" || o.CipherToClient != "aes128-ctr" {
		t.Errorf("%q %q", o.MAC, o.MACToClient)
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
