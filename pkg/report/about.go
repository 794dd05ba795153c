package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// About is all that a report knows of one subject.
type About struct {
	Subject  string    `json:"subject"`
	Kind     string    `json:"kind"`               // journey | finding | frame | line | endpoint
	Evidence *Evidence `json:"evidence,omitempty"` // the file of a frame or line
	// Within: no journey names the frame itself; it lies between the first and
	// last frame of these.
	Within   bool      `json:"within,omitempty"`
	Journeys []Journey `json:"journeys"`
	Findings []Finding `json:"findings"`
	Reason   string    `json:"reason,omitempty"` // why a line belongs to no journey
	Series   *Series   `json:"series,omitempty"` // those of an endpoint, or of a journey's client
	// Flows is everything that the packets tell of the flows of its first
	// journeys, and of the resolutions that these waited for, as lines of flows have
	// it, from every capture that saw them; of an endpoint that of its first
	// resolutions, and without journeys that of its first flows.
	Flows []json.RawMessage `json:"flows,omitempty"`
}

// flowsOf bounds the journeys whose flows are told.
const flowsOf = 5

// TellFlows adds the flows of a subject's journeys, which the case holds.
func (a *About) TellFlows(c *correlate.Case) {
	var lines FlowLines
	told, resolved := map[*pcapflow.Flow]bool{}, map[*pcapflow.Resolution]bool{}
	for i := range a.Journeys[:min(len(a.Journeys), flowsOf)] {
		for _, j := range c.Journeys {
			if j.ID != a.Journeys[i].ID {
				continue
			}
			for _, p := range j.Points {
				if !told[p.Flow] {
					told[p.Flow] = true
					a.tellFlow(&lines, p.Capture, p.Flow)
				}
			}
			if p := phase(j, pcapflow.L2Resolve); p != nil && p.Capture != nil && j.Neighbour != nil && !resolved[j.Neighbour] {
				resolved[j.Neighbour] = true
				a.tellResolution(&lines, p.Capture, j.Neighbour)
			}
		}
	}
	if host, port, ok := endpointOf(a.Subject); ok && a.Kind == "endpoint" {
		a.tellOthers(&lines, c, host, port, resolved)
	}
}

func (a *About) tellFlow(lines *FlowLines, k *incident.Capture, f *pcapflow.Flow) {
	f.ListExchanges()
	file, _ := k.Locate(f.Start.Frame)
	a.Flows = append(a.Flows, bytes.TrimSpace(lines.Append(nil, k.Files[file].Path, f)))
}

func (a *About) tellResolution(lines *FlowLines, k *incident.Capture, r *pcapflow.Resolution) {
	file, _ := k.Locate(r.Begin().Frame)
	a.Flows = append(a.Flows, bytes.TrimSpace(lines.AppendResolution(nil, k.Files[file].Path, r, correlate.BeyondOf(k))))
}

// tellOthers tells the resolutions of an endpoint that are not told yet, and the
// flows of one that took part in no journey, as of hosts that answer by multicast
// alone.
func (a *About) tellOthers(lines *FlowLines, c *correlate.Case, host netip.Addr, port int, resolved map[*pcapflow.Resolution]bool) {
	is := func(e netip.AddrPort) bool { return e.Addr().Unmap() == host && (port == 0 || int(e.Port()) == port) }
	for _, k := range c.Incident.Captures {
		for _, f := range k.Flows {
			if len(a.Journeys) == 0 && len(a.Flows) < flowsOf && (is(f.Client) || is(f.Server)) {
				a.tellFlow(lines, k, f)
			}
		}
		told := 0
		for _, r := range k.Neighbours {
			if told < flowsOf && port == 0 && !resolved[r] && (r.Asker == host || r.Target == host) {
				told++
				a.tellResolution(lines, k, r)
			}
		}
		errors := 0
		for i := range k.ICMP {
			e := &k.ICMP[i]
			if client, server := aboutOf(e); errors < flowsOf && (is(client) || is(server) || port == 0 && e.From == host) {
				errors++
				file, _ := k.Locate(e.Frame)
				a.Flows = append(a.Flows, bytes.TrimSpace(lines.AppendICMP(nil, k.Files[file].Path, e)))
			}
		}
		for _, r := range k.Routers {
			if r.Address == host && port == 0 {
				file, _ := k.Locate(r.Advertised[0].Frame)
				a.Flows = append(a.Flows, bytes.TrimSpace(lines.AppendRouter(nil, k.Files[file].Path, r)))
			}
		}
	}
}

// About finds a subject: a journey ("j5"), a finding ("f1"), a frame
// ("client.pcap#120"), a line ("web/access.log:3"), an address or
// address:port. Files may be named by the end of their path.
func (r *Report) About(subject string) (*About, error) {
	a := &About{Subject: subject, Journeys: []Journey{}, Findings: []Finding{}}
	if j := r.JourneyByID(subject); j != nil {
		a.Kind = "journey"
		a.Journeys = append(a.Journeys, *j)
		r.addFindings(a, nil)
		a.Series = r.Series.ofJourney(j)
		return a, nil
	}
	if f := r.FindingByID(subject); f != nil {
		a.Kind = "finding"
		a.Findings = append(a.Findings, *f)
		named := map[string]bool{}
		for _, id := range f.Journeys {
			named[id] = true
		}
		r.addJourneys(a, func(j *Journey) bool { return named[j.ID] })
		return a, nil
	}
	if host, port, ok := endpointOf(subject); ok {
		a.Kind = "endpoint"
		r.addJourneys(a, func(j *Journey) bool {
			return slices.ContainsFunc([]string{j.Client, j.Server, j.ClientSeen}, func(e string) bool { return sameEndpoint(e, host, port) })
		})
		r.addFindings(a, nil)
		a.Series = r.Series.of(func(e string) bool { return sameEndpoint(e, host, port) })
		return a, nil
	}
	if i := strings.LastIndexByte(subject, '#'); i > 0 {
		return a, r.aboutFrame(a, subject[:i], subject[i+1:])
	}
	if i := strings.LastIndexByte(subject, ':'); i > 0 {
		return a, r.aboutLine(a, subject[:i], subject[i+1:])
	}
	return nil, fmt.Errorf("%q is no journey or finding of this incident, nor FILE#FRAME, FILE:LINE or ADDRESS:PORT", subject)
}

func (r *Report) aboutFrame(a *About, file, number string) error {
	a.Kind = "frame"
	n, err := r.place(a, file, number)
	if err != nil {
		return err
	}
	id := a.Evidence.ID
	r.addJourneys(a, func(j *Journey) bool { return slices.Contains(framesOf(j, id), n) })
	if len(a.Journeys) == 0 {
		r.addJourneys(a, func(j *Journey) bool {
			frames := framesOf(j, id)
			return len(frames) > 0 && slices.Min(frames) < n && n < slices.Max(frames)
		})
		a.Within = len(a.Journeys) > 0
	}
	r.addFindings(a, func(e FindingEvidence) bool { return e.Evidence == id && slices.Contains(e.Frames, n) })
	return nil
}

func (r *Report) aboutLine(a *About, file, number string) error {
	a.Kind = "line"
	n, err := r.place(a, file, number)
	if err != nil {
		return err
	}
	id := a.Evidence.ID
	r.addJourneys(a, func(j *Journey) bool {
		return slices.ContainsFunc(j.Lines, func(l LineLink) bool { return l.Evidence == id && l.Line == n })
	})
	for _, u := range r.Unmatched {
		if u.Evidence == id && slices.Contains(u.Lines, n) {
			a.Reason = u.Reason
		}
	}
	r.addFindings(a, func(e FindingEvidence) bool { return e.Evidence == id && slices.Contains(e.Lines, n) })
	return nil
}

// place finds the file a frame or line is of.
func (r *Report) place(a *About, file, number string) (int, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q: %q is no number of a frame or line, which count from 1", a.Subject, number)
	}
	var found []*Evidence
	for i := range r.Evidence {
		e := &r.Evidence[i]
		if e.Path == file || e.ID == file {
			found = []*Evidence{e}
			break
		}
		if strings.HasSuffix("/"+e.Path, "/"+path.Clean(file)) || strings.HasSuffix("/"+path.Clean(file), "/"+e.Path) {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 0:
		return 0, fmt.Errorf("%q: there is no file %q among the evidence", a.Subject, file)
	case len(found) > 1:
		return 0, fmt.Errorf("%q: %q may be %s or %s", a.Subject, file, found[0].Path, found[1].Path)
	case n > found[0].Records:
		return 0, fmt.Errorf("%q: %s has %d records", a.Subject, found[0].Path, found[0].Records)
	}
	a.Evidence = found[0]
	return n, nil
}

// framesOf are the frames of one file that a journey names.
func framesOf(j *Journey, id string) []int {
	var out []int
	for _, m := range j.Instants {
		if m.Evidence == id && m.Frame > 0 {
			out = append(out, m.Frame)
		}
	}
	for _, p := range j.Phases {
		if p.Evidence == id || p.Evidence == "" && j.Evidence == id {
			out = append(out, p.Frames...)
		}
	}
	return out
}

func (r *Report) addJourneys(a *About, of func(*Journey) bool) {
	for i := range r.Journeys {
		if of(&r.Journeys[i]) {
			a.Journeys = append(a.Journeys, r.Journeys[i])
		}
	}
}

// addFindings adds those that name one of the journeys, or evidence that fits.
func (r *Report) addFindings(a *About, fits func(FindingEvidence) bool) {
	chosen := make(map[string]bool, len(a.Journeys))
	for i := range a.Journeys {
		chosen[a.Journeys[i].ID] = true
	}
	for _, f := range r.Findings {
		named := slices.ContainsFunc(f.Journeys, func(id string) bool { return chosen[id] })
		if named && !a.Within || fits != nil && slices.ContainsFunc(f.Evidence, fits) {
			a.Findings = append(a.Findings, f)
		}
	}
}

// endpointOf reads an address, or address:port as reports write it and with
// brackets; port 0: none was given.
func endpointOf(s string) (netip.Addr, int, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr(), int(a.Port()), true
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a, 0, true
	}
	if i := strings.LastIndexByte(s, ':'); i > 0 {
		a, err := netip.ParseAddr(s[:i])
		port, failed := strconv.ParseUint(s[i+1:], 10, 16)
		return a, int(port), err == nil && failed == nil
	}
	return netip.Addr{}, 0, false
}

// sameEndpoint compares an endpoint of a report. An IPv6 endpoint without
// brackets may read as an address, too: both readings count.
func sameEndpoint(e string, host netip.Addr, port int) bool {
	if e == "" {
		return false
	}
	if a, err := netip.ParseAddr(e); err == nil && port == 0 && a == host {
		return true
	}
	i := strings.LastIndexByte(e, ':')
	if i < 0 {
		return false
	}
	a, err := netip.ParseAddr(e[:i])
	if err != nil {
		return false
	}
	if port == 0 && a == host {
		return true
	}
	if port != 0 {
		return a == host && e[i+1:] == strconv.Itoa(port)
	}
	whole, err := netip.ParseAddr(e)
	return err == nil && whole == host
}
