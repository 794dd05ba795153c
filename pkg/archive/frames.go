package archive

import (
	"cmp"
	"io"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// frameSet is a choice of packets, by capture and running frame number.
type frameSet map[*incident.Capture]map[int]bool

// keep adds frames.
func (x frameSet) keep(k *incident.Capture, frames []int32) {
	set := x[k]
	if set == nil {
		set = map[int]bool{}
		x[k] = set
	}
	for _, f := range frames {
		set[int(f)] = true
	}
}

// keepJourney adds all that a journey rests on.
func (x frameSet) keepJourney(j *correlate.Journey) {
	for _, p := range j.Points {
		x.keep(p.Capture, p.Flow.Frames)
	}
	for _, l := range append(slices.Clone(j.SideLookups), j.Lookup) {
		x.keepLookup(l)
	}
	if n := j.Neighbour; n != nil && len(j.Points) > 0 {
		var frames []int32
		for _, s := range append(slices.Clone(n.Requests), n.Reply) {
			if s.Seen() {
				frames = append(frames, int32(s.Frame))
			}
		}
		x.keep(j.Points[0].Capture, frames)
	}
}

func (x frameSet) keepLookup(l *correlate.Lookup) {
	if l == nil {
		return
	}
	for _, try := range l.Tries {
		x.keep(l.Capture, try.Flow.Frames)
	}
	for _, f := range l.TCPFlows {
		x.keep(l.Capture, f.Frames)
	}
	for _, o := range l.Others {
		for _, try := range o.Tries {
			x.keep(o.Capture, try.Flow.Frames)
		}
	}
}

// captures that packets were chosen of, in order of path.
func (x frameSet) captures() []*incident.Capture {
	var list []*incident.Capture
	for k := range x {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *incident.Capture) int { return cmp.Compare(a.Files[0].Path, b.Files[0].Path) })
	return list
}

// copy writes the chosen packets of one capture as pcapng, each with the comment
// that note gives.
func (x frameSet) copy(out io.Writer, k *incident.Capture, bounds unpack.Options, note func(*capture.Packet) string) error {
	var files []capture.File
	for _, f := range k.Files {
		files = append(files, capture.File{Name: f.Path, Open: func() (io.ReadCloser, error) { return unpack.Open(f.Open, bounds) }})
	}
	set := capture.NewSet(files, capture.Options{})
	defer set.Close()
	w := capture.NewWriter(out, capture.Merged(k.Interfaces))
	wanted := x[k]
	var p capture.Packet
	for left := len(wanted); left > 0 && set.Next(&p) == nil; {
		if !wanted[p.Frame] {
			continue
		}
		left--
		if err := w.Packet(&p, set.Interfaces(), note(&p)); err != nil {
			return err
		}
	}
	return w.Close()
}
