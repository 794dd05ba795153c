package casefile

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

const whole = `# what is known of the case
reference: client
hosts:
  web:
    addresses: [192.0.2.10, "2001:db8::10"]
    role: server
    aliases: [web01.example.com]
    zone: Europe/Madrid
    offset: +2.5s
  gate: {role: router, addresses: [192.0.2.1], offset: -0.25}
nat:
  - {inside: 10.0.0.5, outside: 203.0.113.7}
proxies:
  - address: 192.0.2.20
    backends: [192.0.2.10]
formats:
  - files: web/access.log*
    log_format: '$remote_addr [$time_local] "$request" $status $request_time'
    host: web
  - files: [a.log, b.log]
    format: syslog
    zone: "-03:30"
    year: 2026
  - files: other_access
    LogFormat: '%h %t "%r" %>s %D'
thresholds:
  app-slow:
    shortest: 250ms
    share: 20 %
    repeats: 3
budgets:
  dns.lookup: 50ms
  http.wait: 0.8
`

func TestWhole(t *testing.T) {
	f, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	thresholds, budgets := f.Rules()
	if want := (map[string]map[string]float64{"app-slow": {"shortest": 0.25, "share": 0.2, "repeats": 3}}); !reflect.DeepEqual(thresholds, want) {
		t.Errorf("%v", thresholds)
	}
	if want := (map[string]float64{"dns.lookup": 0.05, "http.wait": 0.8}); !reflect.DeepEqual(budgets, want) {
		t.Errorf("%v", budgets)
	}
	if want := (map[string]time.Duration{"web": 2500 * time.Millisecond, "gate": -250 * time.Millisecond}); !reflect.DeepEqual(f.Offsets(), want) {
		t.Errorf("%v", f.Offsets())
	}
	zones := f.Zones()
	if len(zones) != 2 || zones["web"].String() != "Europe/Madrid" || zones["web01.example.com"] != zones["web"] {
		t.Errorf("%v", zones)
	}
	if f.Aliases()["web01.example.com"] != "web" || !f.Routers()["gate"] || f.Routers()["web"] || len(f.Addresses()["web"]) != 2 {
		t.Errorf("%+v", f)
	}
	for i, want := range []string{"nginx-access", "syslog", "apache-access"} {
		if p := f.Formats[i].Parser(); p == nil || p.Name != want {
			t.Errorf("format %d: %v", i, p)
		}
	}
	_, east := time.Unix(0, 0).In(f.Formats[1].Zone.Location).Zone()
	if east != -12600 {
		t.Errorf("%d s east", east)
	}
	for file, want := range map[string]bool{"web/access.log": true, "web/access.log.2.gz": true, "db/access.log": false, "web/sub/access.log": false} {
		if got := f.Formats[0].Files.Match(file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
	if !f.Formats[1].Files.Match("any/where/b.log") {
		t.Error("a pattern without a slash is of the last part of a path")
	}
}

// TestWith: of two case files both hold, and of what both say the other one.
func TestWith(t *testing.T) {
	f, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	name := "odd [1]*.pcap"
	other := &File{Reference: "b.pcap", Hosts: map[string]Host{"web": {Offset: new(Offset(time.Second))}},
		Captures: []Capture{{Files: Patterns{ExactPattern(name)}, TakenOn: []Address{{netip.MustParseAddr("192.0.2.10")}}}}}
	text, err := f.With(other)
	if err != nil {
		t.Fatal(err)
	}
	both, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if both.Reference != "b.pcap" || both.Offsets()["web"] != time.Second || len(both.Addresses()["web"]) != 2 || len(both.Formats) != len(f.Formats) || len(both.NAT) != 1 {
		t.Errorf("%s", text)
	}
	for file, want := range map[string]bool{name: true, "sub/" + name: false, "odd 1x.pcap": false} {
		if got := both.Captures[0].Files.Match(file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
	if text, err = (&File{}).With(other); err != nil || !strings.Contains(string(text), "b.pcap") {
		t.Errorf("%s %v", text, err)
	}
}

func TestNothingSaid(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "hosts:\n"} {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever is wrong is told with its line.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"host:\n  web: {}\n", `line 1: unknown key "host"; did you mean "hosts"?`},
		{"hosts:\n  web:\n    adresses: [192.0.2.1]\n", `line 3: unknown key "adresses"; did you mean "addresses"?`},
		{"hosts:\n  web:\n    zzzzzzzzz: 1\n", `line 3: unknown key "zzzzzzzzz"; it may be addresses, role, aliases, zone, offset`},
		{"hosts:\n  web:\n    addresses: [192.0.2.1, 192.0.2.300]\n", `line 3: "192.0.2.300" is no address`},
		{"hosts:\n  web: {role: sever}\n", `line 2: unknown role "sever"; did you mean "server"?`},
		{"hosts:\n  web: {zone: Europe/Madird}\n", `line 2: unknown zone "Europe/Madird"; write Europe/Madrid or +02:00`},
		{"hosts:\n  web:\n    offset: two\n", `line 3: "two" is no offset`},
		{"hosts:\n  web: {addresses: [192.0.2.1]}\n  db:\n    addresses: [192.0.2.1]\n", `line 2: 192.0.2.1 belongs to db and to web`},
		{"hosts:\n  web: {aliases: [DB]}\n  db: {}\n", `belongs to db and to web`},
		{"formats:\n  - files: a.log\n    format: nginx-acces\n", `line 3: unknown format "nginx-acces"; did you mean "nginx-access"?`},
		{"formats:\n  - log_format: '$remote_addr'\n", `line 1: entry 1 of formats names no files`},
		{"formats:\n  - files: a.log\n    log_format: '$remote_addr'\n    LogFormat: '%h'\n", `line 2: a.log: only one of`},
		{"formats:\n  - files: '[a'\n", `line 2: "[a" is no pattern`},
		{"thresholds:\n  app-slow:\n    shortest: soon\n", `line 3: "soon" is no figure`},
		{"budgets:\n  dns.lookup: -1\n", `line 2: "-1" is no figure`},
		{"captures:\n  - {files: a.pcap}\n", `line 1: entry 1 of captures lacks files or taken_on`},
		{"captures:\n  - {files: a.pcap, takenon: [192.0.2.1]}\n", `line 2: unknown key "takenon"; did you mean "taken_on"?`},
		{"nat:\n  - {inside: 10.0.0.1}\n", `line 1: entry 1 of nat lacks inside or outside`},
		{"nat:\n  - {inside: 10.0.0.1, out: 10.0.0.2}\n", `line 2: unknown key "out"; did you mean "outside"?`},
		{"hosts: 3\n", "line 1: `3` cannot stand here"},
		{"hosts:\n  web: {}\n  web: {}\n", "line 3: "},
		{"hosts:\n  web: {addresses: {a: 1}}\n", "line 2: a group of keys cannot stand here"},
		{"hosts: [\n", "line 1: "},
		{"a: 1\n---\nb: 2\n", "line 1: unknown key"},
		{"hosts:\n---\nhosts:\n", "more than one document"},
		{strings.Repeat("#", 2<<20), "no case file"},
		{"a: &a [x, x]\nb: &b [*a, *a]\nhosts: {w: {aliases: *b}}\n", "line "},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v; want %s", c.text, err, c.want)
		}
	}
	_, err := Parse([]byte("host: {}\nnot: 1\n"))
	if err == nil || !strings.Contains(err.Error(), `"hosts"?; line 2: `) {
		t.Errorf("of two mistakes: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("hosts: {web: {zone: +02:00}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if (c == nil) == (err == nil) {
			t.Fatal("neither a case nor an error, or both")
		}
		if c != nil {
			c.Rules()
			c.Zones()
			for i := range c.Formats {
				c.Formats[i].Parser()
			}
		}
	})
}

// A proposal is a case file, whatever names the evidence holds.
func TestProposalIsACaseFile(t *testing.T) {
	p := Proposal{
		Hosts: []ProposedHost{
			{Name: "web", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, Role: "server", Aliases: []string{"web01"}, Zone: FormatZone(-12600), Offset: "+1.0s"},
			{Name: "no: #x\"\n\xff", Zone: "+01:00", Guessed: true},
			{Name: "true"}, {Name: "12"},
		},
		NAT:     [][2]netip.Addr{{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::2")}},
		Formats: []ProposedFormat{{File: "a\nb: c", Format: "text-log", Other: "syslog"}, {File: "x"}},
	}
	for _, q := range []Proposal{p, {}} {
		var b bytes.Buffer
		if err := q.Write(&b, lang.ES); err != nil {
			t.Fatal(err)
		}
		f, err := Parse(b.Bytes())
		if err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		if len(f.Hosts) != len(q.Hosts) || len(f.NAT) != len(q.NAT) {
			t.Errorf("%d hosts and %d translations of\n%s", len(f.Hosts), len(f.NAT), &b)
		}
		if len(q.Hosts) > 0 {
			if h := f.Hosts["web"]; len(h.Addresses) != 2 || h.Role != "server" || h.Zone.String() != "-03:30" || h.Offset != nil {
				t.Errorf("%+v", h)
			}
		}
	}
}
