package diagnose

import (
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// rich holds every kind of evidence that rules ask for.
func rich() *world {
	w := newWorld()
	j, _ := w.request(1130, 1131)
	w.said(j, took(20*ms))
	j.Exchange.StreamID = 1
	w.tls(1050)
	w.ssh(1040)
	w.ntp(timeServer, true)
	w.quic(1020)
	w.atResolver(w.lookup("app.example", w.try("A", "app.example", 900, 910, "NOERROR")), 1, true)
	w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Target: server.Addr(), Requests: []pcapflow.Stamp{w.at(1)}, Reply: w.at(1)}}
	w.log("auth-log", sshLine(logparse.SSHAccepted, ""))
	w.log("syslog", logparse.Event{Kind: logparse.KernelNotice})
	w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError})
	w.clock("web", "log", clock.Measured, known(0, 0, ms))
	w.budget(3600)
	return w
}

// absence is evidence that somebody did not collect: how to take it out of a
// world, and the kinds that are gone with it.
type absence struct {
	name   string
	remove func(*world)
	wants  []*Want
}

var absences = []absence{
	{"nothing", func(*world) {}, nil},
	{"answers", func(w *world) {
		for _, l := range w.c.Lookups {
			l.End, l.Outcome, l.RCode = pcapflow.Stamp{}, pcapflow.Unanswered, ""
			l.TCP, l.TCPFlows = false, nil
			for i := range l.Tries {
				t := l.Tries[i].Transaction
				t.Answer, t.RCode, t.Truncated, t.Addresses = pcapflow.Stamp{}, "", false, nil
			}
		}
	}, []*Want{wantAnswers}},
	{"DNS", func(w *world) {
		keep(w, func(j *correlate.Journey) bool { return j.Service != "dns" })
		w.c.Lookups = nil
		for _, j := range w.c.Journeys {
			j.Lookup, j.SideLookups = nil, nil
		}
	}, []*Want{wantQueries, wantAnswers, wantResolver}},
	{"a second capture", func(w *world) {
		w.c.Incident.Captures = w.c.Incident.Captures[:1]
		for _, j := range w.c.Journeys {
			j.Points = j.Points[:min(len(j.Points), 1)]
		}
		for _, l := range w.c.Lookups {
			l.Others = nil
		}
		for _, k := range w.c.Clocks {
			k.Supports = slices.DeleteFunc(k.Supports, func(x clock.Support) bool { return x.Method == clock.TwoCaptures })
		}
	}, []*Want{wantResolver, wantTwoCaptures}},
	{"ARP", func(w *world) {
		w.k.Neighbours = nil
		for _, j := range w.c.Journeys {
			j.Neighbour = nil
			withoutPhase(j, pcapflow.L2Resolve)
		}
	}, []*Want{wantLink}},
	{"handshakes", func(w *world) {
		flows(func(f *pcapflow.Flow) {
			if f.Conn != nil {
				f.Conn.SYN, f.Conn.SYNACK, f.Conn.ACK = nil, nil, pcapflow.Stamp{}
			}
		})(w)
		for _, j := range w.c.Journeys {
			withoutPhase(j, pcapflow.TCPConnect)
		}
	}, []*Want{wantHandshakes}},
	{"TLS", flows(func(f *pcapflow.Flow) { f.TLS = nil }), []*Want{wantTLS}},
	{"QUIC", func(w *world) {
		flows(func(f *pcapflow.Flow) { f.QUIC = nil })(w)
		keep(w, func(j *correlate.Journey) bool { return j.Service != "quic" })
	}, []*Want{wantQUIC}},
	{"connections", func(w *world) {
		for _, k := range w.c.Incident.Captures {
			k.Flows = slices.DeleteFunc(k.Flows, func(f *pcapflow.Flow) bool { return f.Conn != nil })
		}
		keep(w, func(j *correlate.Journey) bool { return flow(j) == nil || flow(j).Conn == nil })
	}, []*Want{wantConnections, wantHandshakes, wantTLS, wantResponses, wantStreams, wantRequestTimes, wantSSHLogins}},
	{"web", journeysWith(func(j *correlate.Journey) bool { return j.Exchange != nil }), []*Want{wantResponses, wantStreams, wantRequestTimes}},
	{"HTTP/2", func(w *world) {
		for _, j := range w.c.Journeys {
			if j.Exchange != nil {
				j.Exchange.StreamID = 0
			}
		}
	}, []*Want{wantStreams}},
	{"SSH", journeysWith(func(j *correlate.Journey) bool { return j.SSH != nil }), []*Want{wantSSHLogins}},
	{"NTP", journeysWith(func(j *correlate.Journey) bool { return j.NTP != nil }), []*Want{wantNTP}},
	{"ends", func(w *world) {
		for _, j := range w.c.Journeys {
			j.End = pcapflow.Stamp{}
		}
	}, []*Want{wantFinished}},
	{"sshd's log", events(logparse.SSHConnection, logparse.SSHAccepted, logparse.SSHFailed, logparse.SSHClosed, logparse.SSHNegotiation, logparse.SSHDropped), []*Want{wantSSHLog}},
	{"the kernel's log", events(logparse.KernelNotice), []*Want{wantKernelLog}},
	{"the error log", events(logparse.HTTPError, logparse.KernelNotice, logparse.Message), []*Want{wantErrorLog, wantKernelLog}},
	{"the access log", events(logparse.HTTPRequest), []*Want{wantAccessLog}},
	{"request times", func(w *world) {
		for _, j := range w.c.Journeys {
			j.Lines = nil
		}
	}, []*Want{wantRequestTimes}},
	{"logs", func(w *world) {
		w.c.Incident.Logs = nil
		for _, j := range w.c.Journeys {
			j.Lines = nil
		}
	}, []*Want{wantLogs, wantSSHLog, wantAccessLog, wantErrorLog, wantKernelLog, wantRequestTimes}},
	{"clocks", func(w *world) { w.c.Clocks = nil }, []*Want{wantClocks}},
	{"what is normal", func(w *world) { w.opt = Options{} }, []*Want{wantLimit}},
	{"captures", func(w *world) {
		w.c.Incident.Captures, w.c.Lookups = nil, nil
		keep(w, func(j *correlate.Journey) bool { return len(j.Points) == 0 })
	}, []*Want{wantCapture, wantLink, wantHandshakes, wantConnections, wantTLS, wantResolver, wantTwoCaptures,
		wantQueries, wantAnswers, wantResponses, wantStreams, wantRequestTimes, wantFinished, wantSSHLogins, wantNTP, wantQUIC}},
}

func withoutPhase(j *correlate.Journey, name pcapflow.PhaseName) {
	j.Phases = slices.DeleteFunc(j.Phases, func(p correlate.Phase) bool { return p.Name == name })
}

func keep(w *world, which func(*correlate.Journey) bool) {
	w.c.Journeys = slices.DeleteFunc(w.c.Journeys, func(j *correlate.Journey) bool { return !which(j) })
}

func journeysWith(which func(*correlate.Journey) bool) func(*world) {
	return func(w *world) { keep(w, func(j *correlate.Journey) bool { return !which(j) }) }
}

func flows(change func(*pcapflow.Flow)) func(*world) {
	return func(w *world) {
		for _, k := range w.c.Incident.Captures {
			for _, f := range k.Flows {
				change(f)
			}
		}
	}
}

// events takes out the lines of these kinds.
func events(kinds ...logparse.Kind) func(*world) {
	return func(w *world) {
		w.c.Incident.Logs = slices.DeleteFunc(w.c.Incident.Logs, func(l *incident.Log) bool { return slices.Contains(kinds, l.Events[0].Kind) })
	}
}

// TestAbsences: where one kind of evidence is missing, exactly the rules that
// rest on it alone are listed as not evaluable.
func TestAbsences(t *testing.T) {
	for _, x := range absences {
		t.Run(x.name, func(t *testing.T) {
			w := rich()
			x.remove(w)
			var want, got []string
			for _, r := range Rules() {
				if !slices.ContainsFunc(r.Wants, func(k *Want) bool { return !slices.Contains(x.wants, k) }) {
					want = append(want, r.Name)
				}
			}
			for _, u := range w.run().Unchecked {
				got = append(got, u.Rule)
			}
			if !slices.Equal(got, want) {
				t.Errorf("not evaluable %v\nwant %v", got, want)
			}
		})
	}
}

// without takes a kind of evidence out of a world by the absence that takes the
// least with it.
func without(w *world, k *Want) bool {
	var best *absence
	for i := range absences {
		if x := &absences[i]; slices.Contains(x.wants, k) && (best == nil || len(x.wants) < len(best.wants)) {
			best = x
		}
	}
	if best == nil {
		return false
	}
	best.remove(w)
	return true
}

// TestNotEvaluable: every rule, in a case where it speaks, is silent without the
// evidence that it rests on, and listed as not evaluable with what it needs and
// a command that collects it.
func TestNotEvaluable(t *testing.T) {
	trials := allTrials()
	listed := func(d *Diagnosis, rule string) *Unchecked {
		for i := range d.Unchecked {
			if d.Unchecked[i].Rule == rule {
				return &d.Unchecked[i]
			}
		}
		return nil
	}
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			i := slices.IndexFunc(trials, func(x trial) bool { return x.rule == r.Name && x.fires })
			if i < 0 {
				t.Fatal("no case where it speaks")
			}
			w := newWorld()
			trials[i].build(w)
			if d := w.run(); len(of(d, r.Name)) == 0 || listed(d, r.Name) != nil {
				t.Fatalf("%d findings with its evidence, listed %+v", len(of(d, r.Name)), listed(d, r.Name))
			}
			w = newWorld()
			trials[i].build(w)
			for _, k := range r.Wants {
				if !without(w, k) {
					t.Fatal("a kind of evidence is never missing: add an absence")
				}
			}
			d := w.run()
			u := listed(d, r.Name)
			if found := of(d, r.Name); u == nil || u.Text == "" || u.Command == "" || len(found) > 0 {
				t.Errorf("listed %+v, findings %+v", u, found)
			}
		})
	}
}

// TestWants: every rule says which evidence it rests on; only those that speak
// of a drop counter ask for nothing.
func TestWants(t *testing.T) {
	for _, r := range Rules() {
		if len(r.Wants) == 0 {
			t.Errorf("%s wants no evidence", r.Name)
		}
	}
	w := newWorld()
	w.k.Interfaces = []capture.Interface{{Dropped: 7}}
	if f := of(Run(w.c, Options{}), "capture-lost-packets"); len(f) != 1 {
		t.Errorf("7 packets dropped: %+v", f)
	}
}
