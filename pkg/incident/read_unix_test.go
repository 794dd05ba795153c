//go:build unix

package incident

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLinksAndOtherNodes(t *testing.T) {
	top := write(t, map[string]string{"a/web.pcap": capturing(at, 2)})
	for link, to := range map[string]string{"a/loop": "..", "b": "a", "gone": "nowhere", "alias.pcap": "a/web.pcap"} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Skip(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(top, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	inc := read(t, Options{}, top)
	var got []string
	for _, f := range inc.Files {
		got = append(got, f.Path+":"+f.Kind)
	}
	if s := strings.Join(got, " "); s != "a/web.pcap:pcap alias.pcap:pcap gone:unrecognised pipe:unrecognised" {
		t.Errorf("%s", s)
	}
	if len(inc.Captures) != 1 || !strings.Contains(inc.file(t, "alias.pcap").told(), "the same, byte by byte, as a/web.pcap") {
		t.Errorf("%d captures, %q", len(inc.Captures), inc.file(t, "alias.pcap").told())
	}
	if told := inc.file(t, "pipe").told(); !strings.Contains(told, "not a regular file") {
		t.Errorf("%q", told)
	}
}
