package logparse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// incidentTruth is the part of an incident's truth.json that these tests use.
type incidentTruth struct {
	Hosts map[string]struct {
		IP    string
		TZ    string
		Clock []struct {
			From   float64 `json:"from_true"`
			Offset float64 `json:"offset_s"`
			Drift  float64 `json:"drift_ppm"`
		}
	}
	Requests []struct {
		ClientHost string  `json:"client_host"`
		Run        int     `json:"curl_run"`
		Begin      float64 `json:"run_start_true"`
		End        float64 `json:"run_end_true"`
		Exit       int
		Client     string
		Server     string
		Curl       struct {
			Code         int     `json:"http_code"`
			NameLookup   float64 `json:"time_namelookup"`
			Connect      float64 `json:"time_connect"`
			AppConnect   float64 `json:"time_appconnect"`
			FirstByte    float64 `json:"time_starttransfer"`
			Total        float64 `json:"time_total"`
			URL          string  `json:"url_effective"`
			NumConnects  int     `json:"num_connects"`
			NumRedirects int     `json:"num_redirects"`
			ExitCode     int     `json:"exitcode"`
		}
	}
	SSH []struct {
		ClientHost string `json:"client_host"`
		User       string
		Target     string
		Outcome    string
		Method     string
		Exit       int
		Duration   float64 `json:"duration_s"`
		Server     string
		Connected  bool
	} `json:"ssh_sessions"`
	DNS []struct {
		ClientHost string  `json:"client_host"`
		Begin      float64 `json:"t_start_true"`
		End        float64 `json:"t_end_true"`
		Status     string
		ID         json.Number
		QueryTime  json.Number `json:"query_time_ms"`
		Answers    json.Number
		Proto      string
		TCP        bool `json:"truncated_retry"`
		Args       []string
	} `json:"dns_queries"`
}

func truthOf(t *testing.T, incident string) incidentTruth {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(need.Shared(t, "incidents", incident), "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth incidentTruth
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

// offset is host clock − true time, in seconds, at a true time in ns.
func (truth incidentTruth) offset(host string, at int64) float64 {
	segments := truth.Hosts[host].Clock
	s := float64(at) / 1e9
	i := sort.Search(len(segments), func(i int) bool { return segments[i].From > s })
	if i == 0 {
		return segments[0].Offset
	}
	return segments[i-1].Offset + segments[i-1].Drift*1e-6*(s-segments[i-1].From)
}

// span is the least and greatest offset of host − reference within ± slack of
// a true time.
func (truth incidentTruth) span(host, reference string, at, slack int64) (low, high float64) {
	low, high = 1e18, -1e18
	for _, d := range []int64{-slack, -slack / 2, 0, slack / 2, slack} {
		v := truth.offset(host, at+d) - truth.offset(reference, at+d)
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
