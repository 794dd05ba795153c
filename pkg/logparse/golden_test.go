package logparse

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens are the sample texts: testdata/golden/FORMAT/CASE.txt, each with the
// events expected of it beside it. A first line of CASE.template, where there
// is one, is the format to read by.
func goldens(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/golden/*/*.txt")
	if err != nil || len(list) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	return list
}

func readGolden(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func goldenSource(path string) Source {
	src := Source{Path: path, Year: 2026}
	if text, err := os.ReadFile(strings.TrimSuffix(path, ".txt") + ".template"); err == nil {
		src.Template = strings.TrimSuffix(string(text), "\n")
	}
	return src
}

// stated shows of an event what is stated, by the names of its fields.
func stated(e *Event) map[string]any {
	var none Event
	none.clear()
	out := map[string]any{}
	v, zero := reflect.ValueOf(*e), reflect.ValueOf(none)
	for i := range v.NumField() {
		f := v.Field(i)
		if reflect.DeepEqual(f.Interface(), zero.Field(i).Interface()) || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		x := f.Interface()
		if s, ok := x.(interface{ String() string }); ok && f.Kind() != reflect.Pointer {
			x = s.String()
		}
		out[v.Type().Field(i).Name] = x
	}
	return out
}

func goldenOf(t testing.TB, f *Format, text []byte, src Source) []byte {
	t.Helper()
	events, problems, lines, err := ReadAll(bytes.NewReader(text), f, src)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	put := func(v any) {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	for i := range events {
		put(stated(&events[i]))
	}
	for _, p := range problems {
		put(map[string]any{"Problem": p})
	}
	put(map[string]any{"Lines": lines})
	return b.Bytes()
}

// Every format has samples; each is recognised by its content and gives the
// events written beside it.
func TestGoldens(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range goldens(t) {
		name := filepath.Base(filepath.Dir(path))
		seen[name] = true
		t.Run(strings.TrimPrefix(path, "testdata/golden/"), func(t *testing.T) {
			f := ByName(name)
			if f == nil {
				t.Fatalf("no format %s", name)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			src := goldenSource(path)
			if src.Template == "" {
				if got, why, _ := Detect(text, filepath.Base(path)); got != f {
					t.Errorf("not recognised: %s", why)
				}
			}
			got := goldenOf(t, f, text, src)
			file := strings.TrimSuffix(path, ".txt") + ".json"
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compareLines(t, got, want)
		})
	}
	for _, f := range Formats() {
		if !seen[f.Name] {
			t.Errorf("format %s has no sample in testdata/golden", f.Name)
		}
	}
}

func compareLines(t *testing.T, got, want []byte) {
	t.Helper()
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Errorf("event %d:\n got %s\nwant %s", i+1, a, b)
		}
	}
}

// readThrough reads text as f and holds what every decoder promises.
func readThrough(t *testing.T, f *Format, text []byte, src Source) {
	t.Helper()
	d := f.Open(bytes.NewReader(text), src)
	var e Event
	events, last := 0, 0
	for {
		err := d.Next(&e)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		events++
		if events > len(text)+1 {
			t.Fatalf("%s: more events than bytes", f.Name)
		}
		if e.Kind == "" {
			t.Fatalf("%s:%d: an event without kind", f.Name, e.Line)
		}
		if e.Line < 1 || e.Line < last || e.Line > d.Lines()+1 {
			t.Fatalf("%s: line %d after %d of %d", f.Name, e.Line, last, d.Lines())
		}
		if e.Offset < 0 || e.Offset > int64(len(text)) {
			t.Fatalf("%s:%d: offset %d of %d", f.Name, e.Line, e.Offset, len(text))
		}
		checkPromises(t, f, &e)
		if e.HasTime && e.Width <= 0 {
			t.Fatalf("%s:%d: a time without width", f.Name, e.Line)
		}
		last = e.Line
		kept := e.Keep()
		if kept.Text != e.Text || kept.Path != e.Path {
			t.Fatalf("%s:%d: Keep changes the event", f.Name, e.Line)
		}
	}
	if n := len(d.Problems()); n > maxProblems {
		t.Fatalf("%s: %d problems", f.Name, n)
	}
	if err := d.Next(&e); err != io.EOF {
		t.Fatalf("%s: after the end: %v", f.Name, err)
	}
}

// A sample cut anywhere is read up to the cut.
func TestGoldensCutAnywhere(t *testing.T) {
	for _, path := range goldens(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, src := ByName(filepath.Base(filepath.Dir(path))), goldenSource(path)
		if f == nil {
			continue
		}
		step := 1 + len(text)/1500
		for n := 0; n <= len(text); n += step {
			readThrough(t, f, text[:n], src)
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, path := range goldens(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for i, format := range formats {
			if format.Name == filepath.Base(filepath.Dir(path)) {
				f.Add(text, uint8(i), goldenSource(path).Template)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, which uint8, template string) {
		if len(text) > 64<<10 {
			return
		}
		Detect(text, "a/b.log")
		readThrough(t, formats[int(which)%len(formats)], text, Source{Year: 2026, Template: template})
	})
}
