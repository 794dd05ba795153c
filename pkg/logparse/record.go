package logparse

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// record gathers the named values of one line of JSON or logfmt into an event.
// The names are those of nginx's variables, of the usual recipes for JSON
// access logs, and of the logging libraries in wide use; letter case and the
// marks '-' and '_' count.
type record struct {
	src *Source
	e   *Event
	buf []byte // text made of parts; renewed each line
	// finest is the least width of a stamp in the file so far: encoders leave
	// out zeros at the end of a fraction, which makes it no coarser.
	finest time.Duration

	stamp    stamp
	stamped  bool
	start    stamp // of a value that is said to be the start
	started  bool
	epoch    bool // the time is a number, as zap and others write it
	number   time.Duration
	unitless bool // number is a duration whose unit the name does not tell; as if seconds
	nginx    int  // names that only nginx has
	traefik  bool // names that only Traefik has
	level    bool
	message  bool
	result   bool // status or duration
	failure  []byte
	query    []byte
}

func (r *record) begin(src *Source, e *Event) {
	*r = record{src: src, e: e, buf: r.buf[:0], finest: r.finest}
}

// field takes one value. quoted tells a text from a number, where the line
// makes a difference.
func (r *record) field(name, v []byte, quoted bool) {
	if len(v) == 0 || dash(v) == nil || !quoted && (string(v) == "null" || string(v) == "NaN") {
		return
	}
	_ = r.time(name, v, quoted) || r.duration(name, v, quoted) || r.endpoint(name, v) || r.request(name, v) || r.size(name, v) || r.other(name, v)
}

// time takes the stamp; of several the finest one counts.
func (r *record) time(name, v []byte, quoted bool) bool {
	switch string(name) {
	case "msec":
		r.nginx++
	case "time_iso8601", "time_local":
		r.nginx++
	case "time", "ts", "timestamp", "@timestamp", "t", "date", "datetime", "asctime", "log_time", "time_stamp", "Timestamp", "Time", "timeStamp", "@t":
	case "StartUTC", "start_time", "StartLocal", "start":
		r.traefik = r.traefik || name[0] == 'S'
		if st, ok := anyTime(v); ok && (!r.started || st.zone == ZoneStated && r.start.zone != ZoneStated) {
			r.start, r.started = st, true
		}
		return true
	default:
		return false
	}
	st, ok := anyTime(v)
	if !ok {
		return false
	}
	if !r.stamped || st.width < r.stamp.width || r.stamp.zone == ZoneUnknown && st.zone == ZoneStated {
		if r.stamped && st.east == 0 {
			st.east = r.stamp.east // msec beside time: the zone still shows
		}
		r.stamp, r.epoch = st, !quoted
	} else if r.stamp.east == 0 {
		r.stamp.east = st.east
	}
	r.stamped = true
	return true
}

// anyTime reads a stamp in any of the forms logging libraries write.
func anyTime(v []byte) (stamp, bool) {
	v = bytes.Trim(v, "[] ")
	for _, read := range [...]func([]byte) (stamp, int){isoTime, epochTime, commonTime, slashTime, ctimeTime, dashTime} {
		if st, n := read(v); n > 0 && len(bytes.TrimSpace(v[n:])) == 0 {
			return st, true
		}
	}
	// 1.7953450471e9, as some encoders write an epoch
	if bytes.IndexByte(v, 'e') > 0 {
		if ns, half, ok := seconds(v); ok && ns > 1e17 {
			return stamp{time: ns, width: time.Duration(max(2*half, 1))}, true
		}
	}
	// 2026-11-22 11:57:26 +0100 CET
	if st, n := isoTime(v); n > 0 && n+2 < len(v) && v[n] == ' ' && st.zone == ZoneUnknown {
		if east, k := zone(v[n+1:]); k > 0 {
			st.time -= int64(east) * 1e9
			st.zone, st.east = ZoneStated, east
			return st, true
		}
	}
	return stamp{}, false
}

// duration takes the duration of the request and of its upstreams.
func (r *record) duration(name, v []byte, quoted bool) bool {
	unit := time.Duration(0)
	switch string(name) {
	case "request_time", "rt":
		r.nginx++
		unit = time.Second
	case "upstream_response_time", "upstream_time", "urt":
		r.nginx++
		r.e.Upstream = durations(r.e.Upstream[:0], v)
		return true
	case "upstream_connect_time", "uct":
		r.nginx++
		r.e.UpstreamConnect = durations(r.e.UpstreamConnect[:0], v)
		return true
	case "upstream_header_time", "uht":
		r.nginx++
		r.e.UpstreamHeader = durations(r.e.UpstreamHeader[:0], v)
		return true
	case "duration_ms", "latency_ms", "elapsed_ms", "took_ms", "time_ms", "durationMs", "elapsedMs", "latencyMs", "responseTime", "response_time_ms", "duration_millis", "durationMillis", "request_time_ms", "took_millis":
		unit = time.Millisecond
	case "duration_us", "latency_us", "elapsed_us", "request_time_us", "duration_micros", "response_time_us":
		unit = time.Microsecond
	case "duration_ns", "latency_ns", "elapsed_ns", "Duration", "event.duration", "duration_nanos":
		unit = time.Nanosecond
	case "duration_s", "duration_seconds", "latency_s", "elapsed_s", "elapsed_seconds", "latency_seconds", "duration_sec", "response_time_s":
		unit = time.Second
	case "duration", "latency", "elapsed", "took", "response_time", "time_taken", "timeTaken", "dur", "rtt", "service", "latency_human", "http.latency", "httpRequest.latency":
		if d, ok := goDuration(v); ok {
			r.e.Duration, r.result = d, true
			return true
		}
		d, ok := amount(v, time.Second)
		if ok && string(name) != "service" {
			r.number, r.unitless, r.result = d, true, true
		}
		return ok
	default:
		return false
	}
	if d, ok := amount(v, unit); ok {
		r.e.Duration, r.result = d, true
		if string(name) == "request_time" {
			r.e.DurationWidth = time.Millisecond // nginx writes three decimals
		}
	} else if d, ok := goDuration(v); ok {
		r.e.Duration, r.result = d, true
	}
	return true
}

// goDuration reads a duration with its units, such as 1.5ms or 1m2.5s.
func goDuration(b []byte) (time.Duration, bool) {
	if len(b) < 2 || len(b) > 40 || b[len(b)-1] != 's' && b[len(b)-1] != 'm' && b[len(b)-1] != 'h' {
		return 0, false
	}
	if b[0] != '-' && (b[0] < '0' || b[0] > '9') {
		return 0, false
	}
	d, err := time.ParseDuration(view(bytes.ReplaceAll(b, []byte(" "), nil)))
	return d, err == nil
}

// endpoint takes what tells the two ends.
func (r *record) endpoint(name, v []byte) bool {
	e := r.e
	switch string(name) {
	case "remote_addr":
		r.nginx++
		r.client(v)
	case "request.client_ip": // Caddy: behind a trusted proxy not who connected
		if a, ok := address(v); ok && r.e.Client.IsValid() && a != r.e.Client.Addr() {
			r.e.Peer = r.e.Client
			r.e.Client = netip.AddrPortFrom(a, 0)
		}
	case "client", "client_ip", "clientip", "clientIp", "clientIP", "remote_ip", "ip", "remoteAddr", "remoteAddress", "client_addr", "remoteIP", "remoteIp", "source_ip", "src_ip", "peer", "peer_addr", "remote", "remote_host", "http.client_ip", "ClientHost", "ClientAddr", "request.remote_ip", "request.remote_addr", "downstream_remote_address", "req.remoteAddress", "network.client.ip", "client.ip", "source.ip", "source.address", "httpRequest.remoteIp", "sourceIp":
		r.client(v)
	case "remote_port", "client_port", "clientPort", "remotePort", "request.remote_port", "ClientPort", "req.remotePort", "client.port", "source.port", "src_port":
		if p, ok := port(v); ok {
			e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
		}
	case "server_addr", "server_ip", "destination.ip":
		if ap, ok := addressPort(v); ok {
			e.Server = netip.AddrPortFrom(ap.Addr(), e.Server.Port())
		}
	case "server_port", "destination.port":
		if p, ok := port(v); ok {
			e.Server = netip.AddrPortFrom(e.Server.Addr(), p)
		}
	case "http_x_forwarded_for", "x_forwarded_for", "xff", "x-forwarded-for", "X-Forwarded-For", "forwarded_for", "request_X-Forwarded-For", "request.headers.X-Forwarded-For":
		forwarded(v, e)
	case "upstream_addr", "upstream_host", "ServiceAddr", "upstream":
		e.UpstreamTo = view(v)
	case "upstream_status", "OriginStatus":
		e.UpstreamStatus = view(v)
	case "host", "http_host", "server_name", "vhost", "request.host", "RequestHost", "authority", ":authority", "domain", "virtual_host", "req.headers.host", "url.domain":
		if e.Name == "" || string(name) == "host" || string(name) == "http_host" {
			e.Name = view(v)
		}
	case "hostname", "host.name", "host.hostname":
		e.Host = view(v)
	default:
		return false
	}
	return true
}

func (r *record) client(v []byte) {
	ap, ok := addressPort(v)
	if !ok {
		return
	}
	if ap.Port() == 0 {
		ap = netip.AddrPortFrom(ap.Addr(), r.e.Client.Port())
	}
	r.e.Client = ap
}

// request takes what was asked for.
func (r *record) request(name, v []byte) bool {
	e := r.e
	switch string(name) {
	case "request", "request_line", "requestLine":
		method, path, proto, text := e.Method, e.Path, e.Proto, e.Text
		requestLine(v, e)
		if e.Method == "" {
			e.Method, e.Path, e.Proto = method, path, proto
		}
		e.Text = text
	case "method", "request_method", "http_method", "verb", "request.method", "RequestMethod", "req.method", "http.method", "http.request.method", "httpRequest.requestMethod", "requestMethod":
		e.Method = view(v)
	case "path", "uri", "url", "request.uri", "RequestPath", "req.url", "http.path", "http.url", "url.path", "target", "request_path", "x-envoy-origin-path", "url.original", "httpRequest.requestUrl", "http.target", "request_url", "requestPath":
		if e.Path == "" || len(v) > len(e.Path) {
			e.Path = view(v)
		}
	case "request_uri":
		e.Path = view(v)
	case "args", "query_string", "query", "url.query":
		r.query = v
	case "server_protocol", "protocol", "proto", "request.proto", "RequestProtocol", "http.proto", "httpRequest.protocol":
		e.Proto = view(v)
	case "status", "status_code", "statusCode", "response_code", "code", "http_status", "httpStatus", "DownstreamStatus", "res.statusCode", "http.status_code", "http.response.status_code", "response.status", "response_status", "httpRequest.status", "responseStatus":
		if n, ok := integer(v); ok && n >= 100 && n < 1000 {
			e.Status, r.result = int(n), true
		}
	case "http_user_agent", "user_agent", "userAgent", "ua", "agent", "useragent", "http.user_agent", "user_agent.original", "request_User-Agent", "req.headers.user-agent", "request.headers.User-Agent", "user-agent":
		e.Agent = view(v)
	case "remote_user", "user", "username", "user_id", "ClientUsername", "user.name":
		e.User = view(v)
	default:
		return false
	}
	return true
}

// size takes numbers of bytes.
func (r *record) size(name, v []byte) bool {
	var to *int64
	switch string(name) {
	case "body_bytes_sent":
		r.nginx++
		to = &r.e.Body
	case "bytes_sent":
		to = &r.e.Sent
	case "request_length":
		r.nginx++
		to = &r.e.Received
	case "bytes", "size", "length", "response_size", "DownstreamContentSize", "content_length", "bytes_out", "resp_size", "responseSize", "http.response.body.bytes", "response_length", "body_bytes", "res.contentLength":
		to = &r.e.Size
	case "bytes_received", "bytes_in", "RequestContentSize", "bytes_read":
		return true // of the body, or of head and body: it says too little
	default:
		return false
	}
	if n, ok := integer(v); ok && n >= 0 {
		*to = n
	}
	return true
}

// other takes level, text and keys.
func (r *record) other(name, v []byte) bool {
	e := r.e
	switch string(name) {
	case "level", "lvl", "severity", "loglevel", "log.level", "levelname", "log_level", "Level", "@l":
		e.Level, r.level = view(v), true
	case "msg", "message", "Message", "text", "log", "MessageTemplate", "@m", "@mt":
		if !r.message {
			e.Text, r.message = view(v), true
		}
	case "event", "body":
		if !r.message {
			e.Text = view(v)
		}
	case "error", "err", "exception", "error.message", "exc_info", "cause", "err.message":
		r.failure = v
	case "request_id", "req_id", "requestId", "requestID", "x_request_id", "x-request-id", "X-Request-Id", "X-Request-ID", "trace_id", "traceId", "trace.id", "correlation_id", "correlationId", "reqId", "rid", "http.request_id", "request.id", "http.request.id", "req.id", "transaction_id", "request_X-Request-Id":
		if e.RequestID == "" || len(name) > 1 && bytes.IndexByte(name, 'q') >= 0 { // the request's own before a trace's
			e.RequestID = view(v)
		}
	case "connection":
		if _, ok := integer(v); ok {
			e.Connection = view(v)
		}
	case "pid", "process.pid", "process_id":
		if n, ok := integer(v); ok && n >= 0 && n < 1<<31 {
			e.PID = int(n)
		}
	case "app", "logger", "service", "component", "name", "program", "log.logger", "service.name", "caller":
		if e.Process == "" && string(name) != "caller" {
			e.Process = view(v)
		}
	default:
		return false
	}
	return true
}

// finish puts what depends on several values together.
func (r *record) finish() {
	e := r.e
	if !r.stamped && r.started {
		r.stamp = r.start
	}
	if r.stamped || r.started {
		if r.finest == 0 || r.stamp.width < r.finest {
			r.finest = r.stamp.width
		}
		r.stamp.width = r.finest
		e.set(r.stamp, r.src)
	}
	if r.unitless && e.Duration < 0 && r.epoch {
		e.Duration = r.number // zap and its like write time and durations in seconds
	}
	if len(r.query) > 0 && e.Path != "" && strings.IndexByte(e.Path, '?') < 0 {
		at := len(r.buf)
		r.buf = append(append(append(r.buf, e.Path...), '?'), bytes.TrimPrefix(r.query, []byte{'?'})...)
		e.Path = view(r.buf[at:])
	}
	switch e.Proto {
	case "1.0", "1.1", "2", "2.0", "3", "3.0":
		at := len(r.buf)
		r.buf = append(append(r.buf, "HTTP/"...), e.Proto...)
		e.Proto = view(r.buf[at:])
	}
	if len(r.failure) > 0 {
		if e.Text == "" {
			e.Text = view(r.failure)
		} else {
			at := len(r.buf)
			r.buf = append(append(append(r.buf, e.Text...), ": "...), r.failure...)
			e.Text = view(r.buf[at:])
		}
	}
}
