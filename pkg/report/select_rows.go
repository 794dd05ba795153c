package report

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// WantsFlow tells whether a flow belongs to the selection; its stamps are as
// captured. Rules and severity have no say: flows have no findings.
func (s *Selection) WantsFlow(f *pcapflow.Flow) bool {
	switch {
	case !s.within(f.Start.Time, f.End.Time):
		return false
	case s.MinTotal > 0 && Seconds(f.End.Time-f.Start.Time) < s.MinTotal:
		return false
	case len(s.Services) > 0 && !slices.Contains(s.Services, f.Service) && !slices.Contains(s.Services, f.Transport.String()):
		return false
	case len(s.Names) > 0 && !slices.ContainsFunc(namesOf(f), s.named):
		return false
	}
	return anyHolds(s.Clients, f.Client) && anyHolds(s.Servers, f.Server)
}

// WantsResolution is WantsFlow for a neighbour resolution; its protocol stands
// for the service.
func (s *Selection) WantsResolution(r *pcapflow.Resolution) bool {
	begin, last := r.Begin().Time, r.Last().Time
	switch {
	case !s.within(begin, last), len(s.Names) > 0:
		return false
	case s.MinTotal > 0 && Seconds(last-begin) < s.MinTotal:
		return false
	case len(s.Services) > 0 && !slices.Contains(s.Services, r.Protocol):
		return false
	}
	return anyHolds(s.Clients, netip.AddrPortFrom(r.Asker, 0)) && anyHolds(s.Servers, netip.AddrPortFrom(r.Target, 0))
}

// WantsEvent tells whether an event of a log belongs to the selection; its stamp
// is as written. One without a stamp lies in no stretch of time.
func (s *Selection) WantsEvent(e *logparse.Event) bool {
	switch {
	case (s.Since != nil || s.Until != nil) && (!e.HasTime || !s.within(e.Time, e.Time+int64(e.Width))):
		return false
	case s.MinTotal > 0 && Seconds(eventDuration(e)) < s.MinTotal:
		return false
	case len(s.Names) > 0 && !s.named(e.Name) && (e.Lookup == nil || !s.named(e.Lookup.Name)):
		return false
	}
	return (anyHolds(s.Clients, e.Client) || anyHolds(s.Clients, e.Peer)) && anyHolds(s.Servers, e.Server)
}

func (s *Selection) within(start, end int64) bool {
	return (s.Since == nil || Instant(end) >= *s.Since) && (s.Until == nil || Instant(start) <= *s.Until)
}

// namesOf are the names that a flow was opened for, or asked about.
func namesOf(f *pcapflow.Flow) []string {
	var names []string
	if f.TLS != nil {
		names = append(names, f.TLS.SNI)
	}
	if f.QUIC != nil {
		names = append(names, f.QUIC.SNI)
	}
	for i := range f.HTTP {
		host := f.HTTP[i].Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		names = append(names, host)
	}
	for i := range f.DNS {
		names = append(names, f.DNS[i].Name)
	}
	return names
}

// anyHolds tells whether one of the endpoints asked for is this; none asked for
// restricts nothing.
func anyHolds(asked []Endpoint, a netip.AddrPort) bool {
	return len(asked) == 0 || slices.ContainsFunc(asked, func(e Endpoint) bool {
		return e.net.Contains(a.Addr().Unmap()) && (e.port == 0 || e.port == int(a.Port()))
	})
}

// eventDuration is how long what the event tells of took; negative: not stated.
func eventDuration(e *logparse.Event) time.Duration {
	switch {
	case e.Duration >= 0:
		return e.Duration
	case e.Timing != nil && e.Timing.Total >= 0:
		return e.Timing.Total
	case e.Lookup != nil && e.Lookup.QueryTime >= 0:
		return e.Lookup.QueryTime
	}
	return -1
}
