package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestSharedOptions: which command takes which of the shared options. One that
// is taken has the same help and default everywhere; all are in the manual.
func TestSharedOptions(t *testing.T) {
	everywhere := "lang color quiet verbose help"
	reading, analysis := "case keylog tz jobs", "offset reference baseline no-correct"
	choosing := "since until around window client server name service min-total rule severity"
	part := reading + " " + analysis + " fail-on output redact strict"
	rows := "since until around window client server name min-total jobs output redact strict"
	for name, want := range map[string]string{
		"report":   part + " " + choosing,
		"explain":  part + " " + choosing,
		"clocks":   part + " " + choosing,
		"detect":   part + " " + choosing,
		"timeline": part + " " + choosing,
		"match":    part + " " + choosing,
		"compare":  part + " " + choosing,
		"batch":    part + " " + choosing,
		"check":    part,
		"render":   choosing + " fail-on output redact strict",
		"flows":    rows + " keylog service",
		"events":   rows + " case tz",
		"watch":    part + " window client server name service min-total rule severity",
		"extract":  reading + " " + analysis + " " + choosing + " fail-on strict",
		"rules":    "", "man": "", "version": "", "completion": "",
	} {
		root := newRoot(&environment{})
		cmd, _, err := root.Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		cmd.InheritedFlags()
		wanted := strings.Fields(want + " " + everywhere)
		for i := range sharedOptions {
			o := &sharedOptions[i]
			f := cmd.Flags().Lookup(o.name)
			switch takes := slices.Contains(wanted, o.name); {
			case takes != (f != nil):
				t.Errorf("%s --%s: taken is %v, wanted %v", name, o.name, f != nil, takes)
			case f != nil && name != "watch" && (f.Usage != o.help.EN || f.Shorthand != o.short):
				t.Errorf("%s --%s: of another meaning: %s", name, o.name, f.Usage)
			}
		}
	}
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{"en", "es"} {
		page := string(readFile(t, filepath.Join(root, "docs", l, "commands.md")))
		for i := range sharedOptions {
			if !strings.Contains(page, "--"+sharedOptions[i].name) {
				t.Errorf("docs/%s/commands.md does not tell of --%s", l, sharedOptions[i].name)
			}
		}
	}
}

// TestOptionsTable: the manual's table of which command takes which option is
// that of the program. UPDATE=1 writes it.
func TestOptionsTable(t *testing.T) {
	commands := []string{"report", "explain", "timeline", "match", "check", "clocks", "detect", "compare", "render", "flows", "events", "batch", "extract", "watch"}
	root := newRoot(&environment{})
	type row struct{ options, marks string }
	var rows []row
	var names []string
	for i := range sharedOptions {
		if sharedOptions[i].name == "output" {
			names = append(names, "format")
		}
		names = append(names, sharedOptions[i].name)
	}
	for _, name := range names {
		marks := ""
		for _, command := range commands {
			cmd, _, err := root.Find([]string{command})
			if err != nil {
				t.Fatal(err)
			}
			cmd.InheritedFlags()
			mark := " "
			if cmd.Flags().Lookup(name) != nil {
				mark = " ● "
			}
			marks += mark + "|"
		}
		option := "`--" + name + "`"
		if n := len(rows) - 1; n >= 0 && rows[n].marks == marks {
			rows[n].options += " " + option
		} else {
			rows = append(rows, row{option, marks})
		}
	}
	table := "| | " + strings.Join(commands, " | ") + " |\n|---|" + strings.Repeat(":-:|", len(commands)) + "\n"
	for _, r := range rows {
		table += "| " + r.options + " |" + r.marks + "\n"
	}
	top, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{"en", "es"} {
		path := filepath.Join(top, "docs", l, "commands.md")
		text := readFile(t, path)
		upToDate(t, path, text, list(text, "takes", "\n"+table))
	}
}

// TestOutputOfParts: every part and every listing goes into the files that -o
// names, in the form of their ending, the same as to standard output.
func TestOutputOfParts(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(root, "samples", "dns-loss", "input")
	dir := t.TempDir()
	for command, endings := range map[string][]string{
		"timeline": {".txt", ".jsonl"}, "match": {".txt", ".jsonl"}, "check": {".txt", ".json"}, "clocks": {".txt", ".json"}, "detect": {".txt", ".json"},
		"explain --about j1": {".txt", ".json"}, "compare --by repetition": {".json", ".md"}, "events": {".jsonl"}, "events --summary": {".json"}, "flows": {".txt"}, "report": {".html", ".md", ".json"},
	} {
		path := input
		if command == "flows" {
			path = captures(t, input)[0]
		}
		args := append(strings.Fields(command), path, "-q")
		with := slices.Clone(args)
		for _, e := range endings {
			with = append(with, "-o", filepath.Join(dir, "x"+e))
		}
		var out, diag bytes.Buffer
		if status := run(with, strings.NewReader(""), &out, &diag); status > exitFindings || out.Len() > 0 {
			t.Errorf("%s -o: status %d, %d bytes on standard output: %s", command, status, out.Len(), diag.String())
			continue
		}
		for _, e := range endings {
			format := map[string]string{".txt": "text", ".md": "markdown", ".jsonl": "jsonl", ".json": "json", ".html": "html"}[e]
			var direct bytes.Buffer
			run(append(slices.Clone(args), "--format", format), strings.NewReader(""), &direct, &diag)
			if got := readFile(t, filepath.Join(dir, "x"+e)); format != "text" && !bytes.Equal(got, direct.Bytes()) || len(got) == 0 {
				t.Errorf("%s: %s is not as on standard output: %d bytes, %d", command, e, len(got), direct.Len())
			}
			if err := os.Remove(filepath.Join(dir, "x"+e)); err != nil {
				t.Error(err)
			}
		}
		if command == "report" {
			continue
		}
		out.Reset()
		diag.Reset()
		if status := run(append(slices.Clone(args), "-o", filepath.Join(dir, "x.doc")), strings.NewReader(""), &out, &diag); status != exitUsage || !strings.Contains(diag.String(), "hint: ") {
			t.Errorf("%s -o x.doc: status %d: %s", command, status, diag.String())
		}
	}
}
