package logparse

import (
	"bytes"
	"net/netip"
	"time"
)

// tail reads what follows the agent: values with a name (rt=0.012
// urt="0.010, 0.002"), a quoted X-Forwarded-For (the format "main" of nginx's
// packages), and times without a name. It never fails: an unknown tail tells
// nothing.
func (a *access) tail(b []byte, e *Event) bool {
	times := 0
	for len(b) > 0 {
		if b[0] == ' ' {
			b = b[1:]
			continue
		}
		if b[0] == '"' {
			text, rest, ok := cutQuoted(b)
			if !ok {
				return true
			}
			forwarded(text, e)
			b = rest
			continue
		}
		key := nameEnd(b)
		if key == 0 {
			word := b
			word, b, _ = cutAt(b, ' ')
			if d, ok := milliDecimals(word); ok {
				times++
				// Of two times without name the longer one is the request's, in
				// whichever order they stand: the upstream's part is not longer.
				e.Duration, e.DurationWidth = max(e.Duration, d), time.Millisecond
			}
			continue
		}
		name := b[:key]
		var value []byte
		value, b = tailValue(b[key+1:])
		setNamed(view(name), a.plain(value), e)
	}
	return true
}

// nameEnd is the place of '=' after a name, 0 if b does not begin with one.
func nameEnd(b []byte) int {
	for i, c := range b {
		switch {
		case c == '=':
			return i
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return 0
		}
	}
	return 0
}

// tailValue takes a value: quoted, or up to a space that does not belong to a
// list of upstreams ("0.001, 0.002 : 0.003").
func tailValue(b []byte) (value, rest []byte) {
	if len(b) > 0 && b[0] == '"' {
		if text, rest, ok := cutQuoted(b); ok {
			return text, rest
		}
	}
	n := listEnd(b)
	if n == len(b) {
		return b, nil
	}
	return b[:n], b[n+1:]
}

// listEnd is the end of a word at b[0], over the separators of nginx's lists
// of upstreams: ", " between servers and " : " between groups.
func listEnd(b []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(b[at:], ' ')
		if i < 0 {
			return len(b)
		}
		i += at
		switch {
		case i > 0 && b[i-1] == ',':
			at = i + 1
		case len(b) > i+3 && b[i+1] == ':' && b[i+2] == ' ':
			at = i + 3
		default:
			return i
		}
	}
}

// milliDecimals reads a time as nginx writes it: seconds with exactly three decimals.
func milliDecimals(b []byte) (time.Duration, bool) {
	if len(b) < 5 || b[len(b)-4] != '.' {
		return 0, false
	}
	return amount(b, time.Second)
}

// forwarded reads addresses of a header such as X-Forwarded-For; it ignores
// what is none.
func forwarded(b []byte, e *Event) {
	for len(b) > 0 {
		var word []byte
		word, b, _ = cutAt(b, ',')
		if ap, ok := addressPort(bytes.TrimSpace(word)); ok {
			e.Peers = append(e.Peers, ap.Addr())
		}
	}
}

// durations reads nginx's list of times, one per upstream; -1 for "-".
func durations(dst []time.Duration, b []byte) []time.Duration {
	for len(b) > 0 {
		i := 0
		for i < len(b) && b[i] != ',' && b[i] != ':' && b[i] != ' ' {
			i++
		}
		if i > 0 {
			d, ok := amount(b[:i], time.Second)
			if !ok {
				d = -1
			}
			dst = append(dst, d)
		}
		b = b[min(i+1, len(b)):]
	}
	return dst
}

// setNamed puts a value into the event under the names that people and the
// usual recipes give to nginx's variables; an unknown name is passed over.
func setNamed(name string, v []byte, e *Event) {
	if dash(v) == nil || len(v) == 0 {
		return
	}
	switch name {
	case "rt", "request_time", "req_time", "reqtime":
		if d, ok := amount(v, time.Second); ok {
			e.Duration, e.DurationWidth = d, time.Millisecond
			if bytes.IndexByte(v, '.') < 0 {
				e.DurationWidth = time.Second // Apache's %T: whole seconds, cut
			}
		}
	case "time", "t": // which may be an epoch too
		if d, ok := milliDecimals(v); ok && d < 30*24*time.Hour {
			e.Duration, e.DurationWidth = d, time.Millisecond
		}
	case "urt", "upstream_response_time", "upstream_time", "upstream_rt":
		e.Upstream = durations(e.Upstream[:0], v)
	case "uct", "upstream_connect_time":
		e.UpstreamConnect = durations(e.UpstreamConnect[:0], v)
	case "uht", "upstream_header_time":
		e.UpstreamHeader = durations(e.UpstreamHeader[:0], v)
	case "ua": // the user agent or the address of the upstream
		first, _, _ := cutAt(v, ',')
		if _, ok := addressPort(first); ok || bytes.HasPrefix(v, []byte("unix:")) {
			e.UpstreamTo = view(v)
		} else {
			e.Agent = view(v)
		}
	case "upstream", "upstream_addr", "us_addr":
		e.UpstreamTo = view(v)
	case "us", "upstream_status", "ust":
		e.UpstreamStatus = view(v)
	case "rid", "request_id", "req_id", "reqid", "requestid", "id", "trace_id", "x_request_id", "request-id":
		e.RequestID = view(v)
	case "host", "http_host", "vhost", "server_name", "sn":
		e.Name = view(v)
	case "xff", "http_x_forwarded_for", "x_forwarded_for":
		forwarded(v, e)
	case "port", "remote_port", "cport", "rport", "client_port":
		if p, ok := port(v); ok {
			e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
		}
	case "conn", "connection":
		e.Connection = view(v)
	case "bytes_sent", "bs", "sent":
		if n, ok := integer(v); ok {
			e.Sent = n
		}
	case "request_length", "rl", "reqlen":
		if n, ok := integer(v); ok {
			e.Received = n
		}
	case "msec", "ts":
		if st, n := epochTime(v); n == len(v) {
			e.Time, e.Width = st.time, st.width
		}
	}
}
