package logparse

import (
	"bufio"
	"bytes"
	"strconv"
	"time"
)

// JournalShort shows an entry of a journal, in any of the forms that have its
// fields apart (export, JSON, verbose), in the order of journalctl(1) -o
// short-precise --utc: "Nov 26 20:23:42.600925 web sshd[300]: Connection from …".
// It is "" for what is no such entry, or one without time or message.
func JournalShort(entry []byte) string {
	entry = bytes.TrimLeft(entry, "\n\x1e")
	name, _, _ := cutAt(upTo(entry, '\n'), '=')
	var j *journalEntry
	switch {
	case bytes.HasPrefix(entry, []byte("{")), bytes.HasPrefix(entry, []byte("data: ")):
		j = jsonEntry(entry)
	case isJournalName(name):
		j = exportEntry(entry)
	default:
		j = verboseEntry(entry)
	}
	if j == nil || j.messages == 0 || j.time() < 0 {
		return ""
	}
	return j.short()
}

func jsonEntry(entry []byte) *journalEntry {
	var d journalObjects
	if !d.fields(bytes.TrimPrefix(entry, []byte("data: "))) {
		return nil
	}
	return &d.entry
}

func exportEntry(entry []byte) *journalEntry {
	// The buffer holds it all, so that no line is longer.
	d := exportDecoder{r: bufio.NewReaderSize(bytes.NewReader(entry), len(entry)+1)}
	if _, bad := d.read(); bad {
		return nil
	}
	d.fill()
	return &d.entry
}

func verboseEntry(entry []byte) *journalEntry {
	var v verboseJournal
	var out outbox
	first, rest, _ := bytes.Cut(entry, []byte{'\n'})
	cursor, ok := journalCursor(bytes.TrimSuffix(first, []byte{'\r'}))
	if !ok {
		return nil
	}
	v.open = true
	v.cursor(cursor)
	for line := range bytes.Lines(rest) {
		v.line(bytes.TrimRight(line, "\r\n"), place{}, &out)
	}
	v.fill()
	return &v.entry
}

func (j *journalEntry) short() string {
	out := time.UnixMicro(j.time()).UTC().AppendFormat(nil, "Jan _2 15:04:05.000000 ")
	if len(j.host) > 0 {
		out = append(append(out, j.host...), ' ')
	}
	name := j.identifier
	if len(name) == 0 {
		name = j.command
	}
	if len(name) == 0 {
		name = []byte("unknown") // as journalctl has it
	}
	out = append(out, name...)
	if pid, ok := integer(j.process()); ok {
		out = append(strconv.AppendInt(append(out, '['), pid, 10), ']')
	}
	return string(append(append(out, ": "...), j.message...))
}
