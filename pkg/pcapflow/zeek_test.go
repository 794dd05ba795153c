package pcapflow

import (
	"os"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// zeekTrace names a capture of Zeek's test suite.
func zeekTrace(t testing.TB, name string) string {
	return need.Shared(t, "captures", "zeek", "testing", "btest", "Traces", name)
}

// zeekLog reads a log that Zeek's own tests expect, a map per line.
func zeekLog(t testing.TB, test, name string) []map[string]string {
	t.Helper()
	b, err := os.ReadFile(need.Shared(t, "captures", "zeek", "testing", "btest", "Baseline", test, name))
	if err != nil {
		t.Fatal(err)
	}
	rows := zeekRows(string(b))
	if len(rows) == 0 {
		t.Fatalf("%s/%s holds no rows", test, name)
	}
	return rows
}

// zeekRows reads the text of a log, a map per line; a baseline may join several
// logs.
func zeekRows(text string) (rows []map[string]string) {
	var fields []string
	for line := range strings.Lines(text) {
		v := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case v[0] == "#fields":
			fields = v[1:]
		case v[0] == "ts": // some baselines keep the names without the mark
			fields = v
		case !strings.HasPrefix(v[0], "#") && len(v) == len(fields):
			row := map[string]string{}
			for i, f := range fields {
				row[f] = v[i]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// zeekEnds is a flow's ends as Zeek's logs write them.
func zeekEnds(f *Flow) string {
	return f.Client.Addr().String() + " " + itoa(int(f.Client.Port())) + " " + f.Server.Addr().String() + " " + itoa(int(f.Server.Port()))
}

func rowEnds(r map[string]string) string {
	return r["id.orig_h"] + " " + r["id.orig_p"] + " " + r["id.resp_h"] + " " + r["id.resp_p"]
}
