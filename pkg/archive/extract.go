package archive

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Extracted is what was put into a small folder of evidence.
type Extracted struct {
	Journeys, Packets, Lines int
	Files                    []string // relative to the folder, in order
	Measured
}

// Extract writes the packets and lines of the chosen journeys, by ID, into a
// folder that can be given to an analysis like any other: what each journey
// rests on (its connection, the resolution it waited for, the neighbour), what the
// findings name that are about none but them, and the lines around those that tell of
// them, without those that tell of other journeys. The first packet of each journey has
// a comment. The flows of the case must have their Frames.
func Extract(c *correlate.Case, r *report.Report, chosen map[string]bool, folder string, bounds unpack.Options) (*Extracted, error) {
	x := &extract{
		folder: folder, bounds: bounds, out: &Extracted{}, frames: frameSet{}, notes: map[*incident.Capture]map[int]string{},
		events: map[*incident.Log][]int{}, others: map[*incident.Log]map[int]bool{},
	}
	var journeys []*correlate.Journey
	for _, j := range c.Journeys {
		if chosen[j.ID] {
			journeys = append(journeys, j)
			x.choose(j)
		} else {
			x.leave(j)
		}
	}
	x.out.Journeys = len(journeys)
	if len(journeys) > 0 {
		x.beside(c, chosen)
		x.names(c, journeys)
		x.findings(c, r, chosen)
		x.witnesses(c, r, journeys)
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
	x.out.Measured = measured(c, journeys)
	x.out.Taken = x.taken()
	slices.Sort(x.out.Files)
	return x.out, nil
}

type extract struct {
	folder string
	bounds unpack.Options
	out    *Extracted
	frames frameSet
	notes  map[*incident.Capture]map[int]string
	events map[*incident.Log][]int        // that are wanted, by index
	others map[*incident.Log]map[int]bool // that tell of journeys which were not chosen
	found  bool                           // a finding is about what was chosen
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

// beside adds the lines of requests that were answered among the chosen ones of their
// connection, where nothing is readable: they tell which of the answers are whose.
func (x *extract) beside(c *correlate.Case, chosen map[string]bool) {
	shared := map[*pcapflow.AnswerRecord]bool{} // the first of the answers of each run of requests
	answers := func(j *correlate.Journey) *pcapflow.AnswerRecord {
		if j.Exchange == nil || len(j.Exchange.Answers) == 0 {
			return nil
		}
		return &j.Exchange.Answers[0]
	}
	for _, j := range c.Journeys {
		if first := answers(j); first != nil && chosen[j.ID] {
			shared[first] = true
		}
	}
	for _, j := range c.Journeys {
		if chosen[j.ID] || !shared[answers(j)] {
			continue
		}
		for _, l := range j.Lines {
			delete(x.others[l.Log], l.Event)
			x.events[l.Log] = append(x.events[l.Log], l.Event)
		}
	}
}

// leave notes the lines of a journey that was not chosen.
func (x *extract) leave(j *correlate.Journey) {
	for _, l := range j.Lines {
		if l.Status != "matched" {
			continue
		}
		if x.others[l.Log] == nil {
			x.others[l.Log] = map[int]bool{}
		}
		x.others[l.Log][l.Event] = true
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
	out, err := x.create(nameOfCut(k.Files[0].Path))
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

// nameOfCut is what the packets of a capture are called in the folder.
func nameOfCut(name string) string {
	for _, ending := range []string{".gz", ".zst", ".xz", ".lz4", ".bz2", ".pcap", ".pcapng", ".cap"} {
		name = strings.TrimSuffix(name, ending)
	}
	return name + ".pcapng"
}

// Lines that are copied besides those that were matched: a log as small as
// smallLog whole, of others what its program wrote within nearLine before and
// after. Those that tell of journeys which were not chosen are left out, but what a
// program prints of one call is one text that means nothing in parts.
const (
	smallLog = 256 << 10
	nearLine = int64(1e9) // ns
)

// printed are the kinds of what a program prints of one call.
var printed = []string{"curl", "dig", "ssh-verbose", "nslookup", "resolvectl", "ping", "time", "har", "chronyc", "ntpq", "sntp", "timesync-status"}

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
	n, err := copyLines(out, in, from, to, x.foreign(l, matched))
	x.out.Lines += n
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// foreign are the lines of a log, by number, that tell of other journeys alone.
func (x *extract) foreign(l *incident.Log, wanted []int) map[int]bool {
	if slices.Contains(printed, l.File.Kind) && !lineByLine(l) {
		return nil
	}
	out := map[int]bool{}
	mark := func(i int, foreign bool) {
		for n := range max(1, l.Events[i].Lines) {
			out[l.Events[i].Line+n] = foreign
		}
	}
	for i := range x.others[l] {
		mark(i, true)
	}
	for _, i := range wanted {
		mark(i, false)
	}
	return out
}

// lineByLine tells whether each line of a log is an event, as what curl -w writes.
func lineByLine(l *incident.Log) bool {
	line := 1
	for i := range l.Events {
		if l.Events[i].Line != line {
			return false
		}
		line += max(1, l.Events[i].Lines)
	}
	return true
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

// copyLines copies lines from … to-1 without those left out, and comments at the
// beginning, which often tell what the columns are.
func copyLines(out io.Writer, in io.Reader, from, to int, without map[int]bool) (int, error) {
	b := bufio.NewReaderSize(in, 256<<10)
	w := bufio.NewWriterSize(out, 256<<10)
	line, copied, heading, begins := 1, 0, true, true
	for line < to {
		part, err := b.ReadSlice('\n')
		if begins {
			heading = heading && len(part) > 0 && part[0] == '#'
		}
		if line >= from && !without[line] || heading {
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
