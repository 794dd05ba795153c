package pcapflow

import "bytes"

// plainText reads decrypted application data as HTTP, or finds that it is none.
type plainText struct {
	f     *Flow
	h1    *http1
	h2    *http2
	off   bool
	early []*recordKey // those of early data, until the suite is known

	last     Stamp
	brokenAt Stamp // from here on nothing more can be read; unseen: nowhere
}

// data takes the content of one record. first and last are its instants.
func (p *plainText) data(d Dir, first, last Stamp, b []byte, alpn string) {
	if len(b) == 0 || p.off || p.brokenAt.Seen() {
		return
	}
	if p.h1 == nil && p.h2 == nil && !p.choose(d, b, alpn) {
		p.off = true
		return
	}
	p.last = last
	if p.h2 != nil {
		p.h2.data(d, first, last, b)
		return
	}
	rest := p.h1.data(d, first, last, b)
	if p.h1.tunnel == tunnelHTTP2 {
		p.h2 = p.h1.upgrade()
		p.h2.data(d, first, last, rest)
	}
}

// choose decides by the protocol negotiated and the first bytes.
func (p *plainText) choose(d Dir, b []byte, alpn string) bool {
	switch {
	case alpn == "h2", d == Client && bytes.HasPrefix(b, []byte(http2Preface[:min(len(b), len(http2Preface))])) && b[0] == 'P' && len(b) > 3:
		p.h2 = newHTTP2(p.f)
	case alpn != "" && alpn != "http/1.1" && alpn != "http/1.0", d == Server:
		return false
	case alpn == "" && probeRequest(b) == No:
		return false
	default:
		p.h1 = newHTTP1(p.f)
	}
	return true
}

// gap skips n bytes of one side.
func (p *plainText) gap(d Dir, at Stamp, n int64) {
	switch {
	case n < 0:
		p.broken()
	case p.h1 != nil:
		p.h1.gap(d, at, n)
	case p.h2 != nil && !p.h2.gap(d, at, n):
		p.broken()
	}
}

// broken: an unknown number of bytes is missing, and nothing can be read behind.
func (p *plainText) broken() {
	if !p.brokenAt.Seen() && p.last.Seen() {
		p.brokenAt = Stamp{Time: p.last.Time + 1, Frame: p.last.Frame}
	}
}

// restart forgets what was read: early data that the server refused.
func (p *plainText) restart() {
	p.h1, p.h2, p.off = nil, nil, false
}

func (p *plainText) finish() []Exchange {
	switch {
	case p.h2 != nil:
		return p.h2.finish()
	case p.h1 != nil:
		return p.h1.finish()
	}
	return nil
}
