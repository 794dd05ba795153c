//go:build linux && (amd64 || arm64)

package hugepage

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// What is allocated and used after Reserve lies in huge pages, where the system gives them
// to those that ask and has them.
func TestReserve(t *testing.T) {
	if !asked || limited() {
		t.Skip("huge pages cannot be asked for here")
	}
	Reserve()
	before := huge(t)
	const bytes = 64 << 20
	lists := make([][]int, 0, bytes/4096)
	for range cap(lists) {
		list := make([]int, 512)
		list[0] = 1
		lists = append(lists, list)
	}
	if got := huge(t) - before; got < bytes/2 {
		t.Errorf("%d of %d bytes lie in huge pages", got, bytes)
	}
	_ = lists[len(lists)-1][0]
}

// A file of the kernel's that is not there, and a short one.
func TestRead(t *testing.T) {
	if got := read("/proc/there/is/none"); got != "" {
		t.Errorf("read %q where there is no file", got)
	}
	if got := read("/proc/sys/vm/overcommit_memory"); len(got) != 2 {
		t.Errorf("read %q, not a digit and an end of line", got)
	}
}

// huge is how many bytes of the process lie in huge pages (proc(5), smaps_rollup).
func huge(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "AnonHugePages:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(line, err)
			}
			return kib << 10
		}
	}
	t.Skip("the kernel does not tell of huge pages")
	return 0
}
