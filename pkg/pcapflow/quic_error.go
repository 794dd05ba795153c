package pcapflow

import (
	"fmt"
	"strconv"
)

// quicErrors are the transport errors (RFC 9000 §20.1; RFC 9368 §6 for the last).
var quicErrors = map[uint64]string{
	0x0: "no_error", 0x1: "internal_error", 0x2: "connection_refused", 0x3: "flow_control_error", 0x4: "stream_limit_error",
	0x5: "stream_state_error", 0x6: "final_size_error", 0x7: "frame_encoding_error", 0x8: "transport_parameter_error",
	0x9: "connection_id_limit_error", 0xa: "protocol_violation", 0xb: "invalid_token", 0xc: "application_error",
	0xd: "crypto_buffer_exceeded", 0xe: "key_update_error", 0xf: "aead_limit_reached", 0x10: "no_viable_path", 0x11: "version_negotiation_error",
}

// The errors that carry a TLS alert: its code is what is above the first.
const (
	quicAlertFirst = 0x100
	quicAlertLast  = 0x1ff
)

// CloseReason names the error of a CONNECTION_CLOSE: a TLS alert or a transport
// error; a number where it has no name. "": none was seen.
func (q *QUIC) CloseReason() string {
	if !q.Close.Seen() {
		return ""
	}
	if q.CloseCode >= quicAlertFirst && q.CloseCode <= quicAlertLast {
		return alertName(int(q.CloseCode - quicAlertFirst))
	}
	if name := quicErrors[q.CloseCode]; name != "" {
		return name
	}
	return fmt.Sprintf("%#x", q.CloseCode)
}

// ReservedVersion tells whether the version is one of those that no server has, sent to
// be told the ones it has (RFC 9000 §15).
func (q *QUIC) ReservedVersion() bool {
	v, err := strconv.ParseUint(q.Version, 0, 32)
	return err == nil && v&0x0f0f0f0f == 0x0a0a0a0a
}
