package incident

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TLSKeys is the kind of a key log as SSLKEYLOGFILE makes it.
const TLSKeys = "tls-keys"

// maxKeyLog bounds the bytes read of one.
const maxKeyLog = 64 << 20

// recognise tells what a file is by its first bytes.
func (r *reader) recognise(it *item) {
	f := it.file
	if len(f.Problems) > 0 { // it cannot be opened
		return
	}
	s, err := it.begin(it.stream != nil)
	if err != nil {
		f.problem("%v", err)
		return
	}
	guard(f, func() { it.look(s) })
	if it.stream != nil && f.Kind != Unrecognised {
		it.open = s
		return
	}
	if (f.Kind == Unrecognised || f.Kind == CaseFile) && it.stream == nil {
		s.Close()
		it.hashWhole()
		return
	}
	s.Close()
}

// look takes a file's kind from its head, and from it what the reading of other
// files needs to know beforehand.
func (it *item) look(s *source) {
	f := it.file
	if s.dead != nil {
		f.Reason = "begins like a compressed file"
		f.problem("%v", s.dead)
		return
	}
	if it.caseFile {
		f.Kind, f.Reason = CaseFile, "what you say of the case"
		f.Records = bytes.Count(append(bytes.TrimRight(s.Head(logparse.HeadBytes), "\n"), '\n'), []byte{'\n'})
		return
	}
	head := s.Head(logparse.HeadBytes)
	if len(head) == 0 {
		if _, err := s.Read(make([]byte, 1)); err != nil && f.Packing != "" {
			f.problem("nothing in it can be unpacked: %v", err)
			return
		}
		f.Reason = "it is empty"
		f.problem("the file is empty")
		return
	}
	if it.told != nil && it.told.Format != nil {
		it.obeyFormat(head)
		return
	}
	if kind, ok := capture.Recognise(head); ok {
		f.Kind, f.Reason = kind, "begins with the magic number of "+kind
		it.lookAtCapture(head)
		return
	}
	if isKeyLog(head) {
		f.Kind, f.Reason = TLSKeys, "lines of labels, client randoms and secrets"
		return
	}
	if what := foreign(head); what != "" {
		f.Reason = what
		f.problem("not evidence that can be read: %s", what)
		return
	}
	best, reason, other := logparse.Detect(head, f.Path)
	f.Reason = reason
	if other != nil {
		f.RunnerUp = other.Name
	}
	if best == nil {
		f.problem("of unknown kind: %s", reason)
		return
	}
	it.readAs(best, head)
	if c := logparse.ReadServerConfig(head); best.Name == "server-config" {
		it.config = &c
	}
}

// readAs takes a file for a log of a format.
func (it *item) readAs(f *logparse.Format, head []byte) {
	it.file.Kind, it.format = f.EvidenceKind(), f
	if it.keepHead {
		it.head = bytes.Clone(head)
	}
	it.sample = sampleOf(f, head, it.file.Path)
}

// obeyFormat takes a file for what was told, and says what it looks like.
func (it *item) obeyFormat(head []byte) {
	it.readAs(it.told.Format, head)
	it.file.Reason = "as the case file says"
	if best, reason, _ := logparse.Detect(head, it.file.Path); best != nil && best != it.told.Format {
		it.file.RunnerUp = best.Name
		it.file.Reason += "; by its content: " + reason
	}
}

// hashWhole notes size and sum of a file that is not read otherwise.
func (it *item) hashWhole() {
	if st, err := os.Stat(it.file.Open); err != nil || !st.Mode().IsRegular() {
		return
	}
	if s, err := it.begin(true); err == nil {
		s.Close()
	}
}

// lookAtCapture reads the packets of the head for what GroupRotated needs, and
// the secrets there, which open captures that come before in name.
func (it *item) lookAtCapture(head []byte) {
	c, err := capture.NewReader(bytes.NewReader(head), capture.Options{})
	if err != nil {
		return
	}
	it.info = capture.FileInfo{Path: it.file.Path, Kind: c.Kind()}
	if st, err := os.Stat(it.file.Open); err == nil && it.stream == nil {
		it.info.Size = st.Size()
	}
	var p capture.Packet
	for it.info.First == 0 && c.Next(&p) == nil {
		if p.HasTime {
			it.info.First = p.Time
		}
	}
	if len(c.Interfaces()) > 0 {
		it.info.Link, it.info.SnapLen = c.Interfaces()[0].Link, c.Interfaces()[0].SnapLen
	}
	it.info.Sight = capture.SightOf(head)
	it.keys = bytes.Join(c.Secrets(), []byte("\n"))
}

// keyLine is one line of the key log format
// (https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile).
var keyLine = regexp.MustCompile(`^(CLIENT_RANDOM|CLIENT_EARLY_TRAFFIC_SECRET|EARLY_EXPORTER_SECRET|EARLY_EXPORTER_MASTER_SECRET|(CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET|(CLIENT|SERVER)_TRAFFIC_SECRET_(\d+|N)|EXPORTER_SECRET|ECH_SECRET|ECH_CONFIG|RSA|PMS_CLIENT_RANDOM|QUIC_[A-Z_0-9]+) [0-9a-fA-F]+ [0-9a-fA-F]+\s*$`)

// isKeyLog tells whether most of the first lines are of a TLS key log.
func isKeyLog(head []byte) bool {
	good, tried := 0, 0
	for len(head) > 0 && tried < 20 {
		line, rest, whole := bytes.Cut(head, []byte("\n"))
		head = rest
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || !whole && tried > 0 {
			continue
		}
		tried++
		if keyLine.Match(line) {
			good++
		}
	}
	return good > 0 && 2*good > tried
}

// foreigners are files that lie about in evidence and are nothing to read.
var foreigners = []struct{ magic, what string }{
	{"PK\x03\x04", "a zip archive: unpack it first"},
	{"PK\x05\x06", "an empty zip archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
	{"Rar!\x1a\x07", "a RAR archive: unpack it first"},
	{"%PDF-", "a PDF document"},
	{"\x89PNG\r\n\x1a\n", "a PNG picture"},
	{"\xff\xd8\xff", "a JPEG picture"},
	{"GIF8", "a GIF picture"},
	{"\x7fELF", "an ELF program"},
	{"MZ", "a Windows program"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"LPKSHHRH", "a binary systemd journal: export it with journalctl --file FILE -o export"},
	{"ElfFile\x00", "a Windows event log"},
	{"-----BEGIN ", "keys or certificates"},
}

// foreign names a known kind of file that is not evidence; "" if it is none.
func foreign(head []byte) string {
	for _, f := range foreigners {
		if bytes.HasPrefix(head, []byte(f.magic)) && (f.magic != "MZ" || bytes.IndexByte(head[:min(len(head), 64)], 0) > 0) {
			return f.what
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "a tar archive: unpack it first"
	}
	return ""
}

// collectKeys gathers every TLS secret before the captures are read.
func (r *reader) collectKeys() {
	r.keys = append(r.keys, r.opt.KeyLogs...)
	for _, it := range r.items {
		if it.file.Kind == TLSKeys {
			guard(it.file, it.readKeys)
		}
		if len(it.keys) > 0 {
			r.keys = append(r.keys, it.keys)
		}
	}
}

// readKeys takes the text of a key log.
func (it *item) readKeys() {
	f := it.file
	s, err := it.resume()
	if err != nil {
		f.problem("%v", err)
		return
	}
	defer s.Close()
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(s, maxKeyLog))
	if err != nil {
		f.problem("%v", err)
	}
	if n >= maxKeyLog {
		f.problem("only the first %d bytes are read", maxKeyLog)
	}
	it.keys = b.Bytes()
	for i, line := range bytes.Split(it.keys, []byte("\n")) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case keyLine.Match(line):
			f.Records++
		case len(f.Problems) < maxFileProblems: // what stands there may be half a secret
			f.Problems = append(f.Problems, Problem{Record: i + 1, Text: fmt.Sprintf("a line of %d bytes that is no key", len(line))})
		}
	}
}
