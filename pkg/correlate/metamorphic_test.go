package correlate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// metamorphic incidents: what is done to their files must not change the links.
var metamorphic = []string{"s02_slow_app", "s04_loss", "s06_ssh"}

// rewritten copies an incident, each file under the name and with the text that
// change gives it; no name leaves it out.
func rewritten(t *testing.T, incident string, change func(name string, b []byte) (string, []byte)) string {
	t.Helper()
	dir := t.TempDir()
	from := need.Shared(t, "incidents", incident, "input")
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path)
		if name, b = change(filepath.ToSlash(name), b); name != "" {
			put(t, dir, name, b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func asItIs(name string, b []byte) (string, []byte) { return name, b }

// sureLinks maps the lines of servers' logs that are matched, by file and number,
// to their requests.
func sureLinks(c *Case, name func(path string) string) map[string]string {
	links := map[string]string{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			e := &l.Log.Events[l.Event]
			switch e.Kind {
			case logparse.ClientHTTP, logparse.ClientDNS, logparse.ClientSSH:
				continue
			}
			if l.Status == "matched" {
				links[fmt.Sprintf("%s:%d", name(l.Log.File.Path), e.Line)] = fmt.Sprintf("%v/%d %s", j.Client, j.Ordinal, j.Service)
			}
		}
	}
	return links
}

func itself(path string) string { return path }

func correlated(t *testing.T, dir string) *Case { return Correlate(analysed(t, dir), Options{}) }

// differ lists what two sets of links say differently.
func differ(t *testing.T, want, got map[string]string) {
	t.Helper()
	for k := range maps.Keys(want) {
		if got[k] != want[k] {
			t.Errorf("%s: %q, was %q", k, got[k], want[k])
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %q, was alone", k, got[k])
		}
	}
}

// eachMetamorphic runs a test on each of the incidents with its links as it is.
func eachMetamorphic(t *testing.T, check func(t *testing.T, incident string, want map[string]string)) {
	for _, incident := range metamorphic {
		t.Run(incident, func(t *testing.T) {
			want := sureLinks(correlated(t, rewritten(t, incident, asItIs)), itself)
			if len(want) < 10 {
				t.Fatalf("%d links: too few to tell anything", len(want))
			}
			check(t, incident, want)
		})
	}
}

// TestOrderOfFiles: the links do not depend on what comes first.
func TestOrderOfFiles(t *testing.T) {
	// The names turn the order round: "c1" becomes "wc1", "web" becomes "cweb".
	turn := func(name string) string { return string('a'+'z'-name[0]) + name }
	eachMetamorphic(t, func(t *testing.T, incident string, want map[string]string) {
		dir := rewritten(t, incident, func(name string, b []byte) (string, []byte) { return turn(name), b })
		differ(t, want, sureLinks(correlated(t, dir), func(path string) string { return path[1:] }))
	})
}

// TestLogTwice: each copy of a log is linked as the log alone was.
func TestLogTwice(t *testing.T) {
	const log, twin = "web/access.log", "web/access-copy.log"
	eachMetamorphic(t, func(t *testing.T, incident string, want map[string]string) {
		if incident == "s06_ssh" {
			t.Skip("no web server")
		}
		dir := rewritten(t, incident, asItIs)
		put(t, dir, twin, append(read(t, "incidents", incident, "input", "web", "access.log"), "\n\n"...))
		got := sureLinks(correlated(t, dir), itself)
		copied := map[string]string{}
		for k, v := range got {
			if line, ok := strings.CutPrefix(k, twin); ok {
				copied[log+line] = v
				delete(got, k)
			}
		}
		differ(t, want, got)
		for k, v := range want {
			if strings.HasPrefix(k, log+":") && copied[k] != v {
				t.Errorf("the copy of %s: %q, the original %q", k, copied[k], v)
			}
		}
	})
}

// TestRotatedLog: a log that was cut into files, the oldest packed, is linked as
// it was whole, each line in its file.
func TestRotatedLog(t *testing.T) {
	logs := regexp.MustCompile(`(access|auth|unbound|query|app)\.log$`)
	for _, incident := range append([]string{"s03_slow_dns"}, metamorphic...) {
		t.Run(incident, func(t *testing.T) {
			want := sureLinks(correlated(t, rewritten(t, incident, asItIs)), itself)
			older := map[string]int{} // lines in the files before, by the path of a file
			dir := t.TempDir()
			from := rewritten(t, incident, func(name string, b []byte) (string, []byte) {
				lines := strings.SplitAfter(string(b), "\n")
				if !logs.MatchString(name) || len(lines) < 7 {
					return name, b
				}
				third := len(lines) / 3
				var packed bytes.Buffer
				w := gzip.NewWriter(&packed)
				fmt.Fprint(w, strings.Join(lines[:third], ""))
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				put(t, dir, name+".2.gz", packed.Bytes())
				put(t, dir, name+".1", []byte(strings.Join(lines[third:2*third], "")))
				older[name+".2.gz"], older[name+".1"], older[name] = 0, third, 2*third
				return name, []byte(strings.Join(lines[2*third:], ""))
			})
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for at, to := range sureLinks(correlated(t, dir), itself) {
				i := strings.LastIndexByte(at, ':')
				var n int
				fmt.Sscan(at[i+1:], &n)
				before, cut := older[at[:i]]
				name := at[:i]
				if cut {
					name = strings.TrimSuffix(strings.TrimSuffix(name, ".2.gz"), ".1")
				}
				got[fmt.Sprintf("%s:%d", name, n+before)] = to
			}
			differ(t, want, got)
		})
	}
}

// TestCapturesBeginLater: where captures miss the beginning, lines may stay alone;
// none goes elsewhere.
func TestCapturesBeginLater(t *testing.T) {
	for _, incident := range append([]string{"s01_healthy_web"}, metamorphic...) {
		t.Run(incident, func(t *testing.T) {
			// Of a connection the number of the request on it may be another; a server's
			// own lookups belong to the login that is no longer seen.
			logs := regexp.MustCompile(`(access|auth)\.log:`)
			connection := func(link string) string { return link[:strings.IndexByte(link, '/')] }
			want := sureLinks(correlated(t, rewritten(t, incident, asItIs)), itself)
			dir := rewritten(t, incident, func(name string, b []byte) (string, []byte) {
				if strings.HasSuffix(name, ".pcap") {
					b = withoutBeginning(b, 0.3)
				}
				return name, b
			})
			same := 0
			for at, to := range sureLinks(correlated(t, dir), itself) {
				switch old, known := want[at]; {
				case !known || !logs.MatchString(at):
				case connection(old) != connection(to):
					t.Errorf("%s: %q, was %q", at, to, old)
				default:
					same++
				}
			}
			if same == 0 {
				t.Error("no line keeps its link")
			}
		})
	}
}

// withoutBeginning leaves a share of the packets out of a pcap file in the byte
// order of this machine's captures.
func withoutBeginning(b []byte, share float64) []byte {
	starts := records(b)
	return slices.Concat(b[:starts[0]], b[starts[int(share*float64(len(starts)))]:])
}

// withoutSome leaves out three packets of a hundred, chance by seed.
func withoutSome(b []byte, seed uint64) []byte {
	chance := rand.New(rand.NewPCG(seed, 0))
	starts := records(b)
	out := slices.Clone(b[:starts[0]])
	for i, at := range append(starts[1:], len(b)) {
		if chance.Float64() >= 0.03 {
			out = append(out, b[starts[i]:at]...)
		}
	}
	return out
}

// records lists where the packets of a pcap file begin.
func records(b []byte) (starts []int) {
	const head, record = 24, 16
	for at := head; at+record <= len(b); at += record + int(binary.LittleEndian.Uint32(b[at+8:])) {
		starts = append(starts, at)
	}
	return starts
}

// TestHalfOfTheLines: what is left of a log keeps its links; fewer may be sure,
// none goes elsewhere.
func TestHalfOfTheLines(t *testing.T) {
	eachMetamorphic(t, func(t *testing.T, incident string, want map[string]string) {
		halved := regexp.MustCompile(`(access|auth)\.log$`)
		dir := rewritten(t, incident, func(name string, b []byte) (string, []byte) {
			if !halved.MatchString(name) {
				return name, b
			}
			lines := strings.SplitAfter(string(b), "\n")
			for i := range lines {
				if i%2 == 1 {
					lines[i] = "\n" // the numbers of the others stay
				}
			}
			return name, []byte(strings.Join(lines, ""))
		})
		kept, before := 0, 0
		got := sureLinks(correlated(t, dir), itself)
		for k, v := range want {
			var n int
			if at := strings.LastIndexByte(k, ':'); halved.MatchString(k[:at]) {
				fmt.Sscan(k[at+1:], &n)
				if n%2 == 0 {
					continue
				}
			} else {
				continue
			}
			before++
			switch got[k] {
			case v:
				kept++
			case "":
			default:
				t.Errorf("%s: %q, was %q", k, got[k], v)
			}
		}
		// sshd tells port and process in other lines than the user: of those left
		// without them a quarter may stay alone.
		if kept*4 < before*3 {
			t.Errorf("%d of %d lines keep their links", kept, before)
		}
	})
}

// TestHostShifted: where one host's clock is another, its lines keep their links.
func TestHostShifted(t *testing.T) {
	const shift = 37 * time.Second
	stamps := []struct {
		form   *regexp.Regexp
		layout string
	}{
		{regexp.MustCompile(`\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}`), "02/Jan/2006:15:04:05 -0700"},
		{regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d`), "2006/01/02 15:04:05"},
		{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)`), "2006-01-02T15:04:05.000000Z07:00"},
		{regexp.MustCompile(`(?m)^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`), "Jan _2 15:04:05"},
	}
	eachMetamorphic(t, func(t *testing.T, incident string, want map[string]string) {
		moved := 0
		dir := rewritten(t, incident, func(name string, b []byte) (string, []byte) {
			if !strings.HasPrefix(name, "web/") && !strings.HasPrefix(name, "ssh/") || !strings.HasSuffix(name, ".log") {
				return name, b
			}
			for _, s := range stamps {
				b = s.form.ReplaceAllFunc(b, func(x []byte) []byte {
					at, err := time.Parse(s.layout, string(x))
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					moved++
					return []byte(at.Add(shift).Format(s.layout))
				})
			}
			return name, b
		})
		if moved == 0 {
			t.Fatal("no stamp was moved")
		}
		differ(t, want, sureLinks(correlated(t, dir), itself))
	})
}
