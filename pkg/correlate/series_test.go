package correlate

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

func TestStatistics(t *testing.T) {
	list := make([]time.Duration, 100)
	for i := range list {
		list[i] = time.Duration(100-i) * time.Millisecond
	}
	s := statisticsOf(list)
	want := Statistics{N: 100, Mean: 50500 * time.Microsecond, Sigma: 29011492, Median: 50500 * time.Microsecond, P95: 95 * time.Millisecond,
		Least: time.Millisecond, Most: 100 * time.Millisecond, mad: 25 * time.Millisecond}
	if s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if s.outlier(100*time.Millisecond) || !s.outlier(time.Second) {
		t.Error("outliers of an even spread")
	}
	one := statisticsOf([]time.Duration{7})
	if one.N != 1 || one.Mean != 7 || one.Sigma != 0 || one.Median != 7 || one.P95 != 7 || one.outlier(time.Hour) {
		t.Errorf("%+v", one)
	}
}

const ntpBegin = int64(1_800_000_000) * 1e9

// ntpStamp writes an instant in NTP's format.
func ntpStamp(ns int64) uint64 {
	return uint64(ns/1e9+2_208_988_800)<<32 | uint64(ns%1e9)<<32/1e9
}

// ntpFlow is a client that asks one server every 16 s. The server is ahead by
// offset, each way takes 10 ms; lost tells which requests stay unanswered.
func ntpFlow(server string, n int, offset time.Duration, lost ...int) *pcapflow.Flow {
	f := &pcapflow.Flow{Transport: pcapflow.UDP, Service: "ntp", Client: netip.MustParseAddrPort("192.0.2.1:123"), Server: netip.MustParseAddrPort(server)}
	for i := range n {
		at := ntpBegin + int64(i)*16e9
		x := pcapflow.NTPSample{Request: pcapflow.NTPMessage{Stamp: pcapflow.Stamp{Time: at, Frame: 2*i + 1}, Mode: 3}}
		if !slices.Contains(lost, i) {
			x.Response = pcapflow.NTPMessage{Stamp: pcapflow.Stamp{Time: at + 21e6, Frame: 2*i + 2}, Mode: 4, Stratum: 2, From: pcapflow.Server,
				Rec: ntpStamp(at + 10e6 + int64(offset)), Xmt: ntpStamp(at + 11e6 + int64(offset)), RootDispersion: 655} // 10 ms
		}
		f.NTP = append(f.NTP, x)
	}
	return f
}

func ntpSeriesOf(flows ...*pcapflow.Flow) []*NTPSeries {
	return ntpSeries(&incident.Incident{Captures: []*incident.Capture{{Result: pcapflow.Result{Flows: flows}}}})
}

func TestNTPSeries(t *testing.T) {
	s := ntpSeriesOf(ntpFlow("192.0.2.9:123", 10, 5*time.Millisecond, 3, 9))[0]
	if s.Requests != 10 || s.Answers != 8 || s.Reach != 0b10111110 || s.Poll.Median != 16*time.Second || s.Irregularity != 0 {
		t.Errorf("%+v", s)
	}
	near := func(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond }
	if !s.Bounded || s.Moved || !near(s.Low, -5*time.Millisecond) || !near(s.High, 15*time.Millisecond) || !near(s.Delay.Median, 20*time.Millisecond) || !near(s.Dwell.Median, time.Millisecond) {
		t.Errorf("%+v", s)
	}
	if !s.HasDrift || s.Drift > 0.01 || s.Drift < -0.01 || s.Jitter > time.Microsecond || !near(s.RootDistance, 9_994_506) {
		t.Errorf("%+v", s)
	}
	refused := ntpFlow("192.0.2.9:123", 4, 0, 0, 1, 2)
	refused.NTP[0].Refused, refused.NTP[1].Mistaken = refused.NTP[0].Request.Stamp, refused.NTP[1].Request.Stamp
	if s := ntpSeriesOf(refused)[0]; s.Requests != 4 || s.Answers != 1 || s.Lost() != 1 {
		t.Errorf("%+v", s)
	}
	// 10 ms further on with each exchange: no one offset holds for all.
	f := ntpFlow("192.0.2.9:123", 10, 0)
	for i := range f.NTP {
		ahead := int64(i) * 10e6
		r := &f.NTP[i].Response
		r.Rec, r.Xmt = ntpStamp(r.Time-11e6+ahead), ntpStamp(r.Time-10e6+ahead)
	}
	s = ntpSeriesOf(f)[0]
	if !s.Moved || s.Drift < 624 || s.Drift > 626 || s.Jitter < 10*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

func TestFalsetickers(t *testing.T) {
	verdicts := func(offsets ...time.Duration) (list []NTPVerdict) {
		var flows []*pcapflow.Flow
		for i, o := range offsets {
			flows = append(flows, ntpFlow(fmt.Sprintf("192.0.2.%d:123", 10+i), 4, o))
		}
		for _, s := range ntpSeriesOf(flows...) {
			list = append(list, s.Verdict)
		}
		return list
	}
	ms := time.Millisecond
	for _, c := range []struct {
		offsets []time.Duration
		want    []NTPVerdict
	}{
		{[]time.Duration{0}, []NTPVerdict{NTPAlone}},
		{[]time.Duration{0, 5 * ms}, []NTPVerdict{NTPAgrees, NTPAgrees}},
		{[]time.Duration{0, 500 * ms}, []NTPVerdict{NTPDisagrees, NTPDisagrees}},
		{[]time.Duration{0, 5 * ms, 500 * ms}, []NTPVerdict{NTPAgrees, NTPAgrees, NTPFalseticker}},
		{[]time.Duration{-time.Second, 5 * ms, 0, 10 * ms}, []NTPVerdict{NTPFalseticker, NTPAgrees, NTPAgrees, NTPAgrees}},
		{[]time.Duration{0, time.Second, 2 * time.Second}, []NTPVerdict{NTPDisagrees, NTPDisagrees, NTPDisagrees}},
		{[]time.Duration{0, 0, time.Second, time.Second}, []NTPVerdict{NTPDisagrees, NTPDisagrees, NTPDisagrees, NTPDisagrees}},
	} {
		if got := verdicts(c.offsets...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.offsets, got, c.want)
		}
	}
	f := ntpFlow("192.0.2.9:123", 3, 0)
	for i := range f.NTP {
		f.NTP[i].Response.LI = 3
	}
	if s := ntpSeriesOf(f)[0]; s.Verdict != NTPUnsynchronised || s.Reach != 0 || s.Unsynchronised != 3 {
		t.Errorf("%+v", s)
	}
	broken := ntpFlow("192.0.2.9:123", 3, 0, 0, 1, 2)
	if s := ntpSeriesOf(broken)[0]; s.Verdict != NTPUnknown || s.Answers != 0 || s.Bounded {
		t.Errorf("%+v", s)
	}
}

// TestFalsetickerOfRecording: chronyd asked four servers. Ten years off is the only one that
// vouches for UTC, which the others contradict; another's answers repeat no request, so
// that its client got none.
func TestFalsetickerOfRecording(t *testing.T) {
	c := Correlate(analysed(t, filepath.Join("..", "pcapflow", "testdata", "recorded", "rare.pcap")), Options{})
	for _, k := range c.Clocks {
		if k.Kind == kindUTC {
			t.Errorf("UTC by a server that is wrong: %+v", k)
		}
	}
	answered, bogus := 0, 0
	for _, j := range c.Journeys {
		switch {
		case j.NTP == nil:
		case j.NTP.Mistaken.Seen() && j.Outcome == pcapflow.Unanswered && slices.Equal(j.Phases[0].Frames, []int{j.NTP.Request.Frame, j.NTP.Mistaken.Frame}):
			bogus++
		case j.NTP.Request.Seen() && j.NTP.Response.Seen() && j.Outcome == pcapflow.Done:
			answered++
		default:
			t.Errorf("%s %s %+v", j.Server, j.Outcome, j.NTP)
		}
	}
	if answered != 40 || bogus != 16 {
		t.Errorf("%d answered, %d not as they should be", answered, bogus)
	}
}

// TestDNSSeries: on slow and lost DNS the outliers are those with a cause, and
// the resolver's own capture tells what its client cannot see.
func TestDNSSeries(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{need.Shared(t, "incidents", "s03_slow_dns", "input")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	causes := map[DNSCause]int{}
	for _, s := range resolverSeries(inc, historiesOf(inc)) {
		if s.Asked != s.Unanswered+s.Latency.N || s.Latency.N > 0 && (s.Latency.Least > s.Latency.Median || s.Latency.Median > s.Latency.P95 || s.Latency.P95 > s.Latency.Most) {
			t.Errorf("%+v", s)
		}
		for _, o := range s.Outliers {
			causes[o.Cause]++
			if o.Took <= s.Latency.Median {
				t.Errorf("%+v of %+v", o, s.Latency)
			}
		}
	}
	if causes[DNSUpstream] < 5 || causes[DNSRetry] < 3 || causes[DNSPath] < 1 || causes[DNSFailure] < 1 {
		t.Errorf("causes %v", causes)
	}
}
