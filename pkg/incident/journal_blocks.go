package incident

import (
	"bytes"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// Journal gathers the journal entries that a capture holds between its packets.
// They are a log of their own: the journal's clock need not be the capture's. An
// entry's line is its number.
type Journal struct {
	log   *Log
	named func(host string) string
}

// maxJournalBlocks bounds the entries of one capture.
const maxJournalBlocks = 1 << 20

// NewJournal is that of a capture which begins with a file in a folder. named gives
// the name of a host for another one of it.
func NewJournal(capture *File, folder string, named func(host string) string) *Journal {
	f := &File{
		Path: capture.Path + " (journal)", Open: capture.Open, Packing: capture.Packing,
		Kind: journalExport().EvidenceKind(), Reason: "entries of a journal between the packets of " + capture.Path,
	}
	return &Journal{&Log{File: f, Folder: folder}, named}
}

func journalExport() *logparse.Format { return logparse.ByName("journal-export") }

// entryEvents reads one entry as a capture holds it.
func entryEvents(entry []byte, path string) (events []logparse.Event, ok bool) {
	text := append(bytes.Clone(bytes.TrimRight(entry, "\x00 \n")), "\n\n"...)
	events, problems, _, err := logparse.ReadAll(bytes.NewReader(text), journalExport(), logparse.Source{Path: path})
	return events, len(problems) == 0 && err == nil
}

// EntryTime is the stamp of an entry, ns since the Unix epoch; false: it has none.
func EntryTime(entry []byte) (int64, bool) {
	events, _ := entryEvents(entry, "")
	for i := range events {
		if events[i].HasTime {
			return events[i].Time, true
		}
	}
	return 0, false
}

// Add takes the n-th entry of the capture, from 1, which lies at an offset in its
// file.
func (j *Journal) Add(n int, entry []byte, offset int64) {
	f := j.log.File
	f.Records++
	f.Bytes += int64(len(bytes.TrimRight(entry, "\x00 \n")))
	if f.Records > maxJournalBlocks {
		return
	}
	events, ok := entryEvents(entry, f.Path)
	if !ok && len(f.Problems) < maxFileProblems {
		f.Problems = append(f.Problems, Problem{Record: n, Offset: offset, Text: "a journal entry that cannot be read"})
	}
	for _, e := range events {
		// The text of an entry may be no more than its fields, padded with zeros.
		e.Line, e.Lines, e.Offset = n, max(1, bytes.Count(entry, []byte{'\n'})), e.Offset+offset
		e.Host = j.named(e.Host)
		j.log.Events = append(j.log.Events, e)
		if !e.HasTime {
			continue
		}
		if f.First == 0 || e.Time < f.First {
			f.First = e.Time
		}
		f.Last = max(f.Last, e.Time)
	}
}

// Log tells what was gathered, and what was left out; nil: no entry.
func (j *Journal) Log() *Log {
	f := j.log.File
	if f.Records == 0 {
		return nil
	}
	if f.Records > maxJournalBlocks {
		f.problem("%d journal entries: those behind the first %d are not read", f.Records, maxJournalBlocks)
	}
	return j.log
}
