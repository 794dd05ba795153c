package pcapflow

import (
	"bytes"
	"time"
)

// syslogDissector reads the stamps of syslog messages over UDP (RFC 5426): of
// RFC 5424, of RFC 3164, and of those daemons that write RFC 3339 into the latter.
var syslogDissector = &Dissector{
	Name:      "syslog",
	Transport: UDP,
	Probe: func(first [2][]byte, port uint16) Verdict {
		for _, b := range first {
			if _, ok := readSyslog(b, Stamp{}); ok {
				return Yes
			}
		}
		return No
	},
	Open: func(f *Flow, env *Env) Stream { return &syslogStream{f: f} },
}

type syslogStream struct{ f *Flow }

func (s *syslogStream) Gap(Dir, Stamp, int64) {}
func (s *syslogStream) Close(Stamp)           {}

func (s *syslogStream) Data(d Dir, at Stamp, b []byte) {
	if r, ok := readSyslog(b, at); ok {
		r.From = d
		s.f.tell(r)
	}
}

// readSyslog reads priority, stamp and host name of a message.
func readSyslog(b []byte, at Stamp) (r Reading, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), 5)], '>')
	if end < 2 || b[0] != '<' {
		return r, false
	}
	for _, c := range b[1:end] {
		if c < '0' || c > '9' {
			return r, false
		}
	}
	r = Reading{Protocol: "syslog", Before: at}
	b = b[end+1:]
	b, _ = bytes.CutPrefix(b, []byte("1 ")) // RFC 5424 §6.2.2
	word, rest, _ := bytes.Cut(b[:min(len(b), 400)], []byte(" "))
	if t, err := time.Parse(time.RFC3339Nano, string(word)); err == nil {
		r.Time, r.Width = t.UnixNano(), fractionWidth(word)
	} else {
		const layout = "Jan _2 15:04:05" // RFC 3164 §4.1.2: neither year nor zone
		if len(b) < len(layout)+1 {
			return r, false
		}
		t, err := time.Parse(layout, string(b[:len(layout)]))
		if err != nil {
			return r, false
		}
		r.Time, r.Width, r.Local = nearestYear(t, at.Time), int64(time.Second), true
		rest = b[len(layout)+1:]
	}
	host, _, _ := bytes.Cut(rest, []byte(" "))
	if len(host) > 0 && len(host) <= 255 && host[0] != '-' && host[len(host)-1] != ':' {
		r.Host = string(host)
	}
	return r, true
}

// fractionWidth is the unit of the last digit of a stamp's seconds, ns.
func fractionWidth(stamp []byte) int64 {
	width := int64(time.Second)
	if dot := bytes.IndexByte(stamp, '.'); dot >= 0 {
		for _, c := range stamp[dot+1:] {
			if c < '0' || c > '9' || width == 1 {
				break
			}
			width /= 10
		}
	}
	return width
}

// nearestYear puts a time of the year 0 into the year that brings it nearest to
// an instant.
func nearestYear(t time.Time, near int64) int64 {
	year := time.Unix(0, near).UTC().Year()
	best := int64(0)
	for y := year - 1; y <= year+1; y++ {
		ns := time.Date(y, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC).UnixNano()
		if y == year-1 || max(ns-near, near-ns) < max(best-near, near-best) {
			best = ns
		}
	}
	return best
}
