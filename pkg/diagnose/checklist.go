package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// row is one item of the checklist: which kinds of file show it, and what would
// collect it.
type row struct {
	item    string
	kinds   []string
	shown   lang.Text
	missing lang.Text
	command string
	// against finds figures of these files that the packets contradict; nil: none
	// is looked for.
	against func(*Case, *correlate.Journey, *logparse.Event) string
}

// serverLogs are the kinds that tell the server's side.
var serverLogs = []string{
	"access-log", "nginx-access", "apache-access", "caddy-access", "traefik-access", "envoy-access", "w3c-access", "ltsv-access", "alb-access", "custom-access",
	"nginx-error", "apache-error", "haproxy", "app-log", "auth-log", "syslog", "journal-export", "journal-json",
}

var checklistRows = []row{
	{"dns-query", []string{"dig", "dns-log", "nslookup", "resolvectl"},
		lang.Text{EN: "name resolution is shown by %s", ES: "la resolución de nombres la muestra %s"},
		lang.Text{EN: "nothing shows the name resolution from the client", ES: "nada muestra la resolución de nombres desde el cliente"},
		"CLIENT: dig +stats @RESOLVER NAME", digCounts},
	{"client-timing", []string{"curl", "ssh-verbose", "har", "sntp"},
		lang.Text{EN: "the client's own timing is in %s", ES: "los tiempos del propio cliente están en %s"},
		lang.Text{EN: "the client's own timing is missing", ES: "faltan los tiempos del propio cliente"},
		"CLIENT: TIMING", curlConnects},
	{"capture", []string{"pcap", "pcapng"},
		lang.Text{EN: "packets are in %s", ES: "los paquetes están en %s"},
		lang.Text{EN: "there is no capture", ES: "no hay ninguna captura"},
		"tcpdump -i any -s 0 -w incident.pcap 'port 53 or port 443 or port 22 or port 123 or arp or icmp or icmp6'", nil},
	{"server-log", serverLogs,
		lang.Text{EN: "the server's side is in %s", ES: "el lado del servidor está en %s"},
		lang.Text{EN: "the server's log is missing", ES: "falta el registro del servidor"},
		"SERVER: journalctl -o export WINDOW; LOGGING", nil},
	{"time-state", []string{"chrony-tracking", "chrony-measurements", "chrony-statistics", "chrony-selection", "chrony-refclocks", "chronyc", "timesync-status", "ntpq", "ntpd-loopstats", "ntpd-peerstats", "ntpd-rawstats", "ntpd-log", "sntp", "chronyd-log"},
		lang.Text{EN: "the state of the clocks is in %s", ES: "el estado de los relojes está en %s"},
		lang.Text{EN: "nothing states how the hosts' clocks stood", ES: "nada dice cómo estaban los relojes de los equipos"},
		"chronyc -n tracking; chronyc -n sources -v", nil},
}

// checklist says which of the five kinds of evidence the incident holds.
func checklist(c *Case) []Check {
	var out []Check
	asked := slices.DeleteFunc(slices.Clone(c.Journeys), unasked)
	for _, r := range checklistRows {
		check := Check{Item: r.item, Status: "missing", Text: r.missing.In(c.Lang), Command: c.command(r.command, asked)}
		for _, f := range c.Incident.Files {
			if slices.Contains(r.kinds, f.Kind) && f.Records > 0 {
				check.Files = append(check.Files, f)
			}
		}
		if r.item == "dns-query" && len(check.Files) == 0 {
			check.Files = dnsCaptures(c)
		}
		if r.item == "time-state" && len(check.Files) == 0 {
			check.Files = ntpCaptures(c)
		}
		if len(check.Files) > 0 {
			check.Status, check.Command = "shown", ""
			check.Text = c.say(r.shown, fileList(check.Files))
		}
		if r.against != nil {
			if words, files := c.contradiction(r.against); words != "" {
				check.Status, check.Text, check.Files = "contradicted", words, files
			}
		}
		out = append(out, check)
	}
	return out
}

// unasked tells whether a journey is a time that nobody asked for, as by broadcast: its
// ends are no client and no server to collect something at.
func unasked(j *correlate.Journey) bool { return j.NTP != nil && !j.NTP.Request.Seen() }

// fileList names up to three files.
func fileList(files []*incident.File) string {
	text := ""
	for i, f := range files {
		if i == 3 {
			return text + ", …"
		}
		if i > 0 {
			text += ", "
		}
		text += f.Path
	}
	return text
}

func dnsCaptures(c *Case) []*incident.File {
	return capturesWith(c, func(k *incident.Capture) bool {
		for _, f := range k.Flows {
			if len(f.DNS) > 0 {
				return true
			}
		}
		return false
	})
}

func ntpCaptures(c *Case) []*incident.File {
	return capturesWith(c, func(k *incident.Capture) bool {
		for _, f := range k.Flows {
			if len(f.NTP) > 0 {
				return true
			}
		}
		return false
	})
}

func capturesWith(c *Case, has func(*incident.Capture) bool) []*incident.File {
	var out []*incident.File
	for _, k := range c.Incident.Captures {
		if has(k) {
			out = append(out, k.Files...)
		}
	}
	return out
}
