package incident

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An access log in a format of its own is read by the configuration beside it.
func TestLogReadByItsConfiguration(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"web/nginx.conf":   "http {\n  log_format own '$msec;$remote_addr;$remote_port;$request;$status;$request_time';\n  access_log /var/log/nginx/own.log own;\n}\n",
		"web/own.log.1":    "1795345047.100;10.0.0.1;50411;GET /a;b HTTP/1.1;200;0.250\n1795345048.100;10.0.0.2;50412;GET / HTTP/1.1;404;0.001\n",
		"other/own.log":    "10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n",
		"other/readme.txt": "nothing\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inc, err := Read(context.Background(), []string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range inc.Logs {
		if filepath.Base(l.File.Path) != "own.log.1" {
			continue
		}
		e := &l.Events[0]
		if len(l.Events) != 2 || l.File.Kind != "nginx-access" || e.Path != "/a;b" || e.Client.String() != "10.0.0.1:50411" || e.Duration != 250*time.Millisecond {
			t.Errorf("%s: %d events, first %+v", l.File.Kind, len(l.Events), e)
		}
		return
	}
	for _, f := range inc.Files {
		t.Logf("%+v", *f)
	}
	t.Error("own.log.1 gave no events")
}
