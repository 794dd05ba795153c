package archive

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Extracted is what was put into a small folder of evidence.
type Extracted struct {
	Journeys, Packets, Lines int
	Files                    []string // relative to the folder, in order
}

// Extract writes the packets and lines of the chosen journeys, by ID, into a
// folder that can be given to an analysis like any other: what each journey
// rests on (its connection, the resolution it waited for, the neighbour), and
// the lines around those that tell of it. The first packet of each journey has a
// comment. Offsets of clocks that too few lines are left to measure are declared
// in a case file, under a note that says so. The flows of the case must have
// their Frames.
func Extract(c *correlate.Case, r *report.Report, chosen map[string]bool, folder, note string, bounds unpack.Options) (*Extracted, error) {
	x := &extract{folder: folder, note: note, bounds: bounds, out: &Extracted{}, frames: frameSet{}, notes: map[*incident.Capture]map[int]string{}, events: map[*incident.Log][]int{}}
	for _, j := range c.Journeys {
		if chosen[j.ID] {
			x.out.Journeys++
			x.choose(j)
		}
	}
	for _, k := range x.frames.captures() {
		if err := x.packets(k); err != nil {
			return nil, err
		}
	}
	for _, l := range c.Incident.Logs {
		if list := x.events[l]; len(list) > 0 {
			if err := x.lines(l, list); err != nil {
				return nil, err
			}
		}
	}
	if err := x.declare(r, chosen); err != nil {
		return nil, err
	}
	slices.Sort(x.out.Files)
	return x.out, nil
}

type extract struct {
	folder string
	note   string
	bounds unpack.Options
	out    *Extracted
	frames frameSet
	notes  map[*incident.Capture]map[int]string
	events map[*incident.Log][]int // matched, by index
}

func (x *extract) choose(j *correlate.Journey) {
	x.frames.keepJourney(j)
	for _, p := range j.Points {
		if x.notes[p.Capture] == nil {
			x.notes[p.Capture] = map[int]string{}
		}
		note := strings.TrimSpace(fmt.Sprintf("flowcorr: %s %s %s → %s %s", j.ID, j.Service, j.Client, j.Server, j.Name))
		if was := x.notes[p.Capture][p.Flow.Start.Frame]; was != "" {
			note = was + "\n" + note
		}
		x.notes[p.Capture][p.Flow.Start.Frame] = note
		for _, e := range p.Flow.ICMP {
			x.frames.keep(p.Capture, []int32{int32(e.Frame)})
		}
	}
	for _, l := range j.Lines {
		x.events[l.Log] = append(x.events[l.Log], l.Event)
	}
}

// create opens a file of the folder under the name it has in the evidence.
func (x *extract) create(name string) (*os.File, error) {
	target := filepath.Join(x.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, err
	}
	x.out.Files = append(x.out.Files, name)
	return os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// packets writes the chosen packets of one capture, a rotated one as one file.
func (x *extract) packets(k *incident.Capture) error {
	name := k.Files[0].Path
	for _, ending := range []string{".gz", ".zst", ".xz", ".lz4", ".bz2", ".pcap", ".pcapng", ".cap"} {
		name = strings.TrimSuffix(name, ending)
	}
	out, err := x.create(name + ".pcapng")
	if err != nil {
		return err
	}
	err = x.frames.copy(out, k, x.bounds, func(p *capture.Packet) string {
		x.out.Packets++
		return x.notes[k][p.Frame]
	})
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// Lines that are copied besides those that were matched: a log as small as
// smallLog whole, of others what its program wrote within nearLine before and
// after. What clients print is one text that means nothing in parts.
const (
	smallLog = 256 << 10
	nearLine = int64(1e9) // ns
)

// lines writes the lines around the matched ones of one log.
func (x *extract) lines(l *incident.Log, matched []int) error {
	from, to := 1, math.MaxInt
	if l.File.Bytes > smallLog || l.File.Packing != "" {
		from, to = around(l, matched)
	}
	in, err := unpack.Open(l.File.Open, x.bounds)
	if err != nil {
		return err
	}
	defer in.Close()
	name := l.File.Path
	if l.File.Packing != "" {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	out, err := x.create(name)
	if err != nil {
		return err
	}
	n, err := copyLines(out, in, from, to)
	x.out.Lines += n
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// around gives the lines, from 1, between the first and the last event that lies
// near a matched one; to is one beyond.
func around(l *incident.Log, matched []int) (from, to int) {
	first, last := l.Events[matched[0]].Time, l.Events[matched[0]].Time
	from, to = l.Events[matched[0]].Line, 0
	for _, i := range matched {
		e := &l.Events[i]
		from, to = min(from, e.Line), max(to, e.Line+max(1, e.Lines))
		if e.HasTime {
			first, last = min(first, e.Time), max(last, e.Time)
		}
	}
	for i := range l.Events {
		e := &l.Events[i]
		if e.HasTime && e.Time >= first-nearLine && e.Time <= last+nearLine {
			from, to = min(from, e.Line), max(to, e.Line+max(1, e.Lines))
		}
	}
	return from, to
}

// copyLines copies lines from … to-1, and comments at the beginning, which often
// tell what the columns are.
func copyLines(out io.Writer, in io.Reader, from, to int) (int, error) {
	b := bufio.NewReaderSize(in, 256<<10)
	w := bufio.NewWriterSize(out, 256<<10)
	line, copied, heading, begins := 1, 0, true, true
	for line < to {
		part, err := b.ReadSlice('\n')
		if begins {
			heading = heading && len(part) > 0 && part[0] == '#'
		}
		if line >= from || heading {
			if begins && len(part) > 0 {
				copied++
			}
			if _, err := w.Write(part); err != nil {
				return copied, err
			}
		}
		if begins = len(part) > 0 && part[len(part)-1] == '\n'; begins {
			line++
		}
		if err == io.EOF {
			break
		} else if err != nil && err != bufio.ErrBufferFull {
			return copied, err
		}
	}
	return copied, w.Flush()
}

// declare writes what was measured of the clocks of logs into a case file: a few
// lines would not do to measure it again.
func (x *extract) declare(r *report.Report, chosen map[string]bool) error {
	var at report.Instant
	for i := range r.Journeys {
		if j := &r.Journeys[i]; chosen[j.ID] {
			at = max(at, j.Start)
		}
	}
	hosts := map[string]map[string]string{}
	for i := range r.Clocks {
		c := &r.Clocks[i]
		if c.Kind != "log" || c.Status != "measured" && c.Status != "declared" {
			continue
		}
		for k := range c.Segments {
			if s := &c.Segments[k]; k == 0 || s.From <= at {
				hosts[c.Name] = map[string]string{"offset": strconv.FormatFloat(s.Offset.Duration().Seconds(), 'f', 6, 64)}
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	text, err := yaml.Marshal(map[string]any{"hosts": hosts})
	if err != nil {
		return err
	}
	out, err := x.create("flowcorr.yaml")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "# %s\n%s", x.note, text)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
