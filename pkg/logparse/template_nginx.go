package logparse

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// compileNginx compiles a log_format: $name and ${name}.
func (t *template) compileNginx(s string) error {
	s = joinedURI(s)
	var text []byte
	flush := func() {
		if len(t.parts) == 0 {
			t.before = text
		} else {
			t.parts[len(t.parts)-1].after = text
		}
		text = nil
	}
	for i := 0; i < len(s); {
		if s[i] != '$' {
			text = append(text, s[i])
			i++
			continue
		}
		name, n := nginxVariable(s[i+1:])
		if n == 0 {
			return fmt.Errorf("no name after $ at byte %d of the format", i)
		}
		flush()
		field := nginxFields[name]
		t.parts = append(t.parts, templatePart{name: "$" + name, take: field.take, length: field.length, ends: field.ends})
		i += 1 + n
	}
	flush()
	return nil
}

// joinedURI writes the usual ways to put a path together as one variable.
func joinedURI(s string) string {
	for _, join := range [...]string{"$uri$is_args$args", "$uri$is_args$query_string", "${uri}${is_args}${args}"} {
		s = strings.ReplaceAll(s, join, "$request_uri")
	}
	return s
}

// nginxVariable reads "name" or "{name}" and how many bytes that took.
func nginxVariable(s string) (name string, n int) {
	if strings.HasPrefix(s, "{") {
		if end := strings.IndexByte(s, '}'); end > 1 {
			return s[1:end], end + 1
		}
		return "", 0
	}
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z') {
		n++
	}
	return s[:n], n
}

// templateField is how the value of a variable is read. ends: its length tells
// where it ends, whatever follows.
type templateField struct {
	ends   bool
	take   func(t *templateLine, v []byte, e *Event)
	length func(b, after []byte) int
}

// nginxFields are the variables whose values are kept; the value of any other
// is passed over.
var nginxFields = map[string]templateField{
	"remote_addr":                {take: takeClient, length: addressLength},
	"realip_remote_addr":         {take: takePeer, length: addressLength},
	"remote_port":                {take: takeClientPort},
	"realip_remote_port":         {take: takePeerPort},
	"remote_user":                {take: takeUser},
	"time_local":                 {take: takeEndCommon, length: commonLength, ends: true},
	"time_iso8601":               {take: takeEndISO, length: isoLength, ends: true},
	"msec":                       {take: takeEndEpoch, length: epochLength, ends: true},
	"request":                    {take: takeRequest, length: requestLength},
	"request_method":             {take: takeMethod},
	"request_uri":                {take: takePath},
	"uri":                        {take: takePathIfNone},
	"document_uri":               {take: takePathIfNone},
	"args":                       {take: takeArgs},
	"query_string":               {take: takeArgs},
	"server_protocol":            {take: takeProto},
	"status":                     {take: takeStatus},
	"body_bytes_sent":            {take: takeBody},
	"bytes_sent":                 {take: takeSent},
	"request_length":             {take: takeReceived},
	"request_time":               {take: takeRequestTime},
	"upstream_addr":              {take: takeUpstreamTo, length: listLength},
	"upstream_status":            {take: takeUpstreamStatus, length: listLength},
	"upstream_response_time":     {take: takeUpstream, length: listLength},
	"upstream_connect_time":      {take: takeUpstreamConnect, length: listLength},
	"upstream_header_time":       {take: takeUpstreamHeader, length: listLength},
	"upstream_cache_status":      {length: listLength},
	"upstream_response_length":   {length: listLength},
	"upstream_bytes_received":    {length: listLength},
	"upstream_bytes_sent":        {length: listLength},
	"request_id":                 {take: takeRequestID},
	"http_x_request_id":          {take: takeRequestIDIfNone},
	"sent_http_x_request_id":     {take: takeRequestIDIfNone},
	"upstream_http_x_request_id": {take: takeRequestIDIfNone},
	"connection":                 {take: takeConnection},
	"host":                       {take: takeName},
	"http_host":                  {take: takeName},
	"server_name":                {take: takeNameIfNone},
	"ssl_server_name":            {take: takeNameIfNone},
	"hostname":                   {take: takeHost},
	"server_addr":                {take: takeServer, length: addressLength},
	"server_port":                {take: takeServerPort},
	"http_user_agent":            {take: takeAgent},
	"http_x_forwarded_for":       {take: takeForwarded},
	"pid":                        {take: takePID},
	"proxy_host":                 {take: takeUpstreamIfNone},
}

func commonLength(b, _ []byte) int { _, n := commonTime(b); return n }
func isoLength(b, _ []byte) int    { _, n := isoTime(b); return n }
func epochLength(b, _ []byte) int  { _, n := epochTime(b); return n }
func listLength(b, _ []byte) int   { return listEnd(b) }

// addressLength is where an address ends: before the last appearance of what
// follows within the run of characters an address may have, since an IPv6
// address and the port behind it share the colon.
func addressLength(b, after []byte) int {
	n := 0
	for n < len(b) && (b[n] == ':' || b[n] == '.' || hexDigit(b[n]) < 16) {
		n++
	}
	for ; n > 0; n-- {
		if _, ok := address(b[:n]); ok && bytes.HasPrefix(b[n:], after) {
			return n
		}
	}
	return 0
}

// requestLength is where a request without quotation marks ends: at its
// protocol, since the path may hold whatever separates the fields.
func requestLength(b, _ []byte) int {
	i := bytes.Index(b, []byte(" HTTP/"))
	if i < 0 {
		return 0
	}
	n := i + len(" HTTP/")
	for n < len(b) && (b[n] == '.' || b[n] >= '0' && b[n] <= '9') {
		n++
	}
	return n
}

func takeEndCommon(t *templateLine, v []byte, _ *Event) {
	if st, n := t.clock.read(v); n == len(v) {
		finer(&t.times.end, &t.times.hasEnd, st)
	}
}

func takeEndISO(t *templateLine, v []byte, _ *Event) {
	if st, n := isoTime(v); n == len(v) {
		finer(&t.times.end, &t.times.hasEnd, st)
	}
}

func takeEndEpoch(t *templateLine, v []byte, _ *Event) {
	if st, n := epochTime(v); n == len(v) {
		finer(&t.times.end, &t.times.hasEnd, st)
	}
}

func takeClient(_ *templateLine, v []byte, e *Event) {
	if ap, ok := addressPort(v); ok {
		if ap.Port() == 0 {
			ap = netip.AddrPortFrom(ap.Addr(), e.Client.Port())
		}
		e.Client = ap
	}
}

func takeClientPort(_ *templateLine, v []byte, e *Event) {
	if p, ok := port(v); ok {
		e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
	}
}

func takePeer(_ *templateLine, v []byte, e *Event) {
	if a, ok := address(v); ok {
		e.Peer = netip.AddrPortFrom(a, e.Peer.Port())
	}
}

func takePeerPort(_ *templateLine, v []byte, e *Event) {
	if p, ok := port(v); ok {
		e.Peer = netip.AddrPortFrom(e.Peer.Addr(), p)
	}
}

func takeServer(_ *templateLine, v []byte, e *Event) {
	if a, ok := address(v); ok {
		e.Server = netip.AddrPortFrom(a, e.Server.Port())
	}
}

func takeServerPort(_ *templateLine, v []byte, e *Event) {
	if p, ok := port(v); ok {
		e.Server = netip.AddrPortFrom(e.Server.Addr(), p)
	}
}

func takeUser(t *templateLine, v []byte, e *Event) { e.User = view(t.plain(dash(v))) }

func takeRequest(t *templateLine, v []byte, e *Event) { requestLine(t.plain(v), e) }

func takeMethod(t *templateLine, v []byte, e *Event) { e.Method = view(t.plain(dash(v))) }

func takePath(t *templateLine, v []byte, e *Event) { e.Path = view(t.plain(dash(v))) }

func takePathIfNone(t *templateLine, v []byte, e *Event) {
	if e.Path == "" {
		takePath(t, v, e)
	}
}

func takeArgs(t *templateLine, v []byte, _ *Event) { t.args = t.plain(dash(v)) }

func takeProto(_ *templateLine, v []byte, e *Event) { e.Proto = view(dash(v)) }

func takeStatus(_ *templateLine, v []byte, e *Event) {
	if n := digits(v, 3); n >= 0 && len(v) == 3 {
		e.Status = n
	}
}

// setSize keeps a number of bytes.
func setSize(to *int64, v []byte) {
	if n, ok := integer(v); ok && n >= 0 {
		*to = n
	}
}

func takeBody(_ *templateLine, v []byte, e *Event)     { setSize(&e.Body, v) }
func takeSent(_ *templateLine, v []byte, e *Event)     { setSize(&e.Sent, v) }
func takeReceived(_ *templateLine, v []byte, e *Event) { setSize(&e.Received, v) }

func takeRequestTime(_ *templateLine, v []byte, e *Event) {
	if d, ok := amount(v, time.Second); ok {
		e.Duration, e.DurationWidth = d, time.Millisecond
	}
}

func takeUpstreamTo(_ *templateLine, v []byte, e *Event) { e.UpstreamTo = view(dash(v)) }

func takeUpstreamIfNone(_ *templateLine, v []byte, e *Event) {
	if e.UpstreamTo == "" {
		e.UpstreamTo = view(dash(v))
	}
}

func takeUpstreamStatus(_ *templateLine, v []byte, e *Event) { e.UpstreamStatus = view(dash(v)) }

func takeUpstream(_ *templateLine, v []byte, e *Event) {
	if dash(v) != nil {
		e.Upstream = durations(e.Upstream[:0], v)
	}
}

func takeUpstreamConnect(_ *templateLine, v []byte, e *Event) {
	if dash(v) != nil {
		e.UpstreamConnect = durations(e.UpstreamConnect[:0], v)
	}
}

func takeUpstreamHeader(_ *templateLine, v []byte, e *Event) {
	if dash(v) != nil {
		e.UpstreamHeader = durations(e.UpstreamHeader[:0], v)
	}
}

func takeRequestID(t *templateLine, v []byte, e *Event) { e.RequestID = view(t.plain(dash(v))) }

func takeRequestIDIfNone(t *templateLine, v []byte, e *Event) {
	if e.RequestID == "" {
		takeRequestID(t, v, e)
	}
}

func takeConnection(_ *templateLine, v []byte, e *Event) { e.Connection = view(dash(v)) }

func takeName(t *templateLine, v []byte, e *Event) { e.Name = view(t.plain(dash(v))) }

func takeNameIfNone(t *templateLine, v []byte, e *Event) {
	if e.Name == "" {
		takeName(t, v, e)
	}
}

func takeHost(_ *templateLine, v []byte, e *Event) { e.Host = view(dash(v)) }

func takeAgent(t *templateLine, v []byte, e *Event) { e.Agent = view(t.plain(dash(v))) }

func takeForwarded(t *templateLine, v []byte, e *Event) { forwarded(t.plain(v), e) }

func takePID(_ *templateLine, v []byte, e *Event) {
	if n, ok := integer(v); ok && n >= 0 && n < 1<<31 {
		e.PID = int(n)
	}
}
