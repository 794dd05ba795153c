package casefile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/flowcorr/flowcorr/internal/near"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// mostBytes bounds a case file: it is written by hand.
const mostBytes = 1 << 20

// Read reads the case file of a name.
func Read(name string) (*File, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, mostBytes+1))
	if err != nil {
		return nil, err
	}
	f, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// Parse reads the text of a case file. The error tells the lines of all that is
// wrong in it.
func Parse(text []byte) (*File, error) {
	if len(text) > mostBytes {
		return nil, fmt.Errorf("more than %d bytes: no case file", mostBytes)
	}
	f := &File{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing
		return nil, explain(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document in it")
	}
	f.root = &yaml.Node{}
	if err := yaml.Unmarshal(text, f.root); err != nil {
		return nil, explain(err)
	}
	if bad := f.check(text); len(bad) > 0 {
		return nil, errors.New(strings.Join(bad, "; "))
	}
	return f, nil
}

// unknown is what yaml.v3 says of a key that a type lacks.
var unknown = regexp.MustCompile(`^line (\d+): field (.*) not found in type casefile\.(\w+)$`)

// misplaced is what it says of a value of the wrong kind.
var misplaced = regexp.MustCompile(`^line (\d+): cannot unmarshal (\S+)( .*)? into .*$`)

var kinds = map[string]string{"!!map": "a group of keys", "!!seq": "a list"}

// explain puts the errors of yaml.v3 into words for who wrote the file.
func explain(err error) error {
	var list *yaml.TypeError
	if !errors.As(err, &list) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var lines []string
	for _, text := range list.Errors {
		if m := unknown.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("line %s: unknown key %q%s", m[1], m[2], meant(m[2], keys(m[3])))
		}
		if m := misplaced.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("line %s: %s cannot stand here", m[1], cmp.Or(strings.TrimSpace(m[3]), kinds[m[2]], m[2]))
		}
		lines = append(lines, text)
	}
	return errors.New(strings.Join(lines, "; "))
}

// keys lists what may stand in the part of a case file that is kept in a type.
func keys(name string) []string {
	for _, v := range []any{File{}, Host{}, Capture{}, Reading{}, Translation{}, Proxy{}, Format{}} {
		t := reflect.TypeOf(v)
		if t.Name() != name {
			continue
		}
		var list []string
		for i := range t.NumField() {
			if key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); key != "" {
				list = append(list, key)
			}
		}
		return list
	}
	return nil
}

// meant says which of the words that are known is nearest to one that is not.
func meant(word string, known []string) string {
	if best := near.Word(word, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; it may be " + strings.Join(known, ", ")
}

// check finds what is well formed and contradicts itself.
func (f *File) check(text []byte) (bad []string) {
	say := func(at, format string, args ...any) {
		bad = append(bad, fmt.Sprintf("line %d: ", lineOf(text, at))+fmt.Sprintf(format, args...))
	}
	owner := map[string]string{}
	claim := func(what, name string) {
		if other, ok := owner[what]; ok && other != name {
			say(what, "%s belongs to %s and to %s", what, min(name, other), max(name, other))
		}
		owner[what] = name
	}
	var names []string
	for name := range f.Hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		claim(strings.ToLower(name), name)
		for _, a := range f.Hosts[name].Addresses {
			claim(a.String(), name)
		}
		for _, a := range f.Hosts[name].Aliases {
			claim(strings.ToLower(a), name)
		}
	}
	for i, c := range f.Captures {
		if len(c.Files) == 0 || len(c.TakenOn) == 0 {
			say("captures", "entry %d of captures lacks files or taken_on", i+1)
		}
	}
	for i, c := range f.Clocks {
		if c.Clock == "" || c.Of == "" || c.High < c.Low || time.Time(c.At).IsZero() {
			say("clocks", "entry %d of clocks lacks clock, of or at, or its low is above its high", i+1)
		}
	}
	for i, t := range f.NAT {
		if !t.Inside.IsValid() || !t.Outside.IsValid() {
			say("nat", "entry %d of nat lacks inside or outside", i+1)
		}
	}
	for i, p := range f.Proxies {
		if !p.Address.IsValid() {
			say("proxies", "entry %d of proxies lacks its address", i+1)
		}
	}
	for i := range f.Formats {
		f.Formats[i].check(i, say)
	}
	return bad
}

func (f *Format) check(i int, say func(at, format string, args ...any)) {
	if len(f.Files) == 0 {
		say("formats", "entry %d of formats names no files", i+1)
		return
	}
	given := 0
	for _, t := range []string{f.LogFormat, f.Apache, f.WriteOut} {
		if t != "" {
			given++
		}
	}
	at := f.Files[0]
	switch template, server := f.Template(); {
	case given > 1:
		say(at, "%s: only one of log_format, LogFormat and write_out", at)
	case server != "":
		if err := logparse.CheckTemplate(template); err != nil {
			say(at, "%s: %v", at, err)
		}
	}
	if f.Year != 0 && (f.Year < 1970 || f.Year > 2261) {
		say(at, "%s: year %d is not between 1970 and 2261", at, f.Year)
	}
}

// Line is where a key stands that is reached through others: "thresholds",
// "app-slow", "slow". Of one that is not there, it is the line of the last that is.
func (f *File) Line(keys ...string) int {
	n, line := f.root, 1
	if n == nil || len(n.Content) == 0 {
		return line
	}
	n = n.Content[0]
	for _, key := range keys {
		i := 0
		for i+1 < len(n.Content) && n.Content[i].Value != key {
			i += 2
		}
		if n.Kind != yaml.MappingNode || i+1 >= len(n.Content) {
			break
		}
		line, n = n.Content[i].Line, n.Content[i+1]
	}
	return line
}

// With is the text of a case file with what another one says as well; where both say
// something, what the other one says.
func (f *File) With(other *File) ([]byte, error) {
	n := &yaml.Node{}
	if err := n.Encode(other); err != nil {
		return nil, err
	}
	if f.root != nil && len(f.root.Content) > 0 {
		n = over(f.root.Content[0], n)
	}
	return yaml.Marshal(n)
}

// over lays one node over another: keys of both have the upper value.
func over(lower, upper *yaml.Node) *yaml.Node {
	if lower.Kind != yaml.MappingNode || upper.Kind != yaml.MappingNode {
		return upper
	}
	both := *lower
	both.Content = slices.Clone(lower.Content)
	for i := 0; i+1 < len(upper.Content); i += 2 {
		at := 0
		for at+1 < len(both.Content) && both.Content[at].Value != upper.Content[i].Value {
			at += 2
		}
		if at+1 < len(both.Content) {
			both.Content[at+1] = over(both.Content[at+1], upper.Content[i+1])
		} else {
			both.Content = append(both.Content, upper.Content[i], upper.Content[i+1])
		}
	}
	return &both
}

// lineOf is the first line that holds a text; 1 where none does.
func lineOf(text []byte, part string) int {
	i := bytes.Index(bytes.ToLower(text), bytes.ToLower([]byte(part)))
	if i < 0 {
		return 1
	}
	return 1 + bytes.Count(text[:i], []byte{'\n'})
}
