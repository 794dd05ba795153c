package incident

import (
	"bytes"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// journalBlocks are the journal entries that a capture holds between its
// packets. They become a log of their own: the journal's clock need not be the
// capture's. An entry's line is its number.
type journalBlocks struct {
	format *logparse.Format
	log    *Log
}

// maxJournalBlocks bounds the entries of one capture.
const maxJournalBlocks = 1 << 20

func newJournalBlocks(it *item) *journalBlocks {
	format := logparse.ByName("journal-export")
	f := &File{
		Path: it.file.Path + " (journal)", Open: it.file.Open, Packing: it.file.Packing,
		Kind: format.EvidenceKind(), Reason: "entries of a journal between the packets of " + it.file.Path,
	}
	return &journalBlocks{format: format, log: &Log{File: f, Folder: it.folder}}
}

// add takes one entry.
func (j *journalBlocks) add(it *item, entry []byte, offset int64) {
	f := j.log.File
	f.Records++
	entry = bytes.TrimRight(entry, "\x00 \n")
	f.Bytes += int64(len(entry))
	if f.Records > maxJournalBlocks {
		return
	}
	entry = append(bytes.Clone(entry), "\n\n"...)
	events, problems, _, err := logparse.ReadAll(bytes.NewReader(entry), j.format, logparse.Source{Path: f.Path})
	if (len(problems) > 0 || err != nil) && len(f.Problems) < maxFileProblems {
		f.Problems = append(f.Problems, Problem{Record: f.Records, Offset: offset, Text: "a journal entry that cannot be read"})
	}
	for _, e := range events {
		e.Line, e.Lines, e.Offset = f.Records, 1, e.Offset+offset
		e.Host = it.named(e.Host)
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

// end tells what was left out; nil: the capture held no entry.
func (j *journalBlocks) end() *Log {
	f := j.log.File
	if f.Records == 0 {
		return nil
	}
	if f.Records > maxJournalBlocks {
		f.problem("%d journal entries: those behind the first %d are not read", f.Records, maxJournalBlocks)
	}
	return j.log
}
