package correlate

import (
	"math"
	"slices"
	"time"
)

// Series are statistics over many exchanges of one kind.
type Series struct {
	Resolvers []*ResolverSeries // in order of capture and first query
	Lookups   []*LookupSeries   // of each client, likewise
	NTP       []*NTPSeries      // of each client and server, likewise

	Neighbours []*NeighbourSeries // of each host and address it asked the link for, likewise
	Gateways   []*Gateway         // of each capture, in order of their first packet
}

// SeriesOf computes the series of a case.
func SeriesOf(c *Case) Series {
	past := historiesOf(c.Incident)
	out := Series{Resolvers: resolverSeries(c.Incident, past), Lookups: lookupSeries(c, past), NTP: ntpSeries(c.Incident), Neighbours: linkSeries(c.Incident)}
	for _, capture := range c.Incident.Captures {
		out.Gateways = append(out.Gateways, gatewaysOf(capture)...)
	}
	return out
}

// Statistics of a list of durations; without one, N is 0 and the rest means
// nothing.
type Statistics struct {
	N                                     int
	Mean, Sigma, Median, P95, Least, Most time.Duration // Sigma: of the sample, 0 for one value
	mad                                   time.Duration // median distance from the median
}

// statisticsOf sorts the list.
func statisticsOf(list []time.Duration) Statistics {
	n := len(list)
	if n == 0 {
		return Statistics{}
	}
	slices.Sort(list)
	s := Statistics{N: n, Median: middleOf(list), P95: list[(n*95+99)/100-1], Least: list[0], Most: list[n-1]}
	sum, squares := 0.0, 0.0
	for _, d := range list {
		sum += float64(d)
	}
	mean := sum / float64(n)
	away := make([]time.Duration, n)
	for i, d := range list {
		squares += (float64(d) - mean) * (float64(d) - mean)
		away[i] = (d - s.Median).Abs()
	}
	s.Mean = time.Duration(math.Round(mean))
	if n > 1 {
		s.Sigma = time.Duration(math.Round(math.Sqrt(squares / float64(n-1))))
	}
	slices.Sort(away)
	s.mad = middleOf(away)
	return s
}

// middleOf a sorted list that is not empty.
func middleOf(sorted []time.Duration) time.Duration {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

const (
	outlierMADs  = 3.5 * 1.4826 // of a normal distribution: 3.5 σ (Iglewicz and Hoaglin)
	outlierLeast = time.Millisecond
	maxOutliers  = 50 // listed of one series
)

// outlier tells whether a duration lies far above the others. Few values have
// no outliers, and what differs by less than a millisecond is none.
func (s *Statistics) outlier(d time.Duration) bool {
	return s.N >= 5 && d-s.Median > max(outlierLeast, time.Duration(outlierMADs*float64(s.mad)))
}
