package logparse

import (
	"bytes"
	"io"
	"net/netip"
)

// dnsmasq's log (log-queries, log-queries=extra), local time without year and
// zone, to a second:
//
//	Nov 22 10:11:27 dnsmasq[20122]: 1 10.9.0.2/49896 query[A] app.ejemplo.com from 10.9.0.2
//	Nov 22 10:11:27 dnsmasq[20122]: 1 10.9.0.2/49896 config app.ejemplo.com is 10.9.0.5
//
// The serial and the client's port are there with "extra" only; then an
// answer can be told from another client's.

var dnsmasqLog = &Format{
	Name: "dnsmasq", PublicKind: "dns-log",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("dnsmasq")) {
			return 0
		}
		d := dnsmasqText{}
		return scoreLines(head, 96, d.line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := dnsmasqText{src: src, year: yearless{year: src.Year}}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"dnsmasq"},
}

type dnsmasqText struct {
	src  Source
	year yearless
}

func (d *dnsmasqText) line(line []byte, e *Event) bool {
	n := yearlessStamp(line, &d.year, &d.src, e)
	if n == 0 || n >= len(line) || line[n] != ' ' {
		return false
	}
	rest := line[n+1:]
	for _, name := range []string{"dnsmasq", "dnsmasq-dhcp", "dnsmasq-tftp", "dnsmasq-script"} {
		if pid, msg, ok := daemonTag(rest, name); ok {
			e.Process, e.PID = name, pid
			dnsmasqMessage(msg, e)
			return true
		}
	}
	return false
}

// dnsmasqMessage reads the text of one message.
func dnsmasqMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	var f [7][]byte
	n := words(msg, f[:])
	var client netip.AddrPort
	w := f[:min(n, len(f))]
	if n >= 4 { // the serial and "address/port" of log-queries=extra
		if _, ok := integer(w[0]); ok {
			if a, p, found := cutAt(w[1], '/'); found {
				addr, ok1 := address(a)
				number, ok2 := port(p)
				if ok1 && ok2 {
					client = netip.AddrPortFrom(addr, number)
					e.Connection, w = view(w[0]), w[2:]
				}
			}
		}
	}
	if len(w) < 4 {
		return
	}
	if qtype, ok := bytes.CutPrefix(w[0], []byte("query[")); ok && string(w[2]) == "from" {
		from, ok := address(w[3])
		if !ok || len(qtype) < 2 {
			return
		}
		if !client.IsValid() {
			client = netip.AddrPortFrom(from, 0)
		}
		e.dnsEvent(DNSQuery, client, w[1], qtype[:len(qtype)-1])
		return
	}
	switch string(w[2]) {
	case "to":
		if string(w[0]) == "forwarded" {
			e.Name, e.UpstreamTo, e.Outcome, e.Client = lowerName(w[1]), view(w[3]), "forwarded", client
		}
	case "is":
		dnsmasqAnswer(w, client, e)
	}
}

// dnsmasqAnswer reads "reply name is 10.9.0.5", "cached name is NXDOMAIN",
// "config error is REFUSED", "/etc/hosts name is 10.9.0.5".
func dnsmasqAnswer(w [][]byte, client netip.AddrPort, e *Event) {
	switch string(w[0]) {
	case "reply":
		e.Outcome = "resolved"
	case "cached", "cached-stale":
		e.Outcome = "cached"
	case "config", "DHCP", "auth", "special":
		e.Outcome = "local"
	default:
		if w[0][0] != '/' { // a file of hosts
			return
		}
		e.Outcome = "local"
	}
	answer := w[3]
	e.RCode = "NOERROR"
	switch {
	case isRCode(answer):
		e.RCode = view(answer)
	case bytes.HasPrefix(answer, []byte("NODATA")):
	default:
		if _, ok := address(answer); ok {
			break
		}
		if answer[0] != '<' && !isDNSName(answer) {
			e.RCode = ""
		}
	}
	kind := DNSReply
	name := w[1]
	if string(name) == "error" { // the name is not repeated
		kind, name = DNSError, nil
	}
	e.dnsEvent(kind, client, name, nil)
}
