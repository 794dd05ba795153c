package pcapflow

// TLSPart is a handshake message between the hellos and Finished. Under TLS 1.3
// keys are needed to see them.
type TLSPart uint8

// In the order of RFC 5246, section 7.3, and RFC 8446, section 2.
const (
	PartEncryptedExtensions TLSPart = iota // TLS 1.3 only
	PartCertificate                        // or CompressedCertificate (RFC 8879)
	PartCertificateStatus                  // up to TLS 1.2
	PartKeyExchange                        // up to TLS 1.2: ServerKeyExchange, ClientKeyExchange
	PartCertificateRequest
	PartCertificateVerify
	tlsParts
)

// partNames are the names of the instants, of either side.
var partNames = [2][tlsParts]string{
	Server: {"tls.encrypted-extensions", "tls.certificate", "tls.certificate-status", "tls.key-exchange", "tls.certificate-request", "tls.certificate-verify"},
	Client: {PartCertificate: "tls.client-certificate", PartKeyExchange: "tls.client-key-exchange", PartCertificateVerify: "tls.client-certificate-verify"},
}

// partOf is the part that a message of that type is; false: it is none of that side's.
func partOf(d Dir, typ byte) (TLSPart, bool) {
	switch typ {
	case msgCertificate, msgCompressedCert:
		return PartCertificate, true
	case msgCertificateVerify:
		return PartCertificateVerify, true
	case msgClientKeyExchange:
		return PartKeyExchange, d == Client
	case msgEncryptedExt:
		return PartEncryptedExtensions, d == Server
	case msgCertificateStatus:
		return PartCertificateStatus, d == Server
	case msgServerKeyExchange:
		return PartKeyExchange, d == Server
	case msgCertificateRequest:
		return PartCertificateRequest, d == Server
	}
	return 0, false
}

// part notes the end of a message, of several alike the first.
func (t *TLS) part(d Dir, m *tlsMessage) (p TLSPart, first bool) {
	p, ok := partOf(d, m.typ)
	if !ok || t.Parts[d][p].Seen() {
		return p, false
	}
	t.Parts[d][p] = m.last
	return p, true
}

// parts adds what a side sent between its hello and its Finished.
func (l *instants) parts(t *TLS, d Dir) {
	for p, at := range t.Parts[d] {
		l.add(partNames[d][p], d.String(), at, "")
	}
}
