package pcapflow

// earlyBytes are the first bytes of a flow whose protocol is not known yet.
type earlyBytes struct {
	data   [2][]byte
	pieces []earlyPiece
}

// earlyPiece is one call of Data or Gap to be made up for.
type earlyPiece struct {
	dir  Dir
	at   Stamp
	n    int
	lost int64
}

// What is kept at most of a flow before its protocol is recognised.
const (
	maxEarlyBytes  = 2048 // each direction
	maxEarlyPieces = 16
)

// probe asks the dissectors whose flow this is.
func (e *engine) probe(f *flow, d Dir, at Stamp, b []byte, missing int64) {
	var first [2][]byte
	port := f.key.pb // the server's
	if f.turned {
		port = f.key.pa
	}
	if f.early != nil {
		first = f.early.data
	}
	if len(first[d]) > 0 {
		first[d] = append(first[d][:len(first[d]):len(first[d])], b...)
	} else {
		first[d] = b
	}
	maybe := false
	for i, x := range dissectors {
		if f.ruled&(1<<i) != 0 || x.Transport != f.transport {
			continue
		}
		switch x.Probe(first, port) {
		case Yes:
			e.recognised(f, x, d, at, b, missing)
			return
		case Maybe:
			maybe = true
		default:
			f.ruled |= 1 << i
		}
	}
	if !maybe || len(first[d]) > maxEarlyBytes || f.early != nil && len(f.early.pieces) >= maxEarlyPieces {
		e.stopFollowing(f)
		return
	}
	if f.early == nil {
		f.early = &earlyBytes{}
	}
	early := f.early
	early.data[d] = append(early.data[d], b...)
	early.pieces = append(early.pieces, earlyPiece{d, at, len(b), missing})
}

// recognised opens the dissector and makes up for what came before.
func (e *engine) recognised(f *flow, x *Dissector, d Dir, at Stamp, b []byte, missing int64) {
	f.follow = following
	o := e.record(f)
	o.Service = x.Name
	f.service = x.Open(o, &e.env)
	f.idler, _ = f.service.(Idler)
	f.skimmer, _ = f.service.(Skimmer)
	if x.Transport == UDP {
		f.content, _ = f.service.(Satisfied)
	}
	if early := f.early; early != nil {
		f.early = nil
		var from [2]int
		for _, p := range early.pieces {
			if p.n > 0 {
				f.service.Data(p.dir, p.at, early.data[p.dir][from[p.dir]:][:p.n])
				from[p.dir] += p.n
			}
			if p.lost > 0 {
				f.service.Gap(p.dir, p.at, p.lost)
			}
		}
	}
	e.deliver(f, d, at, b, missing)
}
