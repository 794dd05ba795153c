package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Series are statistics over many exchanges of one kind.
type Series struct {
	Resolvers []ResolverSeries `json:"resolvers,omitempty"`
	Lookups   []LookupSeries   `json:"lookups,omitempty"`
	NTP       []NTPSeries      `json:"ntp,omitempty"`
	HostKeys  []HostKeys       `json:"host_keys,omitempty"`

	Neighbours []NeighbourSeries `json:"neighbours,omitempty"`
	Gateways   []Gateway         `json:"gateways,omitempty"`
}

func (s *Series) empty() bool {
	return len(s.Resolvers)+len(s.Lookups)+len(s.NTP)+len(s.HostKeys)+len(s.Neighbours)+len(s.Gateways) == 0
}

// ResolverSeries are the transactions of one resolver in one capture.
type ResolverSeries struct {
	Evidence   string         `json:"evidence"`
	Resolver   string         `json:"resolver"`
	Asked      int            `json:"transactions"`
	Unanswered int            `json:"unanswered"`
	RCodes     map[string]int `json:"rcodes,omitempty"`
	Latency    *Statistics    `json:"latency,omitempty"`
	Outliers   []DNSOutlier   `json:"outliers,omitempty"`
}

// LookupSeries are the lookups of one client in one capture, as it waited.
type LookupSeries struct {
	Evidence string       `json:"evidence"`
	Client   string       `json:"client"`
	Asked    int          `json:"lookups"`
	Failed   int          `json:"failed"`
	Wait     *Statistics  `json:"wait,omitempty"`
	Outliers []DNSOutlier `json:"outliers,omitempty"`
}

// DNSOutlier took far longer than the others of its series.
type DNSOutlier struct {
	Name    string  `json:"name"`
	Type    string  `json:"type,omitempty"`
	Start   Instant `json:"start"`
	Frame   int     `json:"frame"`
	Seconds Seconds `json:"seconds"`
	Cause   string  `json:"cause"`
}

// Statistics of durations.
type Statistics struct {
	Count  int     `json:"count"`
	Mean   Seconds `json:"mean_seconds"`
	Sigma  Seconds `json:"sigma_seconds"`
	Median Seconds `json:"median_seconds"`
	P95    Seconds `json:"p95_seconds"`
	Min    Seconds `json:"min_seconds"`
	Max    Seconds `json:"max_seconds"`
}

// NTPSeries are the exchanges of one client with one server in one capture.
// Offsets are of the server's clock minus the capturing one.
type NTPSeries struct {
	Evidence string `json:"evidence"`
	Client   string `json:"client"`
	Server   string `json:"server"`
	Verdict  string `json:"verdict"`
	Stratum  int    `json:"stratum,omitempty"`

	Requests       int      `json:"requests"`
	Answers        int      `json:"answers"`
	Loss           Ratio    `json:"loss"`
	Unsynchronised int      `json:"unsynchronised,omitempty"`
	Kisses         []string `json:"kisses,omitempty"`
	Interleaved    int      `json:"interleaved,omitempty"`
	Bogus          int      `json:"bogus_origins,omitempty"`
	Refused        int      `json:"refused,omitempty"`         // requests that ICMP turned away
	Useless        int      `json:"useless_answers,omitempty"` // requests that drew only answers that their client drops

	OffsetLow    *Seconds `json:"offset_low_seconds,omitempty"` // of all samples together; left out where no constant offset fits
	OffsetHigh   *Seconds `json:"offset_high_seconds,omitempty"`
	BestLow      *Seconds `json:"best_low_seconds,omitempty"` // of the sample of least delay
	BestHigh     *Seconds `json:"best_high_seconds,omitempty"`
	BestFrame    int      `json:"best_frame,omitempty"`
	WouldStep    []string `json:"would_step,omitempty"` // clients that would set their clock at that offset, as they come
	Moved        bool     `json:"offset_moved,omitempty"`
	RootDistance *Seconds `json:"root_distance_seconds,omitempty"`
	Jitter       *Seconds `json:"jitter_seconds,omitempty"`
	Drift        *float64 `json:"drift_ppm,omitempty"`

	Delay        *Statistics `json:"delay,omitempty"`
	Dwell        *Statistics `json:"dwell,omitempty"`
	Poll         *Statistics `json:"poll,omitempty"`
	Irregularity *float64    `json:"poll_irregularity,omitempty"`
	Reach        string      `json:"reach"` // octal, as ntpq writes it
}

// of are the series of the endpoints that fit; nil: none.
func (s *Series) of(fits func(endpoint string) bool) *Series {
	out := &Series{}
	if s == nil {
		return nil
	}
	for _, x := range s.Resolvers {
		if fits(x.Resolver) {
			out.Resolvers = append(out.Resolvers, x)
		}
	}
	for _, x := range s.Lookups {
		if fits(x.Client) {
			out.Lookups = append(out.Lookups, x)
		}
	}
	for _, x := range s.NTP {
		if fits(x.Server) || fits(x.Client) {
			out.NTP = append(out.NTP, x)
		}
	}
	for _, x := range s.HostKeys {
		if fits(x.Server) {
			out.HostKeys = append(out.HostKeys, x)
		}
	}
	for _, x := range s.Neighbours {
		if x.fits(fits) {
			out.Neighbours = append(out.Neighbours, x)
		}
	}
	for _, x := range s.Gateways {
		if x.fits(fits) {
			out.Gateways = append(out.Gateways, x)
		}
	}
	if out.empty() {
		return nil
	}
	return out
}

// shownBy leaves of the host keys those of the servers that journeys were with; the
// other series are of hosts, whoever asked them.
func (s *Series) shownBy(list []Journey) *Series {
	if s == nil || len(s.HostKeys) == 0 {
		return s
	}
	servers := map[string]bool{}
	for i := range list {
		servers[list[i].Server] = true
	}
	out := *s
	out.HostKeys = slices.DeleteFunc(slices.Clone(s.HostKeys), func(h HostKeys) bool { return !servers[h.Server] })
	if out.empty() {
		return nil
	}
	return &out
}

// ofJourney are the series that a journey's exchanges belong to: the lookups of
// its client, its client's exchanges with its NTP server, the host keys of its server,
// what its client asked the link for, the gateways of its capture.
func (s *Series) ofJourney(j *Journey) *Series {
	out := s.of(func(e string) bool {
		host, _, ok := endpointOf(j.Client)
		return ok && sameEndpoint(e, host, 0)
	})
	if out == nil {
		out = &Series{}
	}
	out.Resolvers, out.Gateways, out.HostKeys = nil, nil, nil
	if s != nil {
		for _, h := range s.HostKeys {
			if h.Server == j.Server {
				out.HostKeys = append(out.HostKeys, h)
			}
		}
		for _, g := range s.Gateways {
			if g.Evidence == j.Evidence {
				out.Gateways = append(out.Gateways, g)
			}
		}
	}
	out.Neighbours = slices.DeleteFunc(out.Neighbours, func(x NeighbourSeries) bool { return x.Evidence != j.Evidence })
	out.Lookups = slices.DeleteFunc(out.Lookups, func(x LookupSeries) bool { return x.Evidence != j.Evidence })
	out.NTP = slices.DeleteFunc(out.NTP, func(x NTPSeries) bool { return x.Evidence != j.Evidence || x.Server != j.Server })
	if out.empty() {
		return nil
	}
	return out
}

func (b *builder) series(c *correlate.Case) *Series {
	all := correlate.SeriesOf(c)
	out := &Series{}
	for _, s := range all.Resolvers {
		out.Resolvers = append(out.Resolvers, ResolverSeries{
			Evidence: b.evidenceID(s.Capture, s.First), Resolver: endpoint(s.Resolver), Asked: s.Asked, Unanswered: s.Unanswered,
			RCodes: s.RCodes, Latency: statistics(s.Latency), Outliers: b.outliers(s.Capture, s.Outliers),
		})
	}
	for _, s := range all.Lookups {
		out.Lookups = append(out.Lookups, LookupSeries{
			Evidence: b.evidenceID(s.Capture, s.First), Client: address(s.Client), Asked: s.Asked, Failed: s.Failed,
			Wait: statistics(s.Wait), Outliers: b.outliers(s.Capture, s.Outliers),
		})
	}
	for _, s := range all.NTP {
		out.NTP = append(out.NTP, b.ntpSeries(s))
	}
	out.HostKeys = hostKeys(c.Journeys)
	out.Neighbours, out.Gateways = b.neighbourSeries(all.Neighbours), b.gateways(all.Gateways)
	if out.empty() {
		return nil
	}
	return out
}

// evidenceID names the file of a capture that holds a frame.
func (b *builder) evidenceID(k *incident.Capture, at pcapflow.Stamp) string {
	file, _ := b.file(k, at.Frame)
	return b.files[file]
}

func (b *builder) outliers(k *incident.Capture, list []correlate.DNSOutlier) []DNSOutlier {
	var out []DNSOutlier
	for _, x := range list {
		_, frame := b.file(k, x.Begin.Frame)
		out = append(out, DNSOutlier{x.Name, x.Type, Instant(x.Begin.Time), frame, Seconds(x.Took), string(x.Cause)})
	}
	return out
}

func statistics(s correlate.Statistics) *Statistics {
	if s.N == 0 {
		return nil
	}
	return &Statistics{s.N, Seconds(s.Mean), Seconds(s.Sigma), Seconds(s.Median), Seconds(s.P95), Seconds(s.Least), Seconds(s.Most)}
}

func (b *builder) ntpSeries(s *correlate.NTPSeries) NTPSeries {
	out := NTPSeries{
		Evidence: b.evidenceID(s.Capture, s.First), Client: address(s.Client), Server: endpoint(s.Server), Verdict: string(s.Verdict), Stratum: int(s.Stratum),
		Requests: s.Requests, Answers: s.Answers, Unsynchronised: s.Unsynchronised, Kisses: s.Kisses, Interleaved: s.Interleaved, Bogus: s.Bogus, Refused: s.Refused, Useless: s.Useless,
		Moved: s.Moved, Delay: statistics(s.Delay), Dwell: statistics(s.Dwell), Poll: statistics(s.Poll), Reach: fmt.Sprintf("%o", s.Reach),
	}
	if s.Requests > 0 {
		out.Loss = ratio(float64(s.Lost()) / float64(s.Requests))
	}
	if s.Answers > 0 {
		out.RootDistance = seconds(int64(s.RootDistance))
	}
	if s.Bounded && !s.Moved {
		out.OffsetLow, out.OffsetHigh = seconds(int64(min(s.Low, s.High))), seconds(int64(max(s.Low, s.High)))
	}
	if s.Best != nil {
		low, high, _ := s.Best.Bounds()
		out.BestLow, out.BestHigh, out.WouldStep = seconds(low), seconds(high), pcapflow.Steppers(low, high)
		_, out.BestFrame = b.file(s.Capture, s.Best.Request.Frame)
	}
	if s.Delay.N > 1 {
		out.Jitter = seconds(int64(s.Jitter))
	}
	if s.HasDrift {
		out.Drift = rounded(s.Drift)
	}
	if s.Poll.N > 1 {
		out.Irregularity = rounded(s.Irregularity)
	}
	return out
}

// rounded to thousandths.
func rounded(v float64) *float64 {
	v = math.Round(v*1000) / 1000
	return &v
}
