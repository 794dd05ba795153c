package correlate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Kinds of a clock, in the words of the report.
const (
	kindCapture   = "capture"
	kindLog       = "log"
	kindNTPClock  = "ntp-clock"
	kindNTPServer = "ntp-server"
	kindHost      = "host" // known by what its packets tell of its clock
	kindUTC       = "utc"
)

// domains are the clocks of an incident that can be wrong on their own.
type domains struct {
	clocks []*Clock // by clock.ID
	byKey  map[string]*Clock
	hosts  map[*incident.Log]string // the host whose folder or lines a log is
	lang   lang.Lang                // of names
}

func (d *domains) get(key, kind, name string) *Clock {
	if k := d.byKey[key]; k != nil {
		return k
	}
	k := &Clock{ID: clock.ID(len(d.clocks)), Name: name, Kind: kind}
	d.clocks = append(d.clocks, k)
	d.byKey[key] = k
	return k
}

// buildDomains names every clock that wrote a file: one for each interface of a
// capture, one for each host's logs, and chronyd's own clock where it stamps
// files. Logs set apart have a clock of their own, whatever lies beside them.
// Further clocks (NTP servers, UTC) come with their evidence. l is the language of
// names.
func buildDomains(inc *incident.Incident, apart map[*incident.Log]bool, l lang.Lang) *domains {
	d := &domains{byKey: map[string]*Clock{}, hosts: map[*incident.Log]string{}, lang: l}
	for i, c := range inc.Captures {
		d.addCapture(i, c)
	}
	names := folderNames(inc)
	for _, l := range inc.Logs {
		if apart[l] && len(hostsIn(l)) <= 1 {
			d.hosts[l] = l.File.Path
			k := d.get(hostKey(l.File.Path), kindLog, l.File.Path)
			k.Files = append(k.Files, l.File)
			k.Notes = append(k.Notes, lang.Text{EN: "another clock wrote the other logs of its folder", ES: "otro reloj escribió los demás registros de su carpeta"})
			continue
		}
		d.addLog(l, names)
	}
	return d
}

func captureKey(i int, id capture.ClockID) string { return fmt.Sprintf("capture:%d:%d", i, id) }

func (d *domains) addCapture(i int, c *incident.Capture) {
	if len(c.Files) == 0 {
		return
	}
	seen := map[capture.ClockID]bool{}
	var ids []capture.ClockID
	for _, f := range c.Flows {
		if !seen[f.Clock] {
			seen[f.Clock] = true
			ids = append(ids, f.Clock)
		}
	}
	if len(ids) == 0 {
		ids = append(ids, 0)
	}
	slices.Sort(ids)
	for _, id := range ids {
		name := c.Files[0].Path
		if len(ids) > 1 {
			name += fmt.Sprintf(" interface %d", id)
			if int(id) < len(c.Interfaces) && c.Interfaces[id].Name != "" {
				name += " (" + c.Interfaces[id].Name + ")"
			}
		}
		k := d.get(captureKey(i, id), kindCapture, name)
		k.Files = c.Files
		k.Interfaces = []capture.ClockID{id}
	}
}

// folderNames tells for each folder the one host name its lines carry, if they
// agree; "" where they do not.
func folderNames(inc *incident.Incident) map[string]string {
	names := map[string]string{}
	for _, l := range inc.Logs {
		if l.Folder == "" {
			continue
		}
		for _, h := range hostsIn(l) {
			if old, ok := names[l.Folder]; ok && old != h.name {
				names[l.Folder] = ""
			} else {
				names[l.Folder] = h.name
			}
		}
	}
	return names
}

// hostCount is a host name found in the lines of a file.
type hostCount struct {
	name  string
	lines int
}

// hostsIn lists the host names in the lines of a log, most lines first.
func hostsIn(l *incident.Log) []hostCount {
	count := map[string]int{}
	for i := range l.Events {
		if h := l.Events[i].Host; h != "" && l.Events[i].HasTime {
			count[h]++
		}
	}
	out := make([]hostCount, 0, len(count))
	for h, n := range count {
		out = append(out, hostCount{h, n})
	}
	slices.SortFunc(out, func(a, b hostCount) int {
		return cmp.Or(cmp.Compare(b.lines, a.lines), strings.Compare(a.name, b.name))
	})
	return out
}

// addLog puts a log under the clock of its host: the folder it lies in, or the
// name in its lines where a file gathers several hosts.
func (d *domains) addLog(l *incident.Log, folders map[string]string) {
	if !hasTimes(l) {
		return
	}
	inLines := hostsIn(l)
	if len(inLines) > 1 {
		for _, h := range inLines {
			k := d.get(hostKey(h.name), kindLog, h.name)
			k.Files = append(k.Files, l.File)
			k.Hosts = append(k.Hosts, h.name)
		}
		d.hosts[l] = inLines[0].name
		return
	}
	host := l.Folder
	switch {
	case host != "" && (folders[host] != "" || len(inLines) == 0):
	case len(inLines) == 1:
		host = inLines[0].name
	default:
		host = l.File.Path
	}
	d.hosts[l] = host
	if stampsNTPClock(l) {
		k := d.ntpClock(l)
		k.Files = append(k.Files, l.File)
		return
	}
	k := d.get(hostKey(host), kindLog, host)
	k.Files = append(k.Files, l.File)
}

func hostKey(host string) string { return "host:" + strings.ToLower(host) }

// host is the system clock of a log's host, made where only its NTP clock
// wrote files.
func (d *domains) host(l *incident.Log) *Clock {
	return d.get(hostKey(d.hosts[l]), kindLog, d.hosts[l])
}

// ntpClock is chronyd's own clock on the host of a log.
func (d *domains) ntpClock(l *incident.Log) *Clock {
	name := lang.Text{EN: "%s (NTP clock)", ES: "%s (reloj NTP)"}
	return d.get("ntp:"+d.hosts[l], kindNTPClock, fmt.Sprintf(name.In(d.lang), d.hosts[l]))
}

// server is the clock of an NTP server.
func (d *domains) server(a netip.Addr) *Clock {
	return d.get("server:"+a.Unmap().String(), kindNTPServer, a.Unmap().String())
}

// utc is the time scale itself.
func (d *domains) utc() *Clock { return d.get("utc", kindUTC, "UTC") }

func hasTimes(l *incident.Log) bool {
	for i := range l.Events {
		if l.Events[i].HasTime {
			return true
		}
	}
	return false
}

// stampsNTPClock tells whether a file's stamps are chronyd's own clock.
func stampsNTPClock(l *incident.Log) bool {
	n, all := 0, 0
	for i := range l.Events {
		if r := l.Events[i].Reading; r != nil && l.Events[i].HasTime {
			all++
			if r.Stamps == logparse.NTPClock {
				n++
			}
		}
	}
	return n*2 > all
}
