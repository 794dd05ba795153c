package correlate

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// told is what a line says of a request that the packets themselves hide.
type told struct {
	log          *incident.Log
	method, path string
	status       int
}

// tell remembers what a sure line says of a journey.
func (m *matcher) tell(j *Journey, l *incident.Log, e *logparse.Event) {
	if e.Path == "" || j.Exchange == nil && !j.Contentless() || j.Exchange != nil && j.Exchange.Path != "" {
		return
	}
	if _, ok := m.told[j]; !ok {
		m.told[j] = told{l, e.Method, e.Path, e.Status}
	}
}

// toldScore compares line i with what another log surely said of the request.
// An application behind a proxy may know the path without its beginning.
func (g *group) toldScore(i int, t *target) float64 {
	l := &g.lines[i]
	x, ok := g.told[t.journey]
	if !ok || x.log == g.log || l.event.Path == "" {
		return 0
	}
	s := 0.0
	switch {
	case x.path == l.event.Path:
		s += g.rare[i][ofPath]
	case strings.HasSuffix(x.path, l.event.Path) || strings.HasSuffix(l.event.Path, x.path):
	default:
		s -= 7 // nearly as much as a path that the packets show; a proxy may rewrite one
	}
	if x.method != "" && l.event.Method != "" && x.method != l.event.Method {
		s -= 4
	}
	if x.status > 0 && l.event.Status > 0 {
		if x.status == l.event.Status {
			s += g.rare[i][ofStatus]
		} else {
			s -= 3
		}
	}
	return s
}
