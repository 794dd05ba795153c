package trend

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Kind says how something differs between two periods.
type Kind string

// Kinds of a Change. What was found in one period alone is new or gone where the other
// had occasions enough to show it; otherwise nothing tells.
const (
	New        Kind = "new"
	Gone       Kind = "gone"
	Grown      Kind = "grown"
	Shrunk     Kind = "shrunk"
	Moved      Kind = "moved"       // a clock's offset lay elsewhere
	Stepped    Kind = "stepped"     // a clock jumped within the later period
	OnlyNow    Kind = "only now"    // and before there were too few occasions to tell
	OnlyBefore Kind = "only before" // and now there are
)

var kinds = []Kind{New, Grown, Moved, Stepped, Gone, Shrunk, OnlyNow, OnlyBefore}

// Subject is what a Change is about.
type Subject string

const (
	Findings  Subject = "finding"
	Failures  Subject = "not done" // journeys of a service without success
	Phases    Subject = "phase"
	Services  Subject = "service"
	Servers   Subject = "server"
	Resolvers Subject = "resolver"
	Clients   Subject = "client"
	Clocks    Subject = "clock"
)

var subjects = []Subject{Findings, Failures, Phases, Clocks, Services, Servers, Resolvers, Clients}

// Change is one difference between two periods.
type Change struct {
	Of          Subject
	Name        string
	Kind        Kind
	Before, Now Amount
	// Servers at which a finding is new that was there before, in order.
	Servers []string
}

// Amount is how much there was of something: of what is counted, how many of how many
// occasions (0: it has none that are counted); of a phase a percentile; of a clock where
// its offset lay, in seconds.
type Amount struct {
	N, Occasions int
	Standing     bool  // of findings about no journey: occasions are not counted
	Percent      int64 // of a phase: which percentile
	Time         report.Seconds
	Range        *ClockRange
}

const (
	// enough is how many of something must be expected for none to mean anything: by
	// chance alone there is none once in twenty times.
	enough = 3
	// deviations, of a share, are how far it must have changed to be told.
	deviations = 3
	// rankDeviations, of a percentile's rank on either side, are how far it is uncertain.
	rankDeviations = 2
	// A phase that changed by less matters to nobody.
	leastChange = 0.1
	leastTime   = report.Seconds(1e6)
)

// Compare tells what changed from one period to the next: of findings and failures by
// their share of the journeys that might show them, of phases beyond the error of their
// percentiles and what the number of journeys leaves to chance. few counts the addresses
// that were met in one of them alone, too seldom to tell.
func Compare(before, now *Day) (changes []Change, few int) {
	for _, name := range union(before.Rules, now.Rules) {
		b, n := before.Rules[name], now.Rules[name]
		if !b.OfJourneys() && !n.OfJourneys() {
			changes = append(changes, standingChange(name, b, n))
			continue
		}
		c := counted(Findings, name, amountOf(before, b, n), amountOf(now, n, b))
		if b != nil && n != nil {
			for _, server := range slices.Sorted(maps.Keys(n.Servers)) {
				if b.Servers[server] == 0 {
					c.Servers = append(c.Servers, server)
				}
			}
			if len(c.Servers) > 0 {
				c.Kind = cmp.Or(c.Kind, New)
			}
		}
		changes = append(changes, c)
	}
	for _, name := range union(before.Journeys, now.Journeys) {
		changes = append(changes, counted(Failures, name, Amount{N: before.NotDone[name], Occasions: before.Journeys[name]}, Amount{N: now.NotDone[name], Occasions: now.Journeys[name]}))
		changes = append(changes, met(counted(Services, name, Amount{N: before.Journeys[name], Occasions: Total(before.Journeys)}, Amount{N: now.Journeys[name], Occasions: Total(now.Journeys)})))
	}
	for _, name := range union(before.Phases, now.Phases) {
		changes = append(changes, phaseChange(name, before.Phases[name], now.Phases[name]))
	}
	for _, name := range union(before.Clocks, now.Clocks) {
		changes = append(changes, clockChange(name, before.Clocks[name], now.Clocks[name]))
	}
	dns := [2]int{before.Journeys["dns"], now.Journeys["dns"]}
	all := [2]int{Total(before.Journeys), Total(now.Journeys)}
	for _, role := range []struct {
		of          Subject
		before, now map[string]*Spent
		occasions   [2]int
	}{
		{Servers, before.Servers, now.Servers, [2]int{all[0] - dns[0], all[1] - dns[1]}},
		{Resolvers, before.Resolvers, now.Resolvers, dns},
		{Clients, before.Clients, now.Clients, all},
	} {
		for _, name := range union(role.before, role.now) {
			c := met(counted(role.of, name, Amount{N: role.before[name].journeys(), Occasions: role.occasions[0]}, Amount{N: role.now[name].journeys(), Occasions: role.occasions[1]}))
			if c.Kind == OnlyNow || c.Kind == OnlyBefore {
				few++
				continue
			}
			changes = append(changes, c)
		}
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Kind == "" })
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(subjects, a.Of), slices.Index(subjects, b.Of)), cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)))
	})
	return changes, few
}

// union are the names of both, in order.
func union[T any](a, b map[string]T) []string {
	names := append(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Total adds up counts.
func Total(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func (s *Spent) journeys() int {
	if s == nil {
		return 0
	}
	return s.Journeys
}

// amountOf is how many journeys of a period a rule was about, of those of the services
// that it is about in either period.
func amountOf(d *Day, own, other *RuleCount) (a Amount) {
	services := map[string]bool{}
	for _, r := range []*RuleCount{own, other} {
		if r == nil {
			continue
		}
		for name := range r.Services {
			services[name] = true
		}
	}
	for name := range services {
		a.Occasions += d.Journeys[name]
	}
	if own != nil {
		a.N = own.Journeys
	}
	return a
}

// standingChange tells of findings about no journey that one period alone has: how often
// there was an occasion for them nothing says.
func standingChange(name string, before, now *RuleCount) Change {
	c := Change{Of: Findings, Name: name, Before: Amount{Standing: true}, Now: Amount{Standing: true}}
	if before != nil {
		c.Before.N = before.Told()
	}
	if now != nil {
		c.Now.N = now.Told()
	}
	switch {
	case c.Before.N == 0:
		c.Kind = OnlyNow
	case c.Now.N == 0:
		c.Kind = OnlyBefore
	}
	return c
}

// counted compares what is counted among occasions.
func counted(of Subject, name string, before, now Amount) Change {
	c := Change{Of: of, Name: name, Before: before, Now: now}
	// expected is how many of one period's kind the occasions of the other would show.
	expected := func(a Amount, occasions int) float64 {
		return float64(a.N) / float64(max(a.Occasions, 1)) * float64(occasions)
	}
	switch {
	case before.N == 0 && now.N == 0:
	case before.N == 0:
		if c.Kind = New; expected(now, before.Occasions) < enough {
			c.Kind = OnlyNow
		}
	case now.N == 0:
		if c.Kind = Gone; expected(before, now.Occasions) < enough {
			c.Kind = OnlyBefore
		}
	case before.Occasions > 0 && now.Occasions > 0:
		// Of as many as both have, the later one has a share by chance.
		n, p := float64(before.N+now.N), float64(now.Occasions)/float64(before.Occasions+now.Occasions)
		if z := (float64(now.N) - n*p) / math.Sqrt(n*p*(1-p)); z > deviations {
			c.Kind = Grown
		} else if z < -deviations {
			c.Kind = Shrunk
		}
	}
	return c
}

// met leaves of a change whether something was met at all: how often is a matter of
// traffic.
func met(c Change) Change {
	if c.Kind == Grown || c.Kind == Shrunk {
		c.Kind = ""
	}
	return c
}

// phaseChange compares the 95th percentile of a phase, or the median where that
// changed alone or the other cannot be told of so few.
func phaseChange(name string, before, now *report.Histogram) Change {
	c := Change{Of: Phases, Name: name}
	if before == nil || now == nil {
		return c // what is told of journeys and services says so
	}
	for _, percent := range []int64{95, 50} {
		b, okB := before.Within(percent, rankDeviations)
		n, okN := now.Within(percent, rankDeviations)
		if !okB || !okN {
			continue
		}
		apart := max(n.At, b.At) - min(n.At, b.At)
		if apart < leastTime || float64(apart) < leastChange*float64(min(n.At, b.At)) {
			continue
		}
		switch {
		case n.Low > b.High:
			c.Kind = Grown
		case n.High < b.Low:
			c.Kind = Shrunk
		default:
			continue
		}
		c.Before, c.Now = Amount{Percent: percent, Time: b.At}, Amount{Percent: percent, Time: n.At}
		break
	}
	return c
}

// clockChange compares where the offset of a clock lay. Offsets from different
// references say nothing of each other.
func clockChange(name string, before, now *ClockRange) Change {
	c := Change{Of: Clocks, Name: name, Before: Amount{Range: before}, Now: Amount{Range: now}}
	switch {
	case before == nil || now == nil: // its host shows nothing in one of them
	case !now.Measured && before.Measured:
		c.Kind = OnlyBefore
	case !before.Measured && now.Measured:
		c.Kind = OnlyNow
	case !now.Measured:
	case now.Steps > 0:
		c.Kind = Stepped
	case now.MovedFrom(before):
		c.Kind = Moved
	}
	return c
}

// MovedFrom tells whether a clock's offset lay elsewhere before, from the same reference.
func (r *ClockRange) MovedFrom(before *ClockRange) bool {
	return r.Measured && before.Measured && r.Reference == before.Reference && r.Reference != "" && (r.Low > before.High || r.High < before.Low)
}
