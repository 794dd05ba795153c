package archive

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// carry is what one slice hands to the next: the packets of flows that may go
// on, and which of their journeys have been told.
type carry struct {
	Files []carriedFile `json:"files,omitempty"`
	Told  []string      `json:"told,omitempty"`
}

// carriedFile holds packets of one capture point.
type carriedFile struct {
	Point   string   `json:"point"`
	Folder  string   `json:"folder"` // in the archive, of the capture
	Name    string   `json:"name"`   // in the slice's own folder
	Origins []origin `json:"origins"`

	open string // the path to open it by
}

// recent is how long before the end of a slice a flow may have ended and still
// be of use to what begins in the next: a name is resolved just before it is
// connected to.
const recent = int64(2e9)

// maxCarried bounds the packets of one flow that are carried over. A longer one
// keeps its beginning and its end; what was between is missing from then on.
const maxCarried = 20000

// edges tells what of a slice may go on in the next.
type edges struct {
	frames  frameSet        // to be carried
	told    map[string]bool // journeys whose rows this slice gives, by ID
	keys    []string        // of told journeys that will be met again
	partial bool            // something goes on in the next slice
}

func newEdges(c *correlate.Case, b *bench, s *slicePlan, before *carry) *edges {
	x := &edges{frames: frameSet{}, told: map[string]bool{}}
	ends := map[*incident.Capture]int64{}
	for _, k := range c.Incident.Captures {
		point := b.point(k.Files[0].Path)
		if !s.last[point] && point != "" {
			ends[k] = k.Last.Time
			x.partial = true
		}
	}
	loose := map[*pcapflow.Flow]bool{}
	for k, end := range ends {
		for _, f := range k.Flows {
			if f.OpenAt(end) || f.End.Time >= end-recent {
				loose[f] = true
				x.frames.keep(k, f.Frames, maxCarried)
			}
		}
	}
	known := map[string]bool{}
	for _, key := range before.Told {
		known[key] = true
	}
	latest := lastOnFlow(c)
	for _, j := range c.Journeys {
		keys := journeyKeys(j)
		again := slices.ContainsFunc(keys, func(k string) bool { return known[k] })
		deferred, open := false, false
		for _, p := range j.Points {
			if loose[p.Flow] {
				open = true
				deferred = deferred || latest[p.Flow] == j
			}
		}
		if deferred && !again {
			x.frames.keepJourney(j, maxCarried)
			continue
		}
		if !again {
			x.told[j.ID] = true
		}
		if open {
			x.keys = append(x.keys, keys...)
		}
		// Without its owner a resolution would look like one of its own.
		for _, l := range append(slices.Clone(j.SideLookups), j.Lookup) {
			if l != nil && anyLoose(l, loose) {
				x.keys = append(x.keys, lookupKeys(l)...)
			}
		}
	}
	slices.Sort(x.keys)
	x.keys = slices.Compact(x.keys)
	return x
}

// lastOnFlow gives the journey that was the last on each flow: as long as the
// flow is open, it may go on.
func lastOnFlow(c *correlate.Case) map[*pcapflow.Flow]*correlate.Journey {
	last := map[*pcapflow.Flow]*correlate.Journey{}
	for _, j := range c.Journeys {
		for _, p := range j.Points {
			if o := last[p.Flow]; o == nil || j.Ordinal >= o.Ordinal {
				last[p.Flow] = j
			}
		}
	}
	return last
}

// journeyKeys name a journey in every slice that shows it, once for each flow
// that does: those of a name resolution by when it began, others by their place
// in the flow.
func journeyKeys(j *correlate.Journey) []string {
	if j.Service == "dns" && j.Lookup != nil {
		return lookupKeys(j.Lookup)
	}
	var keys []string
	for _, p := range j.Points {
		keys = append(keys, fmt.Sprintf("%s %d", flowKey(p.Flow), j.Ordinal))
	}
	return keys
}

func flowKey(f *pcapflow.Flow) string {
	return fmt.Sprintf("%s %s %s %d", f.Transport, f.Client, f.Server, f.Start.Time)
}

func anyLoose(l *correlate.Lookup, loose map[*pcapflow.Flow]bool) bool {
	for _, of := range append(slices.Clone(l.Others), l) {
		if slices.ContainsFunc(of.Tries, func(try correlate.Try) bool { return loose[try.Flow] }) {
			return true
		}
	}
	return false
}

// lookupKeys name a name resolution by the flows of its questions.
func lookupKeys(l *correlate.Lookup) []string {
	var keys []string
	for _, of := range append(slices.Clone(l.Others), l) {
		for _, try := range of.Tries {
			keys = append(keys, fmt.Sprintf("%s @%d", flowKey(try.Flow), of.Start.Time))
		}
	}
	return keys
}

// carry writes the packets to be carried over into folder, a file for each
// capture.
func (x *edges) carry(b *bench, folder string, bounds unpack.Options) (*carry, error) {
	out := &carry{Told: x.keys}
	for n, k := range x.frames.captures() {
		c := carriedFile{
			Point: b.point(k.Files[0].Path), Folder: path.Dir(k.Files[0].Path), Name: fmt.Sprintf("carried-%d.pcapng", n),
		}
		c.open = filepath.Join(folder, c.Name)
		if err := x.write(k, &c, b, bounds); err != nil {
			return nil, err
		}
		if len(c.Origins) > 0 {
			out.Files = append(out.Files, c)
		}
	}
	return out, nil
}

// write puts the chosen packets of one capture into a file.
func (x *edges) write(k *incident.Capture, c *carriedFile, b *bench, bounds unpack.Options) (err error) {
	out, err := os.Create(c.open)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	return x.frames.copy(out, k, bounds, func(p *capture.Packet) string {
		i, inFile := k.Locate(p.Frame)
		file, frame := b.place(k.Files[i].Path, inFile)
		c.Origins = append(c.Origins, origin{file, frame})
		return ""
	})
}
