package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	holeRepeats = &Threshold{"repetitions", 2, "", lang.Text{EN: "repetitions of a full-size segment before it is taken for one that cannot pass", ES: "repeticiones de un segmento completo antes de tomarlo por uno que no puede pasar"}}
	// RFC 791: every host takes 576 bytes, less headers.
	holeSize  = &Threshold{"size", 500, "bytes", lang.Text{EN: "smallest segment that an MTU may stop", ES: "menor segmento que una MTU puede detener"}}
	holeQuiet = &Threshold{"quiet", 1, "s", lang.Text{EN: "how long bytes must be missing", ES: "cuánto tiempo deben faltar bytes"}}
	holeFull  = &Threshold{"full", 0.9, "share", lang.Text{EN: "a segment that passed and is this much of a full one speaks against it", ES: "un segmento que pasó y es esta parte de uno completo habla en contra"}}
	holeSmall = &Threshold{"small", 0.5, "share", lang.Text{EN: "a segment that is at most this much of the missing one should pass; sent again without any answer, it speaks against it", ES: "un segmento que es como mucho esta parte del que falta debería pasar; reenviado sin respuesta alguna, habla en contra"}}
	holes     = []*Threshold{holeRepeats, holeSize, holeQuiet, holeFull, holeSmall}
)

var mtuBlackHole = Rule{
	Name: "mtu-black-hole", Family: "path",
	Title: lang.Text{EN: "Path MTU black hole", ES: "Agujero negro de MTU en el camino"},
	Doc: lang.Text{
		EN: "The handshake and small segments pass; full-size segments are sent again and again and never arrive, and no ICMP says why. A tunnel, a VPN or a device with a smaller MTU drops them, and somebody filters ICMP. Let ICMP type 3 code 4 (ICMPv6 type 2) pass, clamp the MSS at the tunnel, or set net.ipv4.tcp_mtu_probing=1.",
		ES: "El establecimiento y los segmentos pequeños pasan; los de tamaño completo se repiten una y otra vez y nunca llegan, y ningún ICMP dice por qué. Un túnel, una VPN o un equipo con MTU menor los descarta y alguien filtra ICMP. Deje pasar ICMP tipo 3 código 4 (ICMPv6 tipo 2), limite el MSS en el túnel o ponga net.ipv4.tcp_mtu_probing=1.",
	},
	Source:     "RFC 2923, section 2.1; RFC 4821; RFC 8899",
	Needs:      lang.Text{EN: "a capture with the connection, best at the side that sends the large segments", ES: "una captura con la conexión, mejor en el lado que envía los segmentos grandes"},
	Wants:      []*Want{wantConnections},
	Thresholds: holes,
	Refuters: []lang.Text{
		{EN: "a full-size segment of the connection was acknowledged", ES: "un segmento de tamaño completo de la conexión fue confirmado"},
		{EN: "ICMP fragmentation needed, or packet too big", ES: "ICMP de fragmentación necesaria o paquete demasiado grande"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.blackHoles(r, func(j *correlate.Journey) bool { return j.SSH == nil || j.SSH.NewKeys[pcapflow.Server].Seen() }, lang.Text{
			EN: "Packets of %d bytes never arrive and no ICMP comes back, while those of up to %d bytes pass: %d connection{|s} with %s stood still for up to %s (MTU black hole; tunnel or VPN).",
			ES: "Los paquetes de %d bytes nunca llegan y no vuelve ningún ICMP, mientras los de hasta %d bytes pasan: %d {conexión|conexiones} con %s qued{ó|aron} parada{|s} hasta %s (agujero negro de MTU; túnel o VPN).",
		})
	},
}

var sshKexStall = Rule{
	Name: "ssh-kex-stall", Family: "ssh",
	Title: lang.Text{EN: "SSH key exchange stalls on large packets", ES: "El intercambio de claves SSH se atasca con paquetes grandes"},
	Doc: lang.Text{
		EN: "The banners passed, and the first segments of full size, those of the key exchange, are repeated and never arrive: a path MTU black hole. ssh -v stops at expecting SSH2_MSG_KEX_ECDH_REPLY or at SSH2_MSG_KEXINIT sent. See mtu-black-hole for the cure.",
		ES: "Las identificaciones pasaron, y los primeros segmentos de tamaño completo, los del intercambio de claves, se repiten y nunca llegan: un agujero negro de MTU. ssh -v se para en expecting SSH2_MSG_KEX_ECDH_REPLY o en SSH2_MSG_KEXINIT sent. El remedio está en mtu-black-hole.",
	},
	Source:     "RFC 2923, section 2.1; RFC 4253, section 7",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: holes,
	Refuters: []lang.Text{
		{EN: "small segments were lost as well (plain loss)", ES: "también se perdieron segmentos pequeños (pérdida común)"},
		{EN: "ICMP fragmentation needed, or packet too big", ES: "ICMP de fragmentación necesaria o paquete demasiado grande"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.blackHoles(r, func(j *correlate.Journey) bool { return j.SSH != nil && !j.SSH.NewKeys[pcapflow.Server].Seen() }, lang.Text{
			EN: "Packets of %d bytes never arrive and no ICMP comes back, while those of up to %d bytes pass: %d SSH connection{|s} to %s stalled in the key exchange for up to %s (MTU black hole).",
			ES: "Los paquetes de %d bytes nunca llegan y no vuelve ningún ICMP, mientras los de hasta %d bytes pasan: %d {conexión SSH|conexiones SSH} a %s se atasc{ó|aron} en el intercambio de claves hasta %s (agujero negro de MTU).",
		})
	},
}

// stuck is what one point shows of large segments that do not pass.
type stuck struct {
	point  correlate.Point
	dir    pcapflow.Dir
	size   int64 // of the segments that do not pass, bytes of payload
	passes int64 // the largest that passed; 0: only empty ones are known to
	wait   time.Duration
	sender bool // seen where the segments were sent
	frames []int
	packet int64 // size of the packet, IP and TCP headers included
}

// stuckAt looks for segments of one side that never get through.
func (c *Case) stuckAt(r *Rule, p correlate.Point, d pcapflow.Dir, repeats int) (stuck, bool) {
	n := p.Flow.Conn
	if n == nil || len(n.SYN) > 0 && !n.ACK.Seen() || p.Flow.Packets[pcapflow.Client] == 0 || p.Flow.Packets[pcapflow.Server] == 0 {
		return stuck{}, false
	}
	if s, ok := c.stuckSender(r, p, d, repeats); ok {
		return s, true
	}
	return c.stuckReceiver(r, p, d)
}

// stuckSender: one segment is repeated, nothing as large was ever acknowledged,
// and smaller ones were.
func (c *Case) stuckSender(r *Rule, p correlate.Point, d pcapflow.Dir, repeats int) (stuck, bool) {
	n := p.Flow.Conn
	count, size := &n.Count[d], int64(c.count(r, holeSize))
	type run struct {
		times    int
		len      int64
		from, to pcapflow.Stamp
		frames   []int
	}
	runs := map[uint32]*run{}
	var best *run
	for i := range n.Retransmissions {
		t := &n.Retransmissions[i]
		if t.Dir != d || t.Kind == pcapflow.RetransmitSYN || t.Kind == pcapflow.RetransmitSYNACK || int64(t.Len) < size {
			continue
		}
		x := runs[t.Seq]
		if x == nil {
			x = &run{from: t.Original}
			if !x.from.Seen() {
				x.from = pcapflow.Stamp{Time: t.Time - t.Wait, Frame: t.Frame}
			}
			runs[t.Seq] = x
		}
		x.times++
		x.len, x.to = max(x.len, int64(t.Len)), t.Stamp
		x.frames = append(x.frames, t.Original.Frame, t.Frame)
		if t.Seq >= n.AckedTo[d] && (best == nil || x.times > best.times) {
			best = x
		}
	}
	if best == nil || best.times < repeats || best.len <= count.LargestAcked {
		return stuck{}, false
	}
	if !passing(p, d) || silent(n, d, c.number(r, holeSmall)*float64(best.len)) {
		return stuck{}, false
	}
	s := stuck{point: p, dir: d, size: best.len, passes: count.LargestAcked, sender: true, frames: best.frames}
	s.wait = time.Duration(p.Flow.End.Time - best.from.Time)
	if x := n.Count[d.Other()]; x.ZeroWindow > 0 || s.wait < c.limit(r, holeQuiet) {
		return stuck{}, false
	}
	s.packet = s.size + headers(p, d)
	return s, true
}

// passing tells whether small packets of a side get through: some were
// acknowledged, or came behind the missing ones, or were acknowledgements that
// kept the other side from repeating its data. A farewell does not count: its
// acknowledgement may have travelled in a large packet.
func passing(p correlate.Point, d pcapflow.Dir) bool {
	n, other := p.Flow.Conn, d.Other()
	again := slices.ContainsFunc(n.Retransmissions, func(t pcapflow.Retransmission) bool {
		return t.Dir == other && t.Len > 0 && t.Kind != pcapflow.RetransmitSYN && t.Kind != pcapflow.RetransmitSYNACK && t.Kind != pcapflow.RetransmitSpurious
	})
	return n.Count[d].LargestAcked > 0 || n.Count[other].DupACKs > 0 || p.Flow.Payload[other] > 0 && !again
}

// silent tells that the other side said nothing of segments of at most that size,
// in bytes, either, which came behind the missing ones and were sent again: a path
// that swallows large packets alone brings it those, and it answers each at once
// with the number that it waits for (RFC 5681, section 4.2).
func silent(n *pcapflow.Conn, d pcapflow.Dir, size float64) bool {
	return n.Count[d.Other()].DupACKs == 0 && slices.ContainsFunc(n.Retransmissions, func(t pcapflow.Retransmission) bool {
		return t.Dir == d && t.Len > 0 && float64(t.Len) <= size && t.Seq > n.AckedTo[d]
	})
}

// stuckReceiver: bytes are missing to the end although that side goes on
// sending small segments, or says by its numbers that it had sent more.
func (c *Case) stuckReceiver(r *Rule, p correlate.Point, d pcapflow.Dir) (stuck, bool) {
	n := p.Flow.Conn
	h := &n.Holes[d]
	if !h.Since.Seen() || h.Bytes < int64(c.count(r, holeSize)) {
		return stuck{}, false
	}
	until := p.Capture.Last.Time // nothing came any more, though the capture went on
	if len(n.RST) > 0 {
		until = n.RST[0].Time
	}
	open := max(time.Duration(h.Quiet), time.Duration(until-h.Since.Time))
	full := fullSize(n, d)
	if open < c.limit(r, holeQuiet) || float64(n.Count[d].Largest) >= c.number(r, holeFull)*float64(full) {
		return stuck{}, false
	}
	return stuck{
		point: p, dir: d, size: min(h.Bytes, full), passes: n.Count[d].Largest, wait: max(time.Duration(h.Quiet), time.Duration(p.Flow.End.Time-h.Since.Time)),
		frames: []int{h.Since.Frame, n.ACK.Frame}, packet: min(h.Bytes, full) + headers(p, d),
	}, true
}

// fullSize is what one segment of a side may carry at most.
func fullSize(n *pcapflow.Conn, d pcapflow.Dir) int64 {
	full := int64(1460)
	if m := n.MSS[d.Other()]; m > 0 {
		full = int64(m)
	}
	if n.Timestamps() {
		full -= 12 // the option of RFC 7323
	}
	return full
}

// headers of IP and TCP of a side's segments, bytes.
func headers(p correlate.Point, d pcapflow.Dir) int64 {
	n := int64(40)
	if p.Flow.Client.Addr().Is6() {
		n = 60
	}
	if p.Flow.Conn.Timestamps() {
		n += 12
	}
	return n
}

// blackHoles finds the journeys whose large segments do not pass and makes one
// finding for each server.
func (c *Case) blackHoles(r *Rule, fits func(*correlate.Journey) bool, text lang.Text) []Finding {
	var found batches
	worst := map[string]stuck{}
	passes := map[string]int64{}
	seen := map[*correlate.Journey]bool{}
	journeys := c.open(r)
	for i := range 2 * len(journeys) {
		// Once a path is known to swallow large packets, one repetition is enough.
		j, repeats := journeys[i%len(journeys)], c.count(r, holeRepeats)
		if len(j.Points) == 0 || !fits(j) {
			continue
		}
		pair := [2]netip.Addr{j.Client.Addr(), j.Server.Addr()}
		if i >= len(journeys) {
			if repeats = 1; !c.swallows[pair] {
				continue
			}
		}
		s, ok := c.stuck(r, j, repeats)
		if !ok || seen[j] {
			continue
		}
		c.swallows[pair] = true
		seen[j] = true
		key := j.Client.Addr().String() + " " + j.Server.Addr().String() + " " + s.dir.String()
		found.add(key, hit{journey: j, lost: min(s.wait, max(j.Total(), lasted(s.point))), evidence: append(frames(s.point.Capture, s.frames...), journeyLines(j)...)})
		if w, ok := worst[key]; !ok || s.sender && !w.sender || s.sender == w.sender && s.packet < w.packet {
			worst[key] = s
		}
		passes[key] = max(passes[key], s.passes+headers(s.point, s.dir), c.passed(pair, s))
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		s, w := worst[b.key], b.worst()
		if !s.sender {
			f.Confidence = Medium
		}
		f.Text = c.say(text, int(s.packet), int(passes[b.key]), len(b.hits), w.journey.Server, w.lost)
		f.Refuters = c.doubts(r, notFound, notFound)
	})
}

// passed is the largest packet, smaller than those that do not pass, that came
// through on any connection of the same hosts: acknowledged where it was sent, or
// seen at the other end.
func (c *Case) passed(pair [2]netip.Addr, s stuck) int64 {
	key := swallowed{pair, s.dir, s.packet}
	largest, done := c.largest[key]
	if done {
		return largest
	}
	if c.between == nil {
		c.largest, c.between = map[swallowed]int64{}, map[[2]netip.Addr][]*correlate.Journey{}
		for _, j := range c.Journeys {
			p := [2]netip.Addr{j.Client.Addr(), j.Server.Addr()}
			c.between[p] = append(c.between[p], j)
		}
	}
	for _, j := range c.between[pair] {
		for _, p := range j.Points {
			n := p.Flow.Conn
			if n == nil {
				continue
			}
			size := n.Count[s.dir].LargestAcked
			if s.dir == pcapflow.Server && !atServer(p) {
				size = max(size, n.Count[s.dir].Largest)
			}
			if packet := size + headers(p, s.dir); size > 0 && packet < s.packet {
				largest = max(largest, packet)
			}
		}
	}
	c.largest[key] = largest
	return largest
}

// swallowed is a size of packets, in bytes, that does not pass between two hosts one
// way.
type swallowed struct {
	pair   [2]netip.Addr
	dir    pcapflow.Dir
	packet int64
}

// stuck looks at all points of a journey, the sender's view first.
func (c *Case) stuck(r *Rule, j *correlate.Journey, repeats int) (stuck, bool) {
	var found stuck
	ok := false
	for _, p := range j.Points {
		for _, d := range []pcapflow.Dir{pcapflow.Server, pcapflow.Client} {
			s, is := c.stuckAt(r, p, d, repeats)
			if len(p.Flow.ICMP) > 0 && tooBig(p.Flow) != nil {
				return stuck{}, false // mtu-discovered-late, or its own kind of trouble
			}
			if is && (!ok || s.sender && !found.sender) {
				found, ok = s, true
			}
		}
	}
	// A full-size segment of that side that another point saw acknowledged
	// refutes it.
	for _, p := range j.Points {
		if ok && p.Flow.Conn != nil && p.Flow.Conn.Count[found.dir].LargestAcked >= found.size {
			return stuck{}, false
		}
	}
	return found, ok
}

// tooBig is the first ICMP error that names a smaller MTU.
func tooBig(f *pcapflow.Flow) *pcapflow.ICMPError {
	for i := range f.ICMP {
		if x := &f.ICMP[i]; !x.V6 && x.Type == 3 && x.Code == 4 || x.V6 && x.Type == 2 {
			return x
		}
	}
	return nil
}

var mtuDiscoveredLate = Rule{
	Name: "mtu-discovered-late", Family: "path", Answers: true,
	Title: lang.Text{EN: "Path MTU discovered late", ES: "MTU del camino descubierta tarde"},
	Doc: lang.Text{
		EN: "A router answered full-size packets with ICMP fragmentation needed (IPv6: packet too big), and the sender went on with smaller ones: path MTU discovery works, and costs a round trip and a few repeated segments on each new path. Clamping the MSS at the narrow link saves it.",
		ES: "Un router respondió a los paquetes de tamaño completo con ICMP de fragmentación necesaria (IPv6: paquete demasiado grande) y el emisor siguió con otros menores: el descubrimiento de MTU funciona, y cuesta una ida y vuelta y unos segmentos repetidos en cada camino nuevo. Limitar el MSS en el enlace estrecho lo ahorra.",
	},
	Source:     "RFC 1191; RFC 8201",
	Needs:      lang.Text{EN: "a capture that holds the ICMP error, at the sender or between it and the router", ES: "una captura que tenga el error ICMP, en el emisor o entre él y el router"},
	Wants:      []*Want{wantConnections},
	Thresholds: weights,
	Refuters: []lang.Text{
		{EN: "no smaller segment followed the ICMP error", ES: "tras el error ICMP no siguió ningún segmento menor"},
		{EN: "no ICMP error named a smaller MTU", ES: "ningún error ICMP nombró una MTU menor"},
	},
	Check: checkMTUDiscoveredLate,
}

func checkMTUDiscoveredLate(c *Case, r *Rule) []Finding {
	var found batches
	first := map[string]*pcapflow.ICMPError{}
	ignored := map[string]bool{}
	seen := map[int64]bool{}
	for _, j := range c.Journeys {
		for _, p := range j.Points {
			x := tooBig(p.Flow)
			if x == nil || p.Flow.Conn == nil || seen[x.Time] {
				continue
			}
			seen[x.Time] = true
			cost, sent, smaller := afterTooBig(p, x)
			key := x.From.String() + " " + x.To.String()
			found.add(key, hit{journey: j, lost: cost, evidence: frames(p.Capture, append(sent, x.Frame)...)})
			if first[key] == nil {
				first[key] = x
			}
			ignored[key] = ignored[key] || !smaller
			break
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		x, w := first[b.key], b.worst()
		c.weighed(r, &found, b, f, c.connections())
		f.Text = c.say(lang.Text{
			EN: "%s told %s that the path takes packets of %d bytes at most; %d connection{|s} with %s sent larger ones first, which cost up to %s. Clamp the MSS to %d.",
			ES: "%s avisó a %s de que el camino admite paquetes de %d bytes como máximo; %d {conexión|conexiones} con %s envi{ó|aron} antes otros mayores, lo que costó hasta %s. Limite el MSS a %d.",
		}, x.From, x.To, x.MTU, len(b.hits), w.journey.Server, w.lost, max(x.MTU-40, 0))
		f.Refuters = c.doubts(r, foundIf(ignored[b.key]))
	})
}

// afterTooBig tells what a too large packet cost: from its sending to its
// repetition, whether smaller ones followed, and the frames of both.
func afterTooBig(p correlate.Point, x *pcapflow.ICMPError) (cost time.Duration, sent []int, smaller bool) {
	d := pcapflow.Server
	if x.Source == p.Flow.Client {
		d = pcapflow.Client
	}
	for i := range p.Flow.Conn.Retransmissions {
		t := &p.Flow.Conn.Retransmissions[i]
		if t.Dir != d || t.Time < x.Time || t.Kind == pcapflow.RetransmitSpurious {
			continue
		}
		cost = max(cost, time.Duration(t.Wait))
		sent = append(sent, t.Original.Frame, t.Frame)
		smaller = smaller || x.MTU == 0 || t.Len <= x.MTU-40
		if len(sent) >= 8 {
			break
		}
	}
	return cost, sent, smaller
}
