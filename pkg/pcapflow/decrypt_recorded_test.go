package pcapflow

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

var update = flag.Bool("update", false, "ask tshark anew for what it reads in recordings")

const (
	suitesCapture = "testdata/recorded/tls/suites.pcap"
	suitesKeys    = "testdata/recorded/tls/suites.keys"
	suitesWant    = "testdata/recorded/tls/suites.tshark"
)

// openedBy is what each frame's records held, in order, in hexadecimal.
type openedBy map[int][]string

// openedHere decrypts a capture.
func openedHere(t *testing.T, path, keyLog string) (openedBy, *Result) {
	t.Helper()
	text, err := os.ReadFile(keyLog)
	if err != nil {
		t.Fatal(err)
	}
	got := openedBy{}
	keys := &KeyLog{tap: func(_ *Flow, r tlsRecord, plain []byte) {
		if len(plain) > 0 { // TLS 1.0 sends empty ones ahead, which tshark does not show
			got[r.last.Frame] = append(got[r.last.Frame], hex.EncodeToString(plain))
		}
	}}
	if _, err := keys.Add(text); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := Analyse(r, Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return got, res
}

// openedByTshark asks tshark, which dumps the content of every record it opens
// behind its frame.
func openedByTshark(t *testing.T, path, keyLog string) openedBy {
	t.Helper()
	tshark := exec.Command(need.Program(t, "tshark"), "-n", "-r", path, "-o", "tls.keylog_file:"+keyLog, "-P", "-T", "text", "-x", "-o", "gui.column.format:\"n\",\"%m\"")
	out, err := tshark.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := openedBy{}
	frame, inside := 0, false
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\n")
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && !strings.HasPrefix(line, "0") {
			frame, inside = n, false
		} else if strings.HasSuffix(line, "bytes):") {
			if inside = strings.HasPrefix(line, "Decrypted TLS (") || strings.HasPrefix(line, "Decrypted DTLS ("); inside {
				want[frame] = append(want[frame], "")
			}
		} else if m := dumped.FindStringSubmatch(line); inside && m != nil {
			last := len(want[frame]) - 1
			want[frame][last] += strings.ReplaceAll(m[1], " ", "")
		}
	}
	return want
}

var dumped = regexp.MustCompile(`^[0-9a-f]{4}  ((?:[0-9a-f]{2} ){0,15}[0-9a-f]{2})`)

// lines writes it down, a record a line.
func (o openedBy) lines() (list []string) {
	for _, frame := range slices.Sorted(maps.Keys(o)) {
		for _, text := range o[frame] {
			list = append(list, fmt.Sprint(frame, " ", text))
		}
	}
	return list
}

func written(t *testing.T, path string) (list []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		list = append(list, lines.Text())
	}
	return list
}

// TestSuitesAsWireshark: what every record of every kind of connection held, frame
// by frame and byte for byte.
func TestSuitesAsWireshark(t *testing.T) {
	got, res := openedHere(t, suitesCapture, suitesKeys)
	if *update {
		if err := os.WriteFile(suitesWant, []byte(strings.Join(openedByTshark(t, suitesCapture, suitesKeys).lines(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := written(t, suitesWant)
	if have := got.lines(); !slices.Equal(have, want) {
		differ(t, have, want)
	}
	checkSuites(t, res)
	if _, err := exec.LookPath("tshark"); err == nil && !*update {
		if now := openedByTshark(t, suitesCapture, suitesKeys).lines(); !slices.Equal(now, want) {
			t.Log("this tshark reads something else than the one before:")
			differ(t, now, want)
		}
	}
}

// checkSuites holds each connection against what OpenSSL's client said of it.
func checkSuites(t *testing.T, res *Result) {
	t.Helper()
	said := map[uint16][][]string{} // port → connections: port, name, "New" or "Reused", suite
	for _, line := range written(t, filepath.Join(filepath.Dir(suitesCapture), "suites.txt")) {
		words := strings.Fields(line)
		port, _ := strconv.ParseUint(words[0], 10, 16)
		said[uint16(port)] = append(said[uint16(port)], words)
	}
	for _, f := range res.Flows {
		port := f.Server.Port()
		if f.TLS == nil || len(said[port]) == 0 {
			t.Errorf("port %d: %+v", port, f.TLS)
			continue
		}
		name, reused := said[port][0][1], said[port][0][2] == "Reused"
		said[port] = said[port][1:]
		if !f.TLS.Decrypted || len(f.HTTP) == 0 || len(f.Notes) > 0 {
			t.Errorf("%s: %q %+v", name, f.Notes, f.TLS)
		}
		for i, x := range f.HTTP {
			path := "/" + name
			if i == 0 && name == "13-early" {
				path = "/early"
			}
			if x.Path != path || x.Status != 200 || x.BodyBytes != 3 || !x.Exact {
				t.Errorf("%s: %+v", name, x)
			}
		}
		got := [4]bool{f.TLS.Resumed, f.TLS.EarlyData, f.TLS.HelloRetry, f.TLS.ClientCertificate}
		if want := [4]bool{reused, name == "13-early", name == "13-retry", strings.HasSuffix(name, "client-certificate")}; got != want {
			t.Errorf("%s: resumed, early data, retry, client certificate %v, want %v", name, got, want)
		}
	}
	for port, left := range said {
		if len(left) > 0 {
			t.Errorf("port %d: no connection %q", port, left)
		}
	}
}

// differ tells what two lists do not have in common.
func differ(t *testing.T, got, want []string) {
	t.Helper()
	in := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, x := range list {
			m[x] = true
		}
		return m
	}
	have, due := in(got), in(want)
	for _, x := range got {
		if !due[x] {
			t.Errorf("only here: %s", x)
		}
	}
	for _, x := range want {
		if !have[x] {
			t.Errorf("only tshark: %s", x)
		}
	}
}
