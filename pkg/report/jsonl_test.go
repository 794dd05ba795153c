package report

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestMembersOnce: lines of flows are JSON, and no object has two members of one
// name: readers would keep one of them alone.
func TestMembersOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"s02_slow_app", "s03_slow_dns", "s06_ssh", "s08_ntp_clocks", "s13_tls_failures"} {
		files, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents", name, "input"), "*.pcap*"))
		if err != nil || len(files) == 0 {
			t.Fatal(name, files, err)
		}
		var lines FlowLines
		for _, path := range files {
			check := func(line []byte) {
				if err := membersOnce(json.NewDecoder(bytes.NewReader(line))); err != "" {
					t.Errorf("%s: %s in %s", path, err, line)
				}
			}
			incident.EachFlow(context.Background(), path, nil, incident.Options{}, func(f *pcapflow.Flow) {
				seen[f.Service] = true
				check(lines.Append(nil, filepath.Base(path), f))
			}, func(rest *pcapflow.Result) {
				for _, r := range rest.Neighbours {
					seen[r.Protocol] = true
					check(lines.AppendResolution(nil, filepath.Base(path), r, nil))
				}
			})
		}
	}
	for _, service := range []string{"tls", "http", "ssh", "dns", "ntp", "arp"} {
		if !seen[service] {
			t.Errorf("no flow of %s", service)
		}
	}
}

// membersOnce reads one value and tells what is wrong with it; "": nothing.
func membersOnce(d *json.Decoder) string {
	token, err := d.Token()
	if err != nil {
		return err.Error()
	}
	names := map[any]bool{}
	for d.More() && (token == json.Delim('{') || token == json.Delim('[')) {
		if token == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return err.Error()
			}
			if names[name] {
				return "two members " + name.(string)
			}
			names[name] = true
		}
		if wrong := membersOnce(d); wrong != "" {
			return wrong
		}
	}
	if token == json.Delim('{') || token == json.Delim('[') {
		if _, err := d.Token(); err != nil {
			return err.Error()
		}
	}
	return ""
}
