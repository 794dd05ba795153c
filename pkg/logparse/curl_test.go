package logparse

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// Every figure that -w printed in the incidents, against curl's own JSON.
func TestCurlTruth(t *testing.T) {
	dirs, err := os.ReadDir(need.Shared(t, "incidents"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		truth := truthOf(t, d.Name())
		byHost := map[string][]int{}
		for i, r := range truth.Requests {
			byHost[r.ClientHost] = append(byHost[r.ClientHost], i)
		}
		for host, list := range byHost {
			path := filepath.Join(need.Shared(t, "incidents"), d.Name(), "input", host, "curl_w.txt")
			if _, err := os.Stat(path); err != nil {
				continue
			}
			events := readFile(t, "curl", "incidents", d.Name(), "input", host, "curl_w.txt")
			if len(events) != len(list) {
				t.Errorf("%s %s: %d transfers, want %d", d.Name(), host, len(events), len(list))
				continue
			}
			used := map[int]bool{}
			for k, e := range events {
				i := list[k]
				if e.Timing.URL == "" { // of --parallel: the order is that of the ends
					for _, j := range list {
						if near(e.Timing.Total, truth.Requests[j].Curl.Total) && near(e.Timing.StartTransfer, truth.Requests[j].Curl.FirstByte) && !used[j] {
							i = j
							break
						}
					}
				}
				used[i] = true
				checkTransfer(t, d.Name()+" "+host, e, truth, i)
				checked++
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d transfers", checked)
	}
}

// near: equal to the microsecond, zero and "not stated" alike.
func near(d time.Duration, s float64) bool {
	return math.Abs(max(d.Seconds(), 0)-s) < 2e-6
}

func checkTransfer(t *testing.T, where string, e Event, truth incidentTruth, i int) {
	t.Helper()
	want := truth.Requests[i]
	w, got := want.Curl, e.Timing
	if !near(got.NameLookup, w.NameLookup) || !near(got.Connect, w.Connect) || !near(got.AppConnect, w.AppConnect) || !near(got.StartTransfer, w.FirstByte) || !near(got.Total, w.Total) {
		t.Errorf("%s line %d: %+v, want %+v", where, e.Line, got, w)
	}
	if got.URL != "" && w.NumRedirects == 0 && got.URL != w.URL {
		t.Errorf("%s line %d: %s, want %s", where, e.Line, got.URL, w.URL)
	}
	if got.Reused != (w.NumConnects == 0 && w.ExitCode == 0) {
		t.Errorf("%s line %d: reused %v, %d connections made", where, e.Line, got.Reused, w.NumConnects)
	}
	if w.ExitCode != 0 && (got.Exit != w.ExitCode || got.Error == "" || e.Outcome != "failed") || w.ExitCode == 0 && (got.Exit > 0 || e.Outcome != "ok") {
		t.Errorf("%s line %d: exit %d %q, want %d", where, e.Line, got.Exit, got.Error, w.ExitCode)
	}
	if w.ExitCode != 0 && got.Connect == 0 || got.AppConnect == 0 && !got.Reused {
		t.Errorf("%s line %d: a zero that means nothing was kept: %+v", where, e.Line, got)
	}
}

// The transcripts of -v tell the same server, status and failure.
func TestCurlVerboseTruth(t *testing.T) {
	truth := truthOf(t, "s13_tls_failures")
	for _, r := range truth.Requests {
		name := "curl_" + string(rune('0'+r.Run/10)) + string(rune('0'+r.Run%10)) + ".log"
		path := filepath.Join(need.Shared(t, "incidents"), "s13_tls_failures", "input", r.ClientHost, name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		events := readFile(t, "curl", "incidents", "s13_tls_failures", "input", r.ClientHost, name)
		found := false
		for _, e := range events {
			if e.Timing.URL != r.Curl.URL {
				continue
			}
			found = true
			if e.Timing.Status != r.Curl.Code || e.Status != r.Curl.Code {
				t.Errorf("%s %s: status %d, want %d", name, r.Curl.URL, e.Timing.Status, r.Curl.Code)
			}
			if r.Server != "" && e.Server.String() != r.Server && !e.Timing.Reused {
				t.Errorf("%s %s: server %v, want %s", name, r.Curl.URL, e.Server, r.Server)
			}
			if e.Timing.Reused != (r.Curl.NumConnects == 0) {
				t.Errorf("%s %s: reused %v", name, r.Curl.URL, e.Timing.Reused)
			}
			if r.Curl.ExitCode != 0 && e.Timing.Exit != r.Curl.ExitCode {
				t.Errorf("%s %s: exit %d, want %d", name, r.Curl.URL, e.Timing.Exit, r.Curl.ExitCode)
			}
			// The time of day is the client's, whose date is not known.
			begin := int64(r.Begin*1e9) + int64(truth.offset(r.ClientHost, int64(r.Begin*1e9))*1e9)
			if !e.NoDate || e.HasTime || e.Time < begin%dayNS-int64(e.Slack) || e.Time > begin%dayNS+2e9 {
				t.Errorf("%s %s: %s of the day, began %s", name, r.Curl.URL, time.Duration(e.Time), time.Duration(begin%dayNS))
			}
		}
		if !found {
			t.Errorf("%s: no transfer of %s in %d", name, r.Curl.URL, len(events))
		}
	}
}

func readText(t *testing.T, format, text string, want int) []Event {
	t.Helper()
	events, problems, _, err := ReadAll(strings.NewReader(text), ByName(format), Source{})
	if err != nil || len(problems) > 0 || len(events) != want {
		for _, e := range events {
			t.Logf("%+v %+v", e, e.Timing)
		}
		t.Fatalf("%d events, want %d; %v, %v", len(events), want, problems, err)
	}
	return events
}

func TestCurlTemplates(t *testing.T) {
	for name, text := range map[string]string{
		"pairs":    "dns=0.012000 connect=0.034000 tls=0.056000 ttfb=0.078000 total=0.090000\n",
		"own":      "$ curl -s -o /dev/null -w '%{time_namelookup} %{time_connect} %{time_appconnect} %{time_starttransfer} %{time_total}\\n' https://app.ejemplo.com/\n0.012000 0.034000 0.056000 0.078000 0.090000\n",
		"lines":    "    time_namelookup:  0.012000s\n       time_connect:  0.034000s\n    time_appconnect:  0.056000s\n   time_pretransfer:  0.057000s\n      time_redirect:  0.000000s\n time_starttransfer:  0.078000s\n                    ----------\n         time_total:  0.090000s\n",
		"words":    "DNS lookup: 0.012 TCP connect: 0.034 TLS handshake: 0.056 TTFB: 0.078 Total: 0.090\n",
		"ms":       "dns: 12ms, tcp: 34ms, tls: 56ms, ttfb: 78ms, total: 90ms\n",
		"json":     `{"http_code":200,"time_namelookup":0.012,"time_connect":0.034,"time_appconnect":0.056,"time_starttransfer":0.078,"time_total":0.090,"num_connects":1,"local_ip":"10.10.1.11","local_port":42334,"remote_ip":"10.20.0.10","remote_port":443,"url_effective":"https://app.ejemplo.com/","exitcode":0,"errormsg":null,"http_version":"2","size_download":55}` + "\n",
		"brackets": "[dns=0.012000] [connect=0.034000] [tls=0.056000] [ttfb=0.078000] [total=0.090000]\n",
	} {
		if name == "lines" {
			text = strings.Replace(text, "                    ----------\n", "", 1)
		}
		e := readText(t, "curl", text, 1)[0]
		g := e.Timing
		if g.NameLookup != 12*time.Millisecond || g.Connect != 34*time.Millisecond || g.AppConnect != 56*time.Millisecond || g.StartTransfer != 78*time.Millisecond || g.Total != 90*time.Millisecond || g.Redirect != -1 {
			t.Errorf("%s: %+v", name, g)
		}
		if name == "json" && (e.Client.String() != "10.10.1.11:42334" || e.Server.String() != "10.20.0.10:443" || e.Status != 200 || e.Proto != "HTTP/2" || e.Name != "app.ejemplo.com" || e.Body != 55 || g.Exit != 0) {
			t.Errorf("json: %+v %+v", e, g)
		}
	}
	events := readText(t, "curl", "$ curl -w @f https://a.b/\ncode=200\ntotal=0.5 ttfb=0.4\ncode=503\ntotal=0.7 ttfb=0.6\n", 2)
	if events[0].Status != 200 || events[1].Status != 503 || events[1].Timing.StartTransfer != 600*time.Millisecond {
		t.Errorf("%+v %+v", events[0].Timing, events[1].Timing)
	}
}

// What other programs write is not taken for curl's.
func TestCurlIsNot(t *testing.T) {
	for _, text := range []string{
		`10.10.1.11 - - [22/Nov/2026:11:55:35 +0100] "GET / HTTP/1.1" 200 55 "-" "curl/7.88.1" rt=0.000 total=0.1` + "\n",
		`time=2026-11-22T10:11:27Z level=info status=200 method=GET path=/ total=3 agent=curl/7.88.1` + "\n",
		`{"time":"2026-11-22T10:11:27Z","status":200,"agent":"curl/7.88.1","duration":0.1}` + "\n",
		"# Changes\n\n* http: follow curl's order of headers\n* tests: use curl\n  > quoted from the thread\n* Added a limit\n* SSL: better errors\n",
	} {
		if n := curl.Score([]byte(text)); n > 0 {
			t.Errorf("%d for %s", n, text)
		}
	}
}

func TestCurlVerboseForms(t *testing.T) {
	const text = `user@pc:~$ curl -v --connect-timeout 2 http://app.ejemplo.com:8080/a?b=c
23:59:59.900000 [0-0] * Host app.ejemplo.com:8080 was resolved.
23:59:59.900100 [0-0] * IPv6: (none)
23:59:59.900200 [0-0] * IPv4: 10.20.0.10
23:59:59.900300 [0-0] *   Trying 10.20.0.10:8080...
00:00:00.100000 [0-0] * Established connection to app.ejemplo.com (10.20.0.10 port 8080) from 10.10.1.11 port 40001
00:00:00.200000 [0-0] > GET /a?b=c HTTP/1.1
00:00:00.200000 [0-0] > Host: app.ejemplo.com:8080
00:00:00.200000 [0-0] >
00:00:00.300000 [0-0] < HTTP/1.1 503 Service Unavailable
00:00:00.300100 [0-0] <
a body
00:00:00.400000 [0-0] * Connection #0 to host app.ejemplo.com left intact
exit=0
$ curl https://nada.ejemplo.com/
curl: (7) Failed to connect to nada.ejemplo.com port 443 after 12 ms: Couldn't connect to server
exit=7
$ curl -s https://muda.ejemplo.com/
exit=28
`
	events := readText(t, "curl", text, 3)
	e := events[0]
	if e.Status != 503 || e.Name != "app.ejemplo.com" || e.Path != "/a?b=c" || e.Client.String() != "10.10.1.11:40001" || e.Server.String() != "10.20.0.10:8080" || e.Timing.Exit != 0 {
		t.Errorf("%+v %+v", e, e.Timing)
	}
	want := []Mark{{"dns.lookup", 86399900e6}, {"tcp.connect", 86400100e6}, {"http.send", 86400200e6}, {"http.wait", 86400300e6}, {"http.receive", 86400400e6}}
	if len(e.Marks) != len(want) {
		t.Fatalf("%v", e.Marks)
	}
	for i := range want {
		if e.Marks[i] != want[i] {
			t.Errorf("%v, want %v", e.Marks[i], want[i])
		}
	}
	if g := events[1].Timing; g.Exit != 7 || g.URL != "https://nada.ejemplo.com/" || !strings.HasPrefix(g.Error, "Failed to connect") {
		t.Errorf("%+v", g)
	}
	if g := events[2].Timing; g.Exit != 28 || g.Error != "" || events[2].Name != "muda.ejemplo.com" || events[2].Outcome != "failed" {
		t.Errorf("%+v", g)
	}
}
