package correlate

import (
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// witnessed is a request of 5 ms name resolution, 20 ms connect, 30 ms of TLS,
// 100 ms of waiting and 10 ms of answer, seen at the server, with what its client
// printed (in ms; below 0: nothing) and its server logged.
func witnessed(printed *logparse.Event, logged *logparse.Event, change func(*pcapflow.Exchange)) []Comparison {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":443", 5, 20)
	f.Conn.RTTServer, f.Conn.Vantage = 0, pcapflow.VantageServer
	e := s.exchange(f, 55, 100, 10)
	if change != nil {
		change(e)
	}
	j := &Journey{Client: f.Client, Server: f.Server, Ordinal: 1, Points: []Point{{Capture: s.capture, Flow: f, Exchange: e}}, Exchange: e, Outcome: pcapflow.Done}
	phase := func(name pcapflow.PhaseName, from, to float64) {
		j.Phases = append(j.Phases, Phase{Phase: pcapflow.Phase{Name: name, Begin: s.at(from), End: s.at(to), Outcome: pcapflow.Done}, Capture: s.capture, Flow: f})
	}
	phase(pcapflow.DNSLookup, 0, 5)
	phase(pcapflow.TCPConnect, 5, 25)
	phase(pcapflow.TLSHandshake, 25, 55)
	phase(pcapflow.HTTPWait, 55, 155)
	for _, x := range []*logparse.Event{printed, logged} {
		if x != nil {
			j.Lines = append(j.Lines, Line{Log: &incident.Log{File: &incident.File{}, Events: []logparse.Event{*x}}, Status: "matched"})
		}
	}
	return compareWitnesses(j, asWritten{})
}

// curled is what curl prints of a transfer, in ms from its start.
func curled(lookup, connect, tls, pre, first float64) *logparse.Event {
	d := func(t float64) time.Duration { return time.Duration(t * 1e6) }
	return &logparse.Event{Kind: logparse.ClientHTTP, Timing: &logparse.Timing{NameLookup: d(lookup), Connect: d(connect), AppConnect: d(tls), PreTransfer: d(pre), StartTransfer: d(first)}}
}

// took is a line of a web server that says how long a request took, and how
// coarsely, in ms.
func took(t, width float64, status int) *logparse.Event {
	return &logparse.Event{Kind: logparse.HTTPRequest, Duration: time.Duration(t * 1e6), DurationWidth: time.Duration(width * 1e6), Status: status}
}

func whyOf(list []Comparison, of pcapflow.PhaseName) (Why, bool) {
	for _, c := range list {
		if c.Of == of {
			return c.Why, true
		}
	}
	return "", false
}

func TestRefereeExplains(t *testing.T) {
	agreeing := curled(5, 25, 55, 55, 155)
	failed := curled(5, 0, 0, 0, 0)
	failed.Timing.Exit = 60
	for _, x := range []struct {
		name            string
		printed, logged *logparse.Event
		change          func(*pcapflow.Exchange)
		of              pcapflow.PhaseName
		why             Why
	}{
		{"agreement", agreeing, nil, nil, pcapflow.HTTPWait, ""},
		{"100-continue", curled(5, 25, 55, 55, 100), nil, func(e *pcapflow.Exchange) {
			e.Method, e.Interim = "POST", []pcapflow.Stamp{{Time: e.RequestFirst.Time + 45e6, Frame: 9}}
		}, pcapflow.HTTPWait, WhyContinue},
		{"counted to the beginning of the body", curled(5, 25, 55, 55, 55.2), nil, func(e *pcapflow.Exchange) { e.RequestBytes = largeBody }, pcapflow.HTTPWait, WhyUpload},
		{"no body to begin with", curled(5, 25, 55, 55, 55.2), nil, nil, pcapflow.HTTPWait, WhyUnexplained},
		{"a failed handshake printed as 0", failed, nil, nil, pcapflow.TLSHandshake, WhyZero},
		{"a connect printed as 0 though it stood", failed, nil, nil, pcapflow.TCPConnect, WhyZero},
		{"resolver thread", curled(25, 45, 75, 75, 175), nil, nil, pcapflow.DNSLookup, WhyResolver},
		{"noticed late", curled(5, 37, 55, 55, 155), nil, nil, pcapflow.TCPConnect, WhyClientLate},
		{"and missing from the next", curled(5, 37, 55, 55, 155), nil, nil, pcapflow.TLSHandshake, WhyClientLate},
		{"streams in parallel", curled(5, 25, 55, 55, 555), nil, func(e *pcapflow.Exchange) { e.Multiplexed = true }, pcapflow.HTTPWait, WhyParallel},
		{"nothing explains a second", curled(5, 25, 55, 55, 1155), nil, nil, pcapflow.HTTPWait, WhyUnexplained},
		{"the log agrees", nil, took(110, 1, 200), nil, WholeRequest, ""},
		{"lingering close", nil, took(2110, 1, 403), nil, WholeRequest, WhyLingering},
		{"no reason to linger", nil, took(2110, 1, 200), nil, WholeRequest, WhyUnexplained},
		{"buffered end", nil, took(101, 1, 200), func(e *pcapflow.Exchange) { e.ResponseLast.Time += ms(900) }, WholeRequest, WhyBuffered},
		{"coarse clock", nil, took(0, 1000, 200), nil, WholeRequest, WhyCoarse},
		{"lay unread before", nil, took(20, 1, 200), nil, WholeRequest, WhyUnread},
		{"shorter than the answer took to come", nil, took(80, 1, 200), nil, WholeRequest, WhyUnexplained},
	} {
		if why, ok := whyOf(witnessed(x.printed, x.logged, x.change), x.of); !ok || why != x.why {
			t.Errorf("%s: %q (%v), want %q", x.name, why, ok, x.why)
		}
	}
}

// A connection that stood: the client prints 0 for what it did not need.
func TestRefereeOfReusedConnection(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":443", 0, 20)
	e := s.exchange(f, 100, 50, 0)
	j := &Journey{Client: f.Client, Server: f.Server, Ordinal: 2, Points: []Point{{Capture: s.capture, Flow: f, Exchange: e}}, Exchange: e}
	j.Phases = []Phase{{Phase: pcapflow.Phase{Name: pcapflow.TCPConnect}, Reason: reasonReused}}
	again := curled(0, 0, 0, 0.1, 50.1)
	again.Timing.Reused = true
	j.Lines = []Line{{Log: &incident.Log{File: &incident.File{}, Events: []logparse.Event{*again}}, Status: "matched"}}
	if why, ok := whyOf(compareWitnesses(j, asWritten{}), pcapflow.TCPConnect); !ok || why != WhyReused {
		t.Errorf("%q (%v), want %q", why, ok, WhyReused)
	}
}
