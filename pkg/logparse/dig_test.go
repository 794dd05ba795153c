package logparse

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every run of the incidents, against what was recorded when it ran.
func TestDigTruth(t *testing.T) {
	for incident, hosts := range map[string]map[string][]string{
		"s03_slow_dns":   {"c1": {"dig_10.txt", "dig.txt"}, "c2": {"dig.txt"}, "c3": {"dig.txt"}},
		"s10_integrador": {"c1": {"dig.txt"}},
	} {
		truth := truthOf(t, incident)
		for host, files := range hosts {
			var events []Event
			for _, f := range files {
				events = append(events, readFile(t, "dig", "incidents", incident, "input", host, f)...)
			}
			i := 0
			for _, want := range truth.DNS {
				if want.ClientHost != host {
					continue
				}
				if i == len(events) {
					t.Errorf("%s %s: only %d runs", incident, host, i)
					break
				}
				e := events[i]
				l := e.Lookup
				i++
				id, _ := want.ID.Int64()
				query, _ := want.QueryTime.Int64()
				answers, _ := want.Answers.Int64()
				if want.Status == "" {
					if !l.NoServers || l.Status != "" || l.ID != -1 || l.Timeouts != tries(want.Args) || e.HasTime {
						t.Errorf("%s %s run %d: %+v, want no servers after %d timeouts", incident, host, i, l, tries(want.Args))
					}
					continue
				}
				if l.Status != want.Status || int64(l.ID) != id || l.QueryTime != time.Duration(query)*time.Millisecond || int64(len(l.Answers)) != answers || l.Timeouts != 0 || l.TCPRetry != want.TCP || !strings.EqualFold(e.Proto, want.Proto) {
					t.Errorf("%s %s run %d: %+v, want %+v", incident, host, i, l, want)
				}
				end := int64(want.End*1e9) + int64(truth.offset(host, int64(want.End*1e9))*1e9)
				if e.Zone != ZoneStated || e.Time > end || end-e.Time > 2e9 {
					t.Errorf("%s %s run %d: at %s, ended %s", incident, host, i, time.Unix(0, e.Time).UTC(), time.Unix(0, end).UTC())
				}
			}
			if i != len(events) {
				t.Errorf("%s %s: %d runs, want %d", incident, host, len(events), i)
			}
		}
	}
}

// tries is how often dig was told to ask; every attempt timed out.
func tries(args []string) int {
	for _, a := range args {
		if n, ok := strings.CutPrefix(a, "+tries="); ok {
			v, _ := strconv.Atoi(n)
			return v
		}
	}
	return 3
}

func TestDigForms(t *testing.T) {
	const text = `$ dig +short app.ejemplo.com
www.ejemplo.com.
10.20.0.10
10.20.0.11
$ time dig @10.20.0.53 -x 10.20.0.10 +noall +answer
10.0.20.10.in-addr.arpa. 60 IN PTR app.ejemplo.com.

real	0m0.031s
user	0m0.010s
sys	0m0.005s
$ dig @10.20.0.99 muerta.ejemplo.com AAAA

; <<>> DiG 9.16.1 <<>> @10.20.0.99 muerta.ejemplo.com AAAA
; (1 server found)
;; global options: +cmd
;; connection timed out; no servers could be reached
exit=9
$ dig @10.20.0.53 app.ejemplo.com +yaml
-
  type: MESSAGE
  message:
    type: RECURSIVE_RESPONSE
    query_time: !!timestamp 2026-11-22T10:15:32.120Z
    response_time: !!timestamp 2026-11-22T10:15:32.203Z
    message_size: 88b
    socket_family: INET
    socket_protocol: UDP
    response_address: "10.20.0.53"
    response_port: 53
    query_address: "0.0.0.0"
    query_port: 0
    response_message_data:
      opcode: QUERY
      status: NOERROR
      id: 28541
      flags: qr rd ra
      QUESTION: 1
      ANSWER: 1
      QUESTION_SECTION:
        - 'app.ejemplo.com. IN A'
      ANSWER_SECTION:
        - 'app.ejemplo.com. 2 IN A 10.20.0.10'
$ dig @10.20.0.53 app.ejemplo.com
;; communications error to 10.20.0.53#53: connection refused
;; communications error to 10.20.0.53#53: connection refused

; <<>> DiG 9.18.49 <<>> @10.20.0.53 app.ejemplo.com
;; global options: +cmd
;; no servers could be reached
`
	events, problems, _, err := ReadAll(strings.NewReader(text), dig, Source{})
	if err != nil || len(problems) > 0 || len(events) != 5 {
		for _, e := range events {
			t.Logf("%+v", e.Lookup)
		}
		t.Fatalf("%d events, %v, %v", len(events), problems, err)
	}
	if l := events[0].Lookup; l.Name != "app.ejemplo.com" || l.Type != "A" || len(l.Answers) != 2 || events[0].Outcome != "ok" || events[0].HasTime {
		t.Errorf("+short: %+v", l)
	}
	if l := events[1].Lookup; l.Name != "10.0.20.10.in-addr.arpa" || l.Type != "PTR" || l.Server.String() != "10.20.0.53:53" || events[1].Duration != 31*time.Millisecond {
		t.Errorf("-x: %+v %+v", l, events[1])
	}
	if l := events[2].Lookup; !l.NoServers || l.Timeouts != 1 || l.Name != "muerta.ejemplo.com" || l.Type != "AAAA" || events[2].Outcome != "no-servers" {
		t.Errorf("silent: %+v", l)
	}
	if l := events[3].Lookup; l.QueryTime != 83*time.Millisecond || l.ID != 28541 || l.Status != "NOERROR" || len(l.Answers) != 1 || events[3].Time != 1795342532203e6 || events[3].Width != time.Millisecond || events[3].Proto != "udp" {
		t.Errorf("+yaml: %+v %+v", l, events[3])
	}
	if l := events[4].Lookup; !l.NoServers || l.Timeouts != 0 || events[4].Text != "connection refused" {
		t.Errorf("refused: %+v %+v", l, events[4])
	}
}

func TestDateWords(t *testing.T) {
	for text, want := range map[string]struct {
		utc  string
		zone ZoneState
	}{
		"Sun Nov 22 05:55:29 -05 2026":    {"2026-11-22T10:55:29Z", ZoneStated},
		"Sun Nov 22 11:07:32 UTC 2026":    {"2026-11-22T11:07:32Z", ZoneStated},
		"Sun Nov 22 12:07:32 CET 2026":    {"2026-11-22T11:07:32Z", ZoneStated},
		"dom nov 22 12:07:32 CET 2026":    {"2026-11-22T11:07:32Z", ZoneStated},
		"lun 3 ago 12:07:32 CEST 2026":    {"2026-08-03T10:07:32Z", ZoneStated},
		"Sun Nov 22 11:07:32 IST 2026":    {"2026-11-22T11:07:32Z", ZoneUnknown},
		"Sun Nov 22 11:07:32 2026":        {"2026-11-22T11:07:32Z", ZoneUnknown},
		"Sun Nov 22 11:07:32 PM UTC 2026": {"2026-11-22T23:07:32Z", ZoneStated},
		"Sun Nov 22 11:07:32 +0530 2026":  {"2026-11-22T05:37:32Z", ZoneStated},
		"Sun Nov 22 11:07:32.25 UTC 2026": {"2026-11-22T11:07:32.25Z", ZoneStated},
	} {
		st, ok := dateWords([]byte(text))
		if got := time.Unix(0, st.time).UTC().Format(time.RFC3339Nano); !ok || got != want.utc || st.zone != want.zone {
			t.Errorf("%s: %s %d %v, want %s %d", text, got, st.zone, ok, want.utc, want.zone)
		}
	}
	for _, bad := range []string{"", "Sun Nov 31 11:07:32 UTC 2026", "Sun Foo 22 11:07:32 UTC 2026", "Sun Nov 22 25:07:32 UTC 2026", "Sun Nov 22 11:07:32"} {
		if _, ok := dateWords([]byte(bad)); ok {
			t.Errorf("%q accepted", bad)
		}
	}
}
