// Records clients and servers of quic-go and of crypto/tls talking to each other,
// in a network namespace of its own:
//
//	go build -o recorder . && unshare -n ./recorder quic|ech|h2
//
// writes NAME.pcap (tcpdump), NAME.jsonl with what the programs themselves say of
// each connection, and NAME.keys, the clients' key log.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"log"
	"math/big"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// told is what a program says of one connection.
type told struct {
	Port    int       `json:"port"`
	Case    string    `json:"case"`
	Version string    `json:"version,omitempty"`
	ALPN    string    `json:"alpn,omitempty"`
	Cipher  string    `json:"cipher,omitempty"`
	Group   string    `json:"group,omitempty"`
	Early   bool      `json:"early,omitempty"`
	Resumed bool      `json:"resumed,omitempty"`
	ECH     bool      `json:"ech,omitempty"`
	Retry   bool      `json:"hello_retry,omitempty"`
	Seconds float64   `json:"seconds,omitempty"` // until the handshake was over
	Answers []float64 `json:"answers,omitempty"` // seconds that each question took
	Blocked float64   `json:"blocked,omitempty"` // seconds the server could not write
	Error   string    `json:"error,omitempty"`
}

var out *json.Encoder

func say(t told) { check(out.Encode(t)) }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	name := os.Args[1]
	check(exec.Command("ip", "link", "set", "lo", "mtu", "1500", "up").Run())
	dump := exec.Command("tcpdump", "-i", "lo", "-B", "65536", "-U", "-Z", "root", "-w", name+".pcap")
	check(dump.Start())
	time.Sleep(time.Second)
	text, err := os.Create(name + ".jsonl")
	check(err)
	keys, err := os.Create(name + ".keys")
	check(err)
	out = json.NewEncoder(text)
	map[string]func(*tls.Config, *tls.Config){"quic": quicCases, "ech": echCases, "h2": windowCases}[name](configs(keys))
	time.Sleep(2 * time.Second) // tcpdump has them by then
	check(dump.Process.Signal(syscall.SIGTERM))
	check(dump.Wait())
}

// configs are those of a client and of a server.
func configs(keys *os.File) (client, server *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server.example"}, DNSNames: []string{"server.example", "public.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	check(err)
	c, err = x509.ParseCertificate(der)
	check(err)
	roots := x509.NewCertPool()
	roots.AddCert(c)
	client = &tls.Config{RootCAs: roots, ServerName: "server.example", KeyLogWriter: keys}
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return client, server
}
