package incident

import (
	"errors"
	"io"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// part is one block of a log on its way: filled, read by a worker, joined.
type part struct {
	buf   []byte
	block logparse.Block
	sink  Sink
	read  decoded
	bad   []logparse.Problem
	done  chan struct{} // closed when it is read
}

// readParts reads a log in blocks, several at a time. Blocks, and the order in
// which they are joined, do not depend on how many workers there are.
func (r *reader) readParts(it *item, s io.Reader, src logparse.Source, to Sink) decoded {
	workers := r.opt.Parts
	if workers <= 0 {
		workers = 2
	}
	free := make(chan *part, workers+2)
	for range cap(free) {
		free <- &part{sink: to.Part()}
	}
	work, order := make(chan *part, cap(free)), make(chan *part, cap(free))
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { // fills
		defer close(work)
		defer close(order)
		defer func() {
			if v := recover(); v != nil {
				failed = errors.New(internalError(v))
			}
		}()
		blocks := logparse.NewBlocks(s)
		for p := range free {
			if p.buf == nil {
				p.buf = make([]byte, logparse.BlockBytes)
			}
			if p.block, failed = blocks.Next(p.buf); failed != nil || r.ctx.Err() != nil {
				return
			}
			p.done = make(chan struct{})
			order <- p
			work <- p
		}
	})
	for range workers {
		wg.Go(func() {
			for p := range work {
				r.readPart(it, src, p)
				close(p.done)
			}
		})
	}
	var all decoded
	var bad []logparse.Problem
	for p := range order {
		<-p.done
		to.Join(p.sink)
		all.join(&p.read)
		bad = logparse.JoinProblems(bad, p.bad)
		free <- p
	}
	wg.Wait()
	all.note(bad)
	if failed != nil && !errors.Is(failed, io.EOF) {
		all.problems = append(all.problems, Problem{Record: all.lines, Text: failed.Error()})
	}
	return all
}

// readPart gives the events of one block to its sink. Whatever happens on the
// way, what was given stays.
func (r *reader) readPart(it *item, src logparse.Source, p *part) {
	p.read, p.bad = decoded{}, nil
	defer func() {
		if v := recover(); v != nil {
			p.bad = append(p.bad, logparse.Problem{Text: internalError(v)})
		}
	}()
	dec := it.format.OpenBlock(p.block, src)
	r.readThrough(dec, p.sink, &p.read) // a block ends with its end
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
