package capture

import (
	"fmt"
	"io"
	"net/netip"
)

// File is one file of a Set. Open gives its unpacked bytes; they are closed
// before those of the next one are opened.
type File struct {
	Name string // as problems name it
	Open func() (io.ReadCloser, error)
}

// Part is what was read of one file of a Set.
type Part struct {
	Frames      int   // frame numbers it takes
	Packets     int   // of those, packets
	Bytes       int64 // captured
	First, Last int64 // earliest and latest stamp, ns; both 0 without Timed
	Timed       bool
	Problems    []Problem // frames counted within the file
	Kind        string    // PCAP or PCAPNG; "" where it is neither
}

// Set reads the files of one capture point, in the order given, as one stream:
// frame numbers run on, and an interface that is described the same way in two
// files is one interface with one clock.
type Set struct {
	files []File
	opt   Options
	parts []Part

	in     *Reader
	close  io.Closer
	base   int       // frames of the files before
	clocks []ClockID // of the set, by clock of the file being read

	interfaces []Interface
	names      map[netip.Addr][]string
	secrets    [][]byte
	comments   []Comment
	own        []int // number in the set of each section of the file being read; -1: none yet
	sections   int   // numbers given in the files before
	move       Mover // nil: packets are valid until the next
	continued  bool  // there were files before those of this set
}

// NewSet reads files one behind the other. A file that cannot be opened is a
// Problem of its Part.
func NewSet(files []File, opt Options) *Set {
	return &Set{files: files, opt: opt}
}

// SetState is what a Set knows of the files it has read, so that another can go
// on behind them.
type SetState struct {
	Frames     int // numbers taken
	Sections   int
	Interfaces []Interface
	Names      map[netip.Addr][]string
}

// State of a set between two files: Next has returned io.EOF.
func (s *Set) State() SetState { return SetState{s.base, s.sections, s.interfaces, s.names} }

// ContinueSet is NewSet for files that follow those a state tells of.
func ContinueSet(st SetState, files []File, opt Options) *Set {
	return &Set{files: files, opt: opt, base: st.Frames, sections: st.Sections, interfaces: st.Interfaces, names: st.Names, continued: true}
}

// Next fills p with the next packet. It returns io.EOF behind the last one, and
// no other error.
func (s *Set) Next(p *Packet) error {
	for {
		if s.in == nil {
			if len(s.parts) == len(s.files) {
				return io.EOF
			}
			s.open()
			continue
		}
		if s.in.Next(p) != nil {
			s.end()
			continue
		}
		s.take(&s.parts[len(s.parts)-1], p)
		return nil
	}
}

// take counts a packet of the file at hand, and adopts it.
func (s *Set) take(part *Part, p *Packet) {
	part.Packets++
	part.Bytes += int64(len(p.Data))
	if p.HasTime {
		part.stamp(p.Time)
	}
	s.adopt(p)
}

// adopt makes a packet of the file at hand one of the set.
func (s *Set) adopt(p *Packet) {
	p.Frame += s.base
	if int(p.Clock) >= len(s.clocks) {
		s.join()
	}
	p.Clock = s.clocks[p.Clock]
}

func (p *Part) stamp(t int64) {
	if !p.Timed {
		p.First, p.Last, p.Timed = t, t, true
	}
	if t > p.Last {
		p.Last = t
	} else if t < p.First {
		p.First = t
	}
}

// open begins the next file.
func (s *Set) open() {
	f := s.files[len(s.parts)]
	s.parts = append(s.parts, Part{})
	part := &s.parts[len(s.parts)-1]
	r, err := f.Open()
	if err == nil {
		s.close = r
		if s.in, err = NewReader(r, s.opt); err != nil {
			r.Close()
		}
	}
	if err != nil {
		s.in = nil
		part.Problems = []Problem{{Text: err.Error()}}
		return
	}
	s.in.Keep(s.move)
	part.Kind = s.in.Kind()
}

// join gives the interfaces that the file has described since a clock of the set.
func (s *Set) join() {
	list := s.in.Interfaces()
	for i := len(s.clocks); i < len(list); i++ {
		it := list[i]
		for len(s.own) <= it.Section {
			s.own = append(s.own, -1)
		}
		at := -1
		if len(s.parts) > 1 || s.continued {
			at = s.find(it)
		}
		if at < 0 {
			if s.own[it.Section] < 0 {
				s.own[it.Section] = s.sections + it.Section
			}
			it.Section, it.Dropped = s.own[it.Section], -1
			at = len(s.interfaces)
			s.interfaces = append(s.interfaces, it)
		} else {
			s.own[it.Section] = s.interfaces[at].Section
		}
		s.clocks = append(s.clocks, ClockID(at))
	}
}

// find looks for an interface of an earlier file that it continues.
func (s *Set) find(it Interface) int {
	for i, known := range s.interfaces {
		if known.Section == it.Section && known.Index == it.Index && known.Name == it.Name && known.Link == it.Link && known.Unit == it.Unit {
			return i
		}
	}
	return -1
}

// end takes what the file told and closes it.
func (s *Set) end() {
	s.join()
	part := &s.parts[len(s.parts)-1]
	part.Frames = s.in.frame
	part.Problems = s.in.Problems()
	for i, it := range s.in.Interfaces() {
		if it.Dropped >= 0 {
			s.interfaces[s.clocks[i]].Dropped = max(0, s.interfaces[s.clocks[i]].Dropped) + it.Dropped
		}
	}
	for addr, names := range s.in.Names() {
		if s.names == nil {
			s.names = map[netip.Addr][]string{}
		}
		s.names[addr] = union(s.names[addr], names)
	}
	s.secrets = append(s.secrets, s.in.Secrets()...)
	for _, c := range s.in.Comments() {
		if c.Frame > 0 {
			c.Frame += s.base
		}
		s.comments = append(s.comments, c)
	}
	s.base += s.in.frame
	for _, it := range s.interfaces {
		s.sections = max(s.sections, it.Section+1)
	}
	s.clocks, s.own = s.clocks[:0], s.own[:0]
	s.in = nil
	s.close.Close()
}

// union adds to a what b has beyond it.
func union(a, b []string) []string {
next:
	for _, v := range b {
		for _, w := range a {
			if v == w {
				continue next
			}
		}
		a = append(a, v)
	}
	return a
}

// Close ends the reading before its end.
func (s *Set) Close() {
	if s.in != nil {
		s.end()
	}
	s.files = s.files[:len(s.parts)]
}

// Parts are the files begun so far, in their order. The last one is complete
// once Next has gone beyond it.
func (s *Set) Parts() []Part { return s.parts }

// Interfaces met so far; a Packet's Clock is an index into it.
func (s *Set) Interfaces() []Interface { return s.interfaces }

// Names from Name Resolution Blocks of the files read.
func (s *Set) Names() map[netip.Addr][]string { return s.names }

// Secrets are the texts of TLS key logs of the files read.
func (s *Set) Secrets() [][]byte { return s.secrets }

// Comments of the files read, frames running through the set.
func (s *Set) Comments() []Comment { return s.comments }

// Problems of the files read, frames running through the set. In a set of
// several files each begins with its file's name.
func (s *Set) Problems() []Problem {
	var all []Problem
	base := 0
	for i, part := range s.parts {
		for _, p := range part.Problems {
			if p.Record > 0 {
				p.Record += base
			}
			if len(s.files) > 1 {
				p.Text = fmt.Sprintf("%s: %s", s.files[i].Name, p.Text)
			}
			all = append(all, p)
		}
		base += part.Frames
	}
	return all
}
