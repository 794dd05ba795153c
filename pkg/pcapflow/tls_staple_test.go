package pcapflow

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// TestStaple: a stapled OCSP answer, in the clear up to 1.2 and decrypted in 1.3.
func TestStaple(t *testing.T) {
	pair := testCertificates().ecdsa
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	produced := time.Unix(1_700_000_000, 0)
	template := ocsp.Response{Status: ocsp.Good, SerialNumber: big.NewInt(7), ThisUpdate: produced, NextUpdate: produced.Add(time.Hour)}
	pair.OCSPStaple, err = ocsp.CreateResponse(leaf, leaf, template, pair.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: version, MaxVersion: version}
		client := &tls.Config{InsecureSkipVerify: true, ServerName: "server.example"}
		pieces, keys := keyLogTalk(t, client, server, ask(1), answer)
		f := follow(tlsDissector, keys, pieces)
		if s := f.TLS.Staple; s == nil || s.Status != "good" || s.NextUpdate != produced.Unix()+3600 || s.Produced == 0 {
			t.Errorf("%x: %+v", version, s)
		}
	}
}
