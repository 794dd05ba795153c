package logparse

import (
	"net/netip"
	"strings"
	"time"
)

// Keep returns e with every string of its own, so that it outlives the decoder.
func (e Event) Keep() Event {
	e.own(strings.Clone)
	return e
}

// own replaces what may be a view into the decoder's buffer.
func (e *Event) own(clone func(string) string) {
	for _, s := range [...]*string{&e.Host, &e.Process, &e.Level, &e.Name, &e.Type, &e.User, &e.Method, &e.Path, &e.Proto, &e.RCode, &e.Agent, &e.UpstreamTo, &e.UpstreamStatus, &e.RequestID, &e.Connection, &e.Outcome, &e.Text, &e.BootID} {
		if *s != "" {
			*s = clone(*s)
		}
	}
	e.Peers = append([]netip.Addr(nil), e.Peers...)
	e.Upstream = append([]time.Duration(nil), e.Upstream...)
	e.UpstreamConnect = append([]time.Duration(nil), e.UpstreamConnect...)
	e.UpstreamHeader = append([]time.Duration(nil), e.UpstreamHeader...)
}

// Keeper makes many events lasting. Strings that come again, as user agents and
// methods do, are kept once.
type Keeper struct{ seen map[string]string }

const (
	longestShared = 256     // bytes: longer strings seldom come again
	mostShared    = 1 << 14 // strings known at a time
)

// Keep returns e with strings that outlive the decoder.
func (k *Keeper) Keep(e Event) Event {
	e.own(k.share)
	return e
}

func (k *Keeper) share(s string) string {
	if len(s) > longestShared {
		return strings.Clone(s)
	}
	known, ok := k.seen[s]
	if !ok {
		if k.seen == nil || len(k.seen) >= mostShared {
			k.seen = map[string]string{}
		}
		known = strings.Clone(s)
		k.seen[known] = known
	}
	return known
}
