package logparse

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// albAccess is the access log of AWS's Application and Classic Load Balancers:
// stamped in UTC when the balancer had its answer for the client. The
// Application kind says also when the request came (request_creation_time).
var albAccess = &Format{
	Name:  "alb-access",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 94, (&albLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, (&albLines{src: src}).line)
	},
	Hints: []string{"elasticloadbalancing", "alb", "elb"},
}

type albLines struct{ src Source }

func (a *albLines) line(b []byte, e *Event) bool {
	var words [32][]byte
	n := quotedWords(b, words[:])
	f := words[:n]
	application := false
	if n > 1 {
		switch string(f[0]) {
		case "http", "https", "h2", "grpcs", "ws", "wss":
			application = true
			f = f[1:]
		}
	}
	if len(f) < 13 {
		return false
	}
	st, k := isoTime(f[0])
	client, ok := addressPort(f[2])
	if k == 0 || k != len(f[0]) || st.zone != ZoneStated || !ok || client.Port() == 0 {
		return false
	}
	e.Client, e.Kind, e.Means = client, HTTPRequest, RequestEnd
	var sum time.Duration
	whole := true
	for i := range 3 {
		d, ok := amount(f[4+i], time.Second)
		if !ok {
			return false
		}
		if d < 0 {
			whole = false
			continue
		}
		sum += d
		if i == 1 {
			e.UpstreamHeader = append(e.UpstreamHeader[:0], d)
		}
	}
	e.set(st, &a.src)
	if whole {
		e.Duration, e.DurationWidth = sum, time.Millisecond
	}
	if v := digits(f[7], 3); v >= 100 && len(f[7]) == 3 {
		e.Status = v
	}
	e.UpstreamTo, e.UpstreamStatus = view(dash(f[3])), view(dash(f[8]))
	setSize(&e.Received, f[9])
	setSize(&e.Sent, f[10])
	requestLine(f[11], e)
	absolutePath(e)
	e.Agent = view(dash(f[12]))
	if application && len(f) > 20 {
		e.RequestID = view(dash(f[16]))
		if name := dash(f[17]); name != nil {
			e.Name = view(name)
		}
		if created, k := isoTime(f[20]); k > 0 && created.zone == ZoneStated && created.time <= st.time {
			e.Duration, e.DurationWidth = time.Duration(st.time-created.time), time.Microsecond
		}
	}
	return true
}

// absolutePath takes scheme, name and port off a path that is a whole address.
func absolutePath(e *Event) {
	i := strings.Index(e.Path, "://")
	if i <= 0 || i > 8 {
		return
	}
	rest := e.Path[i+3:]
	host, _, _ := strings.Cut(rest, "/")
	e.Path = rest[len(host):]
	name, p, ok := strings.Cut(host, ":")
	if n, err := strconv.ParseUint(p, 10, 16); ok && err == nil {
		e.Server = netip.AddrPortFrom(e.Server.Addr(), uint16(n))
	}
	e.Name = name
}
