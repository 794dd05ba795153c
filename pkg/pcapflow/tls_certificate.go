package pcapflow

import (
	"crypto/x509"
	"encoding/asn1"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxChain bounds the certificates kept of one chain.
const maxChain = 16

// parseChain reads the body of a Certificate message: a list of certificates,
// each with extensions under 1.3 (RFC 5246 §7.4.2, RFC 8446 §4.4.2).
func parseChain(body []byte, tls13 bool) []Certificate {
	s := cryptobyte.String(body)
	var list, context cryptobyte.String
	if tls13 && !s.ReadUint8LengthPrefixed(&context) || !s.ReadUint24LengthPrefixed(&list) {
		return nil
	}
	var chain []Certificate
	for !list.Empty() && len(chain) < maxChain {
		var der, extensions cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) || tls13 && !list.ReadUint16LengthPrefixed(&extensions) {
			break
		}
		chain = append(chain, parseCertificate(der))
	}
	return chain
}

// parseCertificate reads one certificate, by crypto/x509 or, where that
// refuses (curves it does not know, negative serial numbers, odd names),
// leniently.
func parseCertificate(der []byte) Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return parseCertificateLeniently(der)
	}
	out := Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: c.DNSNames,
		NotBefore: c.NotBefore.Unix(), NotAfter: c.NotAfter.Unix(), Bytes: len(der),
	}
	for _, ip := range c.IPAddresses {
		out.Names = append(out.Names, ip.String())
	}
	return out
}

// parseCertificateLeniently walks the TBSCertificate (RFC 5280 §4.1) and takes
// what it can: names, validity, DNS names.
func parseCertificateLeniently(der []byte) Certificate {
	out := Certificate{Bytes: len(der)}
	s := cryptobyte.String(der)
	var cert, tbs, skip, issuer, validity, subject cryptobyte.String
	if !s.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!tbs.ReadASN1(&skip, cbasn1.INTEGER) || !tbs.ReadASN1(&skip, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1(&issuer, cbasn1.SEQUENCE) || !tbs.ReadASN1(&validity, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1(&subject, cbasn1.SEQUENCE) {
		return out
	}
	out.Issuer, out.Subject = readDN(issuer), readDN(subject)
	out.NotBefore, out.NotAfter = readTime(&validity), readTime(&validity)
	var key, exts cryptobyte.String
	if !tbs.ReadASN1(&key, cbasn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific()) || !tbs.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific()) ||
		!tbs.ReadASN1(&exts, cbasn1.Tag(3).ContextSpecific().Constructed()) || !exts.ReadASN1(&exts, cbasn1.SEQUENCE) {
		return out
	}
	for !exts.Empty() {
		var ext, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !exts.ReadASN1(&ext, cbasn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&oid) ||
			!ext.SkipOptionalASN1(cbasn1.BOOLEAN) || !ext.ReadASN1(&value, cbasn1.OCTET_STRING) {
			break
		}
		if oid.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) { // subjectAltName
			out.Names = readDNSNames(value)
		}
	}
	return out
}

func readDNSNames(s cryptobyte.String) []string {
	var list cryptobyte.String
	if !s.ReadASN1(&list, cbasn1.SEQUENCE) {
		return nil
	}
	var names []string
	for !list.Empty() && len(names) < 256 {
		var name cryptobyte.String
		var tag cbasn1.Tag
		if !list.ReadAnyASN1(&name, &tag) {
			break
		}
		if tag == cbasn1.Tag(2).ContextSpecific() {
			names = append(names, string(name))
		}
	}
	return names
}

// readTime takes a UTCTime or GeneralizedTime as Unix seconds; 0 where it is neither.
func readTime(s *cryptobyte.String) int64 {
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&value, &tag) {
		return 0
	}
	layouts := []string{"20060102150405Z", "200601021504Z", "20060102150405-0700"}
	if tag == cbasn1.UTCTime {
		layouts = []string{"060102150405Z", "0601021504Z", "060102150405-0700"}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, string(value)); err == nil {
			return t.Unix()
		}
	}
	return 0
}

var attributeNames = []struct {
	oid  asn1.ObjectIdentifier
	name string
}{
	{asn1.ObjectIdentifier{2, 5, 4, 3}, "CN"}, {asn1.ObjectIdentifier{2, 5, 4, 6}, "C"},
	{asn1.ObjectIdentifier{2, 5, 4, 7}, "L"}, {asn1.ObjectIdentifier{2, 5, 4, 8}, "ST"},
	{asn1.ObjectIdentifier{2, 5, 4, 10}, "O"}, {asn1.ObjectIdentifier{2, 5, 4, 11}, "OU"},
}

// readDN writes a distinguished name as RFC 2253 does, last attribute first.
func readDN(s cryptobyte.String) string {
	out := ""
	for !s.Empty() {
		var set, attribute, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !s.ReadASN1(&set, cbasn1.SET) || !set.ReadASN1(&attribute, cbasn1.SEQUENCE) ||
			!attribute.ReadASN1ObjectIdentifier(&oid) || !attribute.ReadAnyASN1(&value, &tag) {
			break
		}
		name := oid.String()
		for _, a := range attributeNames {
			if a.oid.Equal(oid) {
				name = a.name
			}
		}
		item := name + "=" + string(value[:min(len(value), 256)])
		if out != "" {
			item += ","
		}
		out = item + out
	}
	return out
}
