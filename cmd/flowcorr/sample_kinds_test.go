package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// evidenceOfTheChapter are the kinds of evidence that the chapter's exercises and
// its integrating lab work with, and what their hosts keep beside it.
var evidenceOfTheChapter = []string{
	"pcap", "pcapng", "tls-keys",
	"curl", "dig", "ssh-verbose", "sntp", "chronyc", "resolv-conf", "socket-state",
	"nginx-access", "nginx-error", "apache-access", "apache-error", "app-log",
	"auth-log", "syslog", "journal-export", "journal-json", "dns-log",
	"chrony-tracking", "chrony-measurements", "chrony-statistics", "chronyd-log",
}

// TestSampleKinds: every kind of evidence of the chapter is in at least one sample;
// the table of samples/README.md tells in which. UPDATE=1 writes it. The samples
// stay small.
func TestSampleKinds(t *testing.T) {
	text := pages(t)["samples/README.md"] // goes to the root as well
	folders, err := filepath.Glob("samples/*/input")
	if err != nil || len(folders) < 8 || len(folders) > 10 {
		t.Fatalf("%d samples, eight to ten are wanted: %v", len(folders), err)
	}
	where := map[string][]string{}
	for _, folder := range folders {
		inc, err := incident.Read(t.Context(), []string{folder}, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(folder))
		for _, f := range inc.Files {
			if !slices.Contains(where[f.Kind], name) {
				where[f.Kind] = append(where[f.Kind], name)
			}
		}
	}
	var table strings.Builder
	table.WriteString("| kind | samples |\n|---|---|\n")
	for _, kind := range evidenceOfTheChapter {
		if len(where[kind]) == 0 {
			t.Errorf("no sample has %s", kind)
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", kind, strings.Join(where[kind], ", "))
		delete(where, kind)
	}
	for kind, in := range where {
		t.Errorf("%s of %v is not in the list of this test", kind, in)
	}
	between := regexp.MustCompile(`(?s)<!-- kinds -->.*<!-- /kinds -->`)
	got := between.ReplaceAllLiteralString(text, "<!-- kinds -->\n\n"+table.String()+"\n<!-- /kinds -->")
	if got != text {
		if os.Getenv("UPDATE") == "" {
			t.Error("samples/README.md does not tell which kind is where (UPDATE=1 writes it)")
		} else if err := os.WriteFile("samples/README.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var bytes int64
	err = filepath.WalkDir("samples", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		bytes += info.Size()
		return err
	})
	if err != nil || bytes > 15e6 {
		t.Errorf("the samples are %d bytes: %v", bytes, err)
	}
}
