package correlate

import (
	"net/netip"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// dateMeaning is how a server makes the Date header: whole seconds of its clock,
// which may be so much older than the answer's head. front: the header is the
// server's own also where it passes on another's answer.
type dateMeaning struct {
	server string // how the Server header begins
	stale  time.Duration
	front  bool
}

// dateMeanings of servers whose source or behaviour is known. Others may keep a
// Date for a second before they make it anew.
var dateMeanings = []dateMeaning{
	{"nginx", 2 * time.Millisecond, true}, // ngx_http_header_filter: the time of this turn of the loop
	{"openresty", 2 * time.Millisecond, true},
	{"Apache", 0, false}, // the request's time; mod_proxy keeps the backend's header
	{"", time.Second, false},
}

// dateOf is a server at an address, as its Server header names it.
type dateOf struct {
	address netip.Addr
	server  string
}

// dates turns the Date headers of a capture's answers into bounds of their
// servers' clocks. The header is made after the request's first byte came and
// before the answer's first byte left, whatever lay between.
func (e *evidence) dates(i int, c *incident.Capture) {
	const (
		few    = 5      // answers of a server: one may be a copy, or another's
		enough = 20_000 // answers of a capture
	)
	count := map[dateOf]int{}
	all := 0
	for _, f := range c.Flows {
		for j := range f.HTTP {
			if x := &f.HTTP[j]; dated(x) {
				count[dateOf{f.Server.Addr(), x.ServerName}]++
				all++
			}
		}
	}
	every, n := all/enough+1, 0
	for _, f := range c.Flows {
		k := e.byKey[captureKey(i, f.Clock)]
		for j := range f.HTTP {
			x := &f.HTTP[j]
			of := dateOf{f.Server.Addr(), x.ServerName}
			if k == nil || !dated(x) || count[of] < few {
				continue
			}
			if n++; n%every == 0 {
				e.date(k, of, x)
			}
		}
	}
}

// dated tells an answer whose Date header is its server's own.
func dated(x *pcapflow.Exchange) bool {
	return x.Date != 0 && !x.Age && x.ResponseFirst.Seen() && x.RequestFirst.Seen()
}

func (e *evidence) date(k *Clock, of dateOf, x *pcapflow.Exchange) {
	m := meaningOf(of.server)
	host := e.dateClock(of, m)
	if host == nil {
		return
	}
	low := x.Date*int64(time.Second) - x.ResponseFirst.Time - captureNoise
	high := x.Date*int64(time.Second) + int64(time.Second+m.stale) - x.RequestFirst.Time + captureNoise
	e.add(k, host, x.ResponseFirst.Time, low, max(low, high), clock.DateHeader)
}

func meaningOf(server string) dateMeaning {
	for _, m := range dateMeanings {
		if strings.HasPrefix(server, m.server) {
			return m
		}
	}
	return dateMeaning{}
}

// dateClock is the clock that a Date header speaks of: the host's, or, where the
// header may come from a program behind it, one of its own.
func (e *evidence) dateClock(of dateOf, m dateMeaning) *Clock {
	if m.front {
		return e.hostAt(of.address)
	}
	name := of.server
	if i := strings.IndexAny(name, "/ "); i >= 0 {
		name = name[:i]
	}
	a := e.machine(plainAddr(of.address)).String()
	return e.toldHost("date:"+a+" "+name, strings.TrimSpace(a+" "+name))
}
