package logparse

import (
	"strings"
	"testing"
	"time"
)

func TestCheckTemplate(t *testing.T) {
	for template, want := range map[string]string{
		"combined": "",
		`$remote_addr [$time_local] "$request" $status`: "",
		`${remote_addr}:${remote_port} $msec`:           "",
		`escape=json {"a":"$remote_addr","t":"$msec"}`:  "",
		`%h %t "%r" %>s`: "",
		`%{%d/%b/%Y:%H:%M:%S}t.%{msec_frac}t %{%z}t "%r" %400,501s`: "",
		"plain text":                  "no field",
		"":                            "no field",
		"$remote_addr$status":         "nothing separates",
		"%>s%D":                       "nothing separates",
		"a $ b":                       "no name after $",
		"a % b":                       "no directive after %",
		"escape=xml $msec":            "unknown escape",
		"%{%Q}t %h":                   "strftime",
		"$time_local $ {remote_addr}": "no name after $",
	} {
		err := CheckTemplate(template)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", template, err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		name, template, line string
		want                 func(e *Event) bool
	}{
		{"address and port share the colon", `$remote_addr:$remote_port $msec $status`, `2001:db8::7:50411 1795345047.100 200`,
			func(e *Event) bool { return e.Client.String() == "[2001:db8::7]:50411" }},
		{"lists of upstreams", `$msec $upstream_response_time $upstream_addr $status`, `1795345047.100 0.001, 0.200 : 0.003 10.0.0.1:80, 10.0.0.2:80 : unix:/run/x 502`,
			func(e *Event) bool {
				return len(e.Upstream) == 3 && e.Upstream[1] == 200*time.Millisecond && e.UpstreamTo == "10.0.0.1:80, 10.0.0.2:80 : unix:/run/x" && e.Status == 502
			}},
		{"who connected is not who is named", `$remote_addr $realip_remote_addr [$time_local] $status`, `198.51.100.4 192.0.2.9 [22/Nov/2026:11:48:22 +0100] 200`,
			func(e *Event) bool {
				return e.Client.Addr().String() == "198.51.100.4" && e.Peer.Addr().String() == "192.0.2.9"
			}},
		{"path in parts", `$msec $host$status|$request_method $uri$is_args$args`, "", nil},
		{"path and arguments apart", `$msec|$request_method|$uri|$args|$status`, `1795345047.100|GET|/a|b=1|200`,
			func(e *Event) bool { return e.Path == "/a?b=1" }},
		{"escapes of JSON", `escape=json {"t":"$time_iso8601","r":"$request","a":"$http_user_agent"}`, `{"t":"2026-11-22T11:57:27+01:00","r":"GET /\"x HTTP/1.1","a":"\u00e4"}`,
			func(e *Event) bool { return e.Path == `/"x` && e.Agent == "ä" && e.ZoneSeconds == 3600 }},
		{"no escapes", `escape=none "$http_user_agent" $msec`, `"a "b"c \x22" 1795345047.100`,
			func(e *Event) bool { return e.Agent == `a "b"c \x22` }},
		{"begin and end", `%{begin:usec}t %{end:usec}t "%r" %>s`, `1795345047100000 1795345047350000 "GET / HTTP/1.1" 200`,
			func(e *Event) bool { return e.Means == RequestStart && e.Duration == 250*time.Millisecond }},
		{"end alone", `%{end:msec}t "%r" %>s`, `1795345047350 "GET / HTTP/1.1" 200`,
			func(e *Event) bool { return e.Means == RequestEnd && e.Width == time.Millisecond }},
		{"the finest of several durations", `%t %T %D "%r"`, `[22/Nov/2026:11:48:22 +0100] 1 1505920 "GET / HTTP/1.1"`,
			func(e *Event) bool {
				return e.Duration == 1505920*time.Microsecond && e.DurationWidth == time.Microsecond
			}},
		{"whole seconds are coarse", `%t %T "%r"`, `[22/Nov/2026:11:48:22 +0100] 0 "GET / HTTP/1.1"`,
			func(e *Event) bool { return e.Duration == 0 && e.DurationWidth == time.Second }},
		{"bytes with TLS", `%t %I %O "%r"`, `[22/Nov/2026:11:48:22 +0100] 690 2649 "GET / HTTP/1.1"`,
			func(e *Event) bool { return e.WithTLS && e.Received == 690 && e.Sent == 2649 && e.Body == -1 }},
		{"an empty body is a dash", `%t "%r" %b`, `[22/Nov/2026:11:48:22 +0100] "GET / HTTP/1.1" -`,
			func(e *Event) bool { return e.Body == 0 }},
		{"another format before the change", `$msec|$status`, `192.0.2.9 - - [22/Nov/2026:11:48:22 +0100] "GET /old HTTP/1.1" 200 5 "-" "-"`,
			func(e *Event) bool { return e.Path == "/old" && e.Means == RequestEnd }},
	} {
		if c.want == nil {
			if CheckTemplate(c.template) == nil {
				t.Errorf("%s: not refused", c.name)
			}
			continue
		}
		events, problems, _, err := ReadAll(strings.NewReader(c.line+"\n"), accessLog, Source{Template: c.template})
		if err != nil || len(events) != 1 || len(problems) > 0 {
			t.Errorf("%s: %d events, %v, %v", c.name, len(events), problems, err)
			continue
		}
		if !c.want(&events[0]) {
			t.Errorf("%s: %v", c.name, stated(&events[0]))
		}
	}
	// A template that cannot be used is said, and the lines are read without it.
	events, problems, _, _ := ReadAll(strings.NewReader(quickLines[0]+"\n"), accessLog, Source{Template: "$a$b"})
	if len(events) != 1 || len(problems) != 1 || !strings.Contains(problems[0].Text, "nothing separates") {
		t.Errorf("%d events, %v", len(events), problems)
	}
}
