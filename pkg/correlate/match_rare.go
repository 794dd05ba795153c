package correlate

import (
	"math"
)

// saying is one thing that both a line and packets in clear say of a request.
type saying int

const (
	ofMethod saying = iota
	ofPath
	ofStatus
	ofVersion
	ofHost
	sayings
)

// rarities are, by saying, the logarithm of how much likelier the line of a request
// says what the request shows than the line of another one: minus the logarithm of
// the share of lines that say it. Path, status and version are reckoned among the
// lines that already say the same of the request before: of a path that always fails
// the status tells nothing more, and must not count again.
type rarities [sayings]float64

// said is what a line or a target says, in the order of the sayings up to the last.
type said struct {
	method, path, status, version string
	last                          saying
}

// countSayings reckons the rarities of all lines, among what lines and targets say
// that are not surely of each other. What all packets in clear show speaks for none.
func (g *group) countSayings() {
	lines, shown, hosts := map[said]int{}, map[said]int{}, map[string]int{}
	all := 0
	for i := range g.lines {
		e := g.lines[i].event
		for _, s := range sayingsOf(e.Method, e.Path, e.Status, e.Proto) {
			lines[s]++
		}
		hosts[hostName(e.Name)]++
	}
	for _, t := range g.targets {
		x := t.point.Exchange
		if x.Method == "" || t.bare {
			continue
		}
		all++
		for _, s := range sayingsOf(x.Method, x.Path, x.Status, x.Version) {
			shown[s]++
		}
	}
	g.rare = make([]rarities, len(g.lines))
	for i := range g.lines {
		e := g.lines[i].event
		before, beforeShown := len(g.lines), all
		for _, s := range sayingsOf(e.Method, e.Path, e.Status, e.Proto) {
			n, nShown := lines[s], shown[s]
			if nShown == 0 || nShown < beforeShown {
				g.rare[i][s.last] = -math.Log(float64(n+nShown+1) / float64(before+beforeShown+2))
			}
			before, beforeShown = n, nShown
		}
		g.rare[i][ofHost] = -math.Log(float64(hosts[hostName(e.Name)]+1) / float64(len(g.lines)+2))
	}
}

func sayingsOf(method, path string, status int, version string) [ofHost]said {
	var list [ofHost]said
	s := said{method: method}
	list[ofMethod] = s
	s.path, s.last = path, ofPath
	list[ofPath] = s
	s.status, s.last = statusText(status), ofStatus
	list[ofStatus] = s
	s.version, s.last = majorVersion(version), ofVersion
	list[ofVersion] = s
	return list
}
