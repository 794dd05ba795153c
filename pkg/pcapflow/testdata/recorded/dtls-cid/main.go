// Records pion's DTLS client and server on the loopback interface, a pair for each way in
// which connection IDs (RFC 9146) are agreed upon and records with them protected:
// dtls-cid.pcap, dtls-cid.keys, and in dtls-cid.jsonl what both sides chose. Takes the
// folder to write to.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
)

var cases = []struct {
	Name           string
	Port           int
	Client, Server int // octets of the ID that records to that side carry; -1: it does not know of IDs
	Suite          dtls.CipherSuiteID
	Padding        uint
}{
	{"both", 45400, 4, 8, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0},
	{"server-only", 45401, 0, 6, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0},
	{"client-only", 45402, 5, 0, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM, 0},
	{"padded", 45403, 8, 8, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 40},
	{"not-offered", 45404, -1, 8, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0},
	{"not-taken", 45405, 8, -1, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0},
	{"cbc", 45406, 3, 20, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, 0},
}

func ids(n int) func() []byte {
	switch {
	case n < 0:
		return nil
	case n == 0:
		return dtls.OnlySendCIDGenerator()
	}
	return dtls.RandomCIDGenerator(n)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	dir := os.Args[1]
	dump := exec.Command("tcpdump", "-qi", "lo", "-U", "-w", filepath.Join(dir, "dtls-cid.pcap"), "udp portrange 45400-45499")
	check(dump.Start())
	time.Sleep(3 * time.Second)
	keys, err := os.Create(filepath.Join(dir, "dtls-cid.keys"))
	check(err)
	said, err := os.Create(filepath.Join(dir, "dtls-cid.jsonl"))
	check(err)
	certificate, err := selfsign.GenerateSelfSignedWithDNS("dtls.example.test")
	check(err)
	for _, c := range cases {
		config := func(n int) *dtls.Config {
			return &dtls.Config{Certificates: []tls.Certificate{certificate}, InsecureSkipVerify: true, ServerName: "dtls.example.test",
				CipherSuites: []dtls.CipherSuiteID{c.Suite}, ConnectionIDGenerator: ids(n), PaddingLengthGenerator: func(uint) uint { return c.Padding }}
		}
		address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.Port}
		listener, err := dtls.Listen("udp", address, config(c.Server))
		check(err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := listener.Accept()
			check(err)
			b := make([]byte, 100)
			n, err := conn.Read(b)
			check(err)
			fmt.Println(c.Name, "server got", string(b[:n]))
			_, err = conn.Write([]byte("answer"))
			check(err)
			conn.Read(b)
			conn.Close()
		}()
		client := config(c.Client)
		client.KeyLogWriter = keys
		conn, err := dtls.Dial("udp", address, client)
		check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		check(conn.HandshakeContext(ctx))
		_, err = conn.Write([]byte("hello"))
		check(err)
		b := make([]byte, 100)
		n, err := conn.Read(b)
		check(err)
		fmt.Println(c.Name, "client got", string(b[:n]))
		time.Sleep(50 * time.Millisecond)
		conn.Close()
		<-done
		cancel()
		listener.Close()
		check(json.NewEncoder(said).Encode(c))
	}
	time.Sleep(time.Second)
	dump.Process.Signal(os.Interrupt)
	dump.Wait()
}
