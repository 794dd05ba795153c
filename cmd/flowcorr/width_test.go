package main

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestNarrowTerminals: no command writes a line wider than the terminal, unless
// it is a single word, as a filter to be copied.
func TestNarrowTerminals(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(root, "samples", "three-clocks", "input")
	commands := [][]string{
		{}, {"--help"}, {"rules"}, {"rules", "syn-lost"},
		{"report", input}, {"flows", filepath.Join(input, "client.pcap")}, {"events", "--format", "text", input}, {"events", "--summary", input},
		{"compare", "--by", "repetition", input}, {"compare", input, filepath.Join(root, "samples", "dns-loss", "input")},
		{"match", input}, {"check", input}, {"detect", input}, {"clocks", input}, {"timeline", input},
		{"explain", "--about", "j16", input}, {"explain", "--about", "f1", input}, {"explain", "--about", "10.10.1.11", input},
	}
	for _, c := range newRoot(&environment{}).Commands() {
		commands = append(commands, []string{c.Name(), "--help"})
	}
	for _, w := range []struct {
		width int
		lang  string
	}{{40, "es"}, {60, "en"}, {80, "es"}} {
		t.Setenv("COLUMNS", strconv.Itoa(w.width))
		for _, args := range commands {
			var out, diag bytes.Buffer
			if status := run(append([]string{"--lang", w.lang}, args...), strings.NewReader(""), &out, &diag); status > exitFindings {
				t.Fatalf("%v: status %d: %s", args, status, diag.String())
			}
			for line := range strings.Lines(out.String()) {
				line = strings.TrimRight(line, "\n")
				words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "- "))
				if n := twwidth.WidthNoCache(line); n > w.width && len(words) > 1 {
					t.Errorf("%v: %d columns at %d: %s", args, n, w.width, line)
				}
			}
		}
	}
}
