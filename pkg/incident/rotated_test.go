package incident

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// A capture that editcap cuts into files, packed or not, tells the
// same as the whole.
func TestRotatedIsWhole(t *testing.T) {
	whole := need.Shared(t, "incidents", "s04_loss", "input", "servidor.pcap")
	want := read(t, Options{}, whole).Captures[0]
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(need.Program(t, name), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	for how, split := range map[string]func(dir string){
		"editcap -c": func(dir string) { run("editcap", "-F", "pcap", "-c", "100", whole, filepath.Join(dir, "web.pcap")) },
		"editcap -i, pcapng": func(dir string) {
			run("editcap", "-F", "pcapng", "-i", "5", whole, filepath.Join(dir, "web.pcapng"))
		},
		"packed": func(dir string) {
			run("editcap", "-F", "pcap", "-c", "300", whole, filepath.Join(dir, "web.pcap"))
			files, _ := filepath.Glob(filepath.Join(dir, "*"))
			for i, f := range files {
				if i%2 == 0 {
					run("zstd", "-q", "--rm", f)
				}
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			split(dir)
			entries, _ := os.ReadDir(dir)
			if len(entries) < 3 {
				t.Fatalf("%d files", len(entries))
			}
			inc := read(t, Options{}, dir)
			if len(inc.Captures) != 1 || len(inc.Captures[0].Files) != len(entries) {
				t.Fatalf("%d captures of %d files", len(inc.Captures), len(entries))
			}
			got := inc.Captures[0]
			if got.Packets != want.Packets || got.First != want.First || got.Last != want.Last || got.Vantage != want.Vantage {
				t.Errorf("%d packets %v–%v, want %d %v–%v", got.Packets, got.First, got.Last, want.Packets, want.First, want.Last)
			}
			if !reflect.DeepEqual(got.Flows, want.Flows) {
				t.Errorf("other flows: %d, want %d", len(got.Flows), len(want.Flows))
			}
			file, frame := got.Locate(int(want.Last.Frame))
			if file != len(entries)-1 || frame != got.Frames[file] {
				t.Errorf("the last frame is %d of file %d", frame, file)
			}
		})
	}
}
