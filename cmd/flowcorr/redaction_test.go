package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/watch"
)

var (
	addressLike = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{1,4}:[0-9a-f:]*::?[0-9a-f]{1,4}`)
	domainLike  = regexp.MustCompile(`[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(?:com|lan)\b`)
	macLike     = regexp.MustCompile(`(?:[0-9a-f]{2}:){5}[0-9a-f]{2}`)
	userLike    = regexp.MustCompile(`(?:for|user) (?:invalid user )?([a-z]+) from|"user": ?"([a-z]+)"`)
)

// roles are names of roles, not of anybody; and our own word for a sample.
var roles = map[string]bool{"web": true, "dns": true, "ntp": true, "ssh": true, "app": true, "www": true, "client": true, "server": true, "router": true}

// TestRedacted: nothing that names somebody or something of an incident is in
// any output of it; times and sizes are.
func TestRedacted(t *testing.T) {
	folder := need.Shared(t, "incidents")
	incidents, err := filepath.Glob(filepath.Join(folder, "s*"))
	if err != nil || len(incidents) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, dir := range incidents {
		t.Run(filepath.Base(dir), func(t *testing.T) { redacted(t, dir) })
	}
}

func redacted(t *testing.T, dir string) {
	input := filepath.Join(dir, "input")
	secrets := identities(t, dir)
	if len(secrets) < 10 {
		t.Fatalf("only %d identities were found", len(secrets))
	}
	out := t.TempDir()
	files := []string{"r.json", "r.md", "r.txt"}
	args := []string{"report", "--redact", "--fail-on", "never", "-q"}
	for _, f := range files {
		args = append(args, "-o", filepath.Join(out, f))
	}
	ranDone(t, append(args, input)...)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(out, f))
		if err != nil {
			t.Fatal(err)
		}
		clean(t, f, text, secrets)
	}
	saved := filepath.Join(out, "r.json")
	clean(t, "render --lang es", ranDone(t, "render", "--fail-on", "never", "--lang", "es", saved), secrets)
	clean(t, "compare", ranDone(t, "compare", "--by", "server", saved), secrets)
	sameFigures(t, ranDone(t, "report", "--fail-on", "never", "-q", "--format", "json", input), readFile(t, saved))
	if strings.HasPrefix(filepath.Base(dir), "s09") {
		return // a crowd of the same: the report of it is enough
	}
	for _, format := range []string{"jsonl", "text"} {
		clean(t, "events, "+format, ranDone(t, "events", "--redact", "-q", "--format", format, input), secrets)
		clean(t, "flows, "+format, ranDone(t, append([]string{"flows", "--redact", "-q", "--format", format}, captures(t, input)...)...), secrets)
	}
}

func ranDone(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, diag bytes.Buffer
	if status := run(args, strings.NewReader(""), &out, &diag); status != exitDone {
		t.Fatalf("flowcorr %s: status %d: %s", strings.Join(args, " "), status, diag.String())
	}
	return out.Bytes()
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func captures(t *testing.T, dir string) []string {
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.Contains(filepath.Base(path), ".pcap") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// identities are the addresses, names, users and MAC addresses that stand in
// the truth, and in the texts, of an incident.
func identities(t *testing.T, dir string) map[string]bool {
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(filepath.Base(path), ".pcap") {
			return err
		}
		text := string(readFile(t, path))
		for _, a := range addressLike.FindAllString(text, -1) {
			if ip, err := netip.ParseAddr(a); err == nil && !ip.IsLoopback() && !ip.IsUnspecified() && !ip.IsMulticast() && ip.String() != "255.255.255.255" {
				found[a] = true
			}
		}
		for _, n := range domainLike.FindAllString(text, -1) {
			if strings.Contains(n, "ejemplo") {
				found[n] = true
			}
		}
		for _, m := range macLike.FindAllString(text, -1) {
			found[m] = true
		}
		for _, m := range userLike.FindAllStringSubmatch(text, -1) {
			if u := m[1] + m[2]; !roles[u] {
				found[u] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found["ejemplo"], found["oficina"] = true, true
	return found
}

// clean fails where an identity stands in an output as a word of its own.
func clean(t *testing.T, where string, text []byte, secrets map[string]bool) {
	t.Helper()
	words := map[string]bool{}
	for _, w := range regexp.MustCompile(`[^\s"'<>(){},;|=/\[\]\\&#]+`).FindAll(text, -1) {
		s := string(w)
		words[s] = true
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(":@-_", r) }) {
			words[part] = true
		}
		for _, part := range strings.Split(s, ".") {
			words[part] = true
		}
		if i := strings.LastIndexByte(s, ':'); i > 0 {
			words[s[:i]] = true
		}
		words[strings.TrimRight(s, ".:,")] = true
	}
	for s := range secrets {
		if words[s] {
			i := bytes.Index(text, []byte(s))
			t.Errorf("%s: %q is there: …%s…", where, s, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// sameFigures compares every number and instant of two reports.
func sameFigures(t *testing.T, a, b []byte) {
	t.Helper()
	x, y := figuresOf(t, a), figuresOf(t, b)
	if len(x) != len(y) || len(x) < 500 {
		t.Fatalf("%d figures, redacted %d", len(x), len(y))
	}
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("figure %d: %s, redacted %s", i, x[i], y[i])
		}
	}
}

func figuresOf(t *testing.T, text []byte) []string {
	t.Helper()
	instant := regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+Z$`)
	var out []string
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var whole map[string]json.RawMessage
	if err := d.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	delete(whole, "redacted")
	for _, part := range []string{"evidence", "clocks", "journeys", "unmatched_lines", "findings", "baseline"} {
		d := json.NewDecoder(bytes.NewReader(whole[part]))
		d.UseNumber()
		for {
			token, err := d.Token()
			if err != nil {
				break
			}
			switch v := token.(type) {
			case json.Number:
				out = append(out, v.String())
			case string:
				if instant.MatchString(v) {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// TestRedactedArchive: nothing of a result but its index names anybody, rows
// that a later run adds are replaced alike, and figures stay.
func TestRedactedArchive(t *testing.T) {
	dir := filepath.Join(need.Shared(t, "incidents"), "s10_integrador")
	secrets := identities(t, dir)
	out, plain := filepath.Join(t.TempDir(), "result"), filepath.Join(t.TempDir(), "plain")
	input := filepath.Join(dir, "input")
	clean(t, "batch", ranDone(t, "batch", "-q", "--redact", "--out", out, input), secrets)
	ranDone(t, "batch", "-q", "--out", plain, input)
	checked := 0
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(out, "index") {
			return filepath.SkipDir
		}
		rel, _ := filepath.Rel(out, path)
		clean(t, "name of "+rel, []byte(rel), secrets)
		if !e.IsDir() && filepath.Ext(path) != ".parquet" && filepath.Ext(path) != ".html" { // packed: the same rows; the page's style has words, too
			clean(t, rel, readFile(t, path), secrets)
			checked++
		}
		return nil
	})
	if err != nil || checked < 5 {
		t.Fatalf("%d files: %v", checked, err)
	}
	for name := range secrets {
		if page := readFile(t, filepath.Join(out, "report.html")); strings.ContainsAny(name, ".:") && bytes.Contains(page, []byte(name)) {
			t.Errorf("report.html: %q is there", name)
		}
	}
	figures := regexp.MustCompile(`"(?:start_ns|total_seconds|status|frame|line|from_ns|offset_seconds|server_port)":[-0-9.e]+`)
	rows := func(folder string, args ...string) []string {
		found := figures.FindAllString(string(ranDone(t, append([]string{"batch", "-q", "--query", "--format", "jsonl", "--out", folder}, args...)...)), -1)
		slices.Sort(found) // files of a partition come in the order of its name
		return found
	}
	if a, b := rows(plain), rows(out); len(a) < 50 || !slices.Equal(a, b) {
		t.Errorf("%d figures, redacted %d", len(a), len(b))
	}
	before := readFile(t, filepath.Join(out, "files.jsonl"))
	if text := string(ranDone(t, "batch", "-q", "--redact", "--out", out, input)); !strings.Contains(text, "analysed now: 0") {
		t.Errorf("analysed anew: %s", text)
	}
	if !bytes.Equal(before, readFile(t, filepath.Join(out, "files.jsonl"))) {
		t.Error("files.jsonl is another after a second run")
	}
	for args, want := range map[string]string{
		"batch --query --redact --out " + out:                               "as it was made",
		"extract --redact --about j1 --out " + out + "/x " + input:          "copies packets and lines as they are",
		"extract --index " + out + " --name x --out " + out + "/x " + input: "was made with --redact",
	} {
		var stdout, stderr bytes.Buffer
		if status := run(strings.Fields("--lang en "+args), strings.NewReader(""), &stdout, &stderr); status != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: status %d: %s", args, status, stderr.String())
		}
	}
}

// TestRedactedWatch: neither findings nor the report of the end name anybody,
// and a restart replaces alike.
func TestRedactedWatch(t *testing.T) {
	dir := filepath.Join(need.Shared(t, "incidents"), "s02_slow_app")
	secrets := identities(t, dir)
	input, state := t.TempDir(), t.TempDir()
	if err := os.CopyFS(input, os.DirFS(filepath.Join(dir, "input"))); err != nil { // of captures, what is new
		t.Fatal(err)
	}
	finding := regexp.MustCompile(`\{"rule":"app-slow".*?"client":"([^"]*):\d+","server":"([^"]*)","name":"([^"]*)"`)
	watched := func() string {
		out, diag := &shared{}, &shared{}
		env := &environment{in: strings.NewReader(""), out: out, diag: diag, options: options{format: "jsonl", color: "never", redact: true, quiet: true}}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- env.watch(ctx, watch.Options{Paths: []string{input}, State: state, Every: 50 * time.Millisecond, Settle: 100 * time.Millisecond, FromStart: true})
		}()
		for deadline := time.Now().Add(90 * time.Second); !finding.MatchString(out.String()) && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := watched()
	who := finding.FindStringSubmatch(first)
	if who == nil || !strings.Contains(first, `"report"`) {
		t.Fatalf("not watched: %.500s", first)
	}
	clean(t, "watch", []byte(first), secrets)
	if err := os.Remove(filepath.Join(state, "state.json")); err != nil {
		t.Fatal(err)
	}
	// What else stands in its line differs: it is told as soon as it is certain of one.
	if again := finding.FindStringSubmatch(watched()); again == nil || !slices.Equal(again[1:], who[1:]) {
		t.Errorf("replaced otherwise after a restart: %q, %q", who, again)
	}
}
