package pcapflow

// probeTLS asks for a hello, or for records of a connection joined half-way.
func probeTLS(first [2][]byte, port uint16) Verdict {
	client, server := first[Client], first[Server]
	if v := probeHello(client, msgClientHello); v != No {
		return v
	}
	if v := probeHello(server, msgServerHello); v != No {
		return v
	}
	ssl2 := probeSSL2Hello(client)
	if ssl2 == Yes {
		return Yes
	}
	v := max(ssl2, probeRecords(client), probeRecords(server))
	if isDataHeader(client) && isDataHeader(server) {
		return Yes
	}
	return v
}

// probeHello looks for a record that begins with a handshake message of a type.
func probeHello(b []byte, typ byte) Verdict {
	if len(b) == 0 {
		return No
	}
	var head [6]byte
	n := copy(head[:], b)
	if head[0] != recordHandshake || n > 1 && head[1] != 3 || n > 2 && head[2] > 4 {
		return No
	}
	if n < 6 {
		return Maybe
	}
	if !plausibleHeader(b) || head[5] != typ {
		return No
	}
	return Yes
}

// probeRecords looks for encrypted records that follow one another.
func probeRecords(b []byte) Verdict {
	if len(b) < 5 {
		if len(b) > 0 && b[0] >= recordCCS && b[0] <= recordData && (len(b) < 2 || b[1] == 3) {
			return Maybe
		}
		return No
	}
	if !plausibleHeader(b) || b[2] == 0 || b[0] == recordHandshake || b[0] == recordHeartbeat {
		return No
	}
	if b[0] == recordAlert && b[4] == 2 && len(b) >= 7 && b[5] != 1 && b[5] != 2 {
		return No
	}
	next := 5 + int(b[3])<<8 + int(b[4])
	switch {
	case len(b) == next:
		return Yes
	case len(b) >= next+5:
		if plausibleHeader(b[next:]) {
			return Yes
		}
		return No
	}
	return Maybe
}

// isDataHeader: the header of a data record of TLS. On both sides at once it is
// no accident, whatever a snap length has cut off behind it.
func isDataHeader(b []byte) bool {
	return len(b) >= 5 && b[0] == recordData && b[2] >= 1 && plausibleHeader(b)
}

// probeSSL2Hello recognises a ClientHello in SSLv2's framing (RFC 5246 §E.2).
func probeSSL2Hello(b []byte) Verdict {
	switch {
	case len(b) == 0, b[0]&0x80 == 0, len(b) > 2 && b[2] != msgClientHello, len(b) > 3 && b[3] != 3 && b[3] != 0:
		return No
	case len(b) < 5:
		return Maybe
	case (b[3] == 3 && b[4] <= 4 || b[3] == 0 && b[4] == 2) && (int(b[0]&0x7f)<<8|int(b[1])) >= 9:
		return Yes
	}
	return No
}
