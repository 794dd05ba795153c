package main

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// rowChoice is which rows the options ask for, of those that come one after the
// other. Stamps are raw; times of day are of the day of the first row that has
// one. nil: all.
type rowChoice struct {
	report.Selection
	choice *choice
	dated  bool // Since and Until are settled
}

func (env *environment) rowChoice() (*rowChoice, error) {
	s, err := env.selection()
	if err != nil || s.By == "" {
		return nil, err
	}
	c := &rowChoice{Selection: s, choice: &env.options.choice}
	if !c.byTimeOfDay() {
		c.settle(0)
	}
	return c, nil
}

// byTimeOfDay tells whether an instant asked for lacks its day.
func (c *rowChoice) byTimeOfDay() bool {
	for _, text := range []string{c.choice.since, c.choice.until, c.choice.around} {
		if _, err := time.Parse(time.RFC3339Nano, text); text != "" && err != nil {
			return true
		}
	}
	return false
}

func (c *rowChoice) settle(first int64) {
	if !c.dated {
		c.Since, c.Until = c.choice.span(report.Instant(first))
		c.dated = true
	}
}

func (c *rowChoice) flow(f *pcapflow.Flow) bool {
	if c == nil {
		return true
	}
	c.settle(f.Start.Time)
	return c.WantsFlow(f)
}

func (c *rowChoice) resolution(r *pcapflow.Resolution) bool {
	if c == nil {
		return true
	}
	c.settle(r.Begin().Time)
	return c.WantsResolution(r)
}

func (c *rowChoice) router(r *pcapflow.Router) bool {
	if c == nil {
		return true
	}
	c.settle(r.Advertised[0].Time)
	return c.WantsRouter(r)
}

func (c *rowChoice) icmp(e *pcapflow.ICMPError) bool {
	if c == nil {
		return true
	}
	c.settle(e.Time)
	return c.WantsICMP(e)
}

func (c *rowChoice) gateway(g *correlate.Gateway) bool {
	if c == nil {
		return true
	}
	c.settle(g.First.Time)
	return c.WantsGateway(g)
}

func (c *rowChoice) event(e *logparse.Event) bool {
	if e.HasTime {
		c.settle(e.Time)
	} else if !c.dated {
		return false // a time is asked for, and it has none
	}
	return c.WantsEvent(e)
}

// chosenEvents passes the events chosen on to a sink.
type chosenEvents struct {
	choice *rowChoice
	sink   incident.Sink
}

func (s chosenEvents) Event(e *logparse.Event) {
	if s.choice.event(e) {
		s.sink.Event(e)
	}
}

func (s chosenEvents) Part() incident.Sink { return chosenEvents{s.choice, s.sink.Part()} }

func (s chosenEvents) Join(part incident.Sink) { s.sink.Join(part.(chosenEvents).sink) }

// onlyChosen has a sink take none but the events chosen. Where the day of a time
// is that of the first event, events must come one after the other.
func (env *environment) onlyChosen(opt *incident.Options, open func(*incident.File) incident.Sink) (func(*incident.File) incident.Sink, error) {
	c, err := env.rowChoice()
	if c == nil || err != nil {
		return open, err
	}
	if !c.dated {
		opt.Workers, opt.Parts = 1, 1
	}
	return func(f *incident.File) incident.Sink { return chosenEvents{c, open(f)} }, nil
}
