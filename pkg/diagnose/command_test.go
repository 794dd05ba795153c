package diagnose

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// leftOver is a placeholder of a command, or an ellipsis for the reader to fill.
var leftOver = regexp.MustCompile(`\b(CLIENT|PEER|SERVER|PORT|NAME|RESOLVER|ELSEWHERE|TIMING|URL|HTTPS_URL|UPSTREAM|LOGGING|WINDOW)\b|…`)

// TestCommands: placeholders are filled in from the journeys; what they do not
// tell is left out, or left to the reader; foreign text never gets in.
func TestCommands(t *testing.T) {
	w := newWorld()
	web, _ := w.request(1130, 1131)
	web.Name = "www.example.net"
	seen, _ := w.request(1130, 1131)
	seen.Name, seen.ClientSeen, seen.Server = "x; rm -rf ~", netip.MustParseAddrPort("192.0.2.7:999"), netip.MustParseAddrPort("[2001:db8::1]:8443")
	l := w.lookup("app.example", w.try("A", "app.example", 900, 910, "NOERROR"))
	dns := w.c.Journeys[2]
	clear := &correlate.Journey{Service: "http", Name: "www.example.net", Client: client, Server: netip.MustParseAddrPort("10.2.0.10:80")}
	option := &correlate.Journey{Service: "dns", Name: "-f/etc/passwd", Client: client, Server: resolver}
	c := newCase(w.c, Options{})
	for word := range placeholders {
		if !leftOver.MatchString(word) || strings.TrimSpace(placeholder.FindString("x "+word)) != word {
			t.Errorf("placeholder %s", word)
		}
	}
	for _, x := range []struct {
		template string
		j        *correlate.Journey
		want     string
	}{
		{"SERVER: tcpdump 'host PEER and tcp port PORT'", web, "10.2.0.10: tcpdump 'host 10.1.0.11 and tcp port 443'"},
		{"SERVER: tcpdump 'host PEER and tcp port PORT'", seen, "2001:db8::1: tcpdump 'host 192.0.2.7 and tcp port 8443'"},
		{"SERVER: tcpdump 'host PEER and tcp port PORT'", nil, "tcpdump 'host PEER and tcp port PORT'"},
		{"CLIENT: curl URL", web, "10.1.0.11: curl https://www.example.net/"},
		{"curl URL", seen, "curl https://[2001:db8::1]:8443/"},
		{"curl URL", dns, "curl URL"},
		{"curl HTTPS_URL", web, "curl https://www.example.net/"},
		{"curl HTTPS_URL", clear, "curl HTTPS_URL"},
		{"dig @RESOLVER NAME", dns, "dig @10.2.0.53 app.example"},
		{"dig @RESOLVER NAME", web, "dig www.example.net"},
		{"dig ELSEWHERE NAME", dns, "dig +trace app.example"},
		{"dig NAME", option, "dig NAME"},
		{"dig NAME", seen, "dig NAME"},
		{"tcpdump 'UPSTREAM'", web, "tcpdump 'tcp and not port 443'"},
		{"journalctl WINDOW -k", web, "journalctl --since '1969-12-31 23:55 UTC' --until '1970-01-01 00:06 UTC' -k"},
		{"journalctl WINDOW -k", nil, "journalctl -k"},
	} {
		var js []*correlate.Journey
		if x.j != nil {
			js = append(js, x.j)
		}
		if got := c.command(x.template, js); got != x.want {
			t.Errorf("%s: %s, want %s", x.template, got, x.want)
		}
	}
	silent := w.try("A", "app.example", 920, 0, "")
	silent.Resolver = second
	l.Tries, l.Resolvers = append(l.Tries, silent), append(l.Resolvers, second.Addr())
	if got := newCase(w.c, Options{}).command("dig ELSEWHERE", []*correlate.Journey{dns}); got != "dig +trace" {
		t.Errorf("another resolver is there, and is silent: %s", got)
	}
	other := w.try("A", "app.example", 930, 940, "NOERROR")
	other.Resolver = second
	l.Tries = append(l.Tries, other)
	if got := newCase(w.c, Options{}).command("dig ELSEWHERE", []*correlate.Journey{dns}); got != "dig @10.2.0.54" {
		t.Errorf("another resolver is there: %s", got)
	}
	if got := hostFilter("app.internal:8080, 10.0.0.2:80"); got != "host app.internal and tcp port 8080" {
		t.Error(got)
	}
	if got := hostFilter("unix:/run/app.sock"); got != "" {
		t.Error(got)
	}
}

// TestCommandsOfIncidents: no command of a finding that has journeys is left for
// the reader to fill in, and every refuter not collected has one.
func TestCommandsOfIncidents(t *testing.T) {
	if testing.Short() {
		t.Skip("reads every incident")
	}
	all, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents"), "*", "input"))
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	samples, err := os.ReadDir("../../samples")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if s.IsDir() {
			all = append(all, filepath.Join("../../samples", s.Name()))
		}
	}
	commands := 0
	for _, folder := range all {
		inc, err := incident.Read(context.Background(), []string{folder}, incident.Options{})
		if err != nil {
			t.Fatal(folder, err)
		}
		d := Run(correlate.Correlate(inc, correlate.Options{}), Options{})
		for _, f := range d.Findings {
			for _, x := range f.Refuters {
				if x.Status != "not-collected" {
					continue
				}
				commands++
				if x.Command == "" || len(f.Journeys) > 0 && leftOver.MatchString(x.Command) {
					t.Errorf("%s: %s: %q: %q", folder, f.Rule, x.Text, x.Command)
				}
			}
		}
		for _, k := range d.Checklist {
			if word := leftOver.FindString(k.Command); word != "" && word != "NAME" {
				t.Errorf("%s: %s: %s", folder, k.Item, k.Command)
			}
		}
	}
	if commands == 0 {
		t.Error("no command was looked at")
	}
}
