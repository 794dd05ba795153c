package logparse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the expected results of one project are in the time of a city

	"github.com/flowcorr/flowcorr/internal/need"
)

// differences gathers where this package and an expected result disagree, by
// file and field.
type differences map[string][]string

func (d differences) compare(file, field, want, got string) {
	if want != got {
		key := file + " " + field
		d[key] = append(d[key], fmt.Sprintf("want %.80q, got %.80q", want, got))
	}
}

// check holds that the differences are those that testdata/differences.md
// lists under a heading, with how many there are.
func (d differences) check(t *testing.T, heading string) {
	t.Helper()
	text, err := os.ReadFile("testdata/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	_, section, _ := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(cells[3])); err == nil {
			known[strings.Trim(strings.TrimSpace(cells[1]), "`")+" "+strings.TrimSpace(cells[2])] = n
		}
	}
	var keys []string
	for k := range d {
		keys = append(keys, k)
	}
	for k := range known {
		if d[k] == nil {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		if len(d[k]) != known[k] {
			t.Errorf("%s: %d differences, %d are listed: %s", k, len(d[k]), known[k], strings.Join(d[k][:min(len(d[k]), 30)], "; "))
		}
	}
}

// sharedLog is a third-party log with the events of each of its lines.
type sharedLog struct {
	format *Format
	lines  []string
	events map[int]*Event // by line
}

func readSharedLog(t *testing.T, path string, year int) sharedLog {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := sharedLog{events: map[int]*Event{}, lines: strings.Split(string(text), "\n")}
	l.format, _, _ = Detect(text[:min(len(text), HeadBytes)], filepath.Base(path))
	if l.format == nil {
		return l
	}
	events, _, _, err := ReadAll(bytes.NewReader(text), l.format, Source{Path: path, Year: year})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		l.events[events[i].Line] = &events[i]
	}
	return l
}

var assertion = regexp.MustCompile(`^results\["(s0[12]-[a-z]+)"\]\["([^"]+)"\]\[(\d+)\]\.(?:Evt\.)?(Success|Parsed|Meta|Enriched)(?:\["([A-Za-z_0-9]+)"\])? == (.*)$`)

// expectations reads the assertions of a parser test: the fields of each event
// as the last stage saw them.
func expectations(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	byKey := map[string]map[string]string{}
	var order []string
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		m := assertion.FindStringSubmatch(in.Text())
		if m == nil || m[1] == "s02-enrich" && !strings.HasSuffix(m[2], "dateparse-enrich") {
			continue
		}
		key := m[1] + " " + m[2] + " " + m[3]
		if byKey[key] == nil {
			byKey[key] = map[string]string{"Stage": m[1] + " " + m[2]}
			order = append(order, key)
		}
		value, err := strconv.Unquote(m[6])
		if err != nil {
			value = m[6]
		}
		byKey[key][m[4]+"."+m[5]] = value
	}
	var out []map[string]string
	for _, key := range order {
		if e := byKey[key]; e["Success."] != "false" && e["Parsed.message"] != "" {
			out = append(out, e)
		}
	}
	return out
}

// The parser tests of CrowdSec's hub: every field they assert that an event
// has too.
func TestAgreesWithCrowdSec(t *testing.T) {
	dir := need.Shared(t, "logs", "crowdsec-hub", ".tests")
	asserts, err := filepath.Glob(filepath.Join(dir, "*", "parser.assert"))
	if err != nil || len(asserts) == 0 {
		t.Fatal("no tests", err)
	}
	d := differences{}
	fields, events, foreign := 0, 0, 0
	for _, path := range asserts {
		logs, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.log"))
		if len(logs) != 1 {
			continue
		}
		name := filepath.Base(filepath.Dir(path))
		l := readSharedLog(t, logs[0], 2000)
		if l.format == nil {
			foreign++
			continue
		}
		used := map[string]int{}
		for _, want := range expectations(t, path) {
			e := l.find(want, used)
			if e == nil {
				d.compare(name, "event", want["Parsed.message"], "")
				continue
			}
			events++
			fields += compareCrowdSec(d, name, want, e)
		}
	}
	t.Logf("%d events, %d fields, %d logs in formats of other subjects", events, fields, foreign)
	if events < 800 || fields < 1800 {
		t.Errorf("only %d events and %d fields were compared", events, fields)
	}
	d.check(t, "CrowdSec hub")
}

// find gives the event of the line that an expectation speaks of: the n-th that
// holds its message, for the n-th expectation of one parser with it.
func (l *sharedLog) find(want map[string]string, used map[string]int) *Event {
	message := want["Parsed.message"]
	n := used[want["Stage"]+message]
	used[want["Stage"]+message]++
	for _, holds := range []func(line, part string) bool{strings.HasSuffix, strings.Contains} {
		n := n
		for i, line := range l.lines {
			if holds(strings.TrimRight(line, "\r"), message) && l.events[i+1] != nil {
				if n == 0 {
					return l.events[i+1]
				}
				n--
			}
		}
	}
	return nil
}

func compareCrowdSec(d differences, file string, want map[string]string, e *Event) (fields int) {
	compare := func(field, got string, names ...string) {
		for _, n := range names {
			if w := want[n]; w != "" && w != "-" {
				fields++
				d.compare(file, field, w, got)
				return
			}
		}
	}
	if e.Kind == Message && !isSSHD(e.Process) {
		return compareTime(d, file, want, e) // a line of which nothing but the stamp is known
	}
	client := ""
	if e.Client.IsValid() {
		client = e.Client.Addr().String()
	}
	compare("client", client, "Meta.source_ip")
	if e.Kind == HTTPRequest {
		size := e.Body
		if size < 0 {
			size = max(e.Size, e.Sent)
		}
		compare("status", strconv.Itoa(e.Status), "Meta.http_status")
		compare("method", e.Method, "Meta.http_verb", "Parsed.verb")
		compare("path", e.Path, "Meta.http_path", "Parsed.request")
		compare("agent", e.Agent, "Meta.http_user_agent", "Parsed.http_user_agent")
		compare("protocol", strings.TrimPrefix(e.Proto, "HTTP/"), "Parsed.http_version")
		compare("size", strconv.FormatInt(size, 10), "Parsed.body_bytes_sent")
	}
	compare("name", e.Name, "Meta.target_fqdn")
	compare("user", e.User, "Meta.target_user", "Parsed.remote_user")
	if e.Host != "" {
		compare("host", e.Host, "Meta.machine")
		compare("pid", strconv.Itoa(e.PID), "Parsed.pid")
	}
	return fields + compareTime(d, file, want, e)
}

// compareTime compares the stamps to the width of the expected one.
func compareTime(d differences, file string, want map[string]string, e *Event) (fields int) {
	if w := want["Enriched.MarshaledTime"]; w != "" && w != "0001-01-01T00:00:00Z" {
		fields++
		at, err := time.Parse(time.RFC3339Nano, w)
		got := time.Unix(0, e.Time).UTC()
		if e.YearInferred { // the year of the run is in the expectation
			got = time.Date(at.Year(), got.Month(), got.Day(), got.Hour(), got.Minute(), got.Second(), got.Nanosecond(), time.UTC)
		}
		if at.Nanosecond() == 0 {
			got = got.Truncate(time.Second)
		}
		if err != nil || !at.Equal(got) {
			d.compare(file, "time", w, got.Format(time.RFC3339Nano))
		}
	}
	return fields
}

// fail2banFiles are the logs of its tests whose formats are ours.
var fail2banFiles = []string{"apache-auth", "apache-badbots", "apache-fakegooglebot", "apache-modsecurity", "apache-nohome", "apache-noscript", "apache-pass", "apache-shellshock",
	"haproxy-http-auth", "nginx-botsearch", "nginx-forbidden", "nginx-http-auth", "pam-generic", "php-url-fopen", "sshd", "traefik-auth", "zzz-sshd-obsolete-multiline"}

// The sample lines of fail2ban: time and host of each that it matches.
func TestAgreesWithFail2ban(t *testing.T) {
	dir := need.Shared(t, "logs", "fail2ban", "fail2ban", "tests", "files", "logs")
	city, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	d := differences{}
	lines := 0
	withoutTime := 0
	for _, name := range fail2banFiles {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			Time, Host string
			Match      bool
		}
		expected := false
		for _, line := range strings.Split(string(text), "\n") {
			if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
				if _, object, ok := strings.Cut(comment, "failJSON:"); ok {
					want.Time, want.Host, want.Match = "", "", false
					expected = json.Unmarshal([]byte(object), &want) == nil && want.Match
				}
				continue
			}
			if line == "" || !expected {
				continue
			}
			expected = false
			if want.Time == "" {
				withoutTime++
				continue
			}
			lines++
			at, err := time.ParseInLocation("2006-01-02T15:04:05", strings.Split(want.Time, ".")[0], city)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			compareFail2ban(d, name, line, want.Host, at)
		}
	}
	t.Logf("%d lines, %d without an expected time", lines, withoutTime)
	if lines < 150 {
		t.Errorf("only %d lines were compared", lines)
	}
	d.check(t, "fail2ban")
}

func compareFail2ban(d differences, name, line, host string, at time.Time) {
	src := Source{Year: at.Year()}
	o := newOtherLines(src)
	other := newHAProxy(src)
	traefik := traefikLines{access: access{src: src}}
	e := Event{}
	e.clear()
	if !traefik.line([]byte(line), &e) && !(strings.Contains(line, "haproxy[") && other.line([]byte(line), &e)) && !o.line([]byte(line), &e) {
		d.compare(name, "event", line, "")
		return
	}
	client := ""
	if e.Client.IsValid() {
		client = e.Client.Addr().String()
	} else if e.Name != "" && e.Kind == PAM {
		client = e.Name
	}
	d.compare(name, "host", host, client)
	got := time.Unix(0, e.Time)
	if e.Zone != ZoneStated {
		u := got.UTC()
		got = time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, at.Location())
	}
	d.compare(name, "time", at.Format(time.RFC3339), got.In(at.Location()).Truncate(time.Second).Format(time.RFC3339))
}
