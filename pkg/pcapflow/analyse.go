package pcapflow

import (
	"errors"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// PacketSource yields the packets of one capture in the order they were
// recorded. *capture.Reader is one.
type PacketSource interface {
	// Next fills p. It returns io.EOF behind the last packet; any other error
	// ends the analysis, which keeps what it has.
	Next(p *capture.Packet) error
}

// describedSource is a source that also tells what the capture says of itself.
type describedSource interface {
	Interfaces() []capture.Interface
	Names() map[netip.Addr][]string
	Problems() []capture.Problem
}

// Options of an analysis. The zero value keeps every flow.
type Options struct {
	Keys *KeyLog // TLS secrets; nil: none

	// OnFlow is given each flow when it ends: closed, or idle for long by the
	// packets' own time. Such flows are not kept, so that memory follows the
	// flows open at one time. f and what it points to are valid during the call
	// only. Without OnFlow all flows are kept, in order of first frame.
	OnFlow func(f *Flow)

	// MaxOpen bounds the flows open at one time when OnFlow is set; beyond it
	// those silent for longest end first. 0: 131072.
	MaxOpen int

	// MaxKept bounds the flows that are kept: behind the packet that begins the last of
	// them no packet is looked at, as if the capture had ended there. 0: none.
	MaxKept int

	// Marks asks for Marks also when OnFlow is set. Flows that are kept always
	// have them.
	Marks bool

	// Apart says that the capture is two that were merged, by how much the second
	// copies of its packets come later: they are left out. Result.Twins of an
	// analysis without it may tell. nil: it is none.
	Apart *Twins

	// Frames asks for Frames of every flow.
	Frames bool

	// Turns asks for Conn.Talk.
	Turns bool

	// Lean leaves the phases of exchanges out of Phases, which repeat what HTTP
	// says; Flow.ListExchanges adds them.
	Lean bool
}

const defaultMaxOpen = 1 << 17

// Analyse rebuilds the flows of one capture in one pass.
//
// The result is never nil. The error is the source's, other than io.EOF: what
// was read before it is in the result.
//
// While there are more processors than analyses at work, the packets are read
// ahead, and OnFlow is called on a goroutine of its own, by turns, and no more
// once Analyse returns.
func Analyse(src PacketSource, opt Options) (*Result, error) {
	e := newEngine(src, opt)
	return e.res, e.takeAll(src, e.end)
}

// takeAll analyses all packets of src, and then what then does. The error is the
// source's, other than io.EOF.
func (e *engine) takeAll(src PacketSource, then func()) error {
	var err error
	all := atWork.Add(1)
	defer atWork.Add(-1)
	if kept, ok := src.(keptSource); ok && runtime.GOMAXPROCS(0) > int(all) {
		err = e.runAhead(kept, then)
	} else {
		err = e.run(src)
		then()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// atWork counts the analyses of the process that are taking packets. Where each
// processor has one, handing packets over would only cost.
var atWork atomic.Int32

// run analyses all packets of src, one after the other.
func (e *engine) run(src PacketSource) error {
	ahead, _ := src.(bufferedSource)
	for {
		n, err := e.fill(src, ahead)
		e.batch(n)
		if err != nil {
			return err
		}
	}
}

// engine is the state of one analysis.
type engine struct {
	opt    Options
	env    Env
	res    *Result
	desc   describedSource // nil: the source tells nothing
	keep   bool            // flows are kept in the result
	marked bool            // flows get Marks

	h      *header // of the packet at hand
	at     batch
	encaps encapsulations
	parts  fragments
	copies copyTable
	table  flowTable
	logs   sentLogs
	wheel  wheel
	held   int // bytes of out-of-order data held, all flows
	begun  int // flows that began

	free   freeRooms // when flows are not kept
	onFlow telling   // the same
	out    *outlet   // of flows that are not kept; nil: OnFlow is called at once

	streams    [OtherTransport + 1]int // next stream number by transport
	neighbours neighbours
	echoes     echoes
	point      capturePoint
	protocols  [256]int64        // packets of IP protocols that are not followed
	previous   int64             // time of the packet before
	frames     map[*flow][]int32 // nil: not asked for
}

func newEngine(src PacketSource, opt Options) *engine {
	if opt.MaxOpen <= 0 {
		opt.MaxOpen = defaultMaxOpen
	}
	e := &engine{opt: opt, env: Env{Keys: opt.Keys}, keep: opt.OnFlow == nil}
	e.marked = e.keep || opt.Marks || opt.Turns
	e.onFlow = telling{use: opt.OnFlow, lean: opt.Lean}
	e.res = &Result{Undecoded: map[string]int64{}}
	e.desc, _ = src.(describedSource)
	e.table.init()
	if opt.Apart != nil {
		e.copies.twins = newTwinTable(*opt.Apart)
	}
	if opt.Frames {
		e.frames = map[*flow][]int32{}
	}
	return e
}

// packet takes one record of the capture, whose headers were read into h if
// they are of the common kinds: then p, which another processor may have
// written, is not looked at.
func (e *engine) packet(p *capture.Packet, h *header) {
	r := e.res
	if e.keep && e.begun == e.opt.MaxKept && e.begun > 0 {
		r.Beyond++
		return
	}
	if !h.timed {
		h.stamp.Time = e.previous // a Simple Packet Block: no earlier than what came before
	}
	now := h.stamp.Time
	if r.Packets == 0 || now < r.First.Time {
		r.First = h.stamp
	}
	if r.Packets == 0 || now >= r.Last.Time {
		r.Last = h.stamp
	}
	if r.Packets > 0 && now < e.previous-backwardTolerance {
		r.Backward++
	}
	e.previous = now
	r.Packets++
	r.Bytes += int64(h.captured)
	if h.wire > h.captured {
		r.Snapped++
	}
	if !e.keep && now >= e.wheel.next {
		e.expire(now)
	}
	e.h = h
	switch h.common {
	case protoTCP:
		e.tcpKeyed()
	case protoUDP:
		e.udpKeyed()
	default:
		e.link(p.Link, p.Data)
	}
	if len(e.neighbours.awaited) > 0 {
		e.released(p)
	}
}

// backwardTolerance is how much earlier than its predecessor a packet may be
// stamped without being counted as going backwards: queues of one interface
// are drained in turns.
const backwardTolerance = 1e6 // ns

// undecoded counts a packet, or the rest of one, that was not understood.
func (e *engine) undecoded(reason string) { e.res.Undecoded[reason]++ }

// section of a clock: packets of different sections never share a flow.
func (e *engine) section(c capture.ClockID) uint16 {
	if c == 0 || e.desc == nil {
		return 0
	}
	if list := e.desc.Interfaces(); int(c) < len(list) {
		return uint16(list[c].Section)
	}
	return 0
}

// end closes what is open and completes the result.
func (e *engine) end() {
	r := e.res
	for _, f := range e.table.all() {
		e.finish(f)
	}
	slices.SortStableFunc(r.Flows, func(a, b *Flow) int { return a.Start.Frame - b.Start.Frame })
	if n := len(e.parts.open); n > 0 {
		r.Undecoded[incompleteDatagram] += int64(n)
	}
	ntpDepartures(r.Flows)
	e.neighbours.end(r)
	e.echoes.end(r)
	for number, n := range e.protocols {
		if n > 0 {
			r.Undecoded[protocolName(uint8(number))] += n
		}
	}
	e.point.end(r)
	r.Twins = e.copies.samples.twins(r.Packets)
	if e.desc != nil {
		r.Interfaces, r.Names, r.Problems = e.desc.Interfaces(), e.desc.Names(), e.desc.Problems()
	}
}
