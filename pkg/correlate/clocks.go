package correlate

import (
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// LinkedLine is a log line with the packets it tells of, as the matching found
// them: evidence for measuring the clocks once more.
type LinkedLine struct {
	Log         *incident.Log
	Event       int // index into Log.Events
	Capture     *incident.Capture
	Flow        *pcapflow.Flow
	Exchange    *pcapflow.Exchange    // of an HTTP line, else nil
	Transaction *pcapflow.Transaction // of a DNS line, else nil
	Keyed       bool                  // by what names the flow, not by time and likeness
}

// clockTable finds the clock that wrote something.
type clockTable struct {
	captures map[captureClock]*Clock
	files    map[*incident.File]fileClocks
}

// captureClock names a clock of a capture: one of its interfaces' clocks.
type captureClock struct {
	capture *incident.Capture
	clock   capture.ClockID
}

// fileClocks are the clocks of one text file: one, or one for each host named
// in its lines.
type fileClocks struct {
	main  *Clock
	hosts map[string]*Clock
}

func newClockTable(inc *incident.Incident, clocks []*Clock) *clockTable {
	t := &clockTable{captures: map[captureClock]*Clock{}, files: map[*incident.File]fileClocks{}}
	owner := inc.CaptureOfFile()
	for _, k := range clocks {
		for _, f := range k.Files {
			if c := owner[f]; c != nil {
				for _, id := range k.Interfaces {
					t.captures[captureClock{c, id}] = k
				}
			}
			fc := t.files[f]
			if len(k.Hosts) == 0 || fc.main == nil {
				fc.main = k
			}
			for _, h := range k.Hosts {
				if fc.hosts == nil {
					fc.hosts = map[string]*Clock{}
				}
				fc.hosts[h] = k
			}
			t.files[f] = fc
		}
	}
	return t
}

// ofFile is the clock that wrote most of a file; nil if none is known.
func (t *clockTable) ofFile(f *incident.File) *Clock { return t.files[f].main }

// ofCapture is the clock that stamped the packets of an interface.
func (t *clockTable) ofCapture(c *incident.Capture, id capture.ClockID) *Clock {
	if k := t.captures[captureClock{c, id}]; k != nil {
		return k
	}
	if len(c.Files) > 0 {
		return t.files[c.Files[0]].main
	}
	return nil
}

// ofEvent is the clock that wrote a line; in a file that gathers the lines of
// several hosts the name in the line decides.
func (t *clockTable) ofEvent(l *incident.Log, event int) *Clock {
	fc := t.files[l.File]
	if k := fc.hosts[l.Events[event].Host]; k != nil {
		return k
	}
	return fc.main
}

// correctStamp moves a capture's stamp to the reference clock.
func (t *clockTable) correctStamp(c *incident.Capture, id capture.ClockID, s int64) (at, low, high int64, ok bool) {
	k := t.ofCapture(c, id)
	if k == nil {
		return s, s, s, false
	}
	return k.Correct(s)
}

// ClockOf is the clock that wrote most of a file; nil if none is known.
func (c *Case) ClockOf(f *incident.File) *Clock {
	var shared *Clock
	for _, k := range c.Clocks {
		for _, kf := range k.Files {
			if kf != f {
				continue
			}
			if len(k.Hosts) == 0 {
				return k
			}
			if shared == nil {
				shared = k
			}
		}
	}
	return shared
}

// measureClocks names the clocks of an incident and measures each against one
// reference, which comes first. Stamps of logs that state no zone are read anew
// where the captures tell it.
func measureClocks(inc *incident.Incident, opt Options) []*Clock {
	clocks, _ := measuredClocks(inc, opt)
	return clocks
}

// measuredClocks also tells which logs have a clock apart from their folder's.
func measuredClocks(inc *incident.Incident, opt Options) ([]*Clock, map[*incident.Log]bool) {
	apart := eachAlone(inc)
	return remeasureClocks(inc, opt, apart, nil), apart
}

// remeasureClocks measures with the lines that matching could link as further
// evidence.
func remeasureClocks(inc *incident.Incident, opt Options, apart map[*incident.Log]bool, linked []LinkedLine) []*Clock {
	e, s := measureOnce(inc, opt, apart, linked)
	if e.inferZones(s) { // what was too little to tell by itself
		e, s = measureOnce(inc, opt, apart, linked)
	}
	return e.finish(s)
}

func measureOnce(inc *incident.Incident, opt Options, apart map[*incident.Log]bool, linked []LinkedLine) (*evidence, *clock.Solution) {
	e := gather(inc, buildDomains(inc, apart, opt.Lang))
	e.linked(linked)
	s := e.solve(opt)
	hosts, addresses := e.sameHosts(s), e.sameAddresses(s)
	if hosts || addresses {
		s = e.solve(opt)
	}
	return e, s
}
