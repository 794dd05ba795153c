package pcapflow

import "encoding/binary"

// sshReasons are the codes of DISCONNECT, from 1 on (RFC 4253 section 11.1).
var sshReasons = [...]string{
	"HOST_NOT_ALLOWED_TO_CONNECT", "PROTOCOL_ERROR", "KEY_EXCHANGE_FAILED", "RESERVED", "MAC_ERROR", "COMPRESSION_ERROR",
	"SERVICE_NOT_AVAILABLE", "PROTOCOL_VERSION_NOT_SUPPORTED", "HOST_KEY_NOT_VERIFIABLE", "CONNECTION_LOST", "BY_APPLICATION",
	"TOO_MANY_CONNECTIONS", "AUTH_CANCELLED_BY_USER", "NO_MORE_AUTH_METHODS_AVAILABLE", "ILLEGAL_USER_NAME",
}

// longestFarewell is how many bytes are kept of what a DISCONNECT says.
const longestFarewell = 256

// farewell reads why a DISCONNECT is said: what follows its message number, as far as
// the capture has it.
func (s *SSH) farewell(payload []byte) {
	if len(payload) < 8 {
		return
	}
	if code := binary.BigEndian.Uint32(payload); code >= 1 && code <= uint32(len(sshReasons)) {
		s.DisconnectReason = sshReasons[code-1]
	}
	text := payload[8:]
	if n := binary.BigEndian.Uint32(payload[4:]); n > 0 && uint64(n) <= uint64(len(text)) {
		s.DisconnectText = quoteFirst(text[:min(n, longestFarewell)])
	}
}
