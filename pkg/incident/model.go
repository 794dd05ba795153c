// Package incident reads a folder of evidence: it finds the files, recognises
// what each is, and has captures and logs read, each once.
package incident

import (
	"sort"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Incident is everything that was read.
type Incident struct {
	Files    []*File    // every file given, also the unusable ones, in order of path
	Captures []*Capture // one per capture point and rotated set
	Logs     []*Log     // server logs, daemon logs and what clients printed
	Told     Told       // what was said of it beside the evidence
}

// File is one piece of evidence.
type File struct {
	Path        string // relative to the argument it was found under, with slashes
	Open        string // the path to open it by
	Kind        string // "pcap", "nginx-access", …, "unrecognised"
	Reason      string // why it was taken for that
	RunnerUp    string
	SHA256      string
	Bytes       int64
	Packing     string // "gzip", …; "": plain
	Records     int    // packets or lines
	First, Last int64  // raw stamps, ns; 0 where none
	Zoned       bool   // of a log: its stamps state a zone
	Dated       bool   // of a log: its stamps state a year
	Problems    []Problem
}

// Problem of a file, in words with its position.
type Problem struct {
	Record int
	Offset int64
	Text   string
}

// Capture is one capture with the files it came in.
type Capture struct {
	Files  []*File
	Frames []int // number of frames in each file: a running frame is located by these

	journal *Log // of entries between the packets; nil: there are none
	given   bool // it was read elsewhere
	counted sync.Once
	before  []int // frames up to the end of each file but the last, once asked for
	pcapflow.Result
}

// Locate tells file and frame within it of a running frame number.
func (c *Capture) Locate(frame int) (file, inFile int) {
	last := len(c.Frames) - 1
	if last <= 0 {
		return last, frame
	}
	c.counted.Do(func() {
		for _, n := range c.Frames[:last] {
			c.before = append(c.before, n)
			if k := len(c.before); k > 1 {
				c.before[k-1] += c.before[k-2]
			}
		}
	})
	file = sort.SearchInts(c.before, frame)
	if file > 0 {
		frame -= c.before[file-1]
	}
	return file, frame
}

// Log is one text file with its events.
type Log struct {
	File   *File
	Folder string // first folder of the path: most often the host's name; "" at the top
	Events []logparse.Event
}
