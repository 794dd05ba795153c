package correlate

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Mishap is something that need not have happened to a journey, in the words of
// the report.
type Mishap string

// Mishaps, each charged to one cause of the breakdown.
const (
	LostSYN          Mishap = "lost-syn"
	LostSegments     Mishap = "lost-segments"
	UnansweredQuery  Mishap = "unanswered-query"
	UnknownNeighbour Mishap = "unknown-neighbour"
	ClosedWindow     Mishap = "closed-window"
	DelayedACK       Mishap = "late-ack"
)

// mishaps in the order they are listed.
var mishaps = []Mishap{UnansweredQuery, UnknownNeighbour, LostSYN, LostSegments, ClosedWindow, DelayedACK}

// WhatIf says how long a journey would have taken without a mishap. The time a
// mishap took is exclusive and lies on the way its client waited, so that
// without it all that came behind comes so much sooner.
type WhatIf struct {
	Without Mishap
	Saved   time.Duration
	Total   time.Duration
}

// mishap charges up to d of what is left to c, as the time a mishap took, and
// returns what then is left.
func (b *bill) mishap(m Mishap, c Cause, d, left int64) int64 {
	charged := b.charge(c, min(d, left))
	if charged > 0 {
		b.mishaps[m] += charged
	}
	return left - charged
}

// leastSaved is the time below which a mishap is not worth a word.
const leastSaved = int64(time.Millisecond)

// whatIf lists how long a journey would have taken without each of its mishaps.
// Of one that came to nothing nobody knows how it would have gone on.
func (b *bill) whatIf(j *Journey) []WhatIf {
	if j.Outcome != pcapflow.Done {
		return nil
	}
	var list []WhatIf
	for _, m := range mishaps {
		if d := b.mishaps[m]; d >= leastSaved {
			list = append(list, WhatIf{Without: m, Saved: time.Duration(d), Total: j.Total() - time.Duration(d)})
		}
	}
	return list
}

// account charges the time of a journey: as its client waited, what had been
// without its mishaps, and as its server saw it.
func account(j *Journey, tb timebase) {
	b := &bill{spent: map[Cause]int64{}, mishaps: map[Mishap]int64{}}
	j.Breakdown = b.breakDown(j, tb)
	j.WhatIf = b.whatIf(j)
	if v := serverView(j); v != nil {
		b := &bill{spent: map[Cause]int64{}, mishaps: map[Mishap]int64{}, atServer: true}
		if shares := b.breakDown(v, tb); shares != nil {
			j.ServerView = &ServerView{Point: v.Points[0], Total: v.Total(), Breakdown: shares}
		}
	}
}

// ServerView is a journey as its server saw it: from the first packet of it
// that came in to the last byte of its answer.
type ServerView struct {
	Point     Point
	Total     time.Duration
	Breakdown []Share
}

// serverView is the journey as a capture taken at the server shows it; nil where
// none was, or where nothing but that one was: then it is told that way already.
func serverView(j *Journey) *Journey {
	at := slices.IndexFunc(j.Points, func(p Point) bool { return vantageRank(p) == 2 && p.Flow.Conn != nil })
	if at < 1 {
		return nil
	}
	p := j.Points[at]
	v := &Journey{Service: j.Service, Points: []Point{p}, Exchange: p.Exchange, SSH: p.Flow.SSH, Outcome: j.Outcome}
	if j.Ordinal <= 1 {
		v.Phases = connectionPhases(&joint{points: v.Points})
	}
	if p.Exchange != nil {
		v.Phases = append(v.Phases, exchangePhases(p, p.Exchange)...)
	}
	for i := range v.Phases {
		ph := &v.Phases[i]
		if !ph.Begin.Seen() {
			continue
		}
		if !v.Start.Seen() || ph.Begin.Time < v.Start.Time {
			v.Start = ph.Begin
		}
		if !ph.End.Seen() {
			return nil // how long the server waited for what never came says little
		}
		if ph.End.Time > v.End.Time {
			v.End = ph.End
		}
	}
	return v
}

// clientTrip is the network's part of a phase as the server sees it: the way to
// the client and back while it shakes hands, none of it while it answers.
func clientTrip(p placed) int64 {
	c := p.Flow.Conn
	if c == nil {
		return 0
	}
	switch p.Name {
	case pcapflow.TCPConnect, pcapflow.TLSHandshake, pcapflow.QUICHandshake, pcapflow.SSHKex:
		return c.RTTClient
	}
	return 0
}
