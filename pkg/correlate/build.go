package correlate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// built is what the captures alone yield.
type built struct {
	journeys []*Journey // in order of start, with their IDs
	joints   []*joint
	lookups  []*Lookup
	hosts    *hosts
	links    *linker
	room     []Phase // to list the phases of a journey in
	passing  bool    // phases are needed for start, end and outcome alone
}

// build makes the journeys of an incident from its captures.
func build(inc *incident.Incident, tb timebase, opt Options) *built {
	b := &built{passing: opt.LinesOnly && !anyOutput(inc), hosts: hostsOf(inc), lookups: lookups(inc), joints: joinFlows(inc)}
	adopted := adoptTCP(b.lookups, b.joints)
	for _, j := range b.joints {
		if !adopted[j.flow()] {
			j.journeys = journeysOf(j)
		}
	}
	slices.SortStableFunc(b.joints, func(x, y *joint) int { return cmp.Compare(begin(tb, x), begin(tb, y)) })
	k := newLinker(tb, b.hosts, b.lookups)
	b.links = k
	for _, j := range b.joints {
		if len(j.journeys) > 0 {
			k.find(j)
		}
	}
	n := neighboursOf(inc)
	for _, j := range b.joints {
		b.assemble(tb, k, n, j)
	}
	for _, j := range ntpJourneys(inc) {
		finishNTP(j)
		b.journeys = append(b.journeys, j)
	}
	b.lookupJourneys(tb, k, n)
	b.order(tb)
	linkActions(b, tb)
	linkUpstream(b, tb, nil)
	return b
}

// anyOutput tells whether there are outputs of client programs, which are held
// against the phases.
func anyOutput(inc *incident.Incident) bool {
	for _, l := range inc.Logs {
		for i := range l.Events {
			if isOutput(&l.Events[i]) {
				return true
			}
		}
	}
	return false
}

// keepPhases ends the list of a journey's phases.
func (b *built) keepPhases(jn *Journey) {
	b.room, jn.Phases = jn.Phases, nil
	if !b.passing {
		jn.Phases = slices.Clone(b.room)
	}
}

func begin(tb timebase, j *joint) int64 {
	if sp, ok := tb.packet(j.source(), j.start()); ok {
		return sp.at
	}
	return j.start()
}

// assemble gives the journeys of one conversation their phases and ends.
func (b *built) assemble(tb timebase, k *linker, n *neighbours, j *joint) {
	for i, jn := range j.journeys {
		jn.Phases = b.room[:0]
		if i == 0 {
			b.openConnection(tb, k, n, j, jn)
		} else {
			jn.Phases = append(jn.Phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.DNSLookup}, Reason: reasonReused})
			for _, p := range connectionPhases(j) {
				jn.Phases = append(jn.Phases, Phase{Phase: pcapflow.Phase{Name: p.Name}, Reason: reasonReused})
			}
		}
		if jn.Exchange != nil {
			jn.Phases = append(jn.Phases, exchangePhases(jn.Points[0], jn.Exchange)...)
		}
		if jn.Name == "" && j.lookup != nil {
			jn.Name = j.lookup.Name
		}
		setBounds(tb, jn, i == 0, i == len(j.journeys)-1)
		b.keepPhases(jn)
		b.journeys = append(b.journeys, jn)
	}
	if !b.passing {
		placeLosses(tb, j)
	}
}

// openConnection gives the first journey of a connection what it took to open it.
func (b *built) openConnection(tb timebase, k *linker, n *neighbours, j *joint, jn *Journey) {
	late := len(j.flow().Phases) > 0
	if f := j.flow(); f.Conn != nil {
		late = len(f.Conn.SYN) == 0
	}
	switch {
	case j.lookup != nil && k.owner[j.lookup] == j:
		jn.Lookup = j.lookup
		jn.Phases = append(jn.Phases, lookupPhase(j.lookup))
	case j.lookup != nil:
		jn.Phases = append(jn.Phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.DNSLookup}, Reason: "name cached"})
		jn.Name = cmp.Or(jn.Name, j.lookup.Name)
	case late:
		jn.Phases = append(jn.Phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.DNSLookup}, Reason: reasonLate})
	default:
		jn.Phases = append(jn.Phases, Phase{Phase: pcapflow.Phase{Name: pcapflow.DNSLookup}, Reason: reasonCached})
	}
	for _, r := range n.holding(b.hosts, j, jn.Lookup) {
		if jn.Neighbour == nil {
			jn.Neighbour = r
		}
		jn.Phases = append(jn.Phases, neighbourPhase(j.points[0], r))
	}
	jn.Phases = append(jn.Phases, connectionPhases(j)...)
}

// setBounds finds start, end and outcome of a journey from its phases.
func setBounds(tb timebase, jn *Journey, first, last bool) {
	here := sourceOf(jn.Points[0])
	f := jn.Points[0].Flow
	var lastPhase *Phase
	for i := range jn.Phases {
		p := &jn.Phases[i]
		if !p.Begin.Seen() {
			continue
		}
		src := source{p.Capture, p.Flow.Clock}
		if s, ok := carry(tb, src, p.Begin, here, f.Start.Time); ok && (!jn.Start.Seen() || s.Time < jn.Start.Time) {
			jn.Start = s
		}
		if s, ok := carry(tb, src, p.End, here, f.Start.Time); ok && p.End.Seen() && s.Time >= jn.End.Time {
			jn.End = s
		}
		lastPhase = p
	}
	if !jn.Start.Seen() {
		jn.Start = f.Start
	}
	switch {
	case lastPhase == nil:
		jn.Outcome = pcapflow.Unseen
	case jn.Exchange != nil && halfExchange(f, jn.Exchange):
		jn.Outcome = pcapflow.Unseen
	case jn.Exchange != nil:
		jn.Outcome = exchangeOutcome(jn.Exchange)
	case jn.SSH != nil:
		jn.Outcome = loginOutcome(jn)
	default:
		jn.Outcome = lastPhase.Outcome
	}
	if jn.Outcome == pcapflow.Estimated {
		jn.Outcome = pcapflow.Done
	}
	// What did not come to its end lasted until the connection did.
	if last && jn.Outcome != pcapflow.Done && jn.Outcome != pcapflow.Refused && f.End.Time > jn.End.Time {
		jn.End = f.End
	}
	if !jn.End.Seen() {
		jn.End = f.End
	}
	if e := jn.Exchange; e != nil && !last && !e.ResponseFirst.Seen() && e.RequestLast.Seen() {
		jn.End = e.RequestLast
	}
}

func exchangeOutcome(e *pcapflow.Exchange) pcapflow.Outcome {
	switch {
	case !e.ResponseFirst.Seen():
		if e.Truncated {
			return pcapflow.Failed
		}
		return pcapflow.Unanswered
	case e.Truncated, e.Reset, e.Status >= 500:
		return pcapflow.Failed
	case e.EndOpen && !e.Multiplexed:
		return pcapflow.Unseen
	}
	return pcapflow.Done
}

func loginOutcome(j *Journey) pcapflow.Outcome {
	switch j.SSH.Auth {
	case "success":
		return pcapflow.Done
	case "failure":
		return pcapflow.Failed
	}
	if j.SSH.NoCommon != "" || j.SSH.WrongProtocol != "" {
		return pcapflow.Failed
	}
	for i := len(j.Phases) - 1; i >= 0; i-- {
		p := &j.Phases[i]
		if p.Begin.Seen() {
			if p.Name == pcapflow.SSHAuth || p.Name == pcapflow.SSHSession {
				return p.Outcome
			}
			if p.Outcome == pcapflow.Done || p.Outcome == pcapflow.Estimated {
				return pcapflow.Failed // it ended before anybody logged in
			}
			return p.Outcome
		}
	}
	return pcapflow.Unseen
}

func finishNTP(j *Journey) {
	p := ntpPhase(j.Points[0], j.NTP)
	j.Phases = []Phase{p}
	j.Start, j.End, j.Outcome = p.Begin, p.End, p.Outcome
	if !j.End.Seen() {
		j.End = j.Start
		if n := len(j.NTP.Repeats); n > 0 {
			j.End = j.NTP.Repeats[n-1]
		}
	}
}

// lookupJourneys makes journeys of the lookups no connection waited for, except
// those a server made on the side.
func (b *built) lookupJourneys(tb timebase, k *linker, n *neighbours) {
	side := attachSides(b, k, tb)
	for _, l := range b.lookups {
		if k.owner[l] != nil || side[l] {
			continue
		}
		b.journeys = append(b.journeys, b.lookupJourney(n, l))
	}
}

func (b *built) lookupJourney(n *neighbours, l *Lookup) *Journey {
	f := l.Tries[0].Flow
	jn := &Journey{Service: "dns", Client: f.Client, Server: f.Server, Ordinal: 1, Name: l.Name, Lookup: l, Outcome: l.Outcome, Phases: b.room[:0]}
	jn.Points = append(jn.Points, Point{Capture: l.Capture, Flow: f})
	for _, o := range l.Others {
		of := o.Tries[0].Flow
		jn.Points = append(jn.Points, Point{Capture: o.Capture, Flow: of})
		if of.Client.Addr() != f.Client.Addr() {
			jn.ClientSeen = of.Client
		}
	}
	for _, r := range n.before(b.hosts, jn.Points[0], l.Start) {
		jn.Neighbour = r
		jn.Phases = append(jn.Phases, neighbourPhase(jn.Points[0], r))
	}
	if f.Transport == pcapflow.TCP {
		if p, ok := seenPhase(&joint{points: jn.Points[:1]}, pcapflow.TCPConnect); ok {
			jn.Phases = append(jn.Phases, p)
		}
	}
	jn.Phases = append(jn.Phases, lookupPhase(l))
	for _, t := range l.TCPFlows {
		if p, ok := seenPhase(&joint{points: []Point{{Capture: l.Capture, Flow: t}}}, pcapflow.TCPConnect); ok {
			jn.Phases = append(jn.Phases, p)
		}
	}
	if r := n.unanswered(b.hosts, l); r != nil {
		jn.Neighbour = r
		jn.Phases = append(jn.Phases, neighbourPhase(jn.Points[0], r))
		jn.Outcome = pcapflow.Unanswered
	}
	jn.Start, jn.End = jn.Phases[0].Begin, l.End
	for _, p := range jn.Phases {
		if p.Begin.Time < jn.Start.Time {
			jn.Start = p.Begin
		}
		if p.End.Time > jn.End.Time {
			jn.End = p.End
		}
	}
	for _, t := range l.Tries {
		if s := lastAsked(t); s > jn.End.Time {
			jn.End = pcapflow.Stamp{Time: s, Frame: first(t).Frame}
		}
	}
	b.keepPhases(jn)
	return jn
}

// order sorts the journeys by start and numbers them.
func (b *built) order(tb timebase) {
	at := make(map[*Journey]int64, len(b.journeys))
	for _, j := range b.journeys {
		at[j] = j.Start.Time
		if sp, ok := tb.stamp(sourceOf(j.Points[0]), j.Start); ok {
			at[j] = sp.at
		}
	}
	slices.SortStableFunc(b.journeys, func(x, y *Journey) int {
		return cmp.Or(cmp.Compare(at[x], at[y]), cmp.Compare(x.Start.Frame, y.Start.Frame), cmp.Compare(x.Ordinal, y.Ordinal),
			x.Client.Compare(y.Client))
	})
	for i, j := range b.journeys {
		j.ID = fmt.Sprintf("j%d", i+1)
	}
}

// linkActions ties redirects, further addresses and repeated attempts together.
func linkActions(b *built, tb timebase) {
	type pair struct {
		client int
		server netip.AddrPort
	}
	failed := map[*Lookup]*Journey{}
	refused := map[pair]*Journey{}
	redirect := map[int]*Journey{}
	quic := map[int][]*Journey{}
	lookupOf := map[*Journey]*Lookup{}
	for _, j := range b.joints {
		if len(j.journeys) > 0 && j.lookup != nil {
			lookupOf[j.journeys[0]] = j.lookup
		}
	}
	soon := func(from, to *Journey, within time.Duration) bool {
		d, _, ok := between(tb, sourceOf(from.Points[0]), from.End.Time, sourceOf(to.Points[0]), to.Start.Time)
		return ok && d >= -int64(within) && d <= int64(within)
	}
	for _, j := range b.journeys {
		host := b.hosts.id(j.Client.Addr())
		l := lookupOf[j]
		if prev := failed[l]; l != nil && prev != nil && prev.Server != j.Server {
			j.Links = append(j.Links, Link{"address", prev})
			j.Notes = append(j.Notes, note(lang.Text{EN: "tried after %s, which came to nothing (%s)", ES: "intentado tras %s, que no llegó a nada (%s)"}, prev.Server, prev.ID))
		}
		key := pair{host, j.Server}
		if prev := refused[key]; prev != nil && j.Service != "dns" && j.Service != "ntp" && soon(prev, j, 5*time.Second) {
			j.Links = append(j.Links, Link{"retry", prev})
		}
		linkFallback(tb, j, host, quic)
		if prev := redirect[host]; prev != nil && redirectsTo(prev, j) && soon(prev, j, 2*time.Second) {
			j.Links = append(j.Links, Link{"redirect", prev})
			j.Notes = append(j.Notes, note(lang.Text{EN: "redirected here by %s", ES: "redirigido aquí por %s"}, prev.ID))
			redirect[host] = nil
		}
		delete(refused, key)
		if len(j.Phases) > 0 && (j.Outcome == pcapflow.Refused || j.Outcome == pcapflow.Unanswered) {
			refused[key] = j
			if l != nil {
				failed[l] = j
			}
		}
		if e := j.Exchange; e != nil && e.Status >= 300 && e.Status < 400 && e.Location != "" {
			redirect[host] = j
		}
	}
}
