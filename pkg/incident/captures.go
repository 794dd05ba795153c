package incident

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/internal/regular"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// maxFileProblems bounds the list of one file.
const maxFileProblems = 1000

// maxFlows is how many flows of one capture are kept at most where nothing else is
// said. What is told of one takes some kilobytes until the report is written.
const maxFlows = 250_000

// keyLog makes one of all texts.
func keyLog(texts [][]byte) *pcapflow.KeyLog {
	k := new(pcapflow.KeyLog)
	for _, text := range texts {
		k.Add(text) // lines that are no keys were told of when the file was read
	}
	return k
}

// readCaptures reads every capture, those of one rotated set as one.
func (r *reader) readCaptures() []*Capture {
	sets := r.groupCaptures()
	out := make([]*Capture, len(sets))
	met := make([][]byte, len(sets)) // secrets that each holds
	read := func(i int) {
		guard(sets[i][0].file, func() {
			out[i], met[i] = r.readCapture(sets[i], nil)
			if c := out[i]; c != nil && c.Twins != nil && forget(sets[i]) {
				out[i], met[i] = r.readCapture(sets[i], c.Twins)
			}
		})
	}
	r.each(len(sets), read)
	if r.learn(met) {
		r.each(len(sets), func(i int) {
			if out[i].locked() && forget(sets[i]) {
				read(i)
			}
		})
	}
	kept := out[:0]
	for _, c := range out {
		if c != nil && c.Packets > 0 {
			kept = append(kept, c)
		}
	}
	if len(kept) == 1 && len(r.opt.Given) == 0 && !kept[0].needsMarks() {
		kept[0].forgetMarks()
	}
	return kept
}

// learn adds secrets met while the captures were read to the keys of all, and
// tells whether there were new ones.
func (r *reader) learn(met [][]byte) bool {
	k := keyLog(r.keys)
	before := k.Len()
	for _, text := range met {
		k.Add(text)
	}
	if k.Len() == before {
		return false
	}
	r.keys = append(r.keys, met...)
	return true
}

// locked tells whether a capture holds connections that further keys may open.
func (c *Capture) locked() bool {
	return c != nil && slices.ContainsFunc(c.Flows, func(f *pcapflow.Flow) bool {
		return f.TLS != nil && f.TLS.ClientHello.Seen() && !f.TLS.Decrypted
	})
}

// forget makes files ready to be read once more; false where one cannot be.
func forget(items []*item) bool {
	for _, it := range items {
		if it.stream != nil {
			return false
		}
	}
	for _, it := range items {
		it.file.Problems = nil
	}
	return true
}

func (it *item) isCapture() bool {
	return it.file.Kind == capture.PCAP || it.file.Kind == capture.PCAPNG
}

// groupCaptures puts the files of rotated captures together.
func (r *reader) groupCaptures() [][]*item {
	var items []*item
	var infos []capture.FileInfo
	var sets [][]*item
	for _, it := range r.items {
		if it.isCapture() {
			items, infos = append(items, it), append(infos, it.info)
		}
	}
	if r.opt.Point != nil {
		return r.byPoint(items)
	}
	// Where a file ends costs time: it is looked up where the rest fits.
	groups := capture.GroupRotated(infos)
	for _, i := range capture.Alone(infos, groups) {
		infos[i].Last = items[i].lastTime()
	}
	for _, group := range groups {
		for _, i := range group {
			if len(group) > 1 {
				infos[i].Last = items[i].lastTime()
			}
		}
	}
	for _, group := range capture.GroupRotated(infos) {
		var set []*item
		for _, i := range group {
			set = append(set, items[i])
		}
		if capture.Doubtful(infos, group) {
			for _, it := range set[1:] {
				it.file.Reason += "; taken for what goes on behind " + set[0].file.Path + " by names, sizes and times alone"
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// byPoint puts the captures together that the caller says belong together.
func (r *reader) byPoint(items []*item) [][]*item {
	var sets [][]*item
	at := map[string]int{}
	for _, it := range items {
		point := r.opt.Point(it.file.Path)
		i, known := at[point]
		if !known {
			i = len(sets)
			at[point] = i
			sets = append(sets, nil)
		}
		sets[i] = append(sets[i], it)
	}
	for _, set := range sets {
		slices.SortStableFunc(set, func(a, b *item) int { return cmp.Compare(a.info.First, b.info.First) })
	}
	return sets
}

// smallPacked is up to which size a packed capture is read for its last stamp.
const smallPacked = 16 << 20

// lastTime is the last stamp of a capture, 0 where finding it costs too much.
func (it *item) lastTime() int64 {
	if it.stream != nil || it.file.Packing != "" && it.info.Size > smallPacked {
		return 0
	}
	if it.file.Packing == "" {
		f, err := regular.Open(it.file.Open)
		if err != nil {
			return 0
		}
		defer f.Close()
		last, _ := capture.LastTime(f, it.info.Size)
		return last
	}
	s, err := it.begin(false)
	if err != nil {
		return 0
	}
	defer s.Close()
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return io.NopCloser(s), nil }}}, capture.Options{})
	var p capture.Packet
	for set.Next(&p) == nil {
	}
	return set.Parts()[0].Last
}

// readCapture reads the files of one capture and rebuilds its flows. It also
// returns the secrets that the capture holds. apart says that it is two that were
// merged.
func (r *reader) readCapture(items []*item, apart *pcapflow.Twins) (c *Capture, met []byte) {
	// Of its own: secrets met behind the head of a file are added on the way.
	var keys *pcapflow.KeyLog
	if len(r.keys) > 0 || items[0].file.Kind == capture.PCAPNG {
		keys = keyLog(r.keys)
	}
	opt := capture.Options{OnSecrets: func(text []byte) {
		if keys != nil {
			keys.Add(text)
			met = append(append(met, text...), '\n')
		}
	}}
	journal, entries := NewJournal(items[0].file, items[0].folder, items[0].named), 0
	if !r.opt.DetectOnly {
		opt.OnJournal = func(entry []byte, offset int64) {
			entries++
			journal.Add(entries, entry, offset)
		}
	}
	var files []capture.File
	c = &Capture{}
	for _, it := range items {
		c.Files = append(c.Files, it.file)
		files = append(files, capture.File{Name: it.file.Path, Open: func() (io.ReadCloser, error) {
			s, err := it.resume()
			if err != nil {
				return nil, err
			}
			return s, nil
		}})
	}
	set := capture.NewSet(files, opt)
	src := &interruptible{Set: set, ctx: r.ctx}
	if r.opt.DetectOnly {
		var p capture.Packet
		for src.Next(&p) == nil {
		}
	} else {
		res, err := pcapflow.Analyse(src, pcapflow.Options{Keys: keys, Apart: apart, Frames: r.opt.Frames, Turns: true, Lean: true, MaxKept: cmp.Or(r.opt.MaxFlows, maxFlows)})
		c.Result = *res
		if c.Beyond > 0 {
			c.Files[0].problem("only its first %d flows are used, to %s UTC: %d packets are behind them", len(c.Flows), time.Unix(0, c.Last.Time).UTC().Format(time.DateTime), c.Beyond)
		}
		for _, reason := range c.Unread(len(c.Flows)) {
			c.Files[0].problem("%s", reason)
		}
		if apart != nil {
			c.Files[0].problem("two captures merged into one, by clocks %s apart, without saying which packet is of which: %d packets that are there twice are looked at once", about(apart), c.Duplicates)
		}
		r.opt.Told.place(c, items[0].folder)
		if err != nil {
			c.Files[len(set.Parts())-1].problem("%v", err)
		}
	}
	set.Close()
	for i, part := range set.Parts() {
		c.Frames = append(c.Frames, part.Frames)
		c.Files[i].fill(&part)
	}
	if r.opt.DetectOnly {
		return nil, nil
	}
	c.journal = journal.Log()
	return c, met
}

// about is by how much the clocks of a merged capture are apart, as far as the ways
// between the two points let it be seen.
func about(apart *pcapflow.Twins) time.Duration {
	return time.Duration(apart.Low + (apart.High-apart.Low)/2).Round(10 * time.Millisecond)
}

// fill notes what was read of a capture's file.
func (f *File) fill(part *capture.Part) {
	f.Records, f.First, f.Last = part.Packets, part.First, part.Last
	for _, p := range part.Problems {
		if len(f.Problems) >= maxFileProblems {
			break
		}
		f.Problems = append(f.Problems, Problem{Record: p.Record, Offset: p.Offset, Text: p.Text})
	}
	if part.Packets == 0 && len(part.Problems) == 0 {
		f.problem("the capture holds no packet")
	}
}

// interruptible ends a set early when ctx does.
type interruptible struct {
	*capture.Set
	ctx   context.Context
	n     int // packets asked for
	again int // the packet at which ctx is asked again
}

func (s *interruptible) Next(p *capture.Packet) error {
	if s.n++; s.n > s.again {
		if s.again = s.n + 4096; s.ctx.Err() != nil {
			return io.EOF
		}
	}
	return s.Set.Next(p)
}

func (s *interruptible) More(list []capture.Packet) int {
	n := s.Set.More(list)
	s.n += n
	return n
}

// CaptureOfFile is the capture that each file of one belongs to.
func (inc *Incident) CaptureOfFile() map[*File]*Capture {
	of := map[*File]*Capture{}
	for _, c := range inc.Captures {
		for _, f := range c.Files {
			of[f] = c
		}
	}
	return of
}
