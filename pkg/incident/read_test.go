package incident

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// at is the time that the evidence of these tests is about.
var at = time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC)

// dns is an Ethernet frame with a DNS query for example.com.
var dns = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00" +
	"\x45\x00\x00\x39\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" +
	"\xc3\x50\x00\x35\x00\x25\x00\x00" +
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"

// capturing is a pcap file with n frames, one a second from start on.
func capturing(start time.Time, n int) string {
	o := binary.LittleEndian
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1} {
		b = o.AppendUint32(b, v)
	}
	for i := range n {
		for _, v := range []uint32{uint32(start.Unix()) + uint32(i), 7, uint32(len(dns)), uint32(len(dns))} {
			b = o.AppendUint32(b, v)
		}
		b = append(b, dns...)
	}
	return string(b)
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func access(zone string, times ...string) string {
	var b strings.Builder
	for _, t := range times {
		fmt.Fprintf(&b, "10.0.0.1 - - [%s %s] \"GET / HTTP/1.1\" 200 612 \"-\" \"curl/8\"\n", t, zone)
	}
	return b.String()
}

const nginxError = "2026/01/01 01:30:01 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: web, request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:8080/\", host: \"web\"\n"

const dnsmasq = "Dec 31 23:59:58 dnsmasq[12]: 3 10.0.0.1/50000 query[A] example.com from 10.0.0.1\nJan  1 00:30:01 dnsmasq[12]: 4 10.0.0.1/50000 query[A] example.com from 10.0.0.1\n"

const keys = "# from curl\nCLIENT_RANDOM 0001020304050607080910111213141516171819202122232425262728293031 00ff\nSERVER_HANDSHAKE_TRAFFIC_SECRET 0001020304050607080910111213141516171819202122232425262728293031 ab\n"

// write makes a folder with files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	top := t.TempDir()
	for name, text := range files {
		path := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func read(t *testing.T, opt Options, paths ...string) *Incident {
	t.Helper()
	inc, err := Read(context.Background(), paths, opt)
	if err != nil {
		t.Fatal(err)
	}
	return inc
}

// file finds one by its name.
func (inc *Incident) file(t *testing.T, name string) *File {
	t.Helper()
	for _, f := range inc.Files {
		if f.Path == name {
			return f
		}
	}
	t.Fatalf("no file %s", name)
	return nil
}

func (f *File) told() string {
	var all []string
	for _, p := range f.Problems {
		all = append(all, p.Text)
	}
	return strings.Join(all, "; ")
}

func evidence() map[string]string {
	return map[string]string{
		"client.pcap":       capturing(at, 3),
		"web.pcap":          capturing(at, 2),
		"web.pcap1.gz":      zipped(capturing(at.Add(2*time.Second), 4)),
		"cut.pcap":          capturing(at, 2)[:150],
		"web/access.log":    access("+0100", "01/Jan/2026:01:30:01", "01/Jan/2026:01:30:02"),
		"web/error.log":     nginxError,
		"web/old.log.gz":    zipped(access("+0100", "31/Dec/2025:01:30:01")),
		"dns/queries.log":   dnsmasq,
		"c1/keys.txt":       keys,
		"empty.log":         "",
		"photo.png":         "\x89PNG\r\n\x1a\n....",
		"noise.bin":         "\x01\x02\x03\x04 nothing \x05\x06",
		".hidden/notes":     "no log at all",
		"half.log.gz":       zipped(access("+0100", strings.Split(strings.Repeat("01/Jan/2026:01:30:01 ", 3000)[:62999], " ")...))[:900],
		"copy of client.ps": capturing(at, 3),
	}
}

func TestRead(t *testing.T) {
	top := write(t, evidence())
	inc := read(t, Options{}, top)
	for name, want := range map[string]struct {
		kind, packing string
		records       int
		told          string
	}{
		"client.pcap":       {"pcap", "", 3, ""},
		"web.pcap":          {"pcap", "", 2, ""},
		"web.pcap1.gz":      {"pcap", "gzip", 4, ""},
		"cut.pcap":          {"pcap", "", 1, "the file ends"},
		"web/access.log":    {"nginx-access", "", 2, ""},
		"web/error.log":     {"nginx-error", "", 1, ""},
		"web/old.log.gz":    {"nginx-access", "gzip", 1, ""},
		"dns/queries.log":   {"dns-log", "", 2, ""},
		"c1/keys.txt":       {TLSKeys, "", 2, ""},
		"empty.log":         {Unrecognised, "", 0, "empty"},
		"photo.png":         {Unrecognised, "", 0, "PNG"},
		"noise.bin":         {Unrecognised, "", 0, "unknown kind"},
		".hidden/notes":     {Unrecognised, "", 0, "unknown kind"},
		"half.log.gz":       {"access-log", "gzip", -1, "ends too early"},
		"copy of client.ps": {"pcap", "", 3, "the same, byte by byte, as client.pcap"},
	} {
		f := inc.file(t, name)
		if f.Kind != want.kind || f.Packing != want.packing || f.Records != want.records && want.records >= 0 {
			t.Errorf("%s: %s %q %d records (%s)", name, f.Kind, f.Packing, f.Records, f.Reason)
		}
		if told := f.told(); !strings.Contains(told, want.told) || (told == "") != (want.told == "") {
			t.Errorf("%s: problems %q", name, told)
		}
		text, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(text)) {
			t.Errorf("%s: %d bytes, %s", name, f.Bytes, f.SHA256)
		}
	}
	if len(inc.Files) != len(evidence()) || !slices.IsSortedFunc(inc.Files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) }) {
		t.Errorf("%d files, or not in order", len(inc.Files))
	}
	var points []string
	for _, c := range inc.Captures {
		points = append(points, fmt.Sprint(len(c.Files), " ", c.Files[0].Path, " ", c.Frames, c.Packets, len(c.Flows)))
	}
	if got := strings.Join(points, "; "); got != "1 client.pcap [3] 3 1; 1 cut.pcap [1] 1 1; 2 web.pcap [2 4] 6 1" {
		t.Errorf("captures: %s", got)
	}
	if file, frame := inc.Captures[2].Locate(5); file != 1 || frame != 3 {
		t.Errorf("frame 5 is %d of file %d", frame, file)
	}
	var logs []string
	for _, l := range inc.Logs {
		logs = append(logs, fmt.Sprint(l.Folder, ":", len(l.Events)))
	}
	if got := strings.Join(logs, " "); !strings.HasPrefix(got, "dns:2 :") || !strings.HasSuffix(got, " web:2 web:1 web:1") {
		t.Errorf("logs: %s", got)
	}
}

// Lines without year or zone get those that the rest of the evidence tells.
func TestHints(t *testing.T) {
	inc := read(t, Options{}, write(t, evidence()))
	for _, l := range inc.Logs {
		switch l.File.Path {
		case "dns/queries.log":
			first, second := &l.Events[0], &l.Events[1]
			if first.Time != time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC).UnixNano() || second.Time != at.UnixNano()+1e9 || !second.YearInferred || second.Zone != logparse.ZoneUnknown {
				t.Errorf("%+v\n%+v", first, second)
			}
		case "web/error.log":
			if e := &l.Events[0]; e.Time != at.UnixNano()+1e9 || e.Zone != logparse.ZoneInferred || e.ZoneSeconds != 3600 {
				t.Errorf("%+v", e)
			}
		case "web/access.log":
			if e := &l.Events[0]; e.Means != logparse.RequestEnd || e.Zone != logparse.ZoneStated {
				t.Errorf("%+v", e)
			}
		}
	}
	inc = read(t, Options{Told: Told{Zones: map[string]*time.Location{"WEB": time.FixedZone("", -7200), "dns": time.FixedZone("", 3600)}}}, write(t, evidence()))
	for _, l := range inc.Logs {
		e := &l.Events[len(l.Events)-1]
		if l.File.Path == "web/error.log" && e.ZoneSeconds != -7200 || l.File.Path == "dns/queries.log" && e.ZoneSeconds != 3600 {
			t.Errorf("%s: %+v", l.File.Path, e)
		}
	}
}

// A year is not guessed where no other evidence is of its time.
func TestNoYear(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"alone":          {"dns/queries.log": dnsmasq},
		"of other times": {"dns/queries.log": dnsmasq, "a.pcap": capturing(at.AddDate(0, 5, 0), 2)},
	} {
		inc := read(t, Options{}, write(t, files))
		f := inc.file(t, "dns/queries.log")
		if f.First != 0 || f.Last != 0 || !strings.Contains(f.told(), "no year") || inc.Logs[0].Events[0].HasTime {
			t.Errorf("%s: %+v %+v", name, f, inc.Logs[0].Events[0])
		}
	}
	// A log that states its year serves where there is no capture.
	inc := read(t, Options{}, write(t, map[string]string{"dns/queries.log": dnsmasq, "web/access.log": access("+0000", "01/Jan/2026:01:30:01")}))
	if f := inc.file(t, "dns/queries.log"); f.Last != at.UnixNano()+1e9 {
		t.Errorf("%+v", f)
	}
}

// What is read depends neither on the number of workers nor on the run.
func TestSameEachTime(t *testing.T) {
	top := write(t, evidence())
	want := read(t, Options{Workers: 1}, top)
	for _, workers := range []int{1, 2, 8} {
		if got := read(t, Options{Workers: workers}, top); !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: another incident", workers)
		}
	}
}

func TestDetectOnly(t *testing.T) {
	top := write(t, evidence())
	want := read(t, Options{}, top)
	got := read(t, Options{DetectOnly: true}, top)
	if !reflect.DeepEqual(got.Files, want.Files) || len(got.Captures)+len(got.Logs) != 0 {
		t.Errorf("%d captures, %d logs, files differ: %v", len(got.Captures), len(got.Logs), !reflect.DeepEqual(got.Files, want.Files))
	}
}

func TestSeveralArguments(t *testing.T) {
	top := write(t, evidence())
	j := func(name string) string { return filepath.Join(top, name) }
	for _, c := range []struct {
		paths []string
		want  string // names and folders
	}{
		{[]string{j("web"), j("dns")}, "access.log|web error.log|web old.log.gz|web queries.log|dns"},
		{[]string{j("web")}, "access.log| error.log| old.log.gz|"},
		{[]string{j("client.pcap"), j("web/access.log")}, "access.log|web client.pcap|"},
		{[]string{j("web/access.log")}, "access.log|"},
	} {
		var got []string
		for _, it := range find(c.paths, Options{}) {
			got = append(got, it.file.Path+"|"+it.folder)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.paths, got, c.want)
		}
	}
	// A file given twice is one; files of one name are told apart.
	if items := find([]string{j("web"), j("web/access.log")}, Options{}); len(items) != 3 {
		t.Errorf("%d files", len(items))
	}
	other := write(t, map[string]string{"access.log": ""})
	items := find([]string{j("web"), other}, Options{})
	if len(items) != 4 || items[0].file.Path == items[1].file.Path {
		t.Errorf("%v %v", items[0].file, items[1].file)
	}
	t.Chdir(top)
	if items := find([]string{"."}, Options{}); items[len(items)-1].folder != "web" || items[len(items)-1].file.Path != "web/old.log.gz" {
		t.Errorf("%+v", items[len(items)-1])
	}
}

func TestStreams(t *testing.T) {
	text := zipped(capturing(at, 3))
	inc := read(t, Options{Stdin: strings.NewReader(text)}, "-")
	f := inc.file(t, "standard input")
	sum := sha256.Sum256([]byte(text))
	if f.Kind != "pcap" || f.Packing != "gzip" || f.Records != 3 || f.Bytes != int64(len(text)) || f.SHA256 != hex.EncodeToString(sum[:]) || len(inc.Captures) != 1 {
		t.Errorf("%+v", f)
	}
	inc = read(t, Options{Stdin: strings.NewReader(access("+0000", "01/Jan/2026:01:30:01"))}, "-")
	if len(inc.Logs) != 1 || len(inc.Logs[0].Events) != 1 {
		t.Errorf("%+v", inc.Files[0])
	}
}

func TestNoInput(t *testing.T) {
	top := write(t, map[string]string{"a/empty": "", "b/text": "dear diary", "b/keys.log": keys, "c/none.pcap": capturing(at, 0)})
	if err := os.Mkdir(filepath.Join(top, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{"a", "empty"}, {"b", "none of the 2 files"}, {"c", "no packet"}, {"d", "no file"}, {"missing", "no such file"}, {"a/empty", "empty"},
	} {
		inc, err := Read(context.Background(), []string{filepath.Join(top, c.path)}, Options{})
		if !errors.Is(err, ErrNoInput) || !strings.Contains(err.Error(), c.want) || inc == nil {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	if _, err := Read(context.Background(), []string{"-"}, Options{}); !errors.Is(err, ErrNoInput) {
		t.Errorf("%v", err)
	}
	// A missing path beside a usable one is told, and ends nothing.
	top = write(t, evidence())
	inc := read(t, Options{}, filepath.Join(top, "missing.pcap"), filepath.Join(top, "client.pcap"))
	if len(inc.Files) != 2 || len(inc.Captures) != 1 {
		t.Errorf("%d files", len(inc.Files))
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, []string{write(t, evidence())}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestReopen(t *testing.T) {
	inc := read(t, Options{}, write(t, evidence()))
	r, err := Reopen(inc.file(t, "web/old.log.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil || b.String() != access("+0100", "31/Dec/2025:01:30:01") {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestKeyLogs(t *testing.T) {
	for text, want := range map[string]bool{
		keys:                                    true,
		strings.SplitN(keys, "\n", 2)[1]:        true,
		"CLIENT_RANDOM is a label":              false,
		"":                                      false,
		access("+0000", "01/Jan/2026:01:30:01"): false,
		"# only a remark\n":                     false,
	} {
		if isKeyLog([]byte(text)) != want {
			t.Errorf("%q", text)
		}
	}
	// A problem of a key log does not repeat what stands there.
	inc := read(t, Options{}, write(t, map[string]string{"k.log": keys + "CLIENT_RANDOM deadbeef\n", "a.pcap": capturing(at, 1)}))
	f := inc.file(t, "k.log")
	if f.Records != 2 || len(f.Problems) != 1 || f.Problems[0].Record != 4 || strings.Contains(f.told(), "deadbeef") {
		t.Errorf("%+v", f)
	}
}

// A web server that the captures show answering is the one whose log it is.
func TestServerInCaptures(t *testing.T) {
	capturing := func(names ...string) []*Capture {
		c := &Capture{}
		for _, n := range names {
			c.Flows = append(c.Flows, &pcapflow.Flow{HTTP: []pcapflow.Exchange{{}, {ServerName: n}}})
		}
		return []*Capture{c, {}}
	}
	for want, captures := range map[string][]*Capture{
		"nginx":  capturing("nginx/1.22.1", "gunicorn", "nginx"),
		"apache": capturing("Apache/2.4.71 (Debian)"),
		"":       capturing("Apache", "nginx"),
	} {
		if got := serverIn(captures); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
