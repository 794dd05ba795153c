package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestManyUnknownFiles: a folder that was handed over whole lists a few of its files of
// unknown kind and counts the others; what was understood is listed in any case.
func TestManyUnknownFiles(t *testing.T) {
	r := saved(t)
	known := len(r.Evidence)
	for i := range 3 * fewUnknown {
		r.Evidence = append(r.Evidence, report.Evidence{ID: fmt.Sprintf("x%d", i), Path: fmt.Sprintf("settings-%d.conf", i), Kind: "unrecognised",
			Problems: []report.Problem{{Text: "of unknown kind: no known format fits"}}})
	}
	r.Evidence = append(r.Evidence, report.Evidence{ID: "last", Path: "understood.log", Kind: "text-log"})
	all := outputs(r, lang.EN, 120)
	for name, want := range map[string]int{"report": fewUnknown, "markdown": fewUnknown, "files": 3 * fewUnknown} {
		got := all[name]
		rows := 0
		for i := range 3 * fewUnknown {
			if strings.Contains(got, fmt.Sprintf("settings-%d.conf", i)) {
				rows++
			}
		}
		if rows != want || want < 3*fewUnknown && !strings.Contains(got, fmt.Sprintf("and %d more of unknown kind", 3*fewUnknown-want)) || !strings.Contains(got, "understood.log") {
			t.Errorf("%s: of %d files of unknown kind beside %d others %d are listed:\n%s", name, 3*fewUnknown, known, rows, got[max(0, len(got)-3000):])
		}
	}
}
