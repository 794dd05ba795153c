package logparse

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// curlKeys are the names people give to curl's variables in their templates,
// as curlKey normalises them, and the variable each stands for.
var curlKeys = map[string]string{
	"namelookup": "time_namelookup", "dns": "time_namelookup", "dnslookup": "time_namelookup", "lookup": "time_namelookup", "dnsresolution": "time_namelookup",
	"nslookup": "time_namelookup", "resolve": "time_namelookup", "resolution": "time_namelookup", "dnsresolve": "time_namelookup",
	"connect": "time_connect", "tcp": "time_connect", "tcpconnect": "time_connect", "tcphandshake": "time_connect", "conn": "time_connect", "tcpconnection": "time_connect", "connection": "time_connect", "conexion": "time_connect",
	"appconnect": "time_appconnect", "tls": "time_appconnect", "ssl": "time_appconnect", "tlshandshake": "time_appconnect", "sslhandshake": "time_appconnect", "tlsconnect": "time_appconnect", "sslconnect": "time_appconnect", "appcon": "time_appconnect", "handshake": "time_appconnect",
	"pretransfer": "time_pretransfer", "pretran": "time_pretransfer", "pre": "time_pretransfer",
	"starttransfer": "time_starttransfer", "ttfb": "time_starttransfer", "firstbyte": "time_starttransfer", "tofirstbyte": "time_starttransfer", "timetofirstbyte": "time_starttransfer", "start": "time_starttransfer", "starttran": "time_starttransfer", "primerbyte": "time_starttransfer",
	"redirect": "time_redirect", "redir": "time_redirect", "redirection": "time_redirect",
	"total": "time_total", "tot": "time_total", "totaltime": "time_total", "elapsed": "time_total",
	"code": "http_code", "status": "http_code", "httpcode": "http_code", "http": "http_code", "responsecode": "http_code", "httpstatus": "http_code", "statuscode": "http_code", "httpresponsecode": "http_code",
	"localip": "local_ip", "localport": "local_port", "remoteip": "remote_ip", "ip": "remote_ip", "remoteport": "remote_port",
	"url": "url_effective", "urleffective": "url_effective", "size": "size_download", "sizedownload": "size_download", "bytes": "size_download", "downloaded": "size_download",
	"sizeupload": "size_upload", "numconnects": "num_connects", "httpversion": "http_version", "exitcode": "exitcode", "errormsg": "errormsg", "exit": "exitcode", "err": "errormsg",
	"speed": "speed_download", "speeddownload": "speed_download", "speedupload": "speed_upload", "sslverifyresult": "ssl_verify_result", "numredirects": "num_redirects",
	"contenttype": "content_type", "method": "method", "scheme": "scheme", "redirecturl": "redirect_url", "posttransfer": "time_posttransfer", "queue": "time_queue", "sizeheader": "size_header", "sizerequest": "size_request",
}

// curlKey reduces a name to its letters, without "time" before it.
func curlKey(b []byte) string {
	var k [48]byte
	n := 0
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c >= 'a' && c <= 'z':
		default:
			continue
		}
		if n == len(k) {
			return ""
		}
		k[n] = c
		n++
	}
	s := string(k[:n])
	if v := strings.TrimPrefix(s, "time"); v != "" && curlKeys[v] != "" {
		return v
	}
	return s
}

// timings reads a line of "name=value" or "name: value" pairs, or one that the
// template fits. A figure that the transfer has already begins the next one.
func (c *curlText) timings(line []byte, at place) bool {
	t := noTiming()
	var e Event
	e.clear()
	got := 0
	if tpl := c.command.template; tpl != nil {
		got = tpl.match(line, t, &e)
	}
	if got == 0 {
		t = noTiming()
		unknown, timed := 0, false
		curlPairs(line, func(name string, value []byte) {
			if name == "" || !setCurl(name, value, t, &e) {
				unknown++
				return
			}
			got++
			timed = timed || timingField(name, t) != nil
		})
		// Other programs write pairs too: most must be curl's, and one a time,
		// unless the line goes on with a transfer.
		if unknown >= got || !timed && len(c.pending) == 0 && !c.command.known {
			return false
		}
	}
	if n := len(c.pending); n > 0 {
		last := &c.pending[n-1]
		// A template of several lines: what is new joins the last transfer.
		if last.Timing.Error == "" && last.Lines > 0 && at.line <= last.Line+last.Lines+1 && disjoint(last.Timing, t) && c.templateLines(last) {
			joinTiming(last.Timing, t)
			if e.Body >= 0 {
				last.Body = e.Body
			}
			if e.Proto != "" {
				last.Proto = e.Proto
			}
			last.reach(at)
			return true
		}
	}
	c.figures(t, e, at)
	return true
}

// templateLines tells whether the last transfer may still lack figures: not
// where its line held the total and others.
func (c *curlText) templateLines(last *Event) bool {
	t := last.Timing
	return !(last.Lines == 1 && t.Total >= 0 && (t.Connect >= 0 || t.StartTransfer >= 0))
}

// fieldsOf lists the figures of a Timing.
func fieldsOf(t *Timing) [7]*time.Duration {
	return [...]*time.Duration{&t.NameLookup, &t.Connect, &t.AppConnect, &t.PreTransfer, &t.StartTransfer, &t.Redirect, &t.Total}
}

func disjoint(a, b *Timing) bool {
	f, g := fieldsOf(a), fieldsOf(b)
	for i := range f {
		if *f[i] >= 0 && *g[i] >= 0 {
			return false
		}
	}
	return !(a.Status != 0 && b.Status != 0) && !(a.URL != "" && b.URL != "")
}

func joinTiming(to, from *Timing) {
	f, g := fieldsOf(to), fieldsOf(from)
	for i := range f {
		if *g[i] >= 0 {
			*f[i] = *g[i]
		}
	}
	if from.Status != 0 {
		to.Status = from.Status
	}
	if from.URL != "" {
		to.URL = from.URL
	}
	if from.Exit >= 0 {
		to.Exit = from.Exit
	}
	if from.Error != "" {
		to.Error = from.Error
	}
	if from.Local.IsValid() {
		to.Local = from.Local
	}
	if from.Remote.IsValid() {
		to.Remote = from.Remote
	}
	to.Reused = to.Reused || from.Reused
}

// curlPairs calls pair for each "name=value" or "name: value" of a line, with
// the variable of curl that the name stands for, "" if there is none.
func curlPairs(line []byte, pair func(name string, value []byte)) {
	for pos := 0; pos < len(line); {
		i := bytes.IndexAny(line[pos:], "=:")
		if i < 0 {
			return
		}
		key := line[pos : pos+i]
		pos += i + 1
		for pos < len(line) && (line[pos] == ' ' || line[pos] == '\t') {
			pos++
		}
		from := pos
		for pos < len(line) && bytes.IndexByte([]byte(" \t,;|"), line[pos]) < 0 {
			pos++
		}
		if pos > from {
			pair(curlKeys[curlKey(key)], line[from:pos])
		}
	}
}

// setCurl stores one variable. It returns false for a value that it cannot
// have.
func setCurl(name string, value []byte, t *Timing, e *Event) bool {
	if field := timingField(name, t); field != nil {
		d, ok := curlSeconds(value)
		if ok {
			*field = d
		}
		return ok
	}
	n, number := integer(value)
	switch name {
	case "http_code", "response_code":
		if !number || n < 0 || n > 999 || len(value) != 3 {
			return false
		}
		t.Status = int(n)
	case "url_effective", "url":
		if !bytes.Contains(value, []byte("://")) {
			return false
		}
		t.URL = string(value)
	case "local_ip", "local_port":
		t.Local = joinSocket(t.Local, name == "local_ip", value)
	case "remote_ip", "remote_port":
		t.Remote = joinSocket(t.Remote, name == "remote_ip", value)
	case "size_download":
		if !number || n < 0 {
			return false
		}
		e.Body = n
	case "size_upload":
		if number && n > 0 {
			e.Received = n
		}
	case "num_connects":
		t.Reused = number && n == 0
	case "http_version":
		e.Proto = curlVersion(value)
	case "exitcode":
		if !number || n < 0 || n > 255 {
			return false
		}
		t.Exit = int(n)
	case "errormsg":
		t.Error = string(value)
	case "method":
		e.Method = string(value)
	}
	return true
}

func timingField(name string, t *Timing) *time.Duration {
	switch name {
	case "time_namelookup":
		return &t.NameLookup
	case "time_connect":
		return &t.Connect
	case "time_appconnect":
		return &t.AppConnect
	case "time_pretransfer":
		return &t.PreTransfer
	case "time_starttransfer":
		return &t.StartTransfer
	case "time_redirect":
		return &t.Redirect
	case "time_total":
		return &t.Total
	}
	return nil
}

// curlSeconds reads "0.020778", "0,020778" (some locales), "0.02s", "20ms".
func curlSeconds(b []byte) (time.Duration, bool) {
	b = bytes.TrimRight(b, ".)]")
	var buf [32]byte
	if len(b) > len(buf) {
		return 0, false
	}
	v := buf[:copy(buf[:], b)]
	if i := bytes.IndexByte(v, ','); i >= 0 {
		v[i] = '.'
	}
	ns, _, ok := withUnit(v)
	if !ok {
		ns, _, ok = seconds(v)
	}
	return time.Duration(ns), ok && ns >= 0
}

// curlVersion turns "1.1", "2", "3" into the name of the protocol.
func curlVersion(b []byte) string {
	switch string(b) {
	case "1.0", "1.1":
		return "HTTP/" + string(b)
	case "2", "2.0":
		return "HTTP/2"
	case "3", "3.0":
		return "HTTP/3"
	}
	return ""
}

// curlJSON reads the object that -w '%{json}' prints.
func curlJSON(b []byte) (*Timing, Event, bool) {
	t := noTiming()
	var e Event
	e.clear()
	in := json.NewDecoder(bytes.NewReader(b))
	in.UseNumber()
	var fields map[string]any
	if in.Decode(&fields) != nil {
		return nil, e, false
	}
	text := func(name string) string {
		switch v := fields[name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return ""
	}
	for _, name := range []string{"time_namelookup", "time_connect", "time_appconnect", "time_pretransfer", "time_starttransfer", "time_redirect", "time_total",
		"http_code", "url_effective", "size_download", "size_upload", "http_version", "exitcode", "errormsg", "method"} {
		if v := text(name); v != "" {
			if name == "http_code" && len(v) < 3 {
				continue // 0: no answer
			}
			setCurl(name, []byte(v), t, &e)
		}
	}
	t.Local = socket(text("local_ip"), text("local_port"))
	t.Remote = socket(text("remote_ip"), text("remote_port"))
	t.Reused = text("num_connects") == "0" && t.Status > 0
	if t.Exit == 0 {
		t.Error = ""
	}
	return t, e, t.Total >= 0
}
