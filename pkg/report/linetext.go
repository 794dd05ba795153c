package report

import (
	"bufio"
	"io"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// longestText is how much of a line a report quotes, in bytes.
const longestText = 512

// linkedTexts fetches the lines that journeys refer to, as they are written,
// reading each file once. A file that cannot be read again yields no text.
func linkedTexts(c *correlate.Case) map[*incident.Log]map[int]string {
	wanted := map[*incident.Log][]int{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			wanted[l.Log] = append(wanted[l.Log], l.Event)
		}
	}
	texts := map[*incident.Log]map[int]string{}
	for _, l := range c.Incident.Logs {
		events := wanted[l]
		if len(events) == 0 {
			continue
		}
		slices.Sort(events)
		texts[l] = quote(l, slices.Compact(events))
	}
	return texts
}

// quote reads the first line of each event, which are in order of offset.
func quote(l *incident.Log, events []int) map[int]string {
	slices.SortFunc(events, func(a, b int) int { return int(l.Events[a].Offset - l.Events[b].Offset) })
	texts := map[int]string{}
	r, err := incident.Reopen(l.File)
	if err != nil {
		return texts
	}
	defer r.Close()
	in, at := bufio.NewReaderSize(r, 64<<10), int64(0)
	for _, i := range events {
		if l.Events[i].Offset < at { // several events of one line
			continue
		}
		n, err := io.CopyN(io.Discard, in, l.Events[i].Offset-at)
		at += n
		if err != nil {
			break
		}
		line, err := in.ReadSlice('\n')
		at += int64(len(line))
		texts[i] = trim(line)
		for err == bufio.ErrBufferFull {
			line, err = in.ReadSlice('\n')
			at += int64(len(line))
		}
	}
	return texts
}

// trim cuts the line end, and a line of unusual length.
func trim(line []byte) string {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if len(line) > longestText {
		return string(line[:longestText]) + "…"
	}
	return string(line)
}
