package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

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
	} else if j.Contentless() {
		s += wholeScore(t, j)
	} else if e.Status > 0 {
		s -= 8
	}
	if t.Reused != (j.Ordinal > 1) && j.Exchange != nil {
		s -= 5
	}
	if t.Stream > 0 && j.Exchange != nil && j.Exchange.Version == "HTTP/2" {
		if t.Stream == int64(2*j.Ordinal-1) {
			s += 3
		} else {
			s -= 3 // the capture may lack the connection's first requests
		}
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
		fits := like(said, phaseTook(j, &p), scale)
		if p.Name == pcapflow.HTTPWait {
			if early, ok := beforeBody(j, said); ok {
				fits = max(fits, like(said, early, scale)-1)
			}
			for _, a := range j.Exchange.Answers { // any of them may be its own
				fits = max(fits, like(said, time.Duration(a.First.Time-p.Begin.Time), scale))
			}
		}
		s += fits
	}
	return s
}

// phaseTook is how long a client waited in a phase: with the neighbour that had to
// be found before it.
func phaseTook(j *Journey, p *Phase) time.Duration {
	begin := p.Begin.Time
	if p.Name == pcapflow.DNSLookup || p.Name == pcapflow.TCPConnect {
		for i := range j.Phases {
			r := &j.Phases[i]
			if r.Name == pcapflow.L2Resolve && r.Capture == p.Capture && r.End.Seen() && r.End.Time <= p.Begin.Time && p.Begin.Time-r.End.Time <= released {
				begin = min(begin, r.Begin.Time)
			}
		}
	}
	return time.Duration(p.End.Time - begin)
}

// largeBody is the size of a request, in bytes, from which it has a body: heads
// with many cookies stay below.
const largeBody = 16 << 10

// beforeBody is what a client may have printed as the wait for the first byte of
// a request with a body: nothing, for some count from when they begin to send it
// (curl before 8), or the wait for an interim answer that was asked for first.
// The nearest to what it said.
func beforeBody(j *Journey, said time.Duration) (time.Duration, bool) {
	e := j.Exchange
	if e == nil || e.RequestBytes < largeBody && !sendsBody(e.Method) {
		return 0, false
	}
	best := time.Duration(0)
	take := func(d time.Duration) {
		if d > 0 && (said-d).Abs() < (said-best).Abs() {
			best = d
		}
	}
	for _, s := range e.Interim {
		take(time.Duration(s.Time - e.RequestFirst.Time))
	}
	if c := j.Points[0].Flow.Conn; c != nil && len(e.Interim) == 0 {
		take(time.Duration(c.RTT)) // encrypted: it is not to be told from other records
	}
	return best, true
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
	case strings.HasPrefix(t.URL, "http://") && t.Connect > 0 && t.Redirect <= 0: // nothing was encrypted
		between(pcapflow.HTTPWait, t.Connect, t.StartTransfer)
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
