package pcapflow

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// keptSource is a source whose packets can be kept while it goes on.
type keptSource interface {
	PacketSource
	bufferedSource
	Keep(capture.Mover)
}

// aheadBatch is a run of packets that were read ahead, their headers read.
type aheadBatch struct {
	packed  [aheadPackets]packed
	data    [aheadPackets]*byte // where the frame of each that is packed begins
	others  []aheadPacket       // those that are not, in their order
	frame   int                 // of the first
	clock   capture.ClockID     // of the first
	section uint16              // of that clock
	n       int
	err     error         // behind the last packet
	spent   []byte        // no packet behind this batch lies in it; nil: none
	done    chan struct{} // to be closed when the batch was taken; nil: nobody waits
}

// aheadPacket is a packet that is not packed.
type aheadPacket struct {
	packet capture.Packet
	header header
}

const (
	aheadPackets = 256
	aheadBatches = 16
)

// ahead reads packets and their headers on a goroutine of its own.
type ahead struct {
	e     *engine
	src   keptSource
	batch *aheadBatch // being filled
	hand  *handover[aheadBatch]
	spare chan []byte // buffers for the source
	stop  chan struct{}
	ended chan struct{}
	panic any // what the source panicked with
}

// stopped is what a reader that is to stop panics with, to come out of the source.
type stopped struct{}

// runAhead is run, and then what then does, with the reading, and OnFlow, on
// goroutines of their own.
func (e *engine) runAhead(src keptSource, then func()) (err error) {
	a := &ahead{
		e: e, src: src, hand: newHandover[aheadBatch](aheadBatches),
		spare: make(chan []byte, aheadBatches+2), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	a.batch = a.hand.room()
	if !e.keep {
		e.out = newOutlet(&e.onFlow)
	}
	src.Keep(a.move)
	if e.opt.Keys != nil {
		e.opt.Keys.before = a.catchUp
	}
	go a.run()
	defer func() { // also when a flow made the engine panic
		close(a.stop)
		<-a.ended
		src.Keep(nil)
		if e.opt.Keys != nil {
			e.opt.Keys.before = nil
		}
		if out := e.out; out != nil {
			e.out = nil
			out.close()
		}
	}()
	for {
		b, ok := a.hand.next()
		if !ok {
			break
		}
		e.takeBatch(b)
		err = b.err
		a.release(b)
		if err != nil {
			break
		}
	}
	if a.panic != nil {
		panic(a.panic)
	}
	then()
	return err
}

// release gives back a batch that was taken.
func (a *ahead) release(b *aheadBatch) {
	if b.spent != nil {
		select {
		case a.spare <- b.spent:
		default:
		}
	}
	if b.done != nil {
		close(b.done)
	}
	b.n, b.err, b.spent, b.done, b.others = 0, nil, nil, nil, b.others[:0]
	a.hand.giveBack(b)
}

func (a *ahead) run() {
	defer close(a.ended)
	defer close(a.hand.full)
	defer func() {
		if r := recover(); r != nil && r != (any)(stopped{}) {
			a.panic = r
		}
	}()
	list := make([]capture.Packet, aheadPackets)
	for {
		err := a.src.Next(&list[0]) // may hand a batch over
		b := a.batch
		if err != nil {
			b.err = err
			a.send()
			return
		}
		n := 1 + a.src.More(list[1:aheadPackets-b.n])
		for i := range list[:n] {
			b.add(a.e, &list[i])
		}
		if b.n == aheadPackets {
			a.send()
		}
	}
}

// add reads the headers of p and puts it into the batch.
func (b *aheadBatch) add(e *engine, p *capture.Packet) {
	if b.n == 0 {
		b.frame, b.clock, b.section = p.Frame, p.Clock, e.section(p.Clock)
	}
	m := len(b.others)
	if m == cap(b.others) {
		b.others = slices.Grow(b.others, 1)
	}
	o := &b.others[:m+1][m] // room for its header, which it may not need
	e.common(p, &o.header)
	if b.pack(&b.packed[b.n], p, &o.header) {
		b.data[b.n] = &p.Data[0]
	} else {
		o.packet = *p
		b.others = b.others[:m+1]
	}
	b.n++
}

// takeBatch takes packets that were read ahead.
func (e *engine) takeBatch(b *aheadBatch) {
	at, others := &e.at, b.others
	for from := 0; from < b.n; from += batchPackets {
		n := min(b.n-from, batchPackets)
		for i := range n {
			x, p, h := &b.packed[from+i], &at.packets[i], &at.headers[i]
			if x.from > 0 {
				b.unpack(x, b.data[from+i], p, h)
				continue
			}
			*p, *h = others[0].packet, others[0].header
			others = others[1:]
		}
		e.all(at.packets[:n], at.headers[:n])
	}
}

// send hands the batch over and begins another.
func (a *ahead) send() {
	last := a.batch.err != nil
	select {
	case a.hand.full <- a.batch:
	case <-a.stop:
		panic(stopped{})
	}
	if last {
		return
	}
	if a.batch = a.hand.room(); a.batch != nil {
		return
	}
	select {
	case a.batch = <-a.hand.empty:
	case <-a.stop:
		panic(stopped{})
	}
}

// move is called when the source leaves a buffer that packets lie in. Since it
// may then wait for more, what there is is handed over.
func (a *ahead) move(old []byte, size int) []byte {
	a.batch.spent = old
	a.send()
	select {
	case b := <-a.spare:
		if len(b) >= size {
			return b
		}
	default:
	}
	return make([]byte, size)
}

// catchUp waits until all packets read so far were taken.
func (a *ahead) catchUp() {
	done := make(chan struct{})
	a.batch.done = done
	a.send()
	select {
	case <-done:
	case <-a.stop:
		panic(stopped{})
	}
}
