package correlate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// actionsTruth is the part of an incident's truth that tells of actions and of
// the lines they left.
type actionsTruth struct {
	Requests []truthRequest
	Flows    []struct {
		NAT   string
		Lines []int
	}
	Sessions []struct {
		Client string
		Lines  []struct {
			File string
			Line int
			Msg  string
		} `json:"log_lines"`
	} `json:"ssh_sessions"`
}

type truthRequest struct {
	ID                 any
	Client, Local, NAT string
	Server             string
	Exit               int
	Log                *truthLine
	Curl               *truthCurl
}

type truthLine struct {
	File string
	Line int
	N    *int   `json:"conn_request_n"`
	HTTP string `json:"http"`
	Seen string `json:"client_seen"`
}

type truthCurl struct {
	Connects      int     `json:"num_connects"`
	Redirects     int     `json:"num_redirects"`
	Scheme        string  `json:"scheme"`
	Method        string  `json:"method"`
	NameLookup    float64 `json:"time_namelookup"`
	Connect       float64 `json:"time_connect"`
	AppConnect    float64 `json:"time_appconnect"`
	PreTransfer   float64 `json:"time_pretransfer"`
	StartTransfer float64 `json:"time_starttransfer"`
}

// figures of one incident or of all: what was right, of how many.
type figures map[string][2]int

func (f figures) count(name string, right bool) {
	v := f[name]
	if right {
		v[0]++
	}
	v[1]++
	f[name] = v
}

func (f figures) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s %d/%d; ", k, f[k][0], f[k][1])
	}
	return b.String()
}

type lineKey struct {
	file string
	line int
}

type wantLink struct {
	clients []string
	ordinal int // 0: not told
}

// wanted maps every line whose request or login the truth knows.
func (a *actionsTruth) wanted() map[lineKey]wantLink {
	want := map[lineKey]wantLink{}
	zero := false
	for _, r := range a.Requests {
		zero = zero || r.Log != nil && r.Log.N != nil && *r.Log.N == 0
	}
	for _, r := range a.Requests {
		client := r.NAT
		if client == "" {
			client = r.Client
		}
		if r.Log == nil || client == "" {
			continue
		}
		w := wantLink{clients: []string{client, r.Client, r.Log.Seen}, ordinal: r.ordinal(zero)}
		want[lineKey{r.Log.File, r.Log.Line}] = w
	}
	for _, f := range a.Flows {
		for i, l := range f.Lines {
			k := lineKey{"input/web/access.log", l}
			if _, ok := want[k]; !ok {
				want[k] = wantLink{[]string{f.NAT}, i + 1}
			}
		}
	}
	told := regexp.MustCompile(`^(Accepted|Failed|Invalid user|Disconnected)`)
	for _, s := range a.Sessions {
		for _, l := range s.Lines {
			if s.Client != "" && told.MatchString(l.Msg) {
				want[lineKey{l.File, l.Line}] = wantLink{[]string{s.Client}, 0}
			}
		}
	}
	return want
}

func (r *truthRequest) ordinal(fromZero bool) int {
	switch {
	case r.Log == nil || r.Log.N == nil:
		return 0
	case !fromZero:
		return *r.Log.N
	case strings.HasPrefix(r.Log.HTTP, "HTTP/2"):
		return 0
	}
	return *r.Log.N + 1
}

func TestJourneysOfIncidents(t *testing.T) {
	dir := need.Shared(t, "incidents")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := figures{}
	for _, e := range entries {
		if e.IsDir() {
			t.Run(e.Name(), func(t *testing.T) { journeysOfIncident(t, filepath.Join(dir, e.Name()), all) })
		}
	}
	t.Logf("all: %v", all)
	for name, least := range map[string]float64{
		"precision": 0.995, "ordinal": 0.99, "recall": 0.92, "ambiguous holds the right one": 0.95,
		"requests found": 1, "tcp.connect": 0.98, "tls.handshake": 0.98, "http.wait": 0.97,
	} {
		if v := all[name]; v[1] > 0 && float64(v[0]) < least*float64(v[1]) {
			t.Errorf("%s: %d of %d, at least %.3f expected", name, v[0], v[1], least)
		}
	}
}

func journeysOfIncident(t *testing.T, dir string, all figures) {
	b, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth actionsTruth
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	inc, err := incident.Read(context.Background(), []string{filepath.Join(dir, "input")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := Correlate(inc, Options{})
	for _, j := range c.Journeys {
		checkBreakdown(t, j)
	}
	if testing.Verbose() {
		for _, j := range c.Journeys {
			t.Log(describe(j))
		}
		for _, u := range c.Unmatched {
			t.Logf("unmatched %s: %d lines, %s", u.Log.File.Path, len(u.Events), u.Reason)
		}
	}
	f := figures{}
	countLinks(t, f, &truth, c)
	countPhases(t, f, &truth, c)
	t.Logf("%v", f)
	for k, v := range f {
		x := all[k]
		all[k] = [2]int{x[0] + v[0], x[1] + v[1]}
	}
}

func countLinks(t *testing.T, f figures, truth *actionsTruth, c *Case) {
	want := truth.wanted()
	got := map[lineKey]*Journey{}
	ambiguous := map[lineKey][]*Journey{}
	for _, j := range c.Journeys {
		once := map[string]int{}
		for _, l := range j.Lines {
			if k := l.Log.Events[l.Event].Kind; l.Status == "matched" && (k == logparse.HTTPRequest || k == logparse.AppRequest) && j.Exchange != nil {
				if once[l.Log.File.Path]++; once[l.Log.File.Path] > max(j.Exchange.Requests, 1) {
					t.Errorf("%s has %d lines of %s", j.ID, once[l.Log.File.Path], l.Log.File.Path)
				}
			}
			k := lineKey{"input/" + l.Log.File.Path, l.Log.Events[l.Event].Line}
			if l.Status == "matched" {
				if got[k] != nil && got[k] != j {
					t.Errorf("%v is matched twice", k)
				}
				got[k] = j
			} else {
				ambiguous[k] = append(ambiguous[k], j)
			}
		}
	}
	hits := func(w wantLink, j *Journey) bool {
		return slices.Contains(w.clients, plainText(j.Client)) || j.ClientSeen.IsValid() && slices.Contains(w.clients, plainText(j.ClientSeen))
	}
	for k, w := range want {
		j := got[k]
		f.count("recall", j != nil && hits(w, j))
		if j != nil {
			ok := hits(w, j)
			f.count("precision", ok)
			if ok && w.ordinal > 0 {
				f.count("ordinal", j.Ordinal == w.ordinal)
				ok = j.Ordinal == w.ordinal
			}
			if !ok && testing.Verbose() {
				t.Logf("WRONG %v → %s %v/%d, want %v/%d", k, j.ID, j.Client, j.Ordinal, w.clients, w.ordinal)
			}
			continue
		}
		if rivals := ambiguous[k]; rivals != nil {
			found := false
			for _, r := range rivals {
				found = found || hits(w, r) && (w.ordinal == 0 || w.ordinal == r.Ordinal)
			}
			f.count("ambiguous holds the right one", found)
			if testing.Verbose() {
				t.Logf("AMBIGUOUS %v: %d candidates, right %v", k, len(rivals), found)
			}
		} else if testing.Verbose() {
			t.Logf("MISSING %v of %v/%d", k, w.clients, w.ordinal)
		}
	}
}

func countPhases(t *testing.T, f figures, truth *actionsTruth, c *Case) {
	zero := false
	for _, r := range truth.Requests {
		zero = zero || r.Log != nil && r.Log.N != nil && *r.Log.N == 0
	}
	for _, r := range truth.Requests {
		if r.Curl == nil || r.Exit != 0 || r.Client == "" {
			continue
		}
		var j *Journey
		for _, x := range c.Journeys {
			if plainText(x.Client) == r.Client && x.Ordinal == max(r.ordinal(zero), 1) {
				j = x
				break
			}
		}
		f.count("requests found", j != nil)
		if j == nil {
			t.Logf("NOT FOUND %v %s/%d", r.ID, r.Client, r.ordinal(zero))
			continue
		}
		if r.Curl.Connects == 0 || r.Curl.Redirects > 0 {
			continue
		}
		took := map[string]float64{}
		for _, p := range j.Phases {
			if _, ok := took[string(p.Name)]; !ok && p.Begin.Seen() && p.End.Seen() {
				took[string(p.Name)] = float64(p.End.Time-p.Begin.Time) / 1e9
			}
		}
		compare := func(name string, want float64) {
			got, ok := took[name]
			ok = ok && math.Abs(got-want) <= max(0.008, 0.1*want)
			f.count(name, ok)
			if !ok && testing.Verbose() {
				t.Logf("PHASE %v %s of %s: %.4f, curl says %.4f", r.ID, name, j.ID, got, want)
			}
		}
		compare("tcp.connect", r.Curl.Connect-r.Curl.NameLookup)
		if r.Curl.Scheme == "HTTPS" {
			compare("tls.handshake", r.Curl.AppConnect-r.Curl.Connect)
		}
		if r.Curl.Method == "GET" {
			compare("http.wait", r.Curl.StartTransfer-r.Curl.PreTransfer)
		}
	}
}

// plainText is an address as the truth writes it: IPv6 without brackets.
func plainText(a netip.AddrPort) string { return fmt.Sprintf("%v:%d", a.Addr(), a.Port()) }

// checkBreakdown: the shares of a journey make up all of its time.
func checkBreakdown(t *testing.T, j *Journey) {
	if j.End.Time <= j.Start.Time {
		return
	}
	var sum time.Duration
	share := 0.0
	for _, s := range j.Breakdown {
		if s.Time <= 0 {
			t.Errorf("%s: %s has %v", j.ID, s.Cause, s.Time)
		}
		sum += s.Time
		share += s.Share
	}
	if sum != j.Total() || math.Abs(share-1) > 1e-9 {
		t.Errorf("%s: the shares add up to %v (%v) of %v", j.ID, sum, share, j.Total())
	}
	saved := time.Duration(0)
	for _, w := range j.WhatIf {
		saved += w.Saved
		if w.Saved+w.Total != j.Total() || w.Total <= 0 {
			t.Errorf("%s: %v without %s, which took %v, of %v", j.ID, w.Total, w.Without, w.Saved, j.Total())
		}
	}
	if saved >= j.Total() && saved > 0 {
		t.Errorf("%s: mishaps took %v of %v", j.ID, saved, j.Total())
	}
	if v := j.ServerView; v != nil {
		var sum time.Duration
		for _, s := range v.Breakdown {
			sum += s.Time
		}
		if sum != v.Total {
			t.Errorf("%s: the shares of the server's view add up to %v of %v", j.ID, sum, v.Total)
		}
	}
}

func describe(j *Journey) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %v → %v %q /%d %.3f s %v, %d points:", j.ID, j.Service, j.Client, j.Server, j.Name, j.Ordinal, j.Total().Seconds(), j.Outcome, len(j.Points))
	for _, p := range j.Phases {
		if p.Begin.Seen() {
			fmt.Fprintf(&b, " %s %v %.1f", p.Name, p.Outcome, float64(p.End.Time-p.Begin.Time)/1e6)
		} else {
			fmt.Fprintf(&b, " %s (%s)", p.Name, p.Reason)
		}
	}
	for _, l := range j.Lines {
		fmt.Fprintf(&b, " | %s:%d %s %.3f %v", l.Log.File.Path, l.Log.Events[l.Event].Line, l.Status, l.Confidence, l.Residual)
	}
	for _, s := range j.SideLookups {
		fmt.Fprintf(&b, " side %s", s.Name)
	}
	for _, x := range j.Breakdown {
		fmt.Fprintf(&b, " [%s %.1f]", x.Cause, x.Time.Seconds()*1000)
	}
	for _, n := range j.Notes {
		fmt.Fprintf(&b, " note %q", n)
	}
	return b.String()
}
