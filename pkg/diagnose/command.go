package diagnose

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// placeholders are what commands are filled in with, from the journeys they are
// about; "" where those do not tell.
var placeholders = map[string]func(c *Case, js []*correlate.Journey) string{
	"CLIENT": firstOf(func(j *correlate.Journey) string { return addr(j.Client.Addr()) }),
	// PEER is the client as the server sees it, behind an address translation.
	"PEER": firstOf(func(j *correlate.Journey) string {
		if j.ClientSeen.IsValid() {
			return addr(j.ClientSeen.Addr())
		}
		return addr(j.Client.Addr())
	}),
	"SERVER":   firstOf(func(j *correlate.Journey) string { return addr(j.Server.Addr()) }),
	"PORT":     firstOf(func(j *correlate.Journey) string { return fmt.Sprint(j.Server.Port()) }),
	"NAME":     firstOf(nameAsked),
	"RESOLVER": firstOf(resolverOf),
	// ELSEWHERE is how dig asks somebody else.
	"ELSEWHERE": (*Case).elsewhere,
	// TIMING is the client program that prints its own times.
	"TIMING": func(c *Case, js []*correlate.Journey) string {
		if s := firstOf(clientProgram)(c, js); s != "" {
			return s
		}
		name := firstOf(nameAsked)(c, js)
		if name == "" {
			name = "NAME"
		}
		return `curl -sS -o /dev/null -w '%{json}\n' https://` + name + "/"
	},
	"URL": firstOf(urlOf),
	// HTTPS_URL is one whose request has secrets to log.
	"HTTPS_URL": firstOf(func(j *correlate.Journey) string {
		if u := urlOf(j); strings.HasPrefix(u, "https:") {
			return u
		}
		return ""
	}),
	"UPSTREAM": (*Case).upstreamFilter,
	"LOGGING":  (*Case).loggingLine,
	// WINDOW bounds journalctl to the incident.
	"WINDOW": func(_ *Case, js []*correlate.Journey) string { return window(js) },
}

// placeholder matches one, with what goes when nothing is known of it: the host
// a command is for, dig's server, the bounds of a journal.
var placeholder = regexp.MustCompile(`\b(CLIENT|SERVER|RESOLVER): |@(RESOLVER) | (WINDOW)\b|\b(CLIENT|PEER|SERVER|PORT|NAME|RESOLVER|ELSEWHERE|TIMING|URL|HTTPS_URL|UPSTREAM|LOGGING)\b`)

// command fills in what collects a piece of evidence for the hosts at hand.
func (c *Case) command(template string, js []*correlate.Journey) string {
	return placeholder.ReplaceAllStringFunc(template, func(match string) string {
		word := strings.Trim(match, " @:")
		value := placeholders[word](c, js)
		switch {
		case word == "CLIENT" && match != word && c.shared(value):
			return "" // many hosts, of which it names none
		case value != "":
			return strings.Replace(match, word, value, 1)
		case word != match:
			return ""
		}
		return match
	})
}

// shared tells whether an address is one that a router writes in place of its
// clients': no command is for the host that has it.
func (c *Case) shared(address string) bool {
	return address != "" && slices.ContainsFunc(c.Journeys, func(j *correlate.Journey) bool {
		return j.ClientSeen.IsValid() && j.ClientSeen.Addr() != j.Client.Addr() && addr(j.ClientSeen.Addr()) == address
	})
}

// plain are the names that a shell takes as they stand. Captures and logs are
// foreign text: what is not plain never becomes part of a command.
var plain = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)

func plainOnly(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return ""
}

// onClock says which host a command about a clock is for: the one that took its
// capture, else its name where that is no file's.
func (c *Case) onClock(k *correlate.Clock, command string) string {
	host := plainOnly(k.Name)
	for _, f := range k.Files {
		if path.Base(f.Path) == path.Base(host) {
			host = ""
		}
		for _, p := range c.Incident.Captures {
			if slices.Contains(p.Files, f) && p.VantageHost.IsValid() {
				return addr(p.VantageHost) + ": " + command
			}
		}
	}
	if host == "" {
		return command
	}
	return host + ": " + command
}

func addr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

// firstOf asks journeys in order.
func firstOf(ask func(*correlate.Journey) string) func(*Case, []*correlate.Journey) string {
	return func(_ *Case, js []*correlate.Journey) string {
		for _, j := range js {
			if s := ask(j); s != "" {
				return s
			}
		}
		return ""
	}
}

func nameAsked(j *correlate.Journey) string {
	if j.Lookup != nil {
		return plainOnly(j.Lookup.Name)
	}
	return plainOnly(j.Name)
}

func resolverOf(j *correlate.Journey) string {
	switch {
	case j.Lookup != nil && len(j.Lookup.Resolvers) > 0:
		return addr(j.Lookup.Resolvers[0])
	case j.Service == "dns":
		return addr(j.Server.Addr())
	}
	return ""
}

// elsewhere is another resolver of the incident that answers, else the servers of
// the zone.
func (c *Case) elsewhere(js []*correlate.Journey) string {
	asked := firstOf(resolverOf)(c, js)
	for _, r := range c.resolvers {
		if asked != "" && addr(r) != asked {
			return "@" + addr(r)
		}
	}
	return "+trace"
}

// clientProgram repeats a journey and prints when each step was done.
func clientProgram(j *correlate.Journey) string {
	server := addr(j.Server.Addr())
	switch {
	case urlOf(j) != "":
		return `curl -sS -o /dev/null -w '%{json}\n' ` + urlOf(j)
	case j.Service == "ssh":
		return fmt.Sprintf("time ssh -vvv -p %d %s", j.Server.Port(), server)
	case j.Service == "ntp":
		return "sntp " + server
	case j.Service == "dtls":
		return "time openssl s_client -dtls -connect " + j.Server.String()
	}
	return ""
}

// urlOf is the server's root: paths and queries may hold secrets.
func urlOf(j *correlate.Journey) string {
	scheme, usual := "http", uint16(80)
	switch {
	case j.Service == "https" || j.Service == "tls" || j.Service == "quic":
		scheme, usual = "https", 443
	case j.Service != "http":
		return ""
	}
	host, port := plainOnly(j.Name), fmt.Sprint(j.Server.Port())
	if host == "" {
		host = addr(j.Server.Addr())
	}
	switch {
	case j.Server.Port() != usual:
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host + "/"
}

// upstreamFilter selects what a server exchanges with the service behind it:
// the address its log names, else all that is not its clients'.
func (c *Case) upstreamFilter(js []*correlate.Journey) string {
	for _, j := range js {
		for _, l := range j.Lines {
			if s := hostFilter(l.Log.Events[l.Event].UpstreamTo); s != "" {
				return s
			}
		}
	}
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPRequest || e.Kind == logparse.HTTPError {
				if s := hostFilter(e.UpstreamTo); s != "" {
					return s
				}
			}
		}
	}
	if len(js) == 0 {
		return "tcp"
	}
	return fmt.Sprintf("tcp and not port %d", js[0].Server.Port())
}

// hostFilter is tcpdump's filter for the first HOST:PORT of a list.
func hostFilter(list string) string {
	first, _, _ := strings.Cut(list, ",")
	host, port, err := net.SplitHostPort(strings.TrimSpace(first))
	if err != nil || plainOnly(host) == "" || plainOnly(port) == "" {
		return ""
	}
	return "host " + host + " and tcp port " + port
}

// What makes a web server write how long it took, and the client's port.
const (
	nginxLogging  = `log_format timing '$remote_addr:$remote_port $msec $request_time $upstream_response_time "$request" $status $bytes_sent'`
	apacheLogging = `LogFormat "%a:%{remote}p %{usec}t %D %^FB \"%r\" %>s %O" timing`
)

// loggingLine is the setting of the web server that wrote the lines of the
// journeys, else whose logs are there; both where none tells.
func (c *Case) loggingLine(js []*correlate.Journey) string {
	for _, j := range js {
		for _, l := range j.Lines {
			if s := loggingOf(l.Log.File.Kind); s != "" {
				return s
			}
		}
	}
	only := ""
	for _, f := range c.Incident.Files {
		if s := loggingOf(f.Kind); s != "" && s != only {
			if only != "" {
				return nginxLogging + "; " + apacheLogging
			}
			only = s
		}
	}
	if only != "" {
		return only
	}
	return nginxLogging + "; " + apacheLogging
}

func loggingOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "apache"):
		return apacheLogging
	case strings.HasPrefix(kind, "nginx"):
		return nginxLogging
	}
	return ""
}

// around is how much more than the journeys a journal is asked for, as its clock
// may be off.
const around = 5 * time.Minute

func window(js []*correlate.Journey) string {
	from, to := int64(0), int64(0)
	for _, j := range js {
		if !j.Start.Seen() {
			continue
		}
		if from == 0 || j.Start.Time < from {
			from = j.Start.Time
		}
		to = max(to, j.Start.Time, j.End.Time)
	}
	if to == 0 {
		return ""
	}
	text := func(at int64, more time.Duration) string {
		return time.Unix(0, at).UTC().Add(more).Truncate(time.Minute).Format("'2006-01-02 15:04 UTC'")
	}
	return "--since " + text(from, -around) + " --until " + text(to, around+time.Minute)
}

// servicesOf are those that rules of a family are about; those of other families are about all.
var servicesOf = map[string][]string{"dns": {"dns"}, "web": {"http", "https"}, "ssh": {"ssh"}, "ntp": {"ntp"}, "tls": {"https", "tls", "dtls"}, "quic": {"quic"}}

// speakOf lists the journeys that rules of a family are about.
func (c *Case) speakOf(family string) []*correlate.Journey {
	about := servicesOf[family]
	if about == nil {
		return c.Journeys
	}
	if out, known := c.spoken[family]; known {
		return out
	}
	var out []*correlate.Journey
	for _, j := range c.Journeys {
		if slices.Contains(about, j.Service) {
			out = append(out, j)
		}
	}
	if c.spoken == nil {
		c.spoken = map[string][]*correlate.Journey{}
	}
	c.spoken[family] = out
	return out
}

// collect fills in the commands of a finding's refuters.
func (c *Case) collect(f *Finding) {
	js := f.Journeys
	if len(js) == 0 {
		js = c.speakOf(c.rules[f.Rule].Family)
	}
	for i := range f.Refuters {
		f.Refuters[i].Command = c.command(f.Refuters[i].Command, js)
	}
}
