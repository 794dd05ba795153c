package report

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// longestText is how much of a line a report quotes, in bytes.
const longestText = 512

// longestEntry is how much of a journal's entry is read for what is shown of it,
// in bytes: its message may stand behind other fields.
const longestEntry = 1 << 20

// quotation is a line as it is written and, of an entry whose message is one
// field of many, as it is shown.
type quotation struct{ text, shown string }

// linkedTexts fetches the lines that journeys refer to, reading each file once.
// A file that cannot be read again yields no text.
func linkedTexts(c *correlate.Case) map[*incident.Log]map[int]quotation {
	wanted := map[*incident.Log][]int{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			wanted[l.Log] = append(wanted[l.Log], l.Event)
		}
	}
	texts := map[*incident.Log]map[int]quotation{}
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

// quote reads the first line of each event, and all lines of a journal's entry.
func quote(l *incident.Log, events []int) map[int]quotation {
	slices.SortFunc(events, func(a, b int) int { return int(l.Events[a].Offset - l.Events[b].Offset) })
	texts := map[int]quotation{}
	r, err := incident.Reopen(l.File)
	if err != nil {
		return texts
	}
	defer r.Close()
	in, at := bufio.NewReaderSize(r, 64<<10), int64(0)
	journal := strings.HasPrefix(l.File.Kind, "journal-")
	var entry []byte
	for _, i := range events {
		if l.Events[i].Offset < at { // several events of one line
			continue
		}
		n, err := io.CopyN(io.Discard, in, l.Events[i].Offset-at)
		at += n
		if err != nil {
			break
		}
		lines, most := 1, longestText+2 // the line's end is not quoted
		if journal {
			lines, most = max(l.Events[i].Lines, 1), longestEntry
		}
		entry, n = readLines(in, lines, most, entry[:0])
		at += n
		first, _, _ := bytes.Cut(entry, []byte{'\n'})
		texts[i] = quotation{text: trim(first)}
		if journal {
			texts[i] = quotation{trim(first), trim([]byte(logparse.JournalShort(entry)))}
		}
	}
	return texts
}

// readLines reads so many lines, and appends to out as much of them as it has
// room for below most bytes. n tells how long they are.
func readLines(in *bufio.Reader, lines, most int, out []byte) (_ []byte, n int64) {
	for lines > 0 {
		part, err := in.ReadSlice('\n')
		n += int64(len(part))
		out = append(out, part[:min(len(part), most-len(out))]...)
		switch err {
		case nil:
			lines--
		case bufio.ErrBufferFull:
		default:
			return out, n
		}
	}
	return out, n
}

// trim cuts the line end, and a line of unusual length, and hides its secrets.
func trim(line []byte) string {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	text := conceal.Secrets(string(line[:min(len(line), 2*longestText)])) // a secret may reach across the cut
	if len(line) > longestText {
		return text[:min(len(text), longestText)] + "…"
	}
	return text
}
