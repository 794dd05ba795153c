package pcapflow

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TestOtherCaptures reads the captures of a folder that nobody chose (FLOWCORR_CAPTURES;
// `make others` takes those of other programs' source packages) and holds handshake
// messages, by frame and instant, against tshark.
func TestOtherCaptures(t *testing.T) {
	dir := os.Getenv("FLOWCORR_CAPTURES")
	if dir == "" {
		t.Skip("FLOWCORR_CAPTURES names no folder")
	}
	d := readDifferences(t, "tshark others")
	var lock sync.Mutex
	files, same, theirsOnly, oursOnly := 0, 0, 0, 0
	t.Run("captures", func(t *testing.T) {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			head := make([]byte, 4)
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			_, err = f.Read(head)
			f.Close()
			if _, ok := capture.Recognise(head); err != nil || !ok {
				return nil
			}
			t.Run(e.Name(), func(t *testing.T) {
				t.Parallel()
				r := analyseWith(t, path, "")
				if err := exec.Command(need.Program(t, "tshark"), "-r", path, "-c", "1").Run(); err != nil {
					t.Skip("tshark does not read it")
				}
				want, got := theirs(t, path, r), ours(r)
				missed, more := want.without(got, " not so here"), got.without(want, " only here")
				lock.Lock()
				defer lock.Unlock()
				files, same, theirsOnly, oursOnly = files+1, same+len(want)-len(missed), theirsOnly+len(missed), oursOnly+len(more)
				d.check(t, e.Name(), append(missed, more...))
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d captures: %d messages in the same frame at the same instant, %d that tshark alone sees, %d that it does not", files, same, theirsOnly, oursOnly)
	if files == 0 || same == 0 {
		t.Error("nothing was compared")
	}
}

var ndpiCounts = regexp.MustCompile(`^\t\d+\t(TCP|UDP) (\S+) <?-> (\S+) .*\[(\d+) pkts/(\d+) bytes <?-> (\d+) pkts/(\d+) bytes\]`)

// TestOtherCounts holds packets and bytes of each flow against what nDPI's own tests
// expect of those captures of the same folder that differences.md speaks of.
func TestOtherCounts(t *testing.T) {
	dir := os.Getenv("FLOWCORR_CAPTURES")
	if dir == "" {
		t.Skip("FLOWCORR_CAPTURES names no folder")
	}
	d := readDifferences(t, "ndpi others")
	for name := range d.known {
		path := filepath.Join(dir, "ndpi-"+name)
		text, err := os.ReadFile(path + ".out")
		if err != nil {
			t.Logf("%s is not there: %v", name, err)
			continue
		}
		r := analyseWith(t, path, "")
		used, rows, found := ndpiFlows{}, 0, []string{}
		for line := range strings.Lines(string(text)) {
			m := ndpiCounts.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			rows++
			who, f, got := used.next(r, m[1:4])
			if f == nil {
				found = append(found, who+" is not a flow here")
				continue
			}
			if want := strings.Join(m[4:8], " "); want != got {
				found = append(found, fmt.Sprintf("%s packets and bytes %s, here %s", who, want, got))
			}
		}
		if rows == 0 {
			t.Errorf("%s: no flow in what nDPI expects", name)
		}
		d.check(t, name, found)
	}
}
