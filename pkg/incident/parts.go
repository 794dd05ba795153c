package incident

import (
	"errors"
	"io"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// part is one block of a log on its way: read by a worker, joined.
type part struct {
	sink Sink
	read decoded
	bad  []logparse.Problem
	done chan struct{} // closed when it is read
}

// parts hands out the blocks of a log in their order.
type parts struct {
	mu     sync.Mutex
	blocks *logparse.Blocks
	ended  error // why there is no further block
	order  chan *part
}

// readParts reads a log in blocks, several at a time. Blocks, and the order in
// which they are joined, do not depend on how many workers there are. A worker
// takes its blocks from the file itself, into one buffer: what it reads is then
// in the cache of its processor.
func (r *reader) readParts(it *item, s io.Reader, src logparse.Source, to Sink) decoded {
	workers := r.opt.Parts
	if workers <= 0 {
		workers = 2
	}
	free := make(chan *part, workers+2)
	for range cap(free) {
		free <- &part{sink: to.Part()}
	}
	in := &parts{blocks: logparse.NewBlocks(s), order: make(chan *part, cap(free))}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			buf := make([]byte, logparse.BlockBytes)
			for p := range free {
				block, ok := in.next(r, p, buf)
				if !ok {
					return
				}
				r.readPart(it, src, block, p)
				close(p.done)
			}
		})
	}
	var all decoded
	var bad []logparse.Problem
	for p := range in.order {
		<-p.done
		to.Join(p.sink)
		all.join(&p.read)
		bad = logparse.JoinProblems(bad, p.bad)
		free <- p
	}
	close(free)
	wg.Wait()
	all.note(bad)
	if !errors.Is(in.ended, io.EOF) && r.ctx.Err() == nil {
		all.problems = append(all.problems, Problem{Record: all.lines, Text: in.ended.Error()})
	}
	return all
}

// next reads the next block into buf for p; false: there is none.
func (in *parts) next(r *reader, p *part, buf []byte) (block logparse.Block, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended != nil {
		return block, false
	}
	defer func() {
		if v := recover(); v != nil {
			in.ended = errors.New(internalError(v))
		}
		if in.ended != nil {
			close(in.order)
		}
	}()
	if in.ended = r.ctx.Err(); in.ended == nil {
		block, in.ended = in.blocks.Next(buf)
	}
	if in.ended != nil {
		return block, false
	}
	p.done = make(chan struct{})
	in.order <- p // there is room for every part
	return block, true
}

// readPart gives the events of one block to its sink. Whatever happens on the
// way, what was given stays.
func (r *reader) readPart(it *item, src logparse.Source, block logparse.Block, p *part) {
	p.read, p.bad = decoded{}, nil
	defer func() {
		if v := recover(); v != nil {
			p.bad = append(p.bad, logparse.Problem{Text: internalError(v)})
		}
	}()
	dec := it.format.OpenBlock(block, src)
	r.readThrough(it, dec, p.sink, &p.read) // a block ends with its end
	p.read.lines, p.bad = dec.Lines(), dec.Problems()
}

// join adds what the next part of a log gave.
func (d *decoded) join(next *decoded) {
	d.events += next.events
	d.lines = max(d.lines, next.lines)
	if next.first != 0 || next.last != 0 {
		d.at(next.first)
		d.at(next.last)
	}
}
