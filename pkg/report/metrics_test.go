package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestMetricsAreDocumented: every name that the code can write stands in
// the manual's pages on metrics, and every name there can be written.
func TestMetricsAreDocumented(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		b, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	written := map[string]bool{}
	call := regexp.MustCompile(`(?:between|duration|count|span|fact)\("([a-z_0-9]+)"`)
	sources := []string{"pkg/pcapflow/metric.go", "pkg/report/metrics.go", "pkg/pcapflow/ssh_end.go"}
	for _, path := range sources {
		for _, m := range call.FindAllStringSubmatch(read(path), -1) {
			written[m[1]] = true
		}
	}
	for l := pcapflow.LimitOpportunity; l <= pcapflow.LimitTransport; l++ {
		written[l.MetricName()] = true
	}
	for _, typ := range []string{"a", "aaaa", "https", "ptr"} {
		written[typ+"_seconds"] = true
	}
	for _, path := range []string{"docs/en/metrics.md", "docs/es/metrics.md"} {
		documented := map[string]bool{}
		tables, _, _ := strings.Cut(read(path), "\n## Series")
		ofMetrics := false
		for line := range strings.Lines(tables) {
			switch cells := strings.Split(line, "|"); {
			case len(cells) != 4:
				ofMetrics = false
			case !ofMetrics:
				ofMetrics = cells[1] == " name " || cells[1] == " nombre "
			default:
				for _, m := range regexp.MustCompile("`([a-z_0-9]+)`").FindAllStringSubmatch(cells[1], -1) {
					documented[m[1]] = true
				}
			}
		}
		for name := range written {
			if !documented[name] {
				t.Errorf("%s is not in %s", name, path)
			}
		}
		for name := range documented {
			if !written[name] {
				t.Errorf("%s tells of %s, which nothing writes", path, name)
			}
		}
	}
	if len(written) < 50 {
		t.Errorf("only %d names", len(written))
	}
}

// TestMetricsJSON: metrics keep their order and their digits.
func TestMetricsJSON(t *testing.T) {
	m := Metrics{{"z_seconds", 1_500_000_001}, {"a", 7}, {"b_bytes", 1 << 40}, {"c_seconds", -20}}
	b, err := json.Marshal(m)
	if want := `{"z_seconds":1.500000001,"a":7,"b_bytes":1099511627776,"c_seconds":-0.00000002}`; err != nil || string(b) != want {
		t.Fatalf("%s, %v", b, err)
	}
	var back Metrics
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{`[]`, `{"a":"x"}`, `{"a":1.5}`, `{"a_seconds":{}}`, `{"a":`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is read", bad)
		}
	}
}
