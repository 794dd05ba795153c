package correlate

import (
	"context"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{os.Getenv("INC")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range inc.Files {
		t.Log(f.Path, f.Kind, f.Records, f.Problems)
	}
	for _, l := range inc.Logs {
		for i := range l.Events {
			if i > 6 {
				break
			}
			e := l.Events[i]
			t.Logf("%s:%d %s time=%v %d means=%v w=%v dur=%v cl=%v srv=%v name=%q %q %q st=%d sent=%d body=%d size=%d pid=%d rid=%s text=%.60q marks=%v", l.File.Path, e.Line, e.Kind, e.HasTime, e.Time, e.Means, e.Width, e.Duration, e.Client, e.Server, e.Name, e.Method, e.Path, e.Status, e.Sent, e.Body, e.Size, e.PID, e.RequestID, e.Text, e.Marks)
			if e.Timing != nil {
				t.Logf("    timing %+v", *e.Timing)
			}
			if e.Lookup != nil {
				t.Logf("    lookup %+v", *e.Lookup)
			}
		}
	}
}
