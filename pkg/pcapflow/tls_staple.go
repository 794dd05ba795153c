package pcapflow

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ocsp"
)

const (
	statusOCSP       = 1 // CertificateStatusType, RFC 6066 §8
	extStatusRequest = 5
)

// readStaple reads a CertificateStatus; nil: it is none that can be read. The
// signature is not checked: what counts is what the client was told.
func readStaple(body []byte) *Staple {
	s := cryptobyte.String(body)
	var kind uint8
	var der cryptobyte.String
	if !s.ReadUint8(&kind) || kind != statusOCSP || !s.ReadUint24LengthPrefixed(&der) {
		return nil
	}
	r, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		return nil
	}
	out := &Staple{Status: "unknown", Produced: r.ProducedAt.Unix()}
	if !r.NextUpdate.IsZero() {
		out.NextUpdate = r.NextUpdate.Unix()
	}
	switch r.Status {
	case ocsp.Good:
		out.Status = "good"
	case ocsp.Revoked:
		out.Status = "revoked"
	}
	return out
}

// stapled13 is the CertificateStatus that TLS 1.3 carries as an extension of the
// leaf (RFC 8446 §4.4.2.1); nil: none.
func stapled13(body []byte) *Staple {
	s := cryptobyte.String(body)
	var context, list, der, extensions cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&context) || !s.ReadUint24LengthPrefixed(&list) || !list.ReadUint24LengthPrefixed(&der) || !list.ReadUint16LengthPrefixed(&extensions) {
		return nil
	}
	for !extensions.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&typ) || !extensions.ReadUint16LengthPrefixed(&data) {
			return nil
		}
		if typ == extStatusRequest {
			return readStaple(data)
		}
	}
	return nil
}
