package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
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
			switch l.Events[i].Kind {
			case logparse.ClientHTTP, logparse.ClientDNS, logparse.ClientSSH:
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

// outputsOf matches the outputs of one host: the one whose journeys they fit best.
func (m *matcher) outputsOf(outputs []output) {
	var best []series
	most := 0.0
	for _, own := range m.journeysByHost() {
		found := fitOutputs(outputs, own)
		sum := 0.0
		for _, s := range found {
			for _, e := range s.edges {
				sum += e.p
			}
		}
		if sum > most+0.5 {
			best, most = found, sum
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
}

// fitOutputs pairs outputs with the journeys of one host.
func fitOutputs(outputs []output, own []*Journey) []series {
	var list []series
	for _, run := range runs(outputs) {
		s := series{outputs: run}
		for _, j := range own {
			if fitsKind(run[0].event.Kind, j) {
				s.journeys = append(s.journeys, j)
			}
		}
		if len(s.journeys) == 0 {
			continue
		}
		offset, known := clockOfMarks(run, s.journeys)
		for i, o := range run {
			for n, j := range s.journeys {
				score := outputScore(o.event, j)
				if known && score > hopeless {
					score += markScore(o.event, j, offset)
				}
				if score > leastOdds {
					s.edges = append(s.edges, edge{line: i, target: n, odds: math.Exp(min(score, 40))})
				}
			}
		}
		chain(s.edges, len(run), len(s.journeys), func(int, int) float64 { return 0.01 }, func(b int) int { return b - 4 })
		list = append(list, s)
	}
	return list
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

// before anything is compared, an output has a journey ten times as often as not.
const outputPrior = 2.3

// outputScore is the logarithm of the odds that an output tells of j.
func outputScore(e *logparse.Event, j *Journey) float64 {
	switch e.Kind {
	case logparse.ClientDNS:
		return lookupOutput(e, j)
	case logparse.ClientSSH:
		return loginOutput(e, j)
	}
	return transferOutput(e, j)
}

func lookupOutput(e *logparse.Event, j *Journey) float64 {
	l := j.Lookup
	if l.Name != e.Name && l.Tries[0].Name != e.Name {
		return hopeless
	}
	if e.Server.Addr().IsValid() && !slices.Contains(l.Resolvers, plainAddr(e.Server.Addr())) {
		return hopeless
	}
	s := outputPrior
	if e.Lookup == nil {
		return s
	}
	if t := e.Lookup.Type; t != "" && !slices.Contains(typesAsked(l.Tries, l.Tries[0].Name), t) {
		return hopeless
	}
	if id := e.Lookup.ID; id >= 0 {
		for _, t := range l.Tries {
			if int(t.ID) == id {
				return 20
			}
		}
		return hopeless
	}
	if e.Lookup.NoServers == (l.Outcome == pcapflow.Unanswered || l.Outcome == pcapflow.Refused) {
		return s + 2
	}
	return s - 4
}

func loginOutput(e *logparse.Event, j *Journey) float64 {
	if e.Server.Addr().IsValid() && plainAddr(e.Server.Addr()) != plainAddr(j.Server.Addr()) || e.Server.Port() != 0 && e.Server.Port() != j.Server.Port() {
		return hopeless
	}
	s := outputPrior
	if e.Duration >= 0 {
		s += like(e.Duration, j.Total(), 200*time.Millisecond)
	}
	switch {
	case e.Outcome == "":
	case (e.Outcome == "ok") == (j.Outcome == pcapflow.Done):
		s++
	default:
		s -= 3
	}
	return s
}

// like compares a duration that was printed with the one in the packets.
func like(said, seen, scale time.Duration) float64 {
	return 2 - min(math.Abs(float64(said-seen))/float64(scale+seen/20), 8)
}

func transferOutput(e *logparse.Event, j *Journey) float64 {
	t := e.Timing
	if t == nil {
		return hopeless
	}
	if t.Local.Port() != 0 && t.Local.Addr().IsValid() {
		if plain(t.Local) == plain(j.Client) {
			return 20
		}
		return hopeless
	}
	if !sameTarget(e, j) {
		return hopeless
	}
	s := outputPrior
	if x := j.Exchange; x != nil {
		if x.Path != "" && e.Path != "" && x.Path != e.Path || x.Status > 0 && e.Status > 0 && x.Status != e.Status {
			return hopeless
		}
		if !x.ResponseFirst.Seen() && e.Status > 0 || x.ResponseFirst.Seen() && t.Exit > 0 && e.Status == 0 {
			s -= 4
		}
	} else if e.Status > 0 {
		s -= 8
	}
	if t.Reused != (j.Ordinal > 1) && j.Exchange != nil {
		s -= 5
	}
	took := spans(e)
	for _, p := range j.Phases {
		said, ok := took[p.Name]
		if !ok || !p.Begin.Seen() || !p.End.Seen() {
			continue
		}
		scale := 4 * time.Millisecond
		if p.Name == pcapflow.DNSLookup {
			scale = 40 * time.Millisecond // a resolver thread hands over when it gets to run
		}
		s += like(said, time.Duration(p.End.Time-p.Begin.Time), scale)
	}
	return s
}

// sameTarget compares the server and the name a client was told to reach.
func sameTarget(e *logparse.Event, j *Journey) bool {
	r := e.Timing.Remote
	if !r.IsValid() {
		r = e.Server
	}
	if r.Addr().IsValid() && plain(r) != plain(j.Server) {
		return j.Service == "dns" && j.Outcome != pcapflow.Done
	}
	if j.Name != "" && e.Name != "" && hostName(e.Name) != j.Name {
		if _, err := netip.ParseAddr(e.Name); err != nil {
			return false
		}
	}
	if j.Service == "dns" {
		return e.Timing.Exit > 0 || e.Timing.Error != ""
	}
	u, err := url.Parse(e.Timing.URL)
	if err != nil || u.Scheme == "" {
		return true
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return port == "" || port == strconv.Itoa(int(j.Server.Port()))
}

// spans are the durations of the phases as the client printed them.
func spans(e *logparse.Event) map[pcapflow.PhaseName]time.Duration {
	took := map[pcapflow.PhaseName]time.Duration{}
	t := e.Timing
	between := func(name pcapflow.PhaseName, from, to time.Duration) {
		if from >= 0 && to > 0 && to >= from {
			took[name] = to - from
		}
	}
	if !t.Reused {
		between(pcapflow.DNSLookup, 0, t.NameLookup)
		between(pcapflow.TCPConnect, t.NameLookup, t.Connect)
		between(pcapflow.TLSHandshake, t.Connect, t.AppConnect)
	}
	switch {
	case t.PreTransfer > 0:
		between(pcapflow.HTTPWait, t.PreTransfer, t.StartTransfer)
	case t.AppConnect > 0:
		between(pcapflow.HTTPWait, t.AppConnect, t.StartTransfer)
	case t.Reused:
		between(pcapflow.HTTPWait, 0, t.StartTransfer)
	}
	last := e.Time
	for _, m := range e.Marks {
		if name := pcapflow.PhaseName(m.Name); m.Time >= last && name != pcapflow.HTTPSend {
			took[name] = time.Duration(m.Time - last)
		}
		last = m.Time
	}
	return took
}

// day is the span in which a time of day comes again.
const day = int64(24 * time.Hour)

// clockOfMarks finds how far the clock of programs that printed times of day is
// ahead of the packets' one: most of the marks must agree on it. Only within a
// second: curl takes the second from one clock and its fraction from another, so
// that what it prints may be off by one second, differently in each run.
func clockOfMarks(run []output, own []*Journey) (offset int64, ok bool) {
	var votes []int64
	n := 0
	for _, o := range run {
		if len(o.event.Marks) == 0 {
			continue
		}
		n++
		for _, j := range own {
			if outputScore(o.event, j) <= leastOdds {
				continue
			}
			if d, ok := markDistance(o.event, j); ok {
				votes = append(votes, d-floorTo(d, second))
			}
		}
	}
	if len(votes) == 0 {
		return 0, false
	}
	slices.Sort(votes)
	for _, v := range votes {
		votes = append(votes, v+second) // the second after looks the same
	}
	const width = 10 * msec
	best, at := 0, 0
	for i, k := 0, 0; i < len(votes); i++ {
		for votes[i]-votes[k] > width {
			k++
		}
		if i-k+1 > best {
			best, at = i-k+1, (k+i)/2
		}
	}
	return votes[at], best >= 3 && best*2 >= n
}

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
// the packets, within half a day of 0.
func markDistance(e *logparse.Event, j *Journey) (int64, bool) {
	for _, name := range []pcapflow.PhaseName{pcapflow.HTTPWait, pcapflow.TCPConnect} {
		for _, m := range e.Marks {
			if m.Name != string(name) {
				continue
			}
			for _, p := range j.Phases {
				if p.Name == name && p.End.Seen() {
					d := (m.Time - p.End.Time) % day
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

// markScore says how well the fraction of a mark agrees with the packets at a
// known offset.
func markScore(e *logparse.Event, j *Journey, offset int64) float64 {
	d, ok := markDistance(e, j)
	if !ok {
		return 0
	}
	off := d - offset - floorTo(d-offset+second/2, second)
	return 5 - min(float64(abs(off))/float64(3*msec), 15)
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

// told is what a line says of a request that the packets themselves hide.
type told struct {
	log          *incident.Log
	method, path string
	status       int
}

// tell remembers what a sure line says of a journey.
func (m *matcher) tell(j *Journey, l *incident.Log, e *logparse.Event) {
	if e.Path == "" || j.Exchange == nil || j.Exchange.Path != "" {
		return
	}
	if _, ok := m.told[j]; !ok {
		m.told[j] = told{l, e.Method, e.Path, e.Status}
	}
}
