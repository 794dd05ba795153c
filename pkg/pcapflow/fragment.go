package pcapflow

// fragment is one piece of an IP datagram.
type fragment struct {
	key    fragmentKey
	offset int
	more   bool
	data   []byte // as captured
	size   int    // as sent
	proto  uint8
}

type fragmentKey struct {
	src, dst address
	id       uint32
	encap    uint32
	proto    uint8
}

// datagram is a fragmented datagram being put together.
type datagram struct {
	data  []byte
	have  []extent // ascending, not overlapping
	total int      // -1: the last fragment has not come
	since int64    // time of its first fragment
	proto uint8
	bytes int // of all fragments on the wire: frame lengths

	pieces int
}

type extent struct{ from, to int }

// fragments puts fragmented datagrams together, within bounds (RFC 791 section
// 3.2, RFC 8200 section 4.5). Overlaps: the first copy stays.
type fragments struct {
	open  map[fragmentKey]*datagram
	order []fragmentKey // by first fragment, some of them done
	held  int
}

const (
	maxDatagram     = 65535
	maxFragments    = 256     // of one datagram
	maxDatagrams    = 1024    // at one time
	fragmentTimeout = 60e9    // ns (RFC 1122 section 3.3.2, RFC 8200 section 4.5)
	maxFragmentHeld = 8 << 20 // bytes at one time
)

// fragment takes one piece, and goes on with the datagram when it is whole.
func (e *engine) fragment(f fragment) {
	h := e.h
	if f.size < 0 || f.offset+f.size > maxDatagram {
		e.undecoded("malformed fragment")
		return
	}
	if len(f.data) < f.size {
		// Its first piece still tells the flow.
		e.undecoded("fragment cut by the snap length")
		if f.offset == 0 {
			e.transport(f.proto, f.data, f.size)
		}
		return
	}
	p := &e.parts
	if n := p.expire(h.stamp.Time); n > 0 {
		e.res.Undecoded[incompleteDatagram] += n
	}
	d := p.open[f.key]
	if d == nil {
		if p.open == nil {
			p.open = map[fragmentKey]*datagram{}
		}
		d = &datagram{total: -1, since: h.stamp.Time}
		p.open[f.key] = d
		p.order = append(p.order, f.key)
	}
	if f.offset == 0 {
		d.proto = f.proto
	}
	d.bytes += h.wire
	d.pieces++
	if !f.more {
		d.total = f.offset + f.size
	}
	if len(d.have) >= maxFragments || !p.add(d, f) {
		if f.offset == 0 && f.proto == protoUDP {
			e.firstPiece(f.data)
		}
		return
	}
	p.drop(f.key)
	e.env.pieces = d.pieces
	defer func() { e.env.pieces = 0 }()
	h.wire = d.bytes
	whole := d.data[:d.total]
	if h.v6 {
		e.extensions(d.proto, whole, len(whole))
		return
	}
	e.transport(d.proto, whole, len(whole))
}

// add puts a piece in its place and tells whether the datagram is whole.
func (p *fragments) add(d *datagram, f fragment) bool {
	if need := f.offset + f.size; need > len(d.data) {
		p.held += need - len(d.data)
		d.data = append(d.data, make([]byte, need-len(d.data))...)
	}
	at := f.offset
	i := 0
	for ; i < len(d.have) && d.have[i].to < at; i++ {
	}
	end := f.offset + f.size
	from, to := at, end
	j := i
	for ; j < len(d.have) && d.have[j].from <= end; j++ {
		x := d.have[j]
		if at < x.from {
			copy(d.data[at:x.from], f.data[at-f.offset:])
		}
		at = max(at, x.to)
		from, to = min(from, x.from), max(to, x.to)
	}
	if at < end {
		copy(d.data[at:end], f.data[at-f.offset:])
	}
	d.have = append(d.have[:i], append([]extent{{from, to}}, d.have[j:]...)...)
	return d.total >= 0 && len(d.have) == 1 && d.have[0].from == 0 && d.have[0].to >= d.total
}

func (p *fragments) drop(k fragmentKey) {
	if d := p.open[k]; d != nil {
		p.held -= len(d.data)
		delete(p.open, k)
	}
}

// expire drops what is too old or too much and returns how many datagrams it gave up.
func (p *fragments) expire(now int64) (given int64) {
	for len(p.order) > 0 {
		k := p.order[0]
		d := p.open[k]
		if d != nil && now-d.since < fragmentTimeout && len(p.open) < maxDatagrams && p.held < maxFragmentHeld && len(p.order) < 4*maxDatagrams {
			return given
		}
		if d != nil {
			given++
		}
		p.drop(k)
		p.order = p.order[1:]
	}
	return given
}

const incompleteDatagram = "datagram with a missing fragment"

// firstPiece shows the flow of a UDP datagram in fragments its first one, should the
// others never come. It counts for nothing yet.
func (e *engine) firstPiece(b []byte) {
	h := e.h
	h.proto, h.body, h.size = protoUDP, b, len(b)
	if h.readUDP() != "" {
		return
	}
	h.key, h.swapped = e.keyOf(h)
	f := e.table.find(&h.key, e.table.hash(&h.key))
	if f == nil || f.carried == nil {
		return
	}
	if s, ok := f.service.(*dnsDatagrams); ok {
		s.firstPiece(f.sender(h.swapped), h.stamp, h.payload())
	}
}
