package pcapflow

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// analyseWith reads a capture with our own reader, its embedded secrets and
// those of a key log file ("" for none).
func analyseWith(t testing.TB, path, keyLog string) *Result {
	t.Helper()
	keys := &KeyLog{}
	if keyLog != "" {
		text, err := os.ReadFile(keyLog)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f, capture.Options{OnSecrets: func(text []byte) { keys.Add(text) }})
	if err != nil {
		t.Fatal(err)
	}
	res, err := Analyse(r, Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func byStream(res *Result) map[int]*Flow {
	m := map[int]*Flow{}
	for _, f := range res.Flows {
		if f.Transport == TCP {
			m[f.Stream] = f
		}
	}
	return m
}

// tsharkRows runs tshark with preferences and yields the fields of each frame.
func tsharkRows(t testing.TB, path, filter string, preferences, fields []string) [][]string {
	t.Helper()
	args := []string{"-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "separator=|", "-E", "aggregator=,",
		"-o", "tcp.check_checksum:FALSE", "-o", "http.desegment_body:FALSE"}
	for _, p := range preferences {
		args = append(args, "-o", p)
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(need.Program(t, "tshark"), args...).Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark %s: %v", path, err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if v := strings.Split(line, "|"); len(v) == len(fields) {
			rows = append(rows, v)
		}
	}
	return rows
}

// TestTLSAsWireshark compares, on incidents, the frames and instants of hellos,
// server names and suites, and the frames of answers in the clear.
func TestTLSAsWireshark(t *testing.T) {
	for _, path := range capturesOf(t, "s01_healthy_web", "s10_integrador", "s11_apache", "s13_tls_failures", "s14_two_points") {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			flows := byStream(analyseWith(t, path, ""))
			seen := map[string]bool{}
			answers := map[int][]int{}
			for _, v := range tsharkRows(t, path, "tcp && (tls.handshake.type || http.response.code)", nil, []string{"frame.number", "frame.time_epoch", "tcp.stream",
				"tls.handshake.type", "tls.handshake.extensions_server_name", "tls.handshake.ciphersuite", "http.response.code"}) {
				frame, _ := strconv.Atoi(v[0])
				stream, _ := strconv.Atoi(v[2])
				f := flows[stream]
				if f == nil {
					t.Fatalf("stream %d not found", stream)
				}
				if v[6] != "" {
					answers[stream] = append(answers[stream], frame)
				}
				types := strings.Split(v[3], ",")
				if slices.Contains(types, "1") && !seen["c"+v[2]] {
					seen["c"+v[2]] = true
					compareStamp(t, stream, "ClientHello", f.TLS.ClientHello, frame, v[1])
					if f.TLS.SNI != v[4] {
						t.Errorf("stream %d: name %q, tshark %q", stream, f.TLS.SNI, v[4])
					}
				} else if slices.Contains(types, "1") {
					compareStamp(t, stream, "second ClientHello", f.TLS.SecondHello, frame, v[1])
				}
				if slices.Contains(types, "2") && f.TLS.ServerHello.Frame != 0 && frame >= f.TLS.ServerHello.Frame {
					seen["s"+v[2]] = true
					compareStamp(t, stream, "ServerHello", f.TLS.ServerHello, frame, v[1])
				}
			}
			for stream, f := range flows {
				if f.TLS != nil && (f.TLS.JA4 == "" || f.TLS.PlainAnswer != "") {
					continue // hellos cut by the snap length, or on a port that tshark takes for HTTP
				}
				if f.TLS != nil && f.TLS.ClientHello.Seen() != seen["c"+strconv.Itoa(stream)] || f.TLS != nil && f.TLS.ServerHello.Seen() != seen["s"+strconv.Itoa(stream)] {
					t.Errorf("stream %d: tshark sees other hellos", stream)
				}
				if f.TLS != nil && f.TLS.Decrypted { // tshark too uses the secrets inside
					continue
				}
				var got []int
				for _, e := range f.HTTP {
					if !e.Estimated && e.Status != 0 {
						got = append(got, e.ResponseFirst.Frame)
					}
				}
				if !slices.Equal(got, answers[stream]) {
					t.Errorf("stream %d: answers in frames %v, tshark %v", stream, got, answers[stream])
				}
			}
		})
	}
}

func compareStamp(t *testing.T, stream int, what string, got Stamp, frame int, epoch string) {
	t.Helper()
	sec, frac, _ := strings.Cut(epoch, ".")
	s, _ := strconv.ParseInt(sec, 10, 64)
	ns, _ := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	if got.Frame != frame || got.Time != s*1e9+ns {
		t.Errorf("stream %d: %s %v, tshark frame %d at %s", stream, what, got, frame, epoch)
	}
}

// TestDecryptionAsWireshark compares decrypted requests with tshark's, from the
// key log file and from the secrets inside the capture.
func TestDecryptionAsWireshark(t *testing.T) {
	dir := need.Shared(t, "incidents", "s13_tls_failures", "input")
	keyLog := filepath.Join(dir, "c1", "sslkeys.log")
	var lists []string
	for _, path := range []string{capturesNamed(t, dir, "c1_con_claves.pcap"), capturesNamed(t, dir, "c1_con_claves_dsb.pcapng")} {
		file := ""
		var preferences []string
		if strings.HasSuffix(path, ".pcap") {
			file = keyLog
			preferences = []string{"tls.keylog_file:" + keyLog}
		}
		flows := byStream(analyseWith(t, path, file))
		var got []string
		streams := make([]int, 0, len(flows))
		for id := range flows {
			streams = append(streams, id)
		}
		slices.Sort(streams)
		for _, id := range streams {
			for _, e := range flows[id].HTTP {
				if e.Estimated {
					continue
				}
				got = append(got, fmt.Sprintf("%d request %d %s %s %d", id, e.RequestLast.Frame, e.Method, e.Path, e.StreamID))
				got = append(got, fmt.Sprintf("%d answer %d %d %d", id, e.ResponseReadable.Frame, e.Status, e.StreamID))
			}
		}
		var want []string
		for _, v := range tsharkRows(t, path, "http.request.method || http.response.code || http2.headers.method || http2.headers.status", preferences,
			[]string{"tcp.stream", "frame.number", "http.request.method", "http.request.uri", "http.response.code", "http2.headers.method", "http2.headers.path", "http2.headers.status", "http2.streamid"}) {
			id := strings.Split(v[8], ",")
			switch {
			case v[2] != "":
				want = append(want, fmt.Sprintf("%s request %s %s %s 0", v[0], v[1], v[2], v[3]))
			case v[4] != "":
				want = append(want, fmt.Sprintf("%s answer %s %s 0", v[0], v[1], v[4]))
			case v[5] != "":
				want = append(want, fmt.Sprintf("%s request %s %s %s %s", v[0], v[1], v[5], v[6], id[len(id)-1]))
			case v[7] != "":
				want = append(want, fmt.Sprintf("%s answer %s %s %s", v[0], v[1], v[7], id[len(id)-1]))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s\ngot\n%s\ntshark\n%s", filepath.Base(path), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		lists = append(lists, strings.Join(got, "\n"))
	}
	if len(lists) == 2 && lists[0] != lists[1] {
		t.Error("the embedded secrets yield something else than the file")
	}
}

func capturesNamed(t *testing.T, dir, name string) string {
	t.Helper()
	found := ""
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			found = path
		}
		return nil
	})
	if found == "" {
		t.Fatalf("%s not found", name)
	}
	return found
}

// incidentTruth is what is read of an incident's truth.
type incidentTruth struct {
	Captures []struct{ File, Host string }
	Requests []struct {
		Label  string
		Host   string          `json:"client_host"`
		Client json.RawMessage // "ip:port", or an object where an address translation lies between
		Curl   *struct {
			Connect      float64 `json:"time_connect"`
			AppConnect   float64 `json:"time_appconnect"`
			PreTransfer  float64 `json:"time_pretransfer"`
			StartTrans   float64 `json:"time_starttransfer"`
			Exit         int     `json:"exitcode"`
			Redirects    int     `json:"num_redirects"`
			SizeDownload int64   `json:"size_download"`
		}
	}
}

// TestPhasesAsCurl compares handshakes and waits at the client's capture with
// what curl measured. The tolerance is the one reports are scored with; the
// rest is the client's own time on a busy machine.
func TestPhasesAsCurl(t *testing.T) {
	root := need.Shared(t, "incidents")
	dirs, _ := filepath.Glob(filepath.Join(root, "s*"))
	pairs, off := 0, 0
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		var truth incidentTruth
		if err := json.Unmarshal(text, &truth); err != nil {
			t.Fatal(err)
		}
		flows := map[string][]*Flow{}
		for _, c := range truth.Captures {
			path := filepath.Join(dir, "input", c.File)
			if _, err := os.Stat(path); err != nil || len(truth.Requests) > 500 {
				continue
			}
			for _, f := range analyseWith(t, path, "").Flows {
				key := c.Host + " " + f.Client.String()
				flows[key] = append(flows[key], f)
			}
		}
		ordinal := map[string]int{}
		for _, r := range truth.Requests {
			var client string
			if r.Curl == nil || json.Unmarshal(r.Client, &client) != nil {
				continue
			}
			if i := strings.LastIndexByte(client, ':'); strings.Count(client, ":") > 1 {
				client = "[" + client[:i] + "]" + client[i:]
			}
			key := r.Host + " " + client
			n := ordinal[key]
			ordinal[key]++
			if len(flows[key]) != 1 || r.Curl.Exit != 0 {
				continue
			}
			f := flows[key][0]
			compare := func(name PhaseName, i int, want float64) {
				pairs++
				if got, ok := phaseSeconds(f, name, i); !ok || math.Abs(got-want) > max(0.008, want/10) {
					off++
					t.Logf("%s %s %s: %s %.1f ms, curl %.1f ms", filepath.Base(dir), r.Label, client, name, got*1e3, want*1e3)
				}
			}
			if r.Curl.AppConnect > 0 && f.TLS != nil {
				compare(TLSHandshake, 0, r.Curl.AppConnect-r.Curl.Connect)
			}
			if r.Curl.StartTrans > 0 && r.Curl.Redirects == 0 {
				compare(HTTPWait, n, r.Curl.StartTrans-r.Curl.PreTransfer)
			}
		}
	}
	t.Logf("%d of %d phases agree with curl", pairs-off, pairs)
	if pairs < 400 || off*20 > pairs {
		t.Errorf("%d of %d phases differ from curl's", off, pairs)
	}
}

// phaseSeconds is the length of the i-th phase of a name.
func phaseSeconds(f *Flow, name PhaseName, i int) (float64, bool) {
	for _, p := range f.Phases {
		if p.Name != name {
			continue
		}
		if i == 0 {
			return float64(p.End.Time-p.Begin.Time) / 1e9, p.Begin.Seen() && p.End.Seen()
		}
		i--
	}
	return 0, false
}

// TestFingerprints compares JA4 with FoxIO's own results and JA3 with tshark's.
func TestFingerprints(t *testing.T) {
	dir := need.Shared(t, "captures", "ja4")
	for _, name := range []string{"tls-handshake.pcapng", "chrome-cloudflare-quic-with-secrets.pcapng"} {
		path := filepath.Join(dir, "pcap", name)
		flows := byStream(analyseWith(t, path, ""))
		byEnds := map[string]*Flow{}
		for _, f := range flows {
			byEnds[f.Client.String()+" "+f.Server.String()] = f
		}
		text, err := os.ReadFile(filepath.Join(dir, "python", "test", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var list []map[string]any
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, want := range list {
			ja4, _ := want["JA4.1"].(string)
			if !strings.HasPrefix(ja4, "t") {
				continue
			}
			f := byEnds[net.JoinHostPort(want["src"].(string), want["srcport"].(string))+" "+net.JoinHostPort(want["dst"].(string), want["dstport"].(string))]
			if f == nil || f.TLS == nil || f.TLS.JA4 != ja4 || f.TLS.SNI != want["domain"] && want["domain"] != nil {
				t.Errorf("%v: %+v", want, f)
			}
			compared++
		}
		seen := map[string]bool{}
		for _, v := range tsharkRows(t, path, "tcp && tls.handshake.ja3", nil, []string{"tcp.stream", "tls.handshake.ja3"}) {
			id, _ := strconv.Atoi(v[0])
			if f := flows[id]; !seen[v[0]] && (f == nil || f.TLS == nil || f.TLS.JA3 != v[1]) {
				t.Errorf("stream %d: JA3 %s", id, v[1])
			}
			seen[v[0]] = true
		}
		if compared == 0 || len(seen) == 0 {
			t.Errorf("%s: nothing compared", name)
		}
		t.Logf("%s: %d of JA4, %d of JA3", name, compared, len(seen))
	}
}

// TestSnappedExchanges: captures cut at 96 and 160 bytes still tell how many
// requests each connection carried, in the clear and encrypted, HTTP/1.1 and
// HTTP/2.
func TestSnappedExchanges(t *testing.T) {
	dir := need.Shared(t, "incidents", "s09_nat_crowd")
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Hosts map[string]struct {
			Clock []struct {
				Offset float64 `json:"offset_s"`
			}
		}
		Requests []struct {
			Local, NAT string
			End        float64 `json:"end_true"`
		}
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, host string }{{"pc1.pcap", "pc1"}, {"web.pcap", "web"}} {
		res := analyseWith(t, filepath.Join(dir, "input", c.file), "")
		count := map[string]int{} // requests sent over each client address, -1: behind the capture's end
		for _, r := range truth.Requests {
			key := r.Local
			if c.host == "web" {
				key = r.NAT
			}
			if count[key] >= 0 {
				count[key]++
			}
			if end := r.End + truth.Hosts[c.host].Clock[0].Offset; int64(end*1e9) > res.Last.Time-1e9 {
				count[key] = -1
			}
		}
		flows := map[string][]*Flow{}
		for _, f := range res.Flows {
			flows[f.Client.String()] = append(flows[f.Client.String()], f)
		}
		compared := 0
		for key, want := range count {
			list := flows[key]
			if want < 0 || len(list) != 1 {
				continue
			}
			compared++
			if len(list[0].HTTP) != want {
				t.Errorf("%s: %s carried %d requests, %d seen\n%s", c.file, key, want, len(list[0].HTTP), brief(list[0].HTTP))
			}
		}
		t.Logf("%s: %d connections", c.file, compared)
		if compared < 100 {
			t.Errorf("%s: only %d connections compared", c.file, compared)
		}
	}
}
