package correlate

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// resolved are the addresses that the DNS answers of all captures give a name.
type resolved map[string]map[netip.Addr]bool

func resolvedIn(inc *incident.Incident) resolved {
	names := resolved{}
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			for i := range f.DNS {
				t := &f.DNS[i]
				for _, a := range t.Addresses {
					if names[t.Name] == nil {
						names[t.Name] = map[netip.Addr]bool{}
					}
					names[t.Name][plainAddr(a)] = true
				}
			}
		}
	}
	return names
}

// resolvedNames gathers them when the first output asks.
func (m *matcher) resolvedNames() resolved {
	if m.names == nil {
		m.names = resolvedIn(m.inc)
	}
	return m.names
}

// elsewhere is what an output loses that names a host whose addresses are others
// than the one connected to: a hosts file, or a translation, is rarer than that.
const elsewhere = -6

// score holds the name that an output was told to reach against a journey of which
// the address alone is known.
func (r resolved) score(e *logparse.Event, j *Journey) float64 {
	if e.Kind != logparse.ClientHTTP || j.Name != "" || e.Name == "" || j.Service == "dns" {
		return 0
	}
	if all := r[pcapflow.PlainName(hostName(e.Name))]; len(all) > 0 && !all[plainAddr(j.Server.Addr())] {
		return elsewhere
	}
	return 0
}

// wholeScore holds how long an output says that all took against a connection that
// shows no request. It speaks for it alone: many programs leave with the answer, and
// others keep the connection.
func wholeScore(t *logparse.Timing, j *Journey) float64 {
	f := j.Points[0].Flow
	if t.Reused || t.Total <= 0 || t.NameLookup < 0 || len(f.Conn.SYN) == 0 {
		return 0
	}
	most := 0.0
	ends := []pcapflow.Stamp{f.Conn.FIN[pcapflow.Client], f.LastPayload[pcapflow.Server]}
	for _, r := range f.Conn.RST[:min(1, len(f.Conn.RST))] {
		ends = append(ends, r.Stamp)
	}
	for _, end := range ends {
		if end.Seen() {
			most = max(most, like(t.Total-t.NameLookup, time.Duration(end.Time-f.Conn.SYN[0].Time), 4*time.Millisecond))
		}
	}
	return most
}
