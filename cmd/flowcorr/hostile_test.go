package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/watch"
)

// attacks are what others may put into a log or a name: terminal escapes,
// markup, a table's bar, a formula, marks that reorder, bytes that are no
// UTF-8, and a line of 1 MB.
var attacks = []string{
	"\x1b]0;owned\x07\x1b[2J", "<script>alert(1)</script>", "|", "=cmd()", "\u202egnp.exe", "\xff\xfe\x80", "\u009b31m", "`$(reboot)`", "@octocat #1", "[x](http://evil.example)", strings.Repeat("A", 1<<20),
}

// TestHostileEvidence: whatever stands in the lines and in the names of files,
// no output carries more than harmless characters, and none breaks.
func TestHostileEvidence(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var log strings.Builder
	for i, a := range attacks {
		fmt.Fprintf(&log, "10.0.0.%d - %s [22/Nov/2026:11:55:%02d +0100] \"GET /%s HTTP/1.1\" 200 12 \"%s\" \"%s\"\n", i+1, strings.Fields(a + " x")[0], i+10, a, a, a)
	}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("web/access.log", log.String())
	write("a\x1b[31m\u202eb|c<b>.log", log.String()+"x")
	write("web/auth.log", "Nov 22 11:55:36 web sshd[12]: Invalid user \x1b[31m<b>|\u202e from 10.0.0.1 port 4000\n")
	write("noise", strings.Join(attacks, "\n"))
	capture, err := os.ReadFile(filepath.Join(root, "samples", "three-clocks", "input", "client.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	write("client.pcap", string(capture))

	saved := filepath.Join(t.TempDir(), "r.json")
	for _, args := range [][]string{
		{"report"}, {"report", "--lang", "es"}, {"report", "--format", "markdown"}, {"report", "--format", "json"}, {"report", "--format", "html"}, {"report", "--redact"},
		{"events", "--format", "jsonl"}, {"events", "--format", "text"}, {"events", "--summary"}, {"events", "--summary", "--format", "json"}, {"events", "--redact"},
		{"timeline"}, {"timeline", "--format", "jsonl"}, {"match"}, {"match", "--format", "jsonl"}, {"check"}, {"clocks"}, {"detect"}, {"detect", "--format", "json"},
		{"compare", "--by", "repetition"}, {"compare", "--by", "client", "--format", "markdown"}, {"explain", "--about", "10.0.0.1"}, {"report", "-o", saved}, {"detect", "--verbose"},
		{"compare", "--by", "client", "--format", "json"}, {"compare", "--by", "client", "--lang", "es", "--redact"}, {"explain", "--about", "web/auth.log:1"}, {"explain", "--about", "10.0.0.1", "--format", "json"},
		{"check", "--format", "json"}, {"clocks", "--format", "json"}, {"detect", "--write-case"}, {"timeline", "--redact"}, {"match", "--redact", "--lang", "es"},
	} {
		var out, diag bytes.Buffer
		if status := run(append(args, dir), strings.NewReader(""), &out, &diag); status > exitFindings {
			t.Errorf("%v: status %d: %.300s", args, status, diag.String())
		}
		harmless(t, strings.Join(args, " "), out.Bytes())
		harmless(t, strings.Join(args, " ")+", narration", diag.Bytes())
	}
	hostileArchive(t, dir)
	hostileWatch(t, dir)
	var out, diag bytes.Buffer
	run([]string{"report", "no\x1b[31m\u202esuch"}, strings.NewReader(""), &out, &diag)
	run([]string{"report", "--client", "\x1b[31m", dir}, strings.NewReader(""), &out, &diag)
	run([]string{"\x1b[31mreport"}, strings.NewReader(""), &out, &diag)
	run([]string{"report", "--\x1b[31m"}, strings.NewReader(""), &out, &diag)
	harmless(t, "mistakes", diag.Bytes())
}

// hostileArchive: nothing that batch writes or prints of such evidence does
// harm, in its files and their names.
func hostileArchive(t *testing.T, dir string) {
	result := filepath.Join(t.TempDir(), "result")
	for _, args := range [][]string{
		{"batch", "--out", result, dir}, {"batch", "--out", result, "--query"}, {"batch", "--out", result, "--query", "--format", "jsonl"}, {"batch", "--out", result, "--query", "--severity", "info"},
		{"extract", "--about", "10.0.0.1", "--out", filepath.Join(t.TempDir(), "small"), dir},
	} {
		var out, diag bytes.Buffer
		if status := run(args, strings.NewReader(""), &out, &diag); status > exitFindings && args[0] != "extract" {
			t.Errorf("%v: status %d: %.300s", args, status, diag.String())
		}
		harmless(t, strings.Join(args, " "), out.Bytes())
		harmless(t, strings.Join(args, " ")+", narration", diag.Bytes())
	}
	read := 0
	err := filepath.WalkDir(result, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && e.Name() == "index" {
			return filepath.SkipDir
		}
		harmless(t, "name of "+path, []byte(path))
		if e.IsDir() || filepath.Ext(path) == ".parquet" {
			return nil
		}
		text := readFile(t, path)
		harmless(t, filepath.Base(path), text)
		if filepath.Ext(path) == ".html" && bytes.Contains(text, []byte("<script>alert")) {
			t.Errorf("%s: a script of others", path)
		}
		read++
		return nil
	})
	if err != nil || read < 4 {
		t.Errorf("%d files of the result: %v", read, err)
	}
}

// hostileWatch: nor does what watch prints.
func hostileWatch(t *testing.T, dir string) {
	for _, format := range []string{"text", "jsonl"} {
		out, diag := &shared{}, &shared{}
		env := &environment{in: strings.NewReader(""), out: out, diag: diag, options: options{format: format, color: "never", failOn: "never"}}
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
		err := env.watch(ctx, watch.Options{Paths: []string{dir}, State: t.TempDir(), Every: 50 * time.Millisecond, FromStart: true})
		stop()
		if err != nil || len(out.String()) < 100 {
			t.Errorf("watch --format %s: %d bytes: %v", format, len(out.String()), err)
		}
		harmless(t, "watch --format "+format, []byte(out.String()))
		harmless(t, "watch, narration", []byte(diag.String()))
	}
}

// harmless fails at a character that does more than stand there.
func harmless(t *testing.T, where string, text []byte) {
	t.Helper()
	if !utf8.Valid(text) {
		t.Errorf("%s: no valid UTF-8", where)
	}
	for i, r := range string(text) {
		if r != '\n' && report.Harmful(r) {
			t.Errorf("%s: %U is there: %q", where, r, text[max(0, i-60):min(len(text), i+10)])
			return
		}
	}
}
