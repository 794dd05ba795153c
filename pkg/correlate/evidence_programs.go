package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// standing is what a client program printed of a connection it made: where to, and when
// it stood, by its own stamps.
type standing struct {
	log    *incident.Log
	event  *logparse.Event
	stood  int64 // the stamp of the line that says so, ns
	whole  bool  // of curl: only the second of its first line is the system clock's
	zoned  bool  // stamps with date and zone
	server netip.AddrPort
}

const (
	quarter     = int64(15 * time.Minute)
	noticed     = int64(50 * time.Millisecond)  // from a connection that stands to the program that says so
	stampedLate = int64(500 * time.Millisecond) // to the stamp of another program that reads it
	sameInstant = int64(4 * time.Millisecond)   // of curl's stamps, all of one monotonic clock, against a capture's
)

// programs bounds the clock of a host by what its programs printed while they
// connected. curl --trace-time takes its fractions from the monotonic clock, and
// the second of its first line from the system clock (curl, tool_cb_dbg.c); ts
// stamps the lines of ssh when it reads them. Neither names its port, and curl
// neither date nor zone: several connections of one host that keep the same
// distances on both sides name each other.
func (e *evidence) programs() {
	folders := map[string][]standing{}
	var order []string
	for _, l := range e.inc.Logs {
		folder := cmp.Or(l.Folder, l.File.Path)
		for n := range l.Events {
			t, ok := connected(l, n)
			if !ok {
				continue
			}
			if folders[folder] == nil {
				order = append(order, folder)
			}
			folders[folder] = append(folders[folder], t)
		}
	}
	for _, folder := range order {
		list := folders[folder]
		for _, whole := range []bool{true, false} {
			part := slices.DeleteFunc(slices.Clone(list), func(t standing) bool { return t.whole != whole })
			for i, c := range e.inc.Captures {
				e.program(folder, i, c, part)
			}
		}
	}
}

// connected reads a connection off an output; of curl's, those of the first line of
// a file, which is that of the program.
func connected(l *incident.Log, n int) (t standing, ok bool) {
	ev := &l.Events[n]
	t = standing{log: l, event: ev}
	at := slices.IndexFunc(ev.Marks, func(m logparse.Mark) bool { return m.Name == "tcp.connect" })
	if at < 0 || !ev.HasTime && !ev.NoDate {
		return t, false
	}
	t.stood = ev.Marks[at].Time
	switch ev.Kind {
	case logparse.ClientHTTP:
		t.whole, t.server = true, ev.Timing.Remote
		ok = n == 0 && ev.NoDate && ev.Slack > 0
	case logparse.ClientSSH:
		t.server, t.zoned = ev.Server, ev.HasTime && ev.Zone == logparse.ZoneStated
		ok = true
	}
	return t, ok && t.server.IsValid()
}

var unzoned = lang.Text{
	EN: "programs told of it without a zone: whole quarters of an hour are not seen",
	ES: "los programas hablaron de él sin zona: los cuartos de hora enteros no se ven",
}

// program pairs what programs of one kind and host told with the connections of a
// capture, and bounds the host's clock by the pairs.
func (e *evidence) program(folder string, i int, c *incident.Capture, list []standing) {
	const most = 3000 // pairs
	least := 2
	if len(list) > 0 && list[0].whole {
		least = 5
	}
	if len(list) < least {
		return
	}
	if slices.ContainsFunc(list, func(t standing) bool { return !t.zoned }) {
		for n := range list {
			list[n].zoned = false
		}
	}
	to := map[netip.AddrPort][]*pcapflow.Flow{}
	for _, f := range c.Flows {
		// An acknowledgement that brought payload was none that stood alone, or the
		// capture lacks that: the connection stood sooner. How much sooner it left than
		// it was seen tells the round trip to the client.
		if f.Conn != nil && f.Conn.ACK.Seen() && len(f.Conn.SYN) > 0 && f.Conn.RTTClient > 0 && f.Conn.ACK != f.FirstPayload[pcapflow.Client] {
			to[plain(f.Server)] = append(to[plain(f.Server)], f)
		}
	}
	pairs := 0
	for _, t := range list {
		pairs += len(to[plain(t.server)])
	}
	if pairs == 0 || pairs > most {
		return
	}
	best, rival := []*pcapflow.Flow(nil), 0
	bestN, bestBy := 0, int64(0)
	for _, t := range list {
		for _, f := range to[plain(t.server)] {
			by := t.stood - f.Conn.ACK.Time
			found, n := pairOff(list, to, by)
			switch {
			case n > bestN:
				if farOff(list, by, bestBy) {
					rival = bestN
				}
				best, bestN, bestBy = found, n, by
			case n > rival && farOff(list, by, bestBy):
				rival = n
			}
		}
	}
	// Nearly all meet at one offset, and clearly fewer at any other.
	if bestN < least || 5*bestN < 4*len(list) || 2*rival > bestN {
		return
	}
	// One host connects from one address, or is translated to one; what another
	// sent at the same fraction of a second is a stranger's.
	var from tally[netip.Addr]
	for _, f := range best {
		if f != nil {
			from.add(plain(f.Client).Addr())
		}
	}
	client := from.top(1)[0]
	var host *Clock
	for n, f := range best {
		k := (*Clock)(nil)
		if f != nil && plain(f.Client).Addr() == client {
			k = e.byKey[captureKey(i, f.Clock)]
		}
		if k == nil {
			continue
		}
		if host == nil {
			host = e.get(hostKey(cmp.Or(e.hosts[list[n].log], folder)), kindLog, cmp.Or(e.hosts[list[n].log], folder))
		}
		e.connectedAt(k, host, &list[n], f)
		e.nameHost(keyedHost{k, host, c, f.Client.Addr()})
	}
	if host == nil {
		return
	}
	for _, t := range list {
		if !slices.Contains(host.Files, t.log.File) {
			host.Files = append(host.Files, t.log.File)
		}
	}
	if !list[0].zoned && !slices.Contains(host.Notes, unzoned) {
		host.Notes = append(host.Notes, unzoned)
	}
}

// farOff tells whether two offsets are not one.
func farOff(list []standing, a, b int64) bool {
	return abs64(quarters(list, a-b)) > int64(2*time.Second)
}

// quarters takes whole quarters of an hour off a difference between stamps without a
// zone.
func quarters(list []standing, d int64) int64 {
	if list[0].zoned {
		return d
	}
	d %= quarter
	switch {
	case d > quarter/2:
		d -= quarter
	case d < -quarter/2:
		d += quarter
	}
	return d
}

// pairOff pairs outputs with the connections that lie by off, the nearest of several,
// and counts those that have one for themselves.
func pairOff(list []standing, to map[netip.AddrPort][]*pcapflow.Flow, by int64) (found []*pcapflow.Flow, n int) {
	found = make([]*pcapflow.Flow, len(list))
	taken := map[*pcapflow.Flow]bool{}
	for i := range list {
		t := &list[i]
		var one *pcapflow.Flow
		nearest := int64(0)
		for _, f := range to[plain(t.server)] {
			off := abs64(quarters(list, t.stood-f.Conn.ACK.Time-by))
			near := off <= stampedLate+int64(t.event.Width)
			if t.whole {
				rest := off % int64(time.Second)
				near = off <= int64(time.Second)+sameInstant && min(rest, int64(time.Second)-rest) <= sameInstant
			}
			if near && (one == nil || off < nearest) {
				one, nearest = f, off
			}
		}
		if one != nil && !taken[one] {
			found[i] = one
			taken[one] = true
			n++
		}
	}
	return found, n
}

// connectedAt bounds a host's clock by one connection: it stood at the program when
// its acknowledgement left, which the capture shows no more than its round trip to
// the client later, and the program said so soon after.
func (e *evidence) connectedAt(k, host *Clock, t *standing, f *pcapflow.Flow) {
	ack := f.Conn.ACK.Time
	from, to := ack-f.Conn.RTTClient, ack+noticed
	low, high := t.stood, t.stood+int64(t.event.Width)
	if t.whole {
		// The second of the first line, so much before.
		before := t.stood - t.event.Time
		from, to = from-before, to-before
		low = t.event.Time - t.event.Time%int64(time.Second)
		high = low + int64(time.Second)
	} else {
		to += stampedLate
	}
	shift := low - to
	shift -= quarters([]standing{*t}, shift)
	low, high = low-to-shift-captureNoise, high-from-shift+captureNoise
	if t.whole {
		e.add(k, host, ack, low, high, clock.Intervals)
		return
	}
	// Hardly ever both programs took as long as they may.
	e.add(host, k, ack+low+(high-low)/2, -high, -low, clock.Keyed)
	e.constraints[len(e.constraints)-1].Seldom = (stampedLate + noticed) / 10 * 9
}
