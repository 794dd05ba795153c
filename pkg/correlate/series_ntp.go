package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// NTPSeries are the exchanges of one client with one server in one capture.
// Offsets are of the server's clock minus the capturing one.
type NTPSeries struct {
	Capture *incident.Capture
	Clock   capture.ClockID
	Client  netip.Addr
	Server  netip.AddrPort
	First   pcapflow.Stamp
	Last    pcapflow.Stamp

	Requests, Answers int // requests repeated word by word count once
	Unsynchronised    int // answers that say so of their sender
	Kisses            []string
	Interleaved       int
	Bogus             int // answers to nothing that was asked
	Refused           int // requests that ICMP turned away
	Useless           int // requests that drew only answers that their client drops

	Stratum      uint8 // of the latest answer
	RootDistance time.Duration

	Low, High time.Duration       // the offset lies between, if it was constant; meaningful where Bounded
	Bounded   bool                // there is a sample with bounds
	Moved     bool                // no constant offset fits: a clock was set, or runs at another pace
	Best      *pcapflow.NTPSample // with the tightest bounds; nil: none has bounds
	Delay     Statistics
	Dwell     Statistics
	Jitter    time.Duration // RMS distance of the latest eight offsets from the best of them (RFC 5905 section 10)
	Drift     float64       // ppm, of the server's clock against the capturing one; meaningful where HasDrift
	HasDrift  bool

	Reach        uint8 // the latest eight polls, the last one in the lowest bit: 1 answered (RFC 5905 section 9.2)
	Poll         Statistics
	Irregularity float64 // mean distance of poll intervals from their median, as a share of it
	Verdict      NTPVerdict
}

// Lost is how many requests drew nothing at all.
func (s *NTPSeries) Lost() int { return s.Requests - s.Answers - s.Refused - s.Useless }

// NTPVerdict is how a server's time compares with that of the others in the
// same capture.
type NTPVerdict string

// Verdicts.
const (
	NTPAgrees         NTPVerdict = "agrees"         // with the majority
	NTPFalseticker    NTPVerdict = "falseticker"    // its interval lies outside of what the majority allows
	NTPDisagrees      NTPVerdict = "disagrees"      // of two servers: one of them is wrong
	NTPAlone          NTPVerdict = "alone"          // nobody to compare with
	NTPUnsynchronised NTPVerdict = "unsynchronised" // it gives no time by its own account
	NTPUnknown        NTPVerdict = "unknown"        // no usable sample
)

// ntpSeries gathers the exchanges of each capture.
func ntpSeries(inc *incident.Incident) []*NTPSeries {
	var all []*NTPSeries
	for _, c := range inc.Captures {
		var here []*NTPSeries
		of := map[ntpPair]*NTPSeries{}
		samples := map[*NTPSeries][]*pcapflow.NTPSample{}
		for _, f := range c.Flows {
			for i := range f.NTP {
				x := &f.NTP[i]
				key := ntpPairOf(f, x)
				s := of[key]
				if s == nil {
					s = &NTPSeries{Capture: c, Clock: f.Clock, Client: key.client, Server: key.server}
					of[key] = s
					here = append(here, s)
				}
				samples[s] = append(samples[s], x)
			}
		}
		for _, s := range here {
			s.summarise(samples[s])
		}
		judgeServers(here)
		all = append(all, here...)
	}
	return all
}

type ntpPair struct {
	client netip.Addr
	server netip.AddrPort
	clock  capture.ClockID
}

// ntpPairOf names who asked whom: in symmetric modes either side may.
func ntpPairOf(f *pcapflow.Flow, x *pcapflow.NTPSample) ntpPair {
	asker := x.Request.From
	if !x.Request.Seen() {
		asker = x.Response.From.Other()
	}
	if asker == pcapflow.Server {
		return ntpPair{f.Server.Addr(), f.Client, f.Clock}
	}
	return ntpPair{f.Client.Addr(), f.Server, f.Clock}
}

func sampleTime(x *pcapflow.NTPSample) pcapflow.Stamp {
	if x.Request.Seen() {
		return x.Request.Stamp
	}
	return x.Response.Stamp
}

// summarise fills the series from its samples.
func (s *NTPSeries) summarise(list []*pcapflow.NTPSample) {
	slices.SortStableFunc(list, func(a, b *pcapflow.NTPSample) int { return cmp.Compare(sampleTime(a).Time, sampleTime(b).Time) })
	s.First, s.Last = sampleTime(list[0]), sampleTime(list[len(list)-1])
	var delays, dwells, polls []time.Duration
	var bounded []*pcapflow.NTPSample
	var previous pcapflow.Stamp
	for _, x := range list {
		s.count(x)
		if x.Request.Seen() {
			if previous.Seen() {
				polls = append(polls, time.Duration(x.Request.Time-previous.Time))
			}
			previous = x.Request.Stamp
		}
		low, high, ok := x.Bounds()
		if !ok {
			continue
		}
		bounded = append(bounded, x)
		if delay, ok := x.Delay(); ok {
			delays = append(delays, time.Duration(delay))
		}
		if dwell, ok := x.Dwell(); ok {
			dwells = append(dwells, time.Duration(dwell))
		}
		s.Low, s.High = max(s.Low, time.Duration(low)), min(s.High, time.Duration(high))
		if !s.Bounded {
			s.Low, s.High, s.Bounded = time.Duration(low), time.Duration(high), true
		}
	}
	s.Best = tightest(bounded)
	s.Moved = s.Bounded && s.Low-s.High > 2*captureSlack
	s.Delay, s.Dwell = statisticsOf(delays), statisticsOf(dwells)
	s.Jitter = jitter(bounded)
	s.Drift, s.HasDrift = drift(bounded)
	s.Poll = statisticsOf(polls)
	s.Irregularity = irregularity(polls, s.Poll.Median)
}

// captureSlack is how early or late software stamps a packet.
const captureSlack = 100 * time.Microsecond

// count takes what a sample says but for its times.
func (s *NTPSeries) count(x *pcapflow.NTPSample) {
	if x.Request.Seen() {
		s.Requests++
		s.Reach <<= 1
	}
	r := &x.Response
	if !r.Seen() {
		switch {
		case x.Refused.Seen():
			s.Refused++
		case x.Mistaken.Seen() || x.ElsewhereAt.Seen():
			s.Useless++
		}
		return
	}
	if x.Request.Seen() {
		s.Answers++
	}
	s.Stratum, s.RootDistance = r.Stratum, time.Duration(r.RootDistance())
	switch {
	case r.Kiss != "":
		if !slices.Contains(s.Kisses, r.Kiss) {
			s.Kisses = append(s.Kisses, r.Kiss)
		}
	case r.Unsynchronised():
		s.Unsynchronised++
	case x.Request.Seen():
		s.Reach |= 1
	}
	if x.Interleaved {
		s.Interleaved++
	}
	if x.BogusOrigin {
		s.Bogus++
	}
}

// tightest is the sample of least delay; an interleaved one whose departure is not
// known has the server's dwell in it.
func tightest(list []*pcapflow.NTPSample) (best *pcapflow.NTPSample) {
	least := int64(0)
	for _, x := range list {
		if low, high, ok := x.Bounds(); ok && (best == nil || high-low < least) {
			best, least = x, high-low
		}
	}
	return best
}

func offset(x *pcapflow.NTPSample) float64 {
	low, high, _ := x.Bounds()
	return float64(low)/2 + float64(high)/2
}

// jitter of the latest eight samples.
func jitter(list []*pcapflow.NTPSample) time.Duration {
	list = list[max(0, len(list)-8):]
	best := tightest(list)
	if best == nil || len(list) < 2 {
		return 0
	}
	sum := 0.0
	for _, x := range list {
		d := offset(x) - offset(best)
		sum += d * d
	}
	return time.Duration(math.Sqrt(sum / float64(len(list)-1)))
}

// Samples that a slope needs, and those it is computed from at most.
const (
	driftLeast = 5
	driftMost  = 200
	driftSpan  = time.Minute
)

// drift is the median of the slopes between all pairs of samples (Theil and
// Sen), in ppm.
func drift(list []*pcapflow.NTPSample) (ppm float64, ok bool) {
	n := len(list)
	if n < driftLeast || list[n-1].Request.Time-list[0].Request.Time < int64(driftSpan) {
		return 0, false
	}
	step := (n + driftMost - 1) / driftMost
	var slopes []float64
	for i := 0; i < n; i += step {
		for k := i + step; k < n; k += step {
			if dt := float64(list[k].Request.Time - list[i].Request.Time); dt > 0 {
				slopes = append(slopes, (offset(list[k])-offset(list[i]))/dt*1e6)
			}
		}
	}
	if len(slopes) == 0 {
		return 0, false
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2], true
}

func irregularity(polls []time.Duration, median time.Duration) float64 {
	if len(polls) < 2 || median <= 0 {
		return 0
	}
	sum := 0.0
	for _, p := range polls {
		sum += math.Abs(float64(p - median))
	}
	return sum / float64(len(polls)) / float64(median)
}

// allowance of a server's time that its best sample allows: the bounds of the
// offset, as far as the server vouches for itself (RFC 5905 section 11.2.1).
type allowance struct{ low, high time.Duration }

// pace is how far a clock may stray, s/s (RFC 5905 section 7.2: PHI).
const pace = 15e-6

func (s *NTPSeries) allows() allowance {
	low, high, _ := s.Best.Bounds()
	m := s.Best.Response
	slack := time.Duration(m.RootDistance()) + time.Duration(pace*float64(s.Last.Time-s.First.Time)) + captureSlack
	return allowance{time.Duration(low) - slack, time.Duration(high) + slack}
}

// judgeServers compares the servers whose answers one clock stamped: the time
// is where most of their intervals overlap (Marzullo).
func judgeServers(list []*NTPSeries) {
	clocks := map[capture.ClockID]map[netip.AddrPort]allowance{}
	for _, s := range list {
		switch {
		case s.Best == nil && s.Unsynchronised+len(s.Kisses) > 0, s.Best != nil && s.Best.Response.Unsynchronised():
			s.Verdict = NTPUnsynchronised
		case s.Best == nil:
			s.Verdict = NTPUnknown
		default:
			if clocks[s.Clock] == nil {
				clocks[s.Clock] = map[netip.AddrPort]allowance{}
			}
			x := s.allows()
			if known, ok := clocks[s.Clock][s.Server]; ok && known.high-known.low < x.high-x.low {
				x = known
			}
			clocks[s.Clock][s.Server] = x
		}
	}
	for _, s := range list {
		if s.Verdict == "" {
			s.Verdict = verdict(clocks[s.Clock], clocks[s.Clock][s.Server])
		}
	}
}

// verdict on the server with an interval among those of all servers.
func verdict(all map[netip.AddrPort]allowance, own allowance) NTPVerdict {
	if len(all) == 1 {
		return NTPAlone
	}
	var edges []time.Duration
	for _, x := range all {
		edges = append(edges, x.low)
	}
	slices.Sort(edges)
	most, best := 0, allowance{}
	for _, low := range edges { // an overlap begins where an interval does
		n, high := 0, time.Duration(math.MaxInt64)
		for _, x := range all {
			if x.low <= low && low <= x.high {
				n++
				high = min(high, x.high)
			}
		}
		if n > most {
			most, best = n, allowance{low, high}
		}
	}
	switch {
	case 2*most <= len(all):
		return NTPDisagrees
	case own.low <= best.high && best.low <= own.high:
		return NTPAgrees
	}
	return NTPFalseticker
}
