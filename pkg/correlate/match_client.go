package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// output is one thing a client program printed: of a transfer, a login, a lookup.
type output struct {
	log   *incident.Log
	index int
	event *logparse.Event
}

// clients matches what client programs printed: the outputs of one folder are
// of one host, in the order of the files' names, and take that host's journeys
// in the order they began.
func (m *matcher) clientOutputs() {
	byFolder := map[string][]output{}
	var folders []string
	for _, l := range m.inc.Logs {
		folder := l.Folder
		if folder == "" {
			folder = l.File.Path
		}
		for i := range l.Events {
			if isOutput(&l.Events[i]) {
				if byFolder[folder] == nil {
					folders = append(folders, folder)
				}
				byFolder[folder] = append(byFolder[folder], output{l, i, &l.Events[i]})
			}
		}
	}
	for _, folder := range folders {
		m.outputsOf(byFolder[folder])
	}
}

// isOutput tells whether a client program printed e.
func isOutput(e *logparse.Event) bool {
	return e.Kind == logparse.ClientHTTP || e.Kind == logparse.ClientDNS || e.Kind == logparse.ClientSSH
}

// outputsOf matches the outputs of one host: the one whose journeys they fit best.
func (m *matcher) outputsOf(outputs []output) {
	var best []series
	most, surest := 0.0, 0.0
	divided := runs(outputs)
	for _, host := range m.likelyHosts(divided, len(outputs)) {
		found := m.fitOutputs(divided, host)
		sum, fit := paired(found), fitOf(found)
		// What no capture shows contradicts nothing: of hosts that as many outputs
		// fit, the one whose packets say most in common with them.
		if sum > most+0.5 || best != nil && sum > most-0.5 && fit > surest {
			best, most, surest = found, max(sum, most), fit
		}
	}
	if best == nil {
		for _, o := range outputs {
			m.miss(o.log, o.index, "no journey fits what the client printed")
		}
		return
	}
	for _, s := range best {
		m.takeSeries(s)
	}
}

// journeysByHost lists the journeys of each client host in order of start.
func (m *matcher) journeysByHost() [][]*Journey {
	if m.byHost == nil {
		place := map[int]int{}
		for _, j := range m.built.journeys {
			id := m.built.hosts.id(j.Client.Addr())
			n, ok := place[id]
			if !ok {
				n = len(m.byHost)
				place[id] = n
				m.byHost = append(m.byHost, nil)
			}
			m.byHost[n] = append(m.byHost[n], j)
		}
	}
	return m.byHost
}

// series is a run of outputs of one kind, of one file or of several that were
// written one after the other, with the journeys they may tell of.
type series struct {
	outputs  []output
	journeys []*Journey
	edges    []edge
	fit      float64 // logarithm of how well the whole is explained
}

// hostKind is what outputs of one kind may tell of one host.
type hostKind struct {
	host int // index into journeysByHost
	kind logparse.Kind
}

// fitOutputs pairs runs of outputs with the journeys of one host.
func (m *matcher) fitOutputs(divided [][]output, host int) []series {
	var list []series
	for _, run := range divided {
		k := hostKind{host, run[0].event.Kind}
		own := m.own[k]
		if own == nil {
			own = newOwnJourneys(m.byHost[host], k.kind)
			own.names = m.resolvedNames()
			m.own[k] = own
		}
		if len(own.list) > 0 {
			edges, fit := fitSeries(run, own, m.tb)
			list = append(list, series{run, own.list, edges, fit})
		}
	}
	return list
}

// fitSeries pairs the outputs of a run with journeys, in order: under every
// offset that the marks may have, and under none; each way of seeing it counts
// by how well it explains the whole.
func fitSeries(run []output, among *ownJourneys, tb timebase) (edges []edge, fit float64) {
	own := among.list
	var plain []edge
	few := pairsFor(len(run))
	for i, o := range run {
		for _, n := range among.nearest(o.event, float64(i)/float64(len(run)), few) {
			if score := outputScore(o.event, own[n]) + among.names.score(o.event, own[n]); score > leastOdds {
				plain = append(plain, edge{line: i, target: n, odds: math.Exp(min(score, 40))})
			}
		}
	}
	if len(plain) == 0 {
		return nil, 0
	}
	var views [][]float64 // the probability of each pair
	var weights []float64
	view := func(edges []edge, prior float64) {
		weights = append(weights, chainOutputs(edges, len(run), len(own))+prior)
		p := make([]float64, len(edges))
		for k := range edges {
			p[k] = edges[k].p
		}
		views = append(views, p)
	}
	view(plain, 0)
	var marked []edge
	for _, offset := range offsetsOfMarks(run, own, plain, tb) {
		marked = append(marked[:0], plain...)
		for k := range marked {
			e := &marked[k]
			e.odds, e.p = e.odds*math.Exp(markScore(run[e.line].event, own[e.target], offset, tb)), 0
		}
		view(marked, offsetPrior)
	}
	most, sum := slices.Max(weights), 0.0
	for i := range weights {
		weights[i] = math.Exp(weights[i] - most)
		sum += weights[i]
	}
	edges = slices.Clone(plain)
	for k := range edges {
		edges[k].p = 0
		for i, v := range views {
			edges[k].p += v[k] * weights[i] / sum
		}
	}
	return edges, most + math.Log(sum)
}

// offsetPrior is the logarithm of the probability of one offset of marks among
// all within a second that can be told apart.
var offsetPrior = math.Log(float64(2*markScale) / float64(second))

// chainOutputs chains the outputs of one host: commands seldom end in another
// order than their actions began.
func chainOutputs(edges []edge, lines, targets int) float64 {
	return chain(edges, lines, targets, func(int, int) float64 { return 0.01 }, func(b int) int { return b - 4 })
}

// runs divides a host's outputs into series: a file that holds several is one,
// and so are files that hold one command each.
func runs(outputs []output) [][]output {
	type key struct {
		log  *incident.Log
		kind logparse.Kind
	}
	commands := map[*incident.Log]bool{}
	byKey := map[key][]output{}
	var keys []key
	for _, o := range outputs {
		// Transcripts are one command a file; figures are one file for all.
		if o.event.Kind == logparse.ClientSSH || o.event.Kind == logparse.ClientHTTP && len(o.event.Marks) > 0 {
			commands[o.log] = true
		}
	}
	for _, o := range outputs {
		k := key{o.log, o.event.Kind}
		if commands[o.log] {
			k.log = nil
		}
		if byKey[k] == nil {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], o)
	}
	list := make([][]output, 0, len(keys))
	for _, k := range keys {
		list = append(list, byKey[k])
	}
	return list
}

func fitsKind(k logparse.Kind, j *Journey) bool {
	switch k {
	case logparse.ClientDNS:
		return j.Lookup != nil
	case logparse.ClientSSH:
		return j.Service == "ssh" || j.Service == "tcp" || j.SSH != nil
	}
	return j.Service == "http" || j.Service == "https" || j.Service == "tcp" || j.Service == "tls" || j.Service == "dns" || j.Service == "quic"
}

// day is the span in which a time of day comes again.
const day = int64(24 * time.Hour)

// offsetsOfMarks lists how far the clock of programs that printed times of day
// may be ahead of the packets' one: where at least two marks agree, the offsets
// most agree on first. Only within a second: curl takes the second from one clock
// and its fraction from another, so that what it prints may be off by one second,
// differently in each run. Requests in even steps agree on several offsets.
func offsetsOfMarks(run []output, own []*Journey, fits []edge, tb timebase) []int64 {
	var votes []int64
	for _, e := range fits {
		if d, ok := markDistance(run[e.line].event, own[e.target], tb); ok {
			votes = append(votes, d-floorTo(d, second))
		}
	}
	slices.Sort(votes)
	n := len(votes)
	for _, v := range votes {
		votes = append(votes, v+second) // the second after looks the same
	}
	type peak struct {
		votes  int
		offset int64
	}
	var peaks []peak
	for i, k := 0, 0; i < len(votes); i++ {
		for votes[i]-votes[k] > markWidth {
			k++
		}
		p := peak{i - k + 1, votes[(k+i)/2]}
		switch last := len(peaks) - 1; {
		case p.votes < 2 || k >= n:
		case last < 0 || p.offset-peaks[last].offset > markWidth:
			peaks = append(peaks, p)
		case p.votes > peaks[last].votes:
			peaks[last] = p
		}
	}
	slices.SortStableFunc(peaks, func(a, b peak) int { return cmp.Compare(b.votes, a.votes) })
	var offsets []int64
	for _, p := range peaks[:min(len(peaks), mostOffsets)] {
		offsets = append(offsets, p.offset-floorTo(p.offset, second))
	}
	return offsets
}

const (
	markWidth   = 10 * msec // within which marks agree
	mostOffsets = 16        // considered
)

const second = int64(time.Second)

// floorTo rounds x down to a multiple of unit.
func floorTo(x, unit int64) int64 {
	r := x % unit
	if r < 0 {
		r += unit
	}
	return x - r
}

// markDistance is the time of day of a mark less that of the same instant in
// the packets, on the reference clock where it is known, within half a day of 0:
// the journeys of one host may have been seen in several captures.
func markDistance(e *logparse.Event, j *Journey, tb timebase) (int64, bool) {
	for _, name := range []pcapflow.PhaseName{pcapflow.HTTPWait, pcapflow.TCPConnect, pcapflow.HTTPSend} {
		for _, m := range e.Marks {
			if m.Name != string(name) {
				continue
			}
			for _, p := range j.Phases {
				if p.Name == name && p.End.Seen() {
					seen := p.End.Time
					if sp, ok := tb.stamp(sourceOf(j.Points[0]), p.End); ok {
						seen = sp.at
					}
					d := (m.Time - seen) % day
					if d < -day/2 {
						d += day
					} else if d > day/2 {
						d -= day
					}
					return d, true
				}
			}
		}
	}
	return 0, false
}

// markScale is the scale on which a mark misses its instant.
const markScale = 3 * msec

// markScore says how well the fraction of a mark agrees with the packets at a
// known offset.
func markScore(e *logparse.Event, j *Journey, offset int64, tb timebase) float64 {
	d, ok := markDistance(e, j, tb)
	if !ok {
		return 0
	}
	off := d - offset - floorTo(d-offset+second/2, second)
	return -offsetPrior - min(float64(abs(off))/float64(markScale), 15)
}

// takeSeries turns the probabilities of a series into links.
func (m *matcher) takeSeries(s series) {
	k := 0
	for i, o := range s.outputs {
		from := k
		for k < len(s.edges) && s.edges[k].line == i {
			k++
		}
		best := slices.Clone(s.edges[from:k])
		slices.SortStableFunc(best, func(a, b edge) int { return cmp.Compare(b.p, a.p) })
		n := 0
		for n < len(best) && n < mostRivals && best[n].p >= leastRival {
			n++
		}
		if best = best[:n]; n == 0 {
			m.miss(o.log, o.index, "no journey fits what the client printed")
			continue
		}
		if best[0].p >= sure {
			best = best[:1]
			m.tell(s.journeys[best[0].target], o.log, o.event)
		}
		for r, e := range best {
			x := Line{Log: o.log, Event: o.index, Status: "ambiguous", Confidence: min(e.p, certain), By: "order, durations"}
			if e.p >= sure {
				x.Status = "matched"
			}
			for q, other := range best {
				if q != r {
					x.Rivals = append(x.Rivals, s.journeys[other.target].ID)
				}
			}
			m.result = append(m.result, match{journey: s.journeys[e.target], line: x})
		}
	}
}
