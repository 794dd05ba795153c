package pcapflow

import "fmt"

// Protocol versions as they stand in records and hellos.
const (
	versionSSL2  = 0x0002
	versionSSL3  = 0x0300
	versionTLS10 = 0x0301
	versionTLS11 = 0x0302
	versionTLS12 = 0x0303
	versionTLS13 = 0x0304
)

// tlsVersionName names a version; drafts of 1.3 count as 1.3.
func tlsVersionName(v uint16) string {
	switch {
	case v == versionSSL2:
		return "SSLv2"
	case v == versionSSL3:
		return "SSLv3"
	case v == versionTLS10:
		return "TLSv1.0"
	case v == versionTLS11:
		return "TLSv1.1"
	case v == versionTLS12:
		return "TLSv1.2"
	case isTLS13(v):
		return "TLSv1.3"
	case v == versionDTLS09:
		return "DTLSv0.9"
	case v == versionDTLS10:
		return "DTLSv1.0"
	case v == versionDTLS12:
		return "DTLSv1.2"
	case v == versionDTLS13:
		return "DTLSv1.3"
	case v == 0:
		return ""
	}
	return fmt.Sprintf("0x%04x", v)
}

// isTLS13 also takes the drafts: 0x7fNN by the IETF, 0xfbNN by Facebook.
func isTLS13(v uint16) bool {
	return v == versionTLS13 || v>>8 == 0x7f || v>>8 == 0xfb
}

// isGREASE tells a reserved value that clients mix in (RFC 8701).
func isGREASE(v uint16) bool {
	return v&0x0f0f == 0x0a0a && v>>8 == v&0xff
}

// groupName names a key-exchange group (IANA "TLS Supported Groups").
func groupName(id uint16) string {
	switch id {
	case 21:
		return "secp224r1"
	case 22:
		return "secp256k1"
	case 23:
		return "secp256r1"
	case 24:
		return "secp384r1"
	case 25:
		return "secp521r1"
	case 26:
		return "brainpoolP256r1"
	case 27:
		return "brainpoolP384r1"
	case 28:
		return "brainpoolP512r1"
	case 29:
		return "x25519"
	case 30:
		return "x448"
	case 31:
		return "brainpoolP256r1tls13"
	case 32:
		return "brainpoolP384r1tls13"
	case 33:
		return "brainpoolP512r1tls13"
	case 41:
		return "curveSM2"
	case 256:
		return "ffdhe2048"
	case 257:
		return "ffdhe3072"
	case 258:
		return "ffdhe4096"
	case 259:
		return "ffdhe6144"
	case 260:
		return "ffdhe8192"
	case 512:
		return "MLKEM512"
	case 513:
		return "MLKEM768"
	case 514:
		return "MLKEM1024"
	case 4587:
		return "SecP256r1MLKEM768"
	case 4588:
		return "X25519MLKEM768"
	case 4589:
		return "SecP384r1MLKEM1024"
	case 25497:
		return "X25519Kyber768Draft00"
	case 25498:
		return "SecP256r1Kyber768Draft00"
	case 0:
		return ""
	}
	return fmt.Sprintf("0x%04x", id)
}

// alertName is the RFC's name of an alert (RFC 8446 §6, RFC 5246 §7.2, IANA).
func alertName(code int) string {
	switch code {
	case 0:
		return "close_notify"
	case 10:
		return "unexpected_message"
	case 20:
		return "bad_record_mac"
	case 21:
		return "decryption_failed"
	case 22:
		return "record_overflow"
	case 30:
		return "decompression_failure"
	case 40:
		return "handshake_failure"
	case 41:
		return "no_certificate"
	case 42:
		return "bad_certificate"
	case 43:
		return "unsupported_certificate"
	case 44:
		return "certificate_revoked"
	case 45:
		return "certificate_expired"
	case 46:
		return "certificate_unknown"
	case 47:
		return "illegal_parameter"
	case 48:
		return "unknown_ca"
	case 49:
		return "access_denied"
	case 50:
		return "decode_error"
	case 51:
		return "decrypt_error"
	case 52:
		return "too_many_cids_requested"
	case 60:
		return "export_restriction"
	case 70:
		return "protocol_version"
	case 71:
		return "insufficient_security"
	case 80:
		return "internal_error"
	case 86:
		return "inappropriate_fallback"
	case 90:
		return "user_canceled"
	case 100:
		return "no_renegotiation"
	case 109:
		return "missing_extension"
	case 110:
		return "unsupported_extension"
	case 111:
		return "certificate_unobtainable"
	case 112:
		return "unrecognized_name"
	case 113:
		return "bad_certificate_status_response"
	case 114:
		return "bad_certificate_hash_value"
	case 115:
		return "unknown_psk_identity"
	case 116:
		return "certificate_required"
	case 120:
		return "no_application_protocol"
	case 121:
		return "ech_required"
	}
	return fmt.Sprintf("alert_%d", code)
}
