package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// journalFiles cuts a capture into files, with entries of a journal in each, and
// tells how many entries there are.
func journalFiles(t *testing.T, from, to string) (entries int) {
	t.Helper()
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
	var p capture.Packet
	more := set.Next(&p) == nil
	for file := 1; more; file++ {
		var b, blocks bytes.Buffer
		w := capture.NewWriter(&b, false)
		for n := 0; n < 300 && more; n++ {
			if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
				t.Fatal(err)
			}
			if n%40 == 0 {
				entries++
				text := fmt.Sprintf("__REALTIME_TIMESTAMP=%d\n_HOSTNAME=web\nSYSLOG_IDENTIFIER=app\nMESSAGE=entry %d\n", p.Time/1000, entries)
				for len(text)%4 != 0 {
					text += "\x00"
				}
				size := uint32(12 + len(text))
				blocks.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 9), size))
				blocks.WriteString(text)
				blocks.Write(binary.LittleEndian.AppendUint32(nil, size))
			}
			more = set.Next(&p) == nil
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b.Write(blocks.Bytes())
		if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("web_%05d_20260101000000.pcapng", file)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

// TestJournalBetweenPackets: the entries of a journal between the packets of a point
// are those that a report on the same files reads, by number, also where the pass was
// ended and gone on with, and where time is cut into windows.
func TestJournalBetweenPackets(t *testing.T) {
	in := t.TempDir()
	captures, _ := filepath.Glob(filepath.Join(sample(t, "tcp-loss"), "*.pcap*"))
	if len(captures) == 0 {
		t.Fatal("no capture")
	}
	n := journalFiles(t, captures[0], in)
	if n < 10 {
		t.Fatalf("only %d entries", n)
	}
	inc, err := incident.Read(context.Background(), []string{in}, incident.Options{})
	if err != nil || len(inc.Logs) != 1 || len(inc.Logs[0].Events) != n {
		t.Fatalf("%d logs: %v", len(inc.Logs), err)
	}
	want := inc.Logs[0]
	for _, memory := range []int64{1 << 30, small} {
		var mu sync.Mutex
		got := map[int]logparse.Event{}
		look := func(ctx context.Context, c *correlate.Case) (*report.Report, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, l := range c.Incident.Logs {
				if l.File.Path != want.File.Path || l.File.Kind != want.File.Kind {
					t.Errorf("%s, %s: want %s, %s", l.File.Path, l.File.Kind, want.File.Path, want.File.Kind)
				}
				for _, e := range l.Events {
					got[e.Line] = e
				}
			}
			return diagnosed(ctx, c)
		}
		out := t.TempDir()
		for end := 1; ; end += 3 {
			ctx, stop := context.WithCancel(context.Background())
			steps := 0
			_, err := Run(ctx, Options{Paths: []string{in}, Out: out, Memory: memory, Jobs: 1, NoteEvery: 1, Report: look, Progress: func(Step) {
				if steps++; steps == end {
					stop()
				}
			}})
			stop()
			if err == nil {
				break
			}
		}
		if len(got) != n {
			t.Errorf("memory %d: %d entries of %d", memory, len(got), n)
		}
		for i := range want.Events {
			if e := &want.Events[i]; !reflect.DeepEqual(got[e.Line], *e) {
				t.Errorf("entry %d: %+v, want %+v", e.Line, got[e.Line], *e)
			}
		}
	}
}
