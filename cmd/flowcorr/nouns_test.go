package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// noun is one instant, metric or error of a protocol, and where it must stand.
type noun struct{ text, path, value, words string }

// TestNouns analyses captures that have what the program names: each noun of
// testdata/nouns.txt stands with its value in the lines of flows, or in the report, and in
// what explain tells of the subject, as JSON and as text.
func TestNouns(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "nouns.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]map[string][]noun{} // by capture and subject
	var capture, subject string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		switch cells := strings.Split(line, " | "); {
		case strings.HasPrefix(line, "#") || line == "":
		case strings.HasPrefix(line, "== ") && len(cells) == 2:
			capture, subject = cells[0][3:], cells[1]
			if files[capture] == nil {
				files[capture] = map[string][]noun{}
			}
		case len(cells) == 3 || len(cells) == 4:
			files[capture][subject] = append(files[capture][subject], noun{cells[0], cells[1], cells[2], strings.Join(cells[3:], "")})
		default:
			t.Fatalf("neither a subject nor a noun: %q", line)
		}
	}
	for capture, subjects := range files {
		t.Run(capture, func(t *testing.T) {
			t.Parallel()
			checkNouns(t, capture, subjects)
		})
	}
}

func checkNouns(t *testing.T, capture string, subjects map[string][]noun) {
	path := filepath.Join("..", "..", filepath.FromSlash(capture))
	if rest, ok := strings.CutPrefix(capture, "shared/"); ok {
		path = need.Shared(t, strings.Split(rest, "/")...)
	}
	var said bytes.Buffer
	env := &environment{in: strings.NewReader(""), out: &said, diag: io.Discard, options: options{jobs: runtime.NumCPU()}}
	listing := []string{"flows", "--quiet", "--format", "jsonl"}
	if keys := strings.TrimSuffix(path, ".pcap") + ".keys"; keys != path+".keys" {
		if _, err := os.Stat(keys); err == nil {
			env.options.keylogs = []string{keys}
			listing = append(listing, "--keylog", keys)
		}
	}
	c, err := env.analyse([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := env.diagnosed(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	explain := func(subject, format string) []byte {
		said.Reset()
		env.options.format = format
		if err := env.tellOf(c, whole, subject); err != nil {
			t.Fatalf("explain --about %s: %v", subject, err)
		}
		return bytes.Clone(said.Bytes())
	}
	var flows, reported map[string]bool // fetched where a noun needs them
	for subject, nouns := range subjects {
		text := string(explain(subject, "text"))
		explained := statedBy(t, explain(subject, "json"))
		for _, n := range nouns {
			where, member, _ := strings.Cut(n.path, ".")
			if where == "flow" {
				if flows == nil {
					flows = statedBy(t, ranDone(t, append(listing, path)...))
				}
				if fact := member + " = " + n.value; !flows[fact] {
					t.Errorf("%s: flows has no %s", n.text, fact)
				}
				member = "flows." + member
			} else if reported == nil {
				said.Reset()
				if err := report.Encode(&said, whole); err != nil {
					t.Fatal(err)
				}
				reported = statedBy(t, said.Bytes())
			}
			fact := member + " = " + n.value
			if where == "report" && !reported[fact] {
				t.Errorf("%s: report has no %s", n.text, fact)
			}
			if !explained[fact] {
				t.Errorf("%s: explain of %s has no %s", n.text, subject, fact)
			}
			if !n.shownIn(text) {
				t.Errorf("%s: the text of explain of %s does not show it", n.text, subject)
			}
		}
	}
}

var indexed = regexp.MustCompile(`\[\d+\]`)

// shownIn tells whether the text has the noun's words or, without any, the row of its
// flow: its path, places in lists left out, and its value.
func (n noun) shownIn(text string) bool {
	if n.words != "" {
		return strings.Contains(text, n.words)
	}
	path, value := strings.TrimPrefix(n.path, "flow."), n.value
	if at := strings.LastIndexByte(path, '['); at > 0 { // a named element
		path, value = path[:at]+".name", path[at+1:len(path)-1]
	}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && indexed.ReplaceAllString(name, "") == path && strings.Contains(rest, value) {
			return true
		}
	}
	return false
}

// statedBy are the members of JSON texts with their values, "tls.sni = example.org", places
// in lists left out; of what has a name also when it was, "instants[tls.alert] = …".
func statedBy(t *testing.T, b []byte) map[string]bool {
	t.Helper()
	facts := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if name, ok := v["name"].(string); ok {
				for _, when := range []string{"time", "start"} {
					facts[fmt.Sprint(at, "[", name, "] = ", v[when])] = true
				}
			}
			for key, x := range v {
				walk(strings.TrimPrefix(at+"."+key, "."), x)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		default:
			facts[fmt.Sprint(at, " = ", v)] = true
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		walk("", v)
	}
	return facts
}
