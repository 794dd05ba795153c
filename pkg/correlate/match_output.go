package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
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
