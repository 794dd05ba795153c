package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestSessions runs every session that a document shows, a block ```console
// with commands behind "$ ", and compares what they print. UPDATE=1 writes it.
func TestSessions(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "samples", "*", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("COLUMNS", "100") // as on a terminal of that width
	manual, err := filepath.Glob(filepath.Join(root, "docs", "*", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	documents = append(slices.Concat(documents, manual, pages), filepath.Join(root, "README.md"))
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written := t.TempDir() // what the document's commands write
		got := session.ReplaceAllFunc(text, func(block []byte) []byte { return replay(t, block, written) })
		if bytes.Equal(got, text) {
			continue
		}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s: a session prints something else (UPDATE=1 writes it):\n%s", path, firstDifference(text, got))
	}
}

var (
	session = regexp.MustCompile("(?s)```console\n(.*?)```")
	command = regexp.MustCompile(`(?m)^\$ flowcorr (.*?)((?: \| (?:head|grep|sed) .*)?)$`)
)

// replay writes a session anew by running its commands.
func replay(t *testing.T, block []byte, written string) []byte {
	var out bytes.Buffer
	out.WriteString("```console\n")
	for _, m := range command.FindAllSubmatch(block, -1) {
		out.Write(m[0])
		out.WriteByte('\n')
		out.WriteString(trimmed(filtered(t, printed(t, strings.Fields(string(m[1])), written), string(m[2]))))
	}
	out.WriteString("```")
	return out.Bytes()
}

// printed is the standard output of a command, without spaces at the ends of its
// lines. Files it writes go to the folder written, where later ones find them.
func printed(t *testing.T, args []string, written string) string {
	for i, a := range args {
		if i > 0 && slices.Contains([]string{"-o", "--out", "--index"}, args[i-1]) {
			args[i] = filepath.Join(written, a)
		} else if _, err := os.Stat(filepath.Join(written, a)); err == nil && i > 0 {
			args[i] = filepath.Join(written, a) // what an earlier command wrote
		}
	}
	var out, diag bytes.Buffer
	if status := run(args, strings.NewReader(""), &out, &diag); status > exitFindings {
		t.Errorf("flowcorr %s: status %d: %s", strings.Join(args, " "), status, diag.String())
	}
	return trimmed(strings.ReplaceAll(out.String(), written+string(filepath.Separator), ""))
}

var (
	head = regexp.MustCompile(`^head -(\d+)$`)
	grep = regexp.MustCompile(`^grep '?([^']+?)'?$`)
	sed  = regexp.MustCompile(`^sed -n '/([^/]+)/,(?:/([^/]+)/|(\$))p'$`)
)

// filtered is what the commands of a pipe leave of a text: head -N, grep TEXT,
// sed -n '/FROM/,/TO/p' with TO or $ for the end, as a shell would run them.
func filtered(t *testing.T, text, pipe string) string {
	for _, c := range strings.Split(pipe, " | ")[1:] {
		all := slices.Collect(strings.Lines(text))
		var kept []string
		if m := head.FindStringSubmatch(c); m != nil {
			n, _ := strconv.Atoi(m[1])
			kept = all[:min(n, len(all))]
		} else if m := grep.FindStringSubmatch(c); m != nil {
			word := regexp.MustCompile(m[1])
			kept = slices.DeleteFunc(all, func(l string) bool { return !word.MatchString(l) })
		} else if m := sed.FindStringSubmatch(c); m != nil {
			kept = ranges(all, regexp.MustCompile(m[1]), m[2])
		} else {
			t.Errorf("the pipe %q is not known to this test", c)
		}
		if len(kept) == 0 {
			t.Errorf("%s prints nothing", pipe)
		}
		text = strings.Join(kept, "")
	}
	return text
}

// ranges are the lines from each that from matches to the next that to does; ""
// is the end.
func ranges(lines []string, from *regexp.Regexp, to string) (kept []string) {
	inside := false
	for _, l := range lines {
		if inside {
			inside = to == "" || !regexp.MustCompile(to).MatchString(l)
			kept = append(kept, l)
		} else if from.MatchString(l) {
			inside = true
			kept = append(kept, l)
		}
	}
	return kept
}

// trimmed is a text without spaces at the ends of its lines, as documents and
// samples hold it.
func trimmed(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "documented: " + x[i] + "\nprinted:    " + y[i]
		}
	}
	return "the lengths differ"
}

// TestReadmeLists: the README names every protocol and every format.
func TestReadmeLists(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var protocols, formats []string
	for _, d := range pcapflow.Dissectors() {
		protocols = appendNew(protocols, d.Name)
	}
	for _, f := range logparse.Formats() {
		formats = appendNew(formats, f.EvidenceKind())
	}
	upToDate(t, path, text, list(list(text, "protocols", strings.Join(protocols, ", ")), "formats", strings.Join(formats, ", ")))
}

// upToDate holds what a document is against what it has to be; UPDATE=1 writes it.
func upToDate(t *testing.T, path string, text, want []byte) {
	if bytes.Equal(want, text) {
		return
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s: a list is not that of the program (UPDATE=1 writes it): %s", path, firstDifference(text, want))
}

// TestFormatsPage: the manual's page on formats tells of every one, and of every
// member of an event, in both languages.
func TestFormatsPage(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(root, "pkg", "report", "eventjson.go"))
	if err != nil {
		t.Fatal(err)
	}
	members := regexp.MustCompile(`\(&?o?,? ?"([a-z_]+)"`).FindAllSubmatch(source, -1)
	if len(members) < 80 {
		t.Fatalf("only %d members of events were found", len(members))
	}
	for _, language := range []string{"en", "es"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", language, "formats.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range logparse.Formats() {
			if !bytes.Contains(text, []byte("`"+f.EvidenceKind()+"`")) {
				t.Errorf("docs/%s/formats.md does not name %s", language, f.EvidenceKind())
			}
		}
		for _, m := range members {
			if !bytes.Contains(text, append(append([]byte("`"), m[1]...), '`')) {
				t.Errorf("docs/%s/formats.md does not name the member %s of an event", language, m[1])
			}
		}
	}
}

func appendNew(all []string, name string) []string {
	for _, a := range all {
		if a == name {
			return all
		}
	}
	return append(all, name)
}

// list replaces what stands between <!-- name --> and <!-- /name -->.
func list(text []byte, name, items string) []byte {
	re := regexp.MustCompile(`(?s)<!-- ` + name + ` -->.*?<!-- /` + name + ` -->`)
	return re.ReplaceAll(text, []byte("<!-- "+name+" -->"+items+"<!-- /"+name+" -->"))
}
